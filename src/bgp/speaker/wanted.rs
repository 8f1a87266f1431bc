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
    pub(super) bfd: Bfd,
    /// How often BFD said that the path is down: one that is up again was down nevertheless.
    pub(super) downs: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { routes: None, bfd: Bfd::Down, downs: 0 }
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

    /// BFD has spoken.
    pub(super) fn hear_bfd(&mut self, bfd: Bfd) {
        self.downs += u64::from(bfd == Bfd::Down);
        self.bfd = bfd;
    }

    /// What BFD said since `before`, in the order that matters.
    pub(super) fn bfd_since(&self, before: &Self) -> impl Iterator<Item = Bfd> + use<> {
        let went_down = (self.downs != before.downs).then_some(Bfd::Down);
        let is_up = (self.bfd == Bfd::Up).then_some(Bfd::Up);
        went_down.into_iter().chain(is_up.filter(|_| went_down.is_some() || before.bfd != Bfd::Up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_was_down_for_a_moment_was_down() {
        let table: [(&[Bfd], &[Bfd]); 5] = [
            (&[], &[]),
            (&[Bfd::Up], &[]),
            (&[Bfd::Down], &[Bfd::Down]),
            (&[Bfd::Down, Bfd::Up], &[Bfd::Down, Bfd::Up]),
            (&[Bfd::Up, Bfd::Down], &[Bfd::Down]),
        ];
        for (said, expected) in table {
            let mut before = Wanted::default();
            before.hear_bfd(Bfd::Up);
            let mut now = before.clone();
            said.iter().for_each(|&bfd| now.hear_bfd(bfd));
            assert_eq!(now.bfd_since(&before).collect::<Vec<_>>(), expected, "{said:?}");
        }
    }

    #[test]
    fn the_first_word_is_heard() {
        let mut now = Wanted::default();
        now.hear_bfd(Bfd::Up);
        assert_eq!(now.bfd_since(&Wanted::default()).collect::<Vec<_>>(), [Bfd::Up]);
    }
}
