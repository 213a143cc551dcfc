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
            let napped = MutexGuard::unlocked(state, || self.nap());
            self.moderation.on_nap(napped);
            return Ok(());
        }
        state.fall_asleep(deadline);
        let slept = MutexGuard::unlocked(state, || self.sleep(now, deadline));
        state.wake_up();
        slept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use parking_lot::Mutex;
    use tcp_core::{ConnectionEvent, Event, PacketMeta, Stack, StackConfig, ValidConfig};

    use crate::device::{Device, MAX_PACKET};
    use crate::driver::link::Link;
    use crate::driver::moderation::Moderation;
    use crate::driver::seat::DEVICE;
    use crate::driver::wait::Waiter;

    /// A device that is always full and has nothing.
    struct Full(crate::MemoryDevice);

    impl Device for Full {
        fn recv(&mut self, _: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn send(&mut self, _: &[u8], _: &tcp_core::Transmit) -> io::Result<()> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn mtu(&self) -> u16 {
            1_500
        }
    }

    impl std::os::fd::AsFd for Full {
        fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    struct Driver {
        state: Mutex<State>,
        seat: Seat,
        clock: Clock,
        id: ConnectionId,
    }

    impl Driver {
        /// One that is to nap as long as it may. Its stack has a SYN to send.
        fn napping(device: impl Device + 'static) -> Driver {
            let config = StackConfig {
                addresses: vec!["10.0.0.2".parse().unwrap()],
                ..StackConfig::default()
            };
            let clock = Clock::start();
            let mut stack = Stack::new(config, [7; 32]);
            let remote = "10.0.0.1:80".parse().unwrap();
            let id = stack
                .connect(clock.now(), None, remote, ValidConfig::default())
                .unwrap();
            let (mut seat, _waker, registry) = Seat::new(true).unwrap();
            let link =
                Link::register(Box::new(device), registry, DEVICE, None, MAX_PACKET).unwrap();
            seat.moderation = Moderation::napping();
            Driver {
                state: Mutex::new(State::new(stack, link, None)),
                seat,
                clock,
                id,
            }
        }

        /// Rests for so long at most, as one that has drained the device; says how often it has napped by then.
        fn rest(&mut self, most: Duration) -> u64 {
            let mut state = self.state.lock();
            self.seat.input = Input::Drained;
            let until = self.clock.now() + most;
            self.seat
                .rest(&mut state, &self.clock, Some(until))
                .unwrap();
            state.device_counters().rx_naps
        }
    }

    /// Time to nap, and time that is slept.
    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(5);

    #[test]
    fn what_comes_during_a_nap_is_taken_after_it() {
        let (device, mut peer) = crate::MemoryDevice::pair(1_500).unwrap();
        let mut driver = Driver::napping(device);
        let packet = [0x45; 60];
        let transmit = tcp_core::Transmit {
            len: packet.len(),
            segment_size: None,
            checksum: tcp_core::TransmitChecksum::Complete,
        };
        peer.send(&packet, &transmit).unwrap();
        assert_eq!(driver.rest(LONG), 1);
        let mut state = driver.state.lock();
        driver.seat.work(&mut state, &driver.clock, None).unwrap();
        assert_eq!(state.rx_packets(), 1);
    }

    #[test]
    fn a_driver_with_something_to_do_soon_does_not_nap() {
        let (device, _peer) = crate::MemoryDevice::pair(1_500).unwrap();
        let mut driver = Driver::napping(device);
        assert_eq!(driver.rest(moderation::ROUND / 2), 0);
        // Somebody waits for the seat.
        let waiter = Waiter::Readable(driver.id);
        let (ticket, _) = driver.state.get_mut().role.join_queue(waiter);
        assert_eq!(driver.rest(SHORT), 0);
        driver.state.get_mut().role.leave_queue(ticket);
        assert_eq!(driver.rest(LONG), 1);
    }

    #[test]
    fn a_driver_that_waits_for_room_at_the_device_does_not_nap() {
        let (device, _peer) = crate::MemoryDevice::pair(1_500).unwrap();
        let mut driver = Driver::napping(Full(device));
        let now = driver.clock.now();
        driver.state.get_mut().settle(now);
        assert_eq!(driver.rest(SHORT), 0);
    }

    #[test]
    fn events_are_for_others_but_for_those_of_the_reader_that_drives() {
        let (device, _peer) = crate::MemoryDevice::pair(1_500).unwrap();
        let Driver {
            mut state,
            seat,
            clock,
            id,
        } = Driver::napping(device);
        let state = state.get_mut();
        let relief = crate::driver::relief::Relief::new().unwrap();
        state.role.put_back(Box::new(seat), clock.now(), &relief);
        let seat = state.role.take_seat(Waiter::Readable(id)).unwrap();
        let mut counted = |event| {
            let before = state.reading(clock.now()).for_others;
            state.report(Event::Connection { id, event });
            state.reading(clock.now()).for_others - before
        };
        assert_eq!(counted(ConnectionEvent::Readable), 0);
        assert_eq!(counted(ConnectionEvent::Writable), 1);
        let before = state.reading(clock.now());
        // It is not forgotten when another drives.
        state.role.put_back(seat, clock.now(), &relief);
        assert!(state.role.take_seat(Waiter::Writable(id)).is_some());
        assert_eq!(state.reading(clock.now()).for_others, before.for_others);
        let event = ConnectionEvent::Readable;
        state.report(Event::Connection { id, event });
        assert_eq!(state.reading(clock.now()).for_others, before.for_others + 1);
    }
}
