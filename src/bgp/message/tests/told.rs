//! What an UPDATE says, whoever has read it.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use ipnet::IpNet;
use proptest::prelude::*;

use super::super::LONGEST;
use super::super::update::{Gateway, Relation, announcements, end_of_rib, withdrawals};
use super::{netgauze, routecore};
use crate::bgp::routes::{Attributes, Community, Family, LargeCommunity, Origin};
use crate::geo::Asn;

/// What an UPDATE says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Told {
    pub(super) announced: BTreeSet<IpNet>,
    pub(super) withdrawn: BTreeSet<IpNet>,
    pub(super) next_hop: Option<Gateway>,
    pub(super) origin: Option<u8>,
    pub(super) path: Vec<u32>,
    pub(super) as4_path: Vec<u32>,
    pub(super) med: Option<u32>,
    pub(super) local_pref: Option<u32>,
    pub(super) communities: BTreeSet<Community>,
    pub(super) large_communities: BTreeSet<LargeCommunity>,
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let large = any::<(u32, u32, u32)>().prop_map(|(administrator, data1, data2)| LargeCommunity {
        administrator,
        data1,
        data2,
    });
    (
        prop_oneof![Just(Origin::Igp), Just(Origin::Egp), Just(Origin::Incomplete)],
        prop_oneof![0_u8..4, any::<u8>()],
        any::<Option<u32>>(),
        any::<Option<u32>>(),
        proptest::collection::btree_set(any::<u32>().prop_map(Community), 0..90),
        proptest::collection::btree_set(large, 0..30),
    )
        .prop_map(|(origin, prepend, med, local_pref, communities, large_communities)| {
            Attributes { origin, prepend, med, local_pref, communities, large_communities }
        })
}

fn relation() -> impl Strategy<Value = Relation> {
    (prop_oneof![1_u32..65536, 65536_u32..], any::<bool>(), any::<bool>())
        .prop_map(|(asn, internal, four_octet)| Relation { asn: Asn(asn), internal, four_octet })
}

fn prefixes(family: Family) -> impl Strategy<Value = BTreeSet<IpNet>> {
    let one = move |(host, length): (u16, u8)| {
        let text = match family {
            Family::Ipv4 => format!("10.1.{}.{}/{}", host >> 8, host & 255, 16 + length % 17),
            Family::Ipv6 => format!("2001:db8:{host:x}::{host:x}/{}", 48 + length % 81),
        };
        text.parse::<IpNet>().expect("a prefix").trunc()
    };
    proptest::collection::btree_set(any::<(u16, u8)>().prop_map(one), 1..900)
}

fn v6(link_local: bool) -> Gateway {
    Gateway::V6 {
        address: "2001:db8:1::10".parse().expect("an address"),
        link_local: link_local.then(|| "fe80::1".parse::<Ipv6Addr>().expect("an address")),
    }
}

fn sent() -> impl Strategy<Value = (Family, Gateway, BTreeSet<IpNet>)> {
    let v4 = Gateway::V4([192, 0, 2, 1].into());
    prop_oneof![
        (Just(Family::Ipv4), Just(v4), prefixes(Family::Ipv4)),
        (Just(Family::Ipv4), any::<bool>().prop_map(v6), prefixes(Family::Ipv4)),
        (Just(Family::Ipv6), any::<bool>().prop_map(v6), prefixes(Family::Ipv6)),
    ]
}

/// What all of it says but the prefixes.
fn expected(relation: Relation, gateway: Gateway, attributes: &Attributes) -> Told {
    let count = if relation.internal { 0 } else { 1 + usize::from(attributes.prepend) };
    let (full, short) = (relation.asn.0, u16::try_from(relation.asn.0).unwrap_or(23456));
    let longer = !relation.four_octet && full > 65535;
    Told {
        next_hop: Some(gateway),
        origin: Some(attributes.origin as u8),
        path: vec![if relation.four_octet { full } else { u32::from(short) }; count],
        as4_path: if longer { vec![full; count] } else { vec![] },
        med: attributes.med,
        local_pref: relation.internal.then(|| attributes.local_pref.unwrap_or(100)),
        communities: attributes.communities.clone(),
        large_communities: attributes.large_communities.clone(),
        ..Told::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn two_decoders_read_in_our_announcements_what_was_meant(
        relation in relation(),
        (family, gateway, prefixes) in sent(),
        attributes in attributes(),
    ) {
        let list: Vec<IpNet> = prefixes.iter().copied().collect();
        let messages = announcements(relation, family, gateway, &attributes, &list).expect("room");
        let mut announced = BTreeSet::new();
        for message in &messages {
            prop_assert!(message.len() <= LONGEST);
            let told = netgauze::read(message, relation.four_octet);
            if !(family == Family::Ipv4 && matches!(gateway, Gateway::V6 { .. })) {
                // routecore does not know RFC 8950.
                prop_assert_eq!(&told, &routecore::read(message, relation.four_octet));
            }
            announced.extend(told.announced.iter().copied());
            let rest = Told { announced: BTreeSet::new(), ..told };
            prop_assert_eq!(rest, expected(relation, gateway, &attributes));
        }
        prop_assert_eq!(announced, prefixes);
    }

    #[test]
    fn two_decoders_read_in_our_withdrawals_what_was_meant((family, _, prefixes) in sent()) {
        let list: Vec<IpNet> = prefixes.iter().copied().collect();
        let mut withdrawn = BTreeSet::new();
        for message in withdrawals(family, &list) {
            prop_assert!(message.len() <= LONGEST);
            let told = netgauze::read(&message, true);
            prop_assert_eq!(&told, &routecore::read(&message, true));
            withdrawn.extend(told.withdrawn.iter().copied());
            prop_assert_eq!(Told { withdrawn: BTreeSet::new(), ..told }, Told::default());
        }
        prop_assert_eq!(withdrawn, prefixes);
    }
}

#[test]
fn two_decoders_take_the_end_of_rib_for_one() {
    for family in [Family::Ipv4, Family::Ipv6] {
        assert_eq!(netgauze::end_of_rib(&end_of_rib(family)), Some(family));
        assert_eq!(routecore::end_of_rib(&end_of_rib(family)), Some(family));
    }
}

#[test]
fn attributes_without_room_for_a_prefix_are_refused_with_their_length() {
    let relation = Relation { asn: Asn(64512), internal: false, four_octet: true };
    let attributes =
        Attributes { communities: (0..1100).map(Community).collect(), ..Attributes::default() };
    let prefix = "192.0.2.1/32".parse().expect("a prefix");
    let gateway = Gateway::V4([192, 0, 2, 9].into());
    let refused = announcements(relation, Family::Ipv4, gateway, &attributes, &[prefix]);
    assert!(refused.expect_err("too long").to_string().contains("have fewer communities"));
}
