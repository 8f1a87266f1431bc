//! Read with `netgauze-bgp-pkt`, and written with it.

use std::net::IpAddr;

use ipnet::IpNet;
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::capabilities::{
    BgpCapability, ExtendedNextHopEncoding, ExtendedNextHopEncodingCapability,
    FourOctetAsCapability, MultiProtocolExtensionsCapability,
};
use netgauze_bgp_pkt::open::{BgpOpenMessage, BgpOpenMessageParameter};
use netgauze_bgp_pkt::path_attribute::{AsPath, MpReach, MpUnreach, PathAttributeValue};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bgp_pkt::wire::deserializer::BgpParsingContext;
use netgauze_iana::address_family::{AddressFamily, AddressType};
use netgauze_parse_utils::WritablePdu;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;

use super::super::update::Gateway;
use super::told::Told;
use super::*;
use crate::bgp::routes::{Community, LargeCommunity};

fn parse(message: &[u8], four_octet: bool) -> BgpMessage {
    let mut context = BgpParsingContext::asn2_default();
    context.set_asn4(four_octet);
    BgpMessage::parse(&mut SliceReader::new(message), &mut context).expect("a message")
}

fn update(message: &[u8], four_octet: bool) -> BgpUpdateMessage {
    match parse(message, four_octet) {
        BgpMessage::Update(update) => update,
        other => panic!("an UPDATE, not {other:?}"),
    }
}

pub(super) fn end_of_rib(message: &[u8]) -> Option<Family> {
    match update(message, true).end_of_rib()? {
        AddressType::Ipv4Unicast => Some(Family::Ipv4),
        AddressType::Ipv6Unicast => Some(Family::Ipv6),
        other => panic!("a family of ours, not {other:?}"),
    }
}

pub(super) fn read(message: &[u8], four_octet: bool) -> Told {
    let update = update(message, four_octet);
    let mut told = Told::default();
    told.announced.extend(update.nlri().iter().map(|n| IpNet::from(n.network().address())));
    told.withdrawn
        .extend(update.withdraw_routes().iter().map(|n| IpNet::from(n.network().address())));
    update.path_attributes().iter().for_each(|attribute| learn(&mut told, attribute.value()));
    told
}

fn learn(told: &mut Told, value: &PathAttributeValue) {
    match value {
        PathAttributeValue::Origin(origin) => told.origin = Some(*origin as u8),
        PathAttributeValue::AsPath(AsPath::As2PathSegments(segments)) => {
            let all = segments.iter().flat_map(|s| s.as_numbers().iter().map(|&n| u32::from(n)));
            told.path = all.collect();
        }
        PathAttributeValue::AsPath(AsPath::As4PathSegments(segments)) => {
            told.path = segments.iter().flat_map(|s| s.as_numbers().iter().copied()).collect();
        }
        PathAttributeValue::As4Path(path) => {
            let segments = path.segments().iter();
            told.as4_path = segments.flat_map(|s| s.as_numbers().iter().copied()).collect();
        }
        PathAttributeValue::NextHop(hop) => told.next_hop = Some(Gateway::V4(hop.next_hop())),
        PathAttributeValue::MultiExitDiscriminator(med) => told.med = Some(med.metric()),
        PathAttributeValue::LocalPreference(preference) => {
            told.local_pref = Some(preference.metric());
        }
        PathAttributeValue::Communities(list) => {
            told.communities.extend(list.communities().iter().map(|c| Community(c.value())));
        }
        PathAttributeValue::LargeCommunities(list) => {
            told.large_communities.extend(list.communities().iter().map(|c| LargeCommunity {
                administrator: c.global_admin(),
                data1: c.local_data1(),
                data2: c.local_data2(),
            }));
        }
        PathAttributeValue::MpReach(reach) => reached(told, reach),
        PathAttributeValue::MpUnreach(unreach) => unreached(told, unreach),
        other => panic!("an attribute of ours, not {other:?}"),
    }
}

fn reached(told: &mut Told, reach: &MpReach) {
    match reach {
        MpReach::Ipv4Unicast { next_hop: IpAddr::V6(address), next_hop_local, nlri } => {
            told.next_hop = Some(Gateway::V6 { address: *address, link_local: *next_hop_local });
            told.announced.extend(nlri.iter().map(|n| IpNet::from(n.network().address())));
        }
        MpReach::Ipv6Unicast { next_hop_global, next_hop_local, nlri } => {
            told.next_hop =
                Some(Gateway::V6 { address: *next_hop_global, link_local: *next_hop_local });
            told.announced.extend(nlri.iter().map(|n| IpNet::from(n.network().address())));
        }
        other => panic!("unicast with an IPv6 next hop, not {other:?}"),
    }
}

fn unreached(told: &mut Told, unreach: &MpUnreach) {
    match unreach {
        MpUnreach::Ipv6Unicast { nlri } => {
            told.withdrawn.extend(nlri.iter().map(|n| IpNet::from(n.network().address())));
        }
        other => panic!("IPv6 unicast, not {other:?}"),
    }
}

fn written(message: &BgpMessage) -> Vec<u8> {
    let mut out = Vec::new();
    message.write(&mut std::io::Cursor::new(&mut out)).expect("writes to memory");
    out
}

#[test]
fn netgauze_writes_of_our_open_what_we_wrote() {
    for asn in [64512, 4_200_000_000] {
        let ours = open(asn, all_capabilities(asn)).encode();
        assert_eq!(written(&parse(&ours, true)), ours, "AS {asn}");
    }
}

#[test]
fn we_read_what_netgauze_writes() {
    let ipv4 = MultiProtocolExtensionsCapability::new(AddressType::Ipv4Unicast);
    let ipv6 = MultiProtocolExtensionsCapability::new(AddressType::Ipv6Unicast);
    let vpn = MultiProtocolExtensionsCapability::new(AddressType::Ipv6MplsLabeledVpn);
    let hops = [ExtendedNextHopEncoding::new(AddressType::Ipv4Unicast, AddressFamily::IPv6)];
    let all = [
        BgpCapability::MultiProtocolExtensions(vpn),
        BgpCapability::MultiProtocolExtensions(ipv6),
        BgpCapability::MultiProtocolExtensions(ipv4),
        BgpCapability::RouteRefresh,
        BgpCapability::EnhancedRouteRefresh,
        BgpCapability::CiscoRouteRefresh,
        BgpCapability::FourOctetAs(FourOctetAsCapability::new(4_200_000_000)),
        BgpCapability::ExtendedNextHopEncoding(ExtendedNextHopEncodingCapability::new(hops)),
    ];
    let parameters = all.map(|capability| BgpOpenMessageParameter::new_capabilities([capability]));
    let theirs = BgpOpenMessage::new(23456, 9, [192, 0, 2, 1].into(), parameters);
    let expected = Capabilities { graceful_restart: None, ..all_capabilities(4_200_000_000) };
    let read = super::read(&written(&BgpMessage::Open(theirs)));
    assert_eq!(read, Ok(Some(Message::Open(open(4_200_000_000, expected)))));
    assert_eq!(super::read(&written(&BgpMessage::KeepAlive)), Ok(Some(Message::Keepalive)));
}

#[test]
fn netgauze_knows_our_notifications_and_refreshes_and_writes_the_same() {
    let ceases = [
        Cease::MaximumPrefixes,
        Cease::AdministrativeShutdown,
        Cease::PeerDeconfigured,
        Cease::AdministrativeReset,
        Cease::ConnectionRejected,
        Cease::OtherConfigurationChange,
        Cease::CollisionResolution,
        Cease::OutOfResources,
        Cease::HardReset,
        Cease::BfdDown,
    ];
    let errors = [
        Notification::NOT_SYNCHRONIZED,
        Notification::bad_length(18),
        Notification::bad_type(6),
        Notification::BAD_PEER_AS,
        Notification::BAD_BGP_IDENTIFIER,
        Notification::UNACCEPTABLE_HOLD_TIME,
        Notification::HOLD_TIMER_EXPIRED,
        Notification::unexpected(Kind::Open, 3),
        Notification::bad_refresh_length(&[]),
    ];
    let ceases = ceases.map(|cease| Notification::cease_with(cease, "maintenance"));
    for notification in ceases.into_iter().chain(errors) {
        let ours = notification.encode();
        assert_eq!(written(&parse(&ours, true)), ours, "{notification}");
    }
    for subtype in [Subtype::Request, Subtype::Begin, Subtype::End] {
        let ours = RouteRefresh { family: Some(Family::Ipv6), subtype }.encode().expect("a family");
        assert_eq!(written(&parse(&ours, true)), ours, "{subtype:?}");
    }
}
