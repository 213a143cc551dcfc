//! What callers wait on who wait for any of several queues.

use parking_lot::{Condvar, Mutex};

use super::patience::Patience;

/// Callers that wait for something of a listener which each queue's stack has a part of.
///
/// None of them drives: there are several drivers to be, and it waits for one as much as for another. It
/// notes how often the bell has rung, asks each stack in turn, and then waits for the bell to ring once
/// more. What rings in between has changed the count, so it cannot be missed.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    connection: Bell,
    syn: Bell,
}

/// What a listener has for its users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// A connection to accept.
    Connection,
    /// A SYN to decide about.
    Syn,
}

impl Crowd {
    /// How often something of this kind has come.
    pub(crate) fn count(&self, wanted: Wanted) -> u64 {
        *self.bell(wanted).count.lock()
    }

    /// Waits until something has come since that count was told; says whether it has.
    pub(crate) fn wait_past(&self, seen: u64, wanted: Wanted, patience: Patience) -> bool {
        let bell = self.bell(wanted);
        let mut count = bell.count.lock();
        while *count == seen {
            match patience {
                Patience::None => return false,
                Patience::Forever => bell.rung.wait(&mut count),
                Patience::Until(deadline) => {
                    let timeout = bell.rung.wait_until(&mut count, deadline);
                    if timeout.timed_out() {
                        return *count != seen;
                    }
                }
            }
        }
        true
    }

    /// Tells one caller, if any waits.
    pub(super) fn tell_one(&self, wanted: Wanted) {
        let bell = self.bell(wanted);
        *bell.count.lock() += 1;
        bell.rung.notify_one();
    }

    /// Tells all callers: the listener or the interface has ended.
    pub(super) fn tell_all(&self) {
        for bell in [&self.connection, &self.syn] {
            *bell.count.lock() += 1;
            bell.rung.notify_all();
        }
    }

    fn bell(&self, wanted: Wanted) -> &Bell {
        match wanted {
            Wanted::Connection => &self.connection,
            Wanted::Syn => &self.syn,
        }
    }
}

#[derive(Debug, Default)]
struct Bell {
    count: Mutex<u64>,
    rung: Condvar,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::{Duration, Instant};

    #[test]
    fn what_came_before_the_wait_is_not_missed() {
        let crowd = Crowd::default();
        let seen = crowd.count(Wanted::Connection);
        assert!(!crowd.wait_past(seen, Wanted::Connection, Patience::None));
        crowd.tell_one(Wanted::Connection);
        assert!(crowd.wait_past(seen, Wanted::Connection, Patience::Forever));
        assert!(
            !crowd.wait_past(0, Wanted::Syn, Patience::None),
            "another kind"
        );
    }

    #[test]
    fn patience_ends() {
        let crowd = Crowd::default();
        let deadline = Instant::now() + Duration::from_millis(10);
        assert!(!crowd.wait_past(0, Wanted::Syn, Patience::Until(deadline)));
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn each_ring_wakes_one_and_the_last_all() {
        let crowd = Crowd::default();
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| crowd.wait_past(0, Wanted::Connection, Patience::Forever)))
                .collect();
            crowd.tell_one(Wanted::Connection);
            crowd.tell_all();
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
        });
    }
}
