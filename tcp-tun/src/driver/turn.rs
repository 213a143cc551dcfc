//! What a driver does in its turn.

use std::io;

use parking_lot::MutexGuard;
use tcp_core::{ConnectionId, Instant, PostedRead};

use super::clock::Clock;
use super::moderation;
use super::seat::{Input, Seat};
use super::state::{Received, State};

/// Packets received before the output that they cause is sent. Acknowledgements of a batch become
/// one; beyond it, threads that wait for the lock get their turn.
const RECEIVE_BATCH: usize = 64;

impl Seat {
    /// Does what there is to do: a batch of packets, the timers that are due, and what comes of both. Tells
    /// the time at which that was. What is for the driver's own read may go there straight from the packets.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub(super) fn work(
        &mut self,
        state: &mut State,
        clock: &Clock,
        posted: Option<&mut PostedRead<'_>>,
    ) -> io::Result<Instant> {
        // First those that others have read: of two packets of a flow, that is likely to be the older.
        let more = state.receive_handed_over(RECEIVE_BATCH, clock)?;
        let batch = match self.input {
            Input::Drained => 0,
            // It may be what the driver waits for; to see that there is no other can be left for later.
            Input::Woken => 1,
            Input::More => RECEIVE_BATCH,
        };
        if batch > 0 {
            self.input = match state.receive_batch(batch, clock, &mut self.buf, posted)? {
                received if received < batch => Input::Drained,
                _ => Input::More,
            };
        }
        if more {
            self.look_again();
        }
        let now = clock.now();
        // What is due may have been answered by a packet that waits behind the first.
        if batch != 1 {
            state.run_timers(now);
        }
        state.settle(now);
        Ok(now)
    }

    /// As [`State::write_in_place`].
    pub(crate) fn write_in_place(
        &mut self,
        state: &mut State,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
        clock: &Clock,
    ) -> Option<usize> {
        let (count, received) = state.write_in_place(now, id, data, (clock, &mut self.buf))?;
        self.input = match received {
            Received::All => Input::Drained,
            Received::Some => Input::More,
        };
        Some(count)
    }

    /// Lets others have the lock; where the device has been drained, until something happens, a timer is
    /// due or `until` has come, or for as long as packets are to gather.
    ///
    /// # Errors
    ///
    /// Those of `epoll`.
    pub(super) fn rest(
        &mut self,
        state: &mut MutexGuard<'_, State>,
        clock: &Clock,
        until: Option<Instant>,
    ) -> io::Result<()> {
        if self.input != Input::Drained {
            MutexGuard::bump(state);
            return Ok(());
        }
        let deadline = state.next_deadline(until);
        // Time has passed since the work: a device may take long to send a burst.
        let now = clock.now();
        let soon = now + moderation::ROUND;
        let must_listen = state.is_awaited() || deadline.is_some_and(|deadline| deadline < soon);
        if self.moderation.on_drained(state.reading(now), must_listen) {
            // To others it is as good as awake.
            state.count_nap();
            MutexGuard::unlocked(state, || self.nap());
            return Ok(());
        }
        state.fall_asleep(deadline);
        let slept = MutexGuard::unlocked(state, || self.sleep(now, deadline));
        state.wake_up();
        slept
    }
}
