//! What is wanted of a peer's task. Written by any thread; of several wishes the last one counts.

use std::sync::Arc;

use crate::bgp::routes::RouteSet;
use crate::bgp::session::Bfd;

/// What is wanted of a peer's task.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// What the peer is to know; absent: that is not decided yet.
    pub(super) routes: Option<Arc<RouteSet>>,
    /// What BFD said last.
    bfd: Bfd,
    /// How often BFD changed its mind.
    changes: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { routes: None, bfd: Bfd::Down, changes: 0 }
    }
}

impl Wanted {
    /// The peer is to know these; whether that is news.
    pub(super) fn set_routes(&mut self, routes: RouteSet) -> bool {
        let news = self.routes.as_deref() != Some(&routes);
        if news {
            self.routes = Some(Arc::new(routes));
        }
        news
    }

    /// BFD has spoken. To say the same again says nothing.
    pub(super) fn hear_bfd(&mut self, bfd: Bfd) {
        self.changes += u64::from(self.bfd != bfd);
        self.bfd = bfd;
    }

    /// What BFD said since `before`, as far as it matters: a path that is up again was down, and one
    /// that is down again was up, so that the session knows it to be watched. More changes than
    /// three are like as many fewer by two.
    pub(super) fn bfd_since(&self, before: &Self) -> impl Iterator<Item = Bfd> + use<> {
        let (last, other) = match self.bfd {
            Bfd::Up => (Bfd::Up, Bfd::Down),
            Bfd::Down => (Bfd::Down, Bfd::Up),
        };
        let changes = self.changes.saturating_sub(before.changes);
        let told = if changes > 3 { 2 + changes % 2 } else { changes };
        (0..told).rev().map(move |later| if later % 2 == 0 { last } else { other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_change_of_the_path_is_lost_that_a_session_must_know() {
        use Bfd::{Down, Up};
        let table: [(Bfd, &[Bfd], &[Bfd]); 9] = [
            (Up, &[], &[]),
            (Up, &[Up], &[]),
            (Up, &[Down], &[Down]),
            (Up, &[Down, Up], &[Down, Up]),
            (Up, &[Down, Down, Up, Up], &[Down, Up]),
            (Down, &[Up], &[Up]),
            (Down, &[Up, Down], &[Up, Down]),
            (Down, &[Up, Down, Up, Down], &[Up, Down]),
            (Down, &[Up, Down, Up, Down, Up], &[Up, Down, Up]),
        ];
        for (first, said, expected) in table {
            let mut before = Wanted::default();
            before.hear_bfd(first);
            let mut now = before.clone();
            said.iter().for_each(|&bfd| now.hear_bfd(bfd));
            assert_eq!(now.bfd_since(&before).collect::<Vec<_>>(), expected, "{first:?} {said:?}");
        }
    }
}
