//! An explanation as text: one line for each thing that was looked at, indented by nesting.

use std::fmt::{self, Display, Formatter};

use super::{Answer, ClientSeen, Explanation, Mode, Steering};
use super::{Branch, Finding, MemberSeen, Node};

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.name, self.rtype)?;
        for step in &self.lookup {
            writeln!(f, "  {step}")?;
        }
        match &self.steering {
            Some(steering) => steering.fmt(f),
            None => Ok(()),
        }
    }
}

impl Display for Steering {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "client  {}", self.client)?;
        write!(f, "policy  ")?;
        self.path.write(f, 0, "")?;
        match self.mode {
            Mode::Normal => {}
            Mode::IgnoringMinHealthy => {
                writeln!(f, "mode    nothing reaches its min_healthy: decided again without it")?;
            }
            Mode::AsIfUp | Mode::AsIfAllUp => {
                let when_down = self.when_down.as_deref().unwrap_or_default();
                writeln!(f, "mode    nothing serves: when_down is {when_down}")?;
            }
        }
        write!(f, "{}", self.answer)?;
        writeln!(f, "ttl     {} s: {}", self.ttl.value, self.ttl.because)?;
        writeln!(f, "scope   /{}: {}", self.scope.value, self.scope.because)
    }
}

impl Display for ClientSeen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut facts: Vec<String> = self.cidrs.clone();
        facts.extend(self.asn.map(|asn| format!("AS{asn}")));
        facts.extend(self.subdivision.clone());
        facts.extend(self.country.clone());
        facts.extend(self.continent.map(str::to_owned));
        facts.extend(self.coordinates.map(|[lat, long]| format!("at {lat:.2}, {long:.2}")));
        facts.extend(self.class.map(|class| format!("class {class}")));
        match (self.address, self.looked_up_as) {
            (Some(address), None) => write!(f, "{address}")?,
            (Some(address), Some(carried)) => write!(f, "{address}, looked up as {carried}")?,
            (None, _) => f.write_str("any")?,
        }
        if facts.is_empty() { Ok(()) } else { write!(f, ": {}", facts.join(", ")) }
    }
}

impl Node {
    /// Writes the rest of the line that it is named on, and a line for each child.
    fn write(&self, f: &mut Formatter<'_>, depth: usize, finding: &str) -> fmt::Result {
        let indent = 4 * depth + 4;
        // The text of a policy without a name begins with its method.
        let unnamed = self.policy.starts_with(self.method);
        let method = if unnamed { String::new() } else { format!(" ({})", self.method) };
        write!(f, "{}{method}{finding}", self.policy)?;
        if let Some(pool) = &self.pool {
            let mark = if finding.is_empty() { ":" } else { ";" };
            writeln!(f, "{mark} {}", pool.because)?;
            return pool.members.iter().try_for_each(|member| write!(f, "{:indent$}{member}", ""));
        }
        writeln!(f, "{}", if self.repeated { ", as above" } else { "" })?;
        self.children.iter().try_for_each(|child| child.write(f, depth + 1))
    }
}

impl Branch {
    fn write(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        write!(f, "{:indent$}{} → ", "", self.because, indent = 4 * depth)?;
        let finding = format!(": {}", self.finding);
        match &self.node {
            Some(node) => node.write(f, depth, &finding),
            None => writeln!(f, "{}{finding}", self.policy),
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picked { share } => write!(f, "picked {}", Percent(*share)),
            Self::Degraded { kept, share } => {
                write!(f, "picked {}, keeping {} while degraded", Percent(*share), Percent(*kept))
            }
            Self::Down => f.write_str("dropped: down"),
            Self::NotLookedAt => f.write_str("not needed"),
            Self::SameAsEarlier => f.write_str("same as before"),
            Self::WeightZero => f.write_str("never picked"),
            Self::BehindFence => f.write_str("behind a hard fence"),
        }
    }
}

impl Display for MemberSeen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} weight {}: {}", self.address, self.weight, self.probed)?;
        match self.forced {
            Some(forced) => writeln!(f, ", forced {forced}"),
            None => writeln!(f),
        }
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members { at_most, pools } => {
                // Under `all` the pools answer together, and one without addresses takes none away.
                let together = pools.iter().map(|pool| pool.share).sum::<f64>() > 1.0 + 1e-6;
                for pool in pools {
                    write!(f, "answer  {} from {}: ", Percent(pool.share), pool.pool)?;
                    let addresses: Vec<_> = pool.members.iter().map(ToString::to_string).collect();
                    match addresses.len() {
                        0 if together => writeln!(f, "no address of this family")?,
                        0 => writeln!(f, "NODATA")?,
                        n if n <= *at_most => writeln!(f, "{}", addresses.join(", "))?,
                        _ => writeln!(f, "{at_most} of {}", addresses.join(", "))?,
                    }
                }
                Ok(())
            }
            Self::Fallback { addresses } if addresses.is_empty() => writeln!(f, "answer  NODATA"),
            Self::Fallback { addresses } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                writeln!(f, "answer  fallback: {}", addresses.join(", "))
            }
            Self::NoData => writeln!(f, "answer  NODATA"),
            Self::ServFail => writeln!(f, "answer  SERVFAIL"),
            Self::Refused => writeln!(f, "answer  REFUSED"),
        }
    }
}

/// A share, as people write it: `70 %`, `33.3 %`.
struct Percent(f64);

impl Display for Percent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 1000.0).round() / 10.0;
        write!(f, "{tenths} %")
    }
}
