//! The peer's side of the routes: what it holds after all that was sent.

use std::collections::BTreeMap;

use ipnet::IpNet;
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::path_attribute::PathAttributeValue;
use netgauze_bgp_pkt::wire::deserializer::BgpParsingContext;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;
use proptest::prelude::*;

use super::*;
use crate::bgp::message::refresh::{RouteRefresh, Subtype};
use crate::bgp::message::update::end_of_rib;
use crate::bgp::routes::{Attributes, Family, NextHop, Route};

/// Prefix and MED.
type Held = BTreeMap<IpNet, u32>;

fn learn(held: &mut Held, message: &[u8]) {
    let mut context = BgpParsingContext::asn2_default();
    context.set_asn4(true);
    let BgpMessage::Update(update) =
        BgpMessage::parse(&mut SliceReader::new(message), &mut context).expect("ours")
    else {
        return;
    };
    for prefix in update.withdraw_routes() {
        let prefix = IpNet::from(prefix.network().address());
        assert!(held.remove(&prefix).is_some(), "{prefix} was withdrawn and is not held");
    }
    let med = update.path_attributes().iter().find_map(|attribute| match attribute.value() {
        PathAttributeValue::MultiExitDiscriminator(med) => Some(med.metric()),
        _ => None,
    });
    let announced = update.nlri().iter().map(|n| IpNet::from(n.network().address()));
    held.extend(announced.map(|prefix| (prefix, med.expect("ours have one"))));
}

fn routes(held: &Held) -> RouteSet {
    let route = |&med: &u32| Route {
        attributes: Attributes { med: Some(med), ..Attributes::default() },
        ..Route::default()
    };
    held.iter().map(|(&prefix, med)| (prefix, route(med))).collect()
}

fn held() -> impl Strategy<Value = Held> {
    let prefix = (0_u8..6).prop_map(|host| format!("192.0.2.{host}/32").parse().expect("a prefix"));
    proptest::collection::btree_map(prefix, 0_u32..3, 0..6)
}

/// What befalls the session.
#[derive(Clone, Debug)]
enum Step {
    Set(Held),
    Refresh,
    Lost,
    Reset,
    /// The kernel takes this share of what is queued.
    Sends(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => held().prop_map(Step::Set),
        1 => Just(Step::Refresh),
        1 => Just(Step::Lost),
        1 => Just(Step::Reset),
        4 => any::<u8>().prop_map(Step::Sends),
    ]
}

/// A session whose messages wait until the kernel takes them.
struct Slow {
    session: Session,
    now: Instant,
    id: Option<ConnectionId>,
    queued: Vec<Vec<u8>>,
    held: Held,
    updates: usize,
}

impl Slow {
    /// Does what is asked; the peer answers what it must and connects again when it can.
    fn run(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect { id } => {
                    self.session.handle_connected(self.now, id, local());
                    self.id = Some(id);
                    self.session.handle_received(self.now, id, &their_open().encode());
                    self.session.handle_received(self.now, id, &keepalive());
                }
                Action::Send { id, message } if Some(id) == self.id => self.queued.push(message),
                Action::Close { id } if Some(id) == self.id => self.lost(),
                Action::Send { .. } | Action::Close { .. } | Action::Transition(_) => {}
                Action::Unsendable { prefix, why } => panic!("{prefix}: {why}"),
            }
        }
    }

    /// The peer forgets what it held.
    fn lost(&mut self) {
        self.id = None;
        self.queued.clear();
        self.held.clear();
    }

    /// The kernel takes the first messages.
    fn sends(&mut self, count: usize) {
        for message in self.queued.drain(..count.min(self.queued.len())).collect::<Vec<_>>() {
            if name(&message) == "UPDATE" {
                self.updates += 1;
                learn(&mut self.held, &message);
            }
            let id = self.id.expect("it is queued");
            self.session.handle_sent(self.now, id, message.len());
        }
        self.run();
    }

    fn takes(&mut self, step: Step) {
        match step {
            Step::Set(held) => self.session.set_routes(self.now, routes(&held)),
            Step::Refresh => self.hears_refresh(),
            Step::Lost => {
                if let Some(id) = self.id {
                    self.session.handle_closed(self.now, id);
                    self.lost();
                }
                self.now += Duration::from_secs(1);
                self.session.handle_timeout(self.now);
            }
            Step::Reset => self.session.handle_reset(self.now, "again"),
            Step::Sends(share) => self.sends(self.queued.len() * usize::from(share) / 255),
        }
        self.run();
    }

    fn hears_refresh(&mut self) {
        let refresh = RouteRefresh { family: Some(Family::Ipv4), subtype: Subtype::Request };
        if let (Some(id), Some(State::Established)) = (self.id, Some(self.session.state())) {
            self.session.handle_received(self.now, id, &refresh.encode().expect("a family"));
        }
    }

    /// Until nothing is queued and the session is up.
    fn settles(&mut self) {
        for _ in 0..200 {
            self.sends(usize::MAX);
            if self.session.state() == State::Established && self.queued.is_empty() {
                return;
            }
            self.now += Duration::from_secs(1);
            self.session.handle_timeout(self.now);
            self.run();
        }
        panic!("it does not settle: {:?}", self.session.state());
    }
}

proptest! {
    #[test]
    fn after_any_story_the_peer_holds_the_last_set(
        steps in proptest::collection::vec(step(), 0..40),
        last in held(),
    ) {
        let now = Instant::now();
        let session = Session::new(config(), fastrand::Rng::with_seed(1));
        let (id, queued, held) = (None, Vec::new(), Held::new());
        let mut slow = Slow { session, now, id, queued, held, updates: 0 };
        slow.session.handle_start(now);
        slow.run();
        for step in steps {
            slow.takes(step);
        }
        slow.takes(Step::Set(last.clone()));
        slow.settles();
        prop_assert_eq!(&slow.held, &last);
        prop_assert_eq!(slow.session.announced().map(RouteSet::len), Some(last.len()));

        // The same set again says nothing, and a refresh says all of it without a withdrawal.
        let before = slow.updates;
        slow.takes(Step::Set(last.clone()));
        slow.settles();
        prop_assert_eq!(slow.updates, before);
        slow.held.clear();
        slow.takes(Step::Refresh);
        slow.settles();
        prop_assert_eq!(&slow.held, &last);
    }
}

#[test]
fn withdrawals_go_first_and_the_end_of_rib_once() {
    let mut node = Node::in_state(config(), State::Established);
    let prefix = |text: &str| text.parse::<IpNet>().expect("a prefix");
    let (a, b) = (prefix("192.0.2.1/32"), prefix("192.0.2.2/32"));
    node.session.set_routes(node.now, routes(&Held::from([(a, 1)])));
    assert_eq!(node.said(), "send UPDATE, send UPDATE");
    assert_eq!(node.routes.last(), Some(&end_of_rib(Family::Ipv4)));
    node.routes.clear();
    node.session.set_routes(node.now, routes(&Held::from([(b, 1)])));
    assert_eq!(node.said(), "send UPDATE, send UPDATE");
    let mut held = Held::from([(a, 1)]);
    learn(&mut held, &node.routes[0]);
    assert!(held.is_empty(), "the withdrawal is the first");
    learn(&mut held, &node.routes[1]);
    assert_eq!(held, Held::from([(b, 1)]));
}

#[test]
fn nothing_is_said_before_the_first_set_not_even_that_it_is_complete() {
    let mut node = Node::in_state(config(), State::OpenConfirm);
    assert_eq!(node.hears(&keepalive()), "OpenConfirm → Established");
    node.session.set_routes(node.now, RouteSet::new());
    assert_eq!((node.said().as_str(), &node.routes[0]), ("send UPDATE", &end_of_rib(Family::Ipv4)));
}

#[test]
fn a_peer_that_knows_marks_gets_them_around_what_it_asks_for_again() {
    let mut node = Node::in_state(config(), State::OpenSent);
    let mut open = their_open();
    open.capabilities.enhanced_route_refresh = true;
    node.hears(&open.encode());
    node.hears(&keepalive());
    let prefix = "192.0.2.1/32".parse().expect("a prefix");
    node.session.set_routes(node.now, routes(&Held::from([(prefix, 1)])));
    node.said();
    let ask =
        |family, subtype| RouteRefresh { family: Some(family), subtype }.encode().expect("one");
    let said = node.hears(&ask(Family::Ipv4, Subtype::Request));
    assert_eq!(said, "send ROUTE-REFRESH, send UPDATE, send ROUTE-REFRESH");
    assert_eq!(node.hears(&ask(Family::Ipv6, Subtype::Request)), "", "a family of another session");
    assert_eq!(node.hears(&ask(Family::Ipv4, Subtype::Begin)), "");
    assert_eq!(node.hears(&ask(Family::Ipv4, Subtype::Unknown(9))), "");
}

#[test]
fn a_route_that_the_peer_cannot_be_told_of_is_reported_once_and_withdrawn_if_it_was_held() {
    let mut node = Node::in_state(config(), State::Established);
    let prefix: IpNet = "192.0.2.1/32".parse().expect("a prefix");
    let six: IpNet = "2001:db8::1/128".parse().expect("a prefix");
    let mut set = routes(&Held::from([(prefix, 1)]));
    set.insert(six, Route::default());
    node.session.set_routes(node.now, set.clone());
    let said = node.said();
    assert!(
        said.starts_with("2001:db8::1/128: the peer has not agreed to the address family"),
        "{said}"
    );
    let via = NextHop::Given("2001:db8::9".parse().expect("an address"));
    set.get_mut(&prefix).expect("there").next_hop = via;
    node.session.set_routes(node.now, set.clone());
    let said = node.said();
    assert!(said.starts_with("192.0.2.1/32: the peer has not agreed to IPv6 next hops"), "{said}");
    assert!(said.ends_with("send UPDATE"), "{said}");
    assert_eq!(node.session.announced(), Some(&RouteSet::new()));
    node.session.set_routes(node.now, set);
    assert_eq!(node.said(), "");
}
