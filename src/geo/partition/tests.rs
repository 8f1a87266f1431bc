use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::*;
use crate::geo::Asn;

/// A world small enough to be decided by hand: AS numbers by range, and a policy's CIDRs.
#[derive(Clone, Debug)]
struct Model {
    ranges: Vec<(RangeInclusive<IpAddr>, Facts)>,
    cidrs: Vec<IpNet>,
    /// How many classes the policy tells apart.
    classes: u32,
}

impl Model {
    fn partition(&self) -> Partition {
        let places = Arc::new(Places::from_ranges(&self.ranges));
        Partition::build(places, &self.cidrs, |who| self.class_of(who))
    }

    /// Any function of what a policy sees will do; this one mixes it well.
    fn class_of(&self, who: Who<'_>) -> ClassId {
        let mut mixed = who.facts.asn.map_or(7, |asn| asn.0);
        for net in who.cidrs {
            mixed = mixed.wrapping_mul(31).wrapping_add(u32::from(net.prefix_len()) + 1);
        }
        ClassId(mixed.wrapping_mul(0x9e37_79b9) % self.classes)
    }

    /// The class of a client, found without any table.
    fn class(&self, client: IpAddr) -> ClassId {
        let client = canonical(client);
        let asn = self.ranges.iter().find(|(range, _)| range.contains(&client)).map(|(_, f)| *f);
        let mut cidrs: Vec<IpNet> =
            self.cidrs.iter().map(IpNet::trunc).filter(|net| net.contains(&client)).collect();
        cidrs.sort_unstable_by_key(|net| std::cmp::Reverse(net.prefix_len()));
        cidrs.dedup();
        self.class_of(Who { facts: &asn.unwrap_or_default(), cidrs: &cidrs })
    }

    /// Addresses such that every class change lies between two neighbours of them, next to both:
    /// the ends of all ranges, CIDRs and blocks, and the addresses beyond; those of IPv4 also as
    /// IPv6 addresses carry them. Sorted.
    fn corners(&self) -> Vec<IpAddr> {
        let ranges = self.ranges.iter().flat_map(|(range, _)| [*range.start(), *range.end()]);
        let cidrs = self.cidrs.iter().flat_map(|net| [net.network(), net.broadcast()]);
        let blocks = Transition::ALL.map(Transition::block).map(RangeInclusive::into_inner);
        let blocks = blocks.into_iter().flat_map(|(first, last)| [first, last]);
        let v6 = blocks.chain([0, u128::MAX]).map(|bits| IpAddr::V6(bits.into()));
        let v4 = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST].map(IpAddr::V4);
        let ends = ranges.chain(cidrs).chain(v6).chain(v4);
        let mut corners: Vec<IpAddr> = ends.flat_map(neighbours).collect();
        let carriers: Vec<IpAddr> = corners.iter().copied().flat_map(carriers).collect();
        corners.extend(carriers);
        corners.sort_unstable();
        corners.dedup();
        corners
    }
}

fn neighbours(address: IpAddr) -> [IpAddr; 3] {
    match address {
        IpAddr::V4(v4) => {
            let bits = u32::from(v4);
            [bits.saturating_sub(1), bits, bits.saturating_add(1)].map(|b| IpAddr::V4(b.into()))
        }
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            [bits.saturating_sub(1), bits, bits.saturating_add(1)].map(|b| IpAddr::V6(b.into()))
        }
    }
}

/// The IPv6 addresses that carry an IPv4 address.
fn carriers(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V4(v4) = address else { return Vec::new() };
    let bits = u128::from(u32::from(v4));
    let addresses = [
        0xffff << 32 | bits,
        0x0064_ff9b << 96 | bits,
        0x2001_0000 << 96 | 0x1234 << 40 | u128::from(!u32::from(v4)),
        0x2002 << 112 | bits << 80 | 0xabcd,
    ];
    addresses.map(|bits| IpAddr::V6(bits.into())).to_vec()
}

fn prefix(client: IpAddr, length: u8) -> IpNet {
    IpNet::new(client, length).expect("a length of the family").trunc()
}

/// The scope of a client is exact: inside it, every corner is of the client's class and has its
/// scope; one bit less, and some corner is of another class.
fn check(model: &Model, partition: &Partition, client: IpAddr, corners: &[IpAddr]) {
    let class = model.class(client);
    assert_eq!(partition.class(client), class, "class of {client}");
    partition.who(client, |who| assert_eq!(model.class_of(who), class, "who is {client}"));

    let scope = partition.scope(client);
    let alike = prefix(client, scope);
    for corner in corners.iter().filter(|corner| alike.contains(*corner)) {
        assert_eq!(model.class(*corner), class, "{client}/{scope} holds {corner}");
        assert_eq!(partition.scope(*corner), scope, "scope of {corner} inside {client}/{scope}");
    }
    if let Some(shorter) = scope.checked_sub(1) {
        let wider = prefix(client, shorter);
        let differs = |corner: &IpAddr| wider.contains(corner) && model.class(*corner) != class;
        assert!(corners.iter().any(differs), "{client}: {shorter} would do as well as {scope}");
    }
}

/// Checks clients and every corner as a client.
fn check_all(model: &Model, clients: &[IpAddr]) {
    let partition = model.partition();
    let corners = model.corners();
    for client in clients.iter().chain(&corners) {
        let beside = teredo_beside(*client, &corners);
        check(model, &partition, *client, if beside.is_empty() { &corners } else { &beside });
    }
}

/// For a Teredo client, the corners of IPv4 behind its own server, and all others: no fixed list
/// of corners has every server.
fn teredo_beside(client: IpAddr, corners: &[IpAddr]) -> Vec<IpAddr> {
    let IpAddr::V6(v6) = client else { return Vec::new() };
    if Transition::of(v6) != Some(Transition::Teredo) {
        return Vec::new();
    }
    let server = u128::from(v6) >> 32 << 32;
    let beside = corners.iter().filter_map(|corner| match corner {
        IpAddr::V4(v4) => Some(IpAddr::V6((server | u128::from(!u32::from(*v4))).into())),
        IpAddr::V6(_) => None,
    });
    beside.chain(corners.iter().copied()).collect()
}

/// Addresses of both families, near to each other and to the blocks that carry IPv4.
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        (0u32..1024).prop_map(|low| IpAddr::V4((0xc000_0200 + low).into())),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
        (0x2000u128..0x2004, any::<u16>())
            .prop_map(|(high, low)| { IpAddr::V6((high << 112 | u128::from(low) << 96).into()) }),
        any::<u32>().prop_map(|low| IpAddr::V6((0xffff << 32 | u128::from(low)).into())),
        (0u128..16).prop_map(|low| IpAddr::V6((low << 32).into())),
    ]
}

fn net() -> impl Strategy<Value = IpNet> {
    (address(), any::<prop::sample::Index>()).prop_map(|(address, length)| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        prefix(address, length.index(most + 1) as u8)
    })
}

fn range() -> impl Strategy<Value = (RangeInclusive<IpAddr>, Facts)> {
    (net(), 0u32..4).prop_map(|(net, asn)| {
        let facts = Facts { asn: Some(Asn(asn)), ..Facts::default() };
        (net.network()..=net.broadcast(), facts)
    })
}

fn model() -> impl Strategy<Value = Model> {
    let ranges = prop::collection::vec(range(), 0..12);
    let cidrs = prop::collection::vec(net(), 0..8);
    (ranges, cidrs, 1u32..4).prop_map(|(ranges, cidrs, classes)| Model { ranges, cidrs, classes })
}

proptest! {
    #[test]
    fn scopes_are_exact(model in model(), clients in prop::collection::vec(address(), 20)) {
        check_all(&model, &clients);
    }
}

fn range_of(first: &str, last: &str, asn: u32) -> (RangeInclusive<IpAddr>, Facts) {
    let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
    (parse(first)..=parse(last), Facts { asn: Some(Asn(asn)), ..Facts::default() })
}

/// A policy that tells AS 1 and every CIDR apart from the rest.
fn partition(ranges: &[(RangeInclusive<IpAddr>, Facts)], cidrs: &[&str]) -> Partition {
    let cidrs: Vec<IpNet> = cidrs.iter().map(|net| net.parse().expect("a CIDR")).collect();
    Partition::build(Arc::new(Places::from_ranges(ranges)), &cidrs, |who| {
        let inside = who.cidrs.first().map_or(0, |net| u32::from(net.prefix_len()) + 1);
        ClassId(inside * 2 + u32::from(who.facts.asn == Some(Asn(1))))
    })
}

fn scopes(partition: &Partition, cases: &[(&str, u8)]) {
    for (client, expected) in cases {
        let client: IpAddr = client.parse().expect("an address");
        assert_eq!(partition.scope(client), *expected, "{client}");
    }
}

#[test]
fn a_client_inside_a_cidr_has_the_scope_of_the_cidr_and_its_neighbour_too() {
    let partition = partition(&[], &["192.0.2.0/24"]);
    scopes(
        &partition,
        &[
            ("192.0.2.0", 24),
            ("192.0.2.255", 24),
            ("192.0.3.0", 24),
            ("192.0.0.1", 23),
            ("193.0.0.0", 8),
            ("0.0.0.0", 1),
            ("255.255.255.255", 3),
        ],
    );
}

#[test]
fn neighbouring_places_of_one_class_share_a_scope() {
    let ranges = [
        range_of("10.0.0.0", "10.0.0.255", 2),
        range_of("10.0.1.0", "10.0.1.255", 3),
        range_of("10.0.2.0", "10.0.2.255", 1),
    ];
    scopes(&partition(&ranges, &[]), &[("10.0.0.7", 23), ("10.0.1.7", 23), ("10.0.2.7", 24)]);
}

#[test]
fn one_class_overall_has_scope_zero_everywhere() {
    let ranges = [range_of("10.0.0.0", "10.255.255.255", 2)];
    scopes(
        &partition(&ranges, &[]),
        &[
            ("10.1.2.3", 0),
            ("2a00::1", 0),
            ("::ffff:10.1.2.3", 0),
            ("2002:a01:203::1", 0),
            ("2001:0:1::1", 0),
            ("64:ff9b::10.1.2.3", 0),
        ],
    );
}

#[test]
fn carried_ipv4_has_its_own_scope_behind_the_bits_before_it() {
    scopes(
        &partition(&[], &["192.0.2.0/24"]),
        &[
            ("192.0.2.1", 24),
            ("::ffff:192.0.2.1", 120),
            ("64:ff9b::192.0.2.1", 120),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", 120),
            ("2002:c000:201::1", 40),
        ],
    );
}

#[test]
fn native_ipv6_never_reaches_into_blocks_of_clients_that_differ() {
    // IPv6 is one class, but 2001::/32 and 2002::/16 lie in it and hold two.
    scopes(
        &partition(&[], &["192.0.2.0/24"]),
        &[("2a00::1", 5), ("2003::1", 16), ("2001:1::1", 32), ("::1", 81), ("8000::1", 1)],
    );
}

#[test]
fn families_are_spaces_of_their_own() {
    let v6 = [range_of("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1)];
    scopes(
        &partition(&v6, &[]),
        &[
            ("192.0.2.1", 0),
            ("2002:c000:201::1", 16),
            ("::ffff:192.0.2.1", 96),
            ("2001:0:1::1", 32),
            ("2003::1", 16),
        ],
    );
}

#[test]
fn a_cidr_of_every_address_is_no_boundary() {
    let partition = partition(&[], &["0.0.0.0/0", "::/0"]);
    scopes(&partition, &[("192.0.2.1", 0), ("2a00::1", 0), ("::ffff:192.0.2.1", 0)]);
    assert_eq!(
        partition.class("192.0.2.1".parse().expect("an address")),
        partition.class("2a00::1".parse().expect("an address")),
    );
}

#[test]
fn cidrs_that_hold_a_client_are_given_longest_first() {
    let partition = partition(&[], &["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.3.0/24"]);
    let seen = |client: &str| {
        let client = client.parse().expect("an address");
        partition.who(client, |who| who.cidrs.iter().map(IpNet::to_string).collect::<Vec<_>>())
    };
    assert_eq!(seen("10.1.2.3"), ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"]);
    assert_eq!(seen("::ffff:10.1.4.3"), ["10.1.0.0/16", "10.0.0.0/8"]);
    assert_eq!(seen("10.2.0.0"), ["10.0.0.0/8"]);
    assert_eq!(seen("11.0.0.0"), [""; 0]);
}

#[test]
fn each_place_is_asked_for_once_in_each_context() {
    let ranges = [
        range_of("10.0.0.0", "10.0.0.255", 1),
        range_of("10.0.2.0", "10.0.2.255", 1),
        range_of("192.0.2.0", "192.0.2.127", 1),
        range_of("2a00::", "2a00::ffff", 1),
    ];
    let mut asked: HashMap<(Option<Asn>, usize), u32> = HashMap::new();
    let cidrs = ["192.0.2.0/24".parse().expect("a CIDR")];
    let partition = Partition::build(Arc::new(Places::from_ranges(&ranges)), &cidrs, |who| {
        *asked.entry((who.facts.asn, who.cidrs.len())).or_default() += 1;
        ClassId(u32::from(who.facts.asn.is_some()))
    });
    let expected = [(None, 0), (None, 1), (Some(Asn(1)), 0), (Some(Asn(1)), 1)];
    assert_eq!(asked, expected.into_iter().map(|key| (key, 1)).collect());
    assert_eq!(partition.class("192.0.2.1".parse().expect("an address")), ClassId(1));
}
