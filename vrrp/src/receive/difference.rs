//! What tells two lists of addresses apart.

use std::fmt;
use std::net::IpAddr;

/// How many addresses a message names.
const NAMED: usize = 4;

/// How another node's addresses differ from ours. Order does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Ours that it does not have.
    pub missing: Vec<IpAddr>,
    /// Its that we do not have.
    pub extra: Vec<IpAddr>,
}

impl Difference {
    /// Absent if both have the same.
    pub(super) fn between(
        ours: impl Iterator<Item = IpAddr> + Clone,
        theirs: impl Iterator<Item = IpAddr> + Clone,
    ) -> Option<Self> {
        let missing: Vec<_> = ours.clone().filter(|&a| theirs.clone().all(|b| b != a)).collect();
        let extra: Vec<_> = theirs.filter(|&a| ours.clone().all(|b| b != a)).collect();
        let same = missing.is_empty() && extra.is_empty();
        (!same).then_some(Self { missing, extra })
    }
}

impl fmt::Display for Difference {
    /// "without 10.0.0.100, with 10.0.0.101 and 10.0.0.102".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("without", &self.missing), ("with", &self.extra)];
        let mut separator = "";
        for (word, addresses) in parts.into_iter().filter(|(_, list)| !list.is_empty()) {
            write!(f, "{separator}{word} ")?;
            list(f, addresses)?;
            separator = ", ";
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, addresses: &[IpAddr]) -> fmt::Result {
    let mut separator = "";
    for address in addresses.iter().take(NAMED) {
        write!(f, "{separator}{address}")?;
        separator = " and ";
    }
    match addresses.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(ours: &[u8], theirs: &[u8]) -> Option<String> {
        let list = |list: &[u8]| -> Vec<IpAddr> {
            list.iter().map(|&last| IpAddr::from([10, 0, 0, last])).collect()
        };
        let (ours, theirs) = (list(ours), list(theirs));
        Difference::between(ours.iter().copied(), theirs.iter().copied()).map(|d| d.to_string())
    }

    #[test]
    fn order_and_repetition_make_no_difference() {
        assert_eq!(between(&[1, 2], &[2, 1]), None);
        assert_eq!(between(&[1, 2], &[1, 2, 2]), None);
    }

    #[test]
    fn a_difference_names_what_is_missing_and_what_is_extra() {
        let table: [(&[u8], &[u8], &str); 4] = [
            (&[1, 2], &[1], "without 10.0.0.2"),
            (&[1], &[1, 3, 4], "with 10.0.0.3 and 10.0.0.4"),
            (&[1], &[2], "without 10.0.0.1, with 10.0.0.2"),
            (
                &[],
                &[1, 2, 3, 4, 5, 6],
                "with 10.0.0.1 and 10.0.0.2 and 10.0.0.3 and 10.0.0.4 and 2 more",
            ),
        ];
        for (ours, theirs, message) in table {
            assert_eq!(between(ours, theirs).as_deref(), Some(message));
        }
    }
}
