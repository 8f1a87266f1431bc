//! What the keyboard and a script can say.

use std::str::FromStr;
use std::time::Duration;

use tokio::sync::mpsc;

use super::region::{Mood, REGIONS, What, members};

/// What `help` prints.
pub(super) const HELP: &str = "  \
  fail WHAT     it answers 503
  hang WHAT     it accepts connections and says nothing
  heal WHAT     it answers 200 again
  status        what the node knows of every member
  quit          end the demo
WHAT is virginia, dublin or tokyo, one member's address such as 127.1.1.2, or all.
";

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Set(What, Mood),
    Status,
    Help,
    Quit,
    /// A line that is none of these, and why.
    Misread(String),
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split_whitespace().collect();
        let set = |what: &str, mood| Ok(Self::Set(read_what(what)?, mood));
        match words[..] {
            ["fail", what] => set(what, Mood::Failing),
            ["hang", what] => set(what, Mood::Hanging),
            ["heal", what] => set(what, Mood::Well),
            ["fail" | "hang" | "heal"] => Err(format!("{text} what? a region, a member, or all")),
            ["status"] => Ok(Self::Status),
            ["help"] => Ok(Self::Help),
            ["quit" | "exit"] => Ok(Self::Quit),
            _ => Err(format!("{text:?} is no order; `help` lists them")),
        }
    }
}

fn read_what(text: &str) -> Result<What, String> {
    let region = REGIONS.into_iter().map(|(name, _)| name).find(|name| *name == text);
    let address = members().map(|(_, address)| address).find(|a| a.to_string() == text);
    match (region, address) {
        (Some(name), _) => Ok(What::Region(name)),
        (None, Some(address)) => Ok(What::Member(address)),
        (None, None) if text == "all" => Ok(What::All),
        (None, None) => {
            let names = REGIONS.map(|(name, _)| name).join(", ");
            Err(format!("{text:?} is no region ({names}), no member's address, and not `all`"))
        }
    }
}

/// Orders and their times, from the first answer on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script(Vec<(Duration, Order)>);

impl Script {
    /// Gives each order at its time.
    pub(super) async fn recite(self, orders: mpsc::Sender<Order>) {
        let start = tokio::time::Instant::now();
        for (time, order) in self.0 {
            tokio::time::sleep_until(start + time).await;
            if orders.send(order).await.is_err() {
                return;
            }
        }
    }
}

/// Reads `3s fail virginia; 8s heal virginia; 12s quit`; puts the steps in the order of their times.
pub(super) fn script(text: &str) -> Result<Script, String> {
    let steps = text.split(';').map(str::trim).filter(|step| !step.is_empty());
    let mut steps = steps.map(step).collect::<Result<Vec<_>, _>>()?;
    steps.sort_by_key(|(time, _)| *time);
    Ok(Script(steps))
}

fn step(text: &str) -> Result<(Duration, Order), String> {
    let (time, order) = text
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("{text:?}: a step is a time and an order, as in `3s fail tokyo`"))?;
    Ok((read_time(time)?, order.trim().parse()?))
}

fn read_time(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => 0,
    };
    let milliseconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    match milliseconds {
        Some(milliseconds) if unit > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(format!("{text:?} is no time: write 500ms, 3s or 1m")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn orders_are_read_and_others_say_what_would_be_right() {
        for (text, order) in [
            ("fail virginia", Order::Set(What::Region("virginia"), Mood::Failing)),
            (
                "  hang   127.1.3.2 ",
                Order::Set(What::Member(Ipv4Addr::new(127, 1, 3, 2)), Mood::Hanging),
            ),
            ("heal all", Order::Set(What::All, Mood::Well)),
            ("status", Order::Status),
            ("help", Order::Help),
            ("quit", Order::Quit),
        ] {
            assert_eq!(text.parse(), Ok(order), "{text}");
        }
        for (text, why) in [
            ("fail", "fail what?"),
            ("fail mars", "no region (virginia, dublin, tokyo)"),
            ("fail 127.1.3.9", "no member's address"),
            ("dance", "`help` lists them"),
        ] {
            let error = text.parse::<Order>().expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_script_is_read_in_the_order_of_its_times() {
        let read = script("8s heal virginia; 500ms fail virginia;1m quit;").expect("a script");
        let times: Vec<_> = read.0.iter().map(|(time, _)| time.as_millis()).collect();
        assert_eq!(times, [500, 8_000, 60_000]);
        assert_eq!(read.0[2].1, Order::Quit);
        for (text, why) in [
            ("quit", "a time and an order"),
            ("3 quit", "no time"),
            ("3h quit", "no time"),
            ("99999999999999999999s quit", "no time"),
            ("3s fail", "fail what?"),
        ] {
            let error = script(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn a_script_gives_its_orders_in_turn_and_ends() {
        let (orders, mut inbox) = mpsc::channel(4);
        tokio::spawn(script("2ms quit; 0s status").expect("a script").recite(orders));
        assert_eq!(inbox.recv().await, Some(Order::Status));
        assert_eq!(inbox.recv().await, Some(Order::Quit));
        assert_eq!(inbox.recv().await, None);
    }
}
