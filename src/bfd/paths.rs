//! The paths that somebody relies on, as a configuration changes.

use super::driver::{Driver, OnEvent, Watch, Watched};

/// Paths that are watched for as long as this lives.
#[derive(Default)]
pub struct Paths {
    watches: Vec<(Watched, Watch)>,
}

impl Paths {
    /// Makes these the paths that are watched. A watch of one that stays goes on, with its present
    /// options; `driver` is asked for only when there is something new, and `on_event` makes what a
    /// new one calls.
    ///
    /// # Errors
    /// What is in the way of each path that cannot be watched, with its name; all others are.
    pub fn set(
        &mut self,
        wanted: Vec<Watched>,
        mut driver: impl FnMut() -> Result<Driver, String>,
        on_event: impl Fn(&Watched) -> OnEvent,
    ) -> Result<(), String> {
        let mut before = std::mem::take(&mut self.watches);
        let (mut new, mut refused) = (Vec::new(), Vec::new());
        for watched in wanted {
            match before.iter().position(|(known, _)| is_same_path(known, &watched)) {
                Some(at) => {
                    let (known, watch) = before.swap_remove(at);
                    if known.options != watched.options {
                        watch.reconfigure(watched.options.clone());
                    }
                    self.watches.push((watched, watch));
                }
                None => new.push(watched),
            }
        }
        // Those that are no longer wanted may exclude new ones.
        drop(before);
        for watched in new {
            let begin = |driver: Driver| {
                let on_event = on_event(&watched);
                driver.watch(watched.clone(), on_event).map_err(|error| error.to_string())
            };
            match driver().and_then(begin) {
                Ok(watch) => self.watches.push((watched, watch)),
                Err(why) => refused.push(format!("{}: {why}", watched.name)),
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
    }

    /// Watches nothing any more; the neighbours are told that this is no failure.
    pub fn end(&mut self) {
        self.watches.clear();
    }
}

fn is_same_path(one: &Watched, other: &Watched) -> bool {
    Watched { options: other.options.clone(), ..one.clone() } == *other
}
