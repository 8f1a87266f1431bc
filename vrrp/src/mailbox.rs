//! A queue into an event loop: anybody posts, the loop's thread is woken and takes.
//!
//! An eventfd says that there is something; the queue holds what. Nobody waits for the other for
//! longer than a push or a swap takes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// The end that is posted to; a clone posts to the same queue.
pub struct Post<T>(Arc<Shared<T>>);

/// The end that is watched and emptied.
pub struct Mailbox<T>(Arc<Shared<T>>);

struct Shared<T> {
    queue: Mutex<Vec<T>>,
    bell: OwnedFd,
}

/// Makes both ends.
///
/// # Errors
///
/// No descriptor is left.
pub fn mailbox<T>() -> io::Result<(Post<T>, Mailbox<T>)> {
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let shared = Arc::new(Shared { queue: Mutex::new(Vec::new()), bell });
    Ok((Post(shared.clone()), Mailbox(shared)))
}

impl<T> Post<T> {
    /// Queues `item` and wakes the loop.
    pub fn post(&self, item: T) {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        // It fails only when the counter is full, and then the bell rings already.
        let _ = rustix::io::write(&self.0.bell, &1u64.to_ne_bytes());
    }
}

impl<T> Mailbox<T> {
    /// Everything that was posted since the last time, in order.
    pub fn take(&self) -> Vec<T> {
        // The bell is silenced first: what is posted between the two rings it again.
        let _ = rustix::io::read(&self.0.bell, &mut [0; 8]);
        std::mem::take(&mut *self.0.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Clone for Post<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> AsFd for Mailbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn rings(mailbox: &Mailbox<u8>) -> bool {
        let mut fds = [PollFd::new(mailbox, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
    }

    #[test]
    fn the_bell_rings_from_a_post_until_the_box_is_emptied() {
        let (post, mailbox) = mailbox().unwrap();
        assert!(!rings(&mailbox));
        post.post(1);
        post.clone().post(2);
        assert!(rings(&mailbox));
        assert_eq!(mailbox.take(), [1, 2]);
        assert!(!rings(&mailbox));
        assert!(mailbox.take().is_empty());
    }
}
