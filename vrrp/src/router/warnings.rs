//! What is wrong and stays so for a while: shown in the status, and told once, not per packet.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A warning that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingWarning {
    /// A sentence without its full stop.
    pub text: String,
    /// Since when.
    pub since: Instant,
}

/// What a warning is about; a newer one about the same takes its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Topic {
    /// In which way.
    pub(super) kind: &'static str,
    /// By whom.
    pub(super) who: Option<IpAddr>,
}

/// Whoever can send packets can invent senders: more are not kept apart.
const MOST: usize = 64;

/// The warnings that stand.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    standing: BTreeMap<Topic, Entry>,
}

#[derive(Debug)]
struct Entry {
    warning: StandingWarning,
    /// Absent: until it is cleared.
    until: Option<Instant>,
}

impl Topic {
    /// About this node alone.
    pub(super) fn own(kind: &'static str) -> Self {
        Self { kind, who: None }
    }

    /// About another node.
    pub(super) fn about(kind: &'static str, who: IpAddr) -> Self {
        Self { kind, who: Some(who) }
    }
}

impl Warnings {
    /// Raises a warning that stands until `patience` after it was raised last; whether it is new.
    pub(super) fn raise(
        &mut self,
        now: Instant,
        topic: Topic,
        text: String,
        patience: Duration,
    ) -> bool {
        self.put(now, topic, text, Some(now + patience))
    }

    /// Raises a warning that stands until it is cleared; whether it is new.
    pub(super) fn stand(&mut self, now: Instant, topic: Topic, text: String) -> bool {
        self.put(now, topic, text, None)
    }

    fn put(&mut self, now: Instant, topic: Topic, text: String, until: Option<Instant>) -> bool {
        if let Some(entry) = self.standing.get_mut(&topic) {
            entry.warning.text = text;
            entry.until = until;
            return false;
        }
        if self.standing.len() >= MOST && topic.who.is_some() {
            return false;
        }
        let warning = StandingWarning { text, since: now };
        self.standing.insert(topic, Entry { warning, until });
        true
    }

    /// It is over; whether it stood.
    pub(super) fn clear(&mut self, topic: &Topic) -> bool {
        self.standing.remove(topic).is_some()
    }

    /// Those that were not raised again in their time are over.
    pub(super) fn expire(&mut self, now: Instant) {
        self.standing.retain(|_, entry| entry.until.is_none_or(|until| now < until));
    }

    /// Another configuration may have mended what others were warned of; what it did not mend is
    /// raised again with the next packet.
    pub(super) fn judge_anew(&mut self) {
        self.standing.retain(|topic, entry| topic.who.is_none() || entry.until.is_none());
    }

    /// When the next one is over.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.standing.values().filter_map(|entry| entry.until).min()
    }

    /// What stands, by topic.
    pub(super) fn list(&self) -> Vec<StandingWarning> {
        self.standing.values().map(|entry| entry.warning.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any moment will do as the first")]

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn peer(last: u8) -> Topic {
        Topic::about("clock", IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_warning_is_new_once_and_stands_until_it_is_no_longer_raised() {
        let start = Instant::now();
        let mut warnings = Warnings::default();
        assert!(warnings.raise(start, peer(1), "differs by 3 s".to_owned(), PATIENCE));
        let later = start + PATIENCE / 2;
        assert!(!warnings.raise(later, peer(1), "differs by 4 s".to_owned(), PATIENCE));
        let expected = StandingWarning { text: "differs by 4 s".to_owned(), since: start };
        assert_eq!(warnings.list(), [expected]);
        assert_eq!(warnings.next_expiry(), Some(later + PATIENCE));
        warnings.expire(later + PATIENCE - Duration::from_nanos(1));
        assert_eq!(warnings.list().len(), 1);
        warnings.expire(later + PATIENCE);
        assert!(warnings.list().is_empty());
        assert!(warnings.raise(later + PATIENCE, peer(1), String::new(), PATIENCE));
    }

    #[test]
    fn a_warning_about_this_node_stands_until_it_is_cleared() {
        let start = Instant::now();
        let mut warnings = Warnings::default();
        assert!(warnings.stand(start, Topic::own("resident"), "read-only".to_owned()));
        warnings.expire(start + PATIENCE * 1000);
        assert_eq!((warnings.list().len(), warnings.next_expiry()), (1, None));
        assert!(warnings.clear(&Topic::own("resident")));
        assert!(!warnings.clear(&Topic::own("resident")));
    }

    #[test]
    fn another_configuration_ends_what_was_said_of_packets_and_nothing_else() {
        let start = Instant::now();
        let mut warnings = Warnings::default();
        let foreign = Topic::about("foreign_address", IpAddr::from([192, 0, 2, 100]));
        warnings.raise(start, peer(1), "differs by 3 s".to_owned(), PATIENCE);
        warnings.raise(start, Topic::own("stalled"), "for 3 s".to_owned(), PATIENCE);
        warnings.stand(start, foreign, "put there by another program".to_owned());
        warnings.judge_anew();
        let left: Vec<_> = warnings.list().into_iter().map(|warning| warning.text).collect();
        assert_eq!(left, ["put there by another program", "for 3 s"]);
        assert!(warnings.raise(start, peer(1), "differs by 3 s".to_owned(), PATIENCE), "told anew");
    }

    #[test]
    fn invented_senders_do_not_fill_the_memory_or_hide_what_is_wrong_here() {
        let start = Instant::now();
        let mut warnings = Warnings::default();
        for last in 0..=u8::MAX {
            warnings.raise(start, peer(last), String::new(), PATIENCE);
        }
        assert_eq!(warnings.list().len(), MOST);
        assert!(warnings.stand(start, Topic::own("resident"), String::new()));
    }
}
