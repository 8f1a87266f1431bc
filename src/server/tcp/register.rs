//! Who is connected, and who must leave when there are too many.
//!
//! A connection holds a [`Seat`]. When all are taken, or all of one client's, the one that has been
//! longest without a query is closed for the new one: a client in use is never turned away for one
//! that only stays.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Every connection of a server.
#[derive(Debug)]
pub(super) struct Register {
    connections: usize,
    connections_per_client: usize,
    seats: Mutex<Seats>,
    /// Orders what connections do: a count of queries and arrivals.
    clock: AtomicU64,
}

#[derive(Debug, Default)]
struct Seats {
    by_number: HashMap<u64, Arc<Shared>>,
    /// How many each client has; never 0.
    by_client: HashMap<IpAddr, usize>,
}

/// What a connection and the register both know of it.
#[derive(Debug)]
struct Shared {
    client: IpAddr,
    /// The register's clock at the last query.
    heard: AtomicU64,
    leave: Notify,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    register: Arc<Register>,
    number: u64,
    shared: Arc<Shared>,
}

impl Register {
    /// With room for so many connections, and so many of one client; at least one of each.
    pub(super) fn new(connections: usize, connections_per_client: usize) -> Self {
        Self {
            connections: connections.max(1),
            connections_per_client: connections_per_client.max(1),
            seats: Mutex::default(),
            clock: AtomicU64::new(0),
        }
    }

    /// Finds a seat for a new connection, at the cost of the longest idle one when there is none.
    pub(super) fn admit(self: &Arc<Self>, from: IpAddr) -> Seat {
        let client = client(from);
        let mut seats = self.seats();
        if seats.by_client.get(&client).is_some_and(|&n| n >= self.connections_per_client) {
            seats.dismiss_longest_idle(|shared| shared.client == client);
        } else if seats.by_number.len() >= self.connections {
            seats.dismiss_longest_idle(|_| true);
        }
        let number = self.tick();
        let (heard, leave) = (AtomicU64::new(number), Notify::new());
        let shared = Arc::new(Shared { client, heard, leave });
        seats.by_number.insert(number, Arc::clone(&shared));
        *seats.by_client.entry(client).or_default() += 1;
        Seat { register: Arc::clone(self), number, shared }
    }

    /// Closes the longest idle connection, where there is one.
    pub(super) fn dismiss_one(&self) {
        self.seats().dismiss_longest_idle(|_| true);
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.seats().by_number.len()
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Relaxed)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        // Nothing that holds the lock can panic half way.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// A search through all: no more than the limit of connections, and only when it is reached.
    fn dismiss_longest_idle(&mut self, of: impl Fn(&Shared) -> bool) {
        let candidates = self.by_number.iter().filter(|(_, shared)| of(shared));
        let longest_idle = candidates.min_by_key(|(_, shared)| shared.heard.load(Relaxed));
        if let Some((&number, shared)) = longest_idle {
            shared.leave.notify_one();
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(shared) = self.by_number.remove(&number) else { return };
        if let Some(count) = self.by_client.get_mut(&shared.client) {
            *count -= 1;
            if *count == 0 {
                self.by_client.remove(&shared.client);
            }
        }
    }
}

impl Seat {
    /// A whole query has come.
    pub(super) fn heard(&self) {
        self.shared.heard.store(self.register.tick(), Relaxed);
    }

    /// Waits until another connection takes this one's place.
    pub(super) async fn dismissed(&self) {
        self.shared.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.register.seats().remove(self.number);
    }
}

/// What counts as one client: an IPv4 address, or the /64 that an IPv6 host has to itself.
fn client(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn dismissed(seat: &Seat) -> bool {
        pin!(seat.dismissed()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn longest_idle_connection_leaves_for_a_new_one() {
        let register = Arc::new(Register::new(3, 3));
        let seats = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|from| register.admit(ip(from)));
        seats[0].heard();
        let fourth = register.admit(ip("192.0.2.4"));
        assert_eq!(register.len(), 3);
        assert_eq!(seats.each_ref().map(dismissed), [false, true, false]);
        let fifth = register.admit(ip("192.0.2.5"));
        assert_eq!(seats.each_ref().map(dismissed), [false, false, true]);
        assert!(!dismissed(&fourth) && !dismissed(&fifth));
    }

    #[test]
    fn client_with_too_many_connections_loses_its_own() {
        let register = Arc::new(Register::new(10, 2));
        let other = register.admit(ip("192.0.2.9"));
        let first = register.admit(ip("192.0.2.1"));
        let second = register.admit(ip("192.0.2.1"));
        let third = register.admit(ip("192.0.2.1"));
        assert_eq!([&other, &first, &second, &third].map(dismissed), [false, true, false, false]);
        assert_eq!(register.len(), 3);
    }

    #[test]
    fn ipv6_client_is_its_64() {
        let register = Arc::new(Register::new(10, 1));
        let first = register.admit(ip("2001:db8:0:1::1"));
        let apart = register.admit(ip("2001:db8:0:2::1"));
        let _second = register.admit(ip("2001:db8:0:1:ffff::2"));
        assert_eq!([&first, &apart].map(dismissed), [true, false]);
    }

    #[test]
    fn seats_are_given_back_once() {
        let register = Arc::new(Register::new(1, 1));
        let first = register.admit(ip("192.0.2.1"));
        let second = register.admit(ip("192.0.2.1"));
        drop(first);
        assert_eq!(register.len(), 1);
        assert!(!dismissed(&second));
        drop(second);
        assert_eq!(register.len(), 0);
        assert!(register.seats().by_client.is_empty());
        register.dismiss_one();
    }
}
