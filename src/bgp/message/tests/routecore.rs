//! Read with `routecore`, and written with it.

use std::net::IpAddr;

use ::routecore::bgp::aspath::AsPath;
use ::routecore::bgp::message::OpenMessage;
use ::routecore::bgp::message::notification::NotificationMessage;
use ::routecore::bgp::message::open::OpenBuilder;
use ::routecore::bgp::message::update::{SessionConfig, UpdateMessage};
use ::routecore::bgp::nlri::afisafi::{AfiSafiType, Nlri};
use ::routecore::bgp::types::NextHop;
use ipnet::IpNet;

use super::super::update::Gateway;
use super::told::Told;
use super::*;
use crate::bgp::routes::{Community, LargeCommunity};

fn update(message: &[u8], four_octet: bool) -> UpdateMessage<&[u8]> {
    let config = if four_octet { SessionConfig::modern() } else { SessionConfig::legacy() };
    UpdateMessage::from_octets(message, &config).expect("an UPDATE")
}

pub(super) fn end_of_rib(message: &[u8]) -> Option<Family> {
    match update(message, true).is_eor().expect("readable")? {
        AfiSafiType::Ipv4Unicast => Some(Family::Ipv4),
        AfiSafiType::Ipv6Unicast => Some(Family::Ipv6),
        other => panic!("a family of ours, not {other:?}"),
    }
}

pub(super) fn read(message: &[u8], four_octet: bool) -> Told {
    let update = update(message, four_octet);
    let numbers = |path: AsPath<&[u8]>| {
        let segments =
            path.segments().flat_map(|s| s.asns().map(|asn| asn.into_u32()).collect::<Vec<_>>());
        segments.collect::<Vec<u32>>()
    };
    let communities = update.communities().expect("readable").into_iter().flatten();
    let large = update.large_communities().expect("readable").into_iter().flatten();
    Told {
        announced: update
            .announcements()
            .expect("readable")
            .map(|n| prefix(&n.expect("one")))
            .collect(),
        withdrawn: update
            .withdrawals()
            .expect("readable")
            .map(|n| prefix(&n.expect("one")))
            .collect(),
        next_hop: next_hop(&update),
        origin: update.origin().expect("readable").map(u8::from),
        path: update.aspath().expect("readable").map(numbers).unwrap_or_default(),
        as4_path: update.as4path().expect("readable").map(numbers).unwrap_or_default(),
        med: update.multi_exit_disc().expect("readable").map(|med| med.0),
        local_pref: update.local_pref().expect("readable").map(|preference| preference.0),
        communities: communities.map(|c| Community(c.to_u32())).collect(),
        large_communities: large
            .map(|c| LargeCommunity {
                administrator: c.global(),
                data1: c.local1(),
                data2: c.local2(),
            })
            .collect(),
    }
}

fn prefix(nlri: &Nlri<&[u8]>) -> IpNet {
    nlri.to_string().parse().expect("a prefix")
}

fn next_hop(update: &UpdateMessage<&[u8]>) -> Option<Gateway> {
    let classic = || update.conventional_next_hop().expect("readable");
    match update.mp_next_hop().expect("readable").or_else(classic)? {
        NextHop::Unicast(IpAddr::V4(address)) => Some(Gateway::V4(address)),
        NextHop::Unicast(IpAddr::V6(address)) => Some(Gateway::V6 { address, link_local: None }),
        NextHop::Ipv6LL { global, link_local } => {
            Some(Gateway::V6 { address: global, link_local: Some(link_local) })
        }
        other => panic!("unicast, not {other:?}"),
    }
}

#[test]
fn routecore_reads_our_open_and_we_read_its() {
    let ours = open(4_200_000_000, all_capabilities(4_200_000_000)).encode();
    let theirs = OpenMessage::from_octets(&ours[..]).expect("an OPEN");
    assert_eq!((theirs.my_asn().into_u32(), theirs.holdtime()), (4_200_000_000, 9));
    assert_eq!(theirs.identifier(), [192, 0, 2, 1]);
    let families: Vec<AfiSafiType> = theirs.multiprotocol_ids().collect();
    assert_eq!(families, [AfiSafiType::Ipv4Unicast, AfiSafiType::Ipv6Unicast]);

    let mut builder = OpenBuilder::new_vec();
    builder.set_asn(inetnum::asn::Asn::from_u32(64512));
    builder.four_octet_capable(inetnum::asn::Asn::from_u32(64512));
    builder.set_holdtime(9);
    builder.set_bgp_id([192, 0, 2, 1]);
    builder.add_mp(AfiSafiType::Ipv6Unicast);
    let capabilities = Capabilities {
        families: Families { ipv4: false, ipv6: true },
        four_octet_asn: Some(Asn(64512)),
        ..Capabilities::default()
    };
    let expected = Message::Open(open(64512, capabilities));
    assert_eq!(super::read(&builder.finish()), Ok(Some(expected)));
}

#[test]
fn routecore_reads_our_notifications() {
    for notification in [
        Notification::cease_with(Cease::AdministrativeShutdown, "maintenance"),
        Notification::cease(Cease::CollisionResolution),
        Notification::HOLD_TIMER_EXPIRED,
        Notification::unsupported_version(),
    ] {
        let ours = notification.encode();
        let theirs = NotificationMessage::from_octets(&ours[..]).expect("a NOTIFICATION");
        assert_eq!(theirs.details().raw(), [notification.code, notification.subcode]);
        assert_eq!(theirs.data().unwrap_or_default(), notification.data.as_ref());
    }
}
