use std::time::{Duration, Instant};

use super::*;
use crate::announce::fixture::{announcement, drain, marked, peer, snapshot};
use crate::announce::{OnDown, When};
use crate::node::Answering;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Both siblings of the fixture, answering or not.
fn siblings(answering: bool) -> BTreeMap<SocketAddr, Sibling> {
    let mut sibling = Sibling::default();
    match answering {
        true => sibling.handle_answer(),
        false => {
            (0..super::super::siblings::MISSES).for_each(|_| sibling.handle_miss("silence".into()))
        }
    }
    announcement("dns").siblings.into_iter().map(|address| (address, sibling.clone())).collect()
}

fn of_pool(name: &str, on_down: OnDown) -> Announcement {
    let when = When::Pool { pool: "example.com/web".into(), on_down };
    let prefixes = vec!["198.51.100.0/24".parse().expect("a prefix")];
    Announcement { when, prefixes, ..announcement(name) }
}

fn good() -> Snapshot {
    snapshot(Answering::Yes, [true; 3])
}

/// `dns` and `web`, announced.
fn board(now: Instant) -> Board {
    let announcements = vec![announcement("dns"), of_pool("web", OnDown::Deprefer)];
    let mut board = Board::new(announcements, drain(), now);
    board.handle_siblings(now, siblings(true));
    board.handle_snapshot(now, &good());
    board.handle_ready(now, "dns");
    board.handle_ready(now, "web");
    assert_eq!(stages(&board), [Stage::Announced; 2]);
    while board.poll_transition().is_some() {}
    board
}

fn stages(board: &Board) -> Vec<Stage> {
    board.entries.iter().map(|entry| entry.ladder.stage()).collect()
}

fn told(board: &mut Board) -> Vec<String> {
    let next = || board.poll_transition();
    let told = std::iter::from_fn(next);
    told.map(|(name, Transition { from, to, why })| {
        format!("{name}: {} → {}: {why}", from.word(), to.word())
    })
    .collect()
}

#[test]
fn each_announcement_goes_its_own_way() {
    let now = Instant::now();
    let mut board = board(now);
    board.handle_snapshot(now, &snapshot(Answering::No, [true; 3]));
    assert_eq!(told(&mut board), ["dns: announced → withdrawn: this node cannot answer: silence"]);
    board.handle_snapshot(now, &snapshot(Answering::Yes, [false; 3]));
    assert_eq!(
        told(&mut board),
        [
            "dns: withdrawn → withdrawn: fine again, but not for long enough",
            "web: announced → de-preferred: pool example.com/web is down",
        ]
    );
    assert_eq!(board.next_deadline(), Some(now + seconds(30)));
    board.handle_timeout(now + seconds(30));
    assert_eq!(told(&mut board), ["dns: withdrawn → announced: nothing speaks against it"]);
    assert_eq!(board.next_deadline(), None);
}

#[test]
fn every_peer_has_a_set_of_its_own_even_an_empty_one() {
    let now = Instant::now();
    let mut board = board(now);
    let mut narrow = peer("narrow");
    narrow.session.families.ipv6 = false;
    let routes = board.routes(&[peer("wide"), narrow.clone()]);
    let sizes: Vec<_> = routes.iter().map(|(name, set)| (&**name, set.len())).collect();
    assert_eq!(sizes, [("narrow", 2), ("wide", 3)]);
    board.handle_stop(now, Stop::Withdraw);
    assert_eq!(board.routes(&[narrow]), [("narrow".into(), RouteSet::new())].into());
}

#[test]
fn new_announcements_begin_old_ones_go_on_and_others_are_gone() {
    let now = Instant::now();
    let mut board = board(now);
    board.handle_snapshot(now, &snapshot(Answering::No, [true; 3]));
    let mut wider = announcement("dns");
    wider.prefixes.push("192.0.2.0/24".parse().expect("a prefix"));
    board.set(now + seconds(1), vec![announcement("new"), wider.clone()], drain());
    let status = board.status(now + seconds(1));
    let seen: Vec<_> = status.iter().map(|s| (&*s.name, s.stage, s.why.clone())).collect();
    let cannot = Why::CannotAnswer(Some("silence".into()));
    assert_eq!(seen, [("new", Stage::Withdrawn, Why::NotReady), ("dns", Stage::Withdrawn, cannot)]);
    assert_eq!((status[1].since, &status[1].prefixes), (now, &wider.prefixes));
    assert!((987..1000).contains(&status[1].penalty), "{}", status[1].penalty);
    // What is new knows the siblings, but not yet the snapshot.
    assert_eq!(status[0].siblings[0].1.answering, Some(true));
}

#[test]
fn an_announcement_that_comes_while_the_node_ends_is_not_made() {
    let now = Instant::now();
    let mut board = board(now);
    board.handle_stop(now, Stop::Drain);
    board.set(now, vec![announcement("dns"), announcement("new")], drain());
    board.handle_ready(now, "new");
    board.handle_snapshot(now, &good());
    assert_eq!(stages(&board), [Stage::Draining, Stage::Withdrawn]);
}

#[test]
fn a_node_is_drained_with_the_snapshot_that_says_so() {
    let now = Instant::now();
    let mut board = board(now);
    assert_eq!(board.permit_drain(now, Insistence::IfNotLast), Ok(seconds(40)));
    assert_eq!(stages(&board), [Stage::Announced; 2]);
    board.handle_snapshot(now, &marked(&good(), true, false));
    assert_eq!(stages(&board), [Stage::Draining; 2]);
    assert_eq!(board.departure(), Departure::Draining { until: now + seconds(40) });
    board.handle_timeout(now + seconds(10));
    assert_eq!(board.departure(), Departure::Lingering { until: now + seconds(40) });
    assert_eq!(board.permit_drain(now, Insistence::IfNotLast), Ok(Duration::ZERO));
    board.handle_timeout(now + seconds(40));
    assert_eq!(board.departure(), Departure::Finished);
    board.handle_snapshot(now + seconds(41), &good());
    assert_eq!(stages(&board), [Stage::Announced; 2]);
}

#[test]
fn the_last_node_is_not_drained_unless_somebody_insists() {
    let now = Instant::now();
    let mut board = board(now);
    board.handle_siblings(now, siblings(false));
    let refusal = board.permit_drain(now, Insistence::IfNotLast).expect_err("the last one");
    assert_eq!(
        refusal.to_string(),
        "no sibling of dns, web answers, so this node may be the last that serves it"
    );
    assert_eq!(board.permit_drain(now, Insistence::Whatever), Ok(seconds(40)));
    board.handle_snapshot(now, &marked(&good(), true, false));
    board.handle_timeout(now + seconds(10));
    assert_eq!(stages(&board), [Stage::Withdrawn; 2]);
}

#[test]
fn the_last_node_may_be_drained_of_what_it_does_not_announce() {
    let now = Instant::now();
    let mut board = Board::new(vec![announcement("dns")], drain(), now);
    board.handle_siblings(now, siblings(false));
    assert_eq!(board.permit_drain(now, Insistence::IfNotLast), Ok(Duration::ZERO));
}

#[test]
fn a_drained_node_that_is_started_again_announces_nothing() {
    let now = Instant::now();
    let mut board = Board::new(vec![announcement("dns")], drain(), now);
    board.handle_snapshot(now, &marked(&good(), true, false));
    board.handle_ready(now, "dns");
    assert_eq!((stages(&board), board.departure()), (vec![Stage::Withdrawn], Departure::Finished));
    board.handle_snapshot(now, &good());
    assert_eq!(stages(&board), [Stage::Announced]);
}

#[test]
fn a_node_without_announcements_is_gone_when_it_wants_to_be() {
    let now = Instant::now();
    let mut board = Board::new(Vec::new(), drain(), now);
    board.handle_snapshot(now, &good());
    board.handle_stop(now, Stop::Drain);
    assert_eq!((board.departure(), board.next_deadline()), (Departure::Finished, None));
}

#[test]
fn a_node_has_left_when_its_last_announcement_has() {
    let now = Instant::now();
    let mut board = board(now);
    // `dns` is withdrawn already.
    board.handle_snapshot(now, &snapshot(Answering::No, [true; 3]));
    board.handle_stop(now + seconds(5), Stop::Drain);
    assert_eq!(stages(&board), [Stage::Withdrawn, Stage::Draining]);
    assert_eq!(board.departure(), Departure::Draining { until: now + seconds(45) });
    board.handle_timeout(now + seconds(15));
    assert_eq!(board.departure(), Departure::Lingering { until: now + seconds(45) });
    board.handle_siblings(now + seconds(44), siblings(false));
    assert_eq!(board.departure(), Departure::Lingering { until: now + seconds(45) });
    board.handle_timeout(now + seconds(45));
    assert_eq!(board.departure(), Departure::Finished);
}

#[test]
fn what_is_forgiven_comes_back_with_the_end_of_the_drain() {
    let now = Instant::now();
    let mut board = board(now);
    board.handle_snapshot(now, &snapshot(Answering::No, [true; 3]));
    board.handle_snapshot(now, &marked(&good(), true, false));
    board.forgive(now);
    board.handle_snapshot(now, &good());
    assert_eq!(stages(&board), [Stage::Announced; 2]);
}

#[test]
fn every_sibling_is_asked_once() {
    let asked = board(Instant::now()).siblings();
    assert_eq!(asked, announcement("dns").siblings.into_iter().collect());
}
