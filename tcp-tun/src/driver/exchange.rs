//! Packets that were read at one queue and belong to another's stack.
//!
//! ```text
//!   queue 0 ──read──> whose? ──ours──────> stack 0
//!                       │ another's              ^
//!                       v                        │ collected before the device is read
//!                    [inbox 1] ──> stack 1    [inbox 0] <── read at queue 1
//! ```
//!
//! Each queue has an inbox under a lock of its own, which nobody holds while it takes another: whoever
//! puts a packet into it holds the lock of its own queue's state, and never that of two. Who puts the
//! first packet into an empty inbox wakes the queue's driver; the driver collects whenever it works, and
//! rests only where nothing was left. So no packet lies there unheard of: either its driver has been woken
//! since, or has still to look.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, OnceLock};

use mio::Waker;
use parking_lot::Mutex;
use tcp_core::{PacketMeta, Steering};

/// What an inbox holds at most, in bytes with [`OVERHEAD`]: a large window, or some thousand small packets.
const CAPACITY: usize = 4 << 20;

/// What a packet counts for beside its bytes, lest small ones use more memory than they are counted for.
const OVERHEAD: usize = 256;

/// What joins the queues of one interface.
pub(super) struct Exchange {
    steering: Steering,
    inboxes: Box<[Inbox]>,
    /// What has ended one of the queues; it ends the others.
    failure: OnceLock<Arc<io::Error>>,
}

struct Inbox {
    contents: Mutex<Contents>,
    /// Wakes the queue's driver.
    waker: Arc<Waker>,
}

#[derive(Default)]
struct Contents {
    parcels: VecDeque<Parcel>,
    /// Of all parcels, in bytes with [`OVERHEAD`].
    size: usize,
    /// The queue has ended, and takes nothing.
    is_closed: bool,
}

/// A packet on its way to its stack.
pub(super) struct Parcel {
    pub(super) packet: Box<[u8]>,
    /// As the device gave it, with the time at which it was read.
    pub(super) meta: PacketMeta,
}

/// Whether a packet found room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Delivery {
    Done,
    NoRoom,
}

/// One queue at the exchange.
pub(super) struct Member {
    exchange: Arc<Exchange>,
    index: usize,
    handed_over: u64,
    dropped: u64,
}

/// What has come for a queue.
pub(super) struct Collected {
    pub(super) parcels: Vec<Parcel>,
    /// There is more.
    pub(super) more: bool,
}

impl Exchange {
    /// An exchange of so many queues as there are wakers, each of its driver; and the queues, in that
    /// order.
    pub(super) fn join(steering: Steering, wakers: &[Arc<Waker>]) -> Vec<Member> {
        let inbox = |waker: &Arc<Waker>| Inbox {
            contents: Mutex::default(),
            waker: Arc::clone(waker),
        };
        let exchange = Arc::new(Exchange {
            steering,
            inboxes: wakers.iter().map(inbox).collect(),
            failure: OnceLock::new(),
        });
        let member = |index| Member {
            exchange: Arc::clone(&exchange),
            index,
            handed_over: 0,
            dropped: 0,
        };
        (0..wakers.len()).map(member).collect()
    }
}

impl Member {
    /// Hands a packet that was read here to the queue whose flow it is of; says whether that is another.
    /// What is of no flow stays.
    pub(super) fn hand_over(&mut self, packet: &[u8], meta: PacketMeta) -> bool {
        let owner = self.exchange.steering.owner_of_packet(packet);
        let Some(owner) = owner.map(usize::from).filter(|&owner| owner != self.index) else {
            return false;
        };
        match self.exchange.inboxes[owner].put(packet, meta) {
            Delivery::Done => self.handed_over += 1,
            Delivery::NoRoom => self.dropped += 1,
        }
        true
    }

    /// Takes up to `most` packets that others have read for this queue, the oldest first.
    ///
    /// # Errors
    ///
    /// Another queue has failed, and so the interface is to end.
    pub(super) fn collect(&self, most: usize) -> io::Result<Collected> {
        if let Some(error) = self.exchange.failure.get() {
            let message = format!("another queue has failed: {error}");
            return Err(io::Error::new(error.kind(), message));
        }
        Ok(self.inbox().take(most))
    }

    /// Packets handed over by this queue, and those that found no room.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.handed_over, self.dropped)
    }

    /// The queue has ended: by an error, which the others are to end by as well, or as all of them do.
    pub(super) fn leave(&self, failure: Option<&Arc<io::Error>>) {
        *self.inbox().contents.lock() = Contents {
            is_closed: true,
            ..Contents::default()
        };
        let Some(failure) = failure else {
            return;
        };
        // Where two fail, the first is the cause.
        if self.exchange.failure.set(Arc::clone(failure)).is_ok() {
            let others = self.exchange.inboxes.iter().enumerate();
            for (_, inbox) in others.filter(|(index, _)| *index != self.index) {
                inbox.wake();
            }
        }
    }

    fn inbox(&self) -> &Inbox {
        &self.exchange.inboxes[self.index]
    }
}

impl Inbox {
    fn put(&self, packet: &[u8], meta: PacketMeta) -> Delivery {
        let size = packet.len() + OVERHEAD;
        let mut contents = self.contents.lock();
        if contents.is_closed || contents.size + size > CAPACITY {
            return Delivery::NoRoom;
        }
        let was_empty = contents.parcels.is_empty();
        contents.size += size;
        contents.parcels.push_back(Parcel {
            packet: packet.into(),
            meta,
        });
        drop(contents);
        if was_empty {
            self.wake();
        }
        Delivery::Done
    }

    fn take(&self, most: usize) -> Collected {
        let mut contents = self.contents.lock();
        let count = most.min(contents.parcels.len());
        let parcels: Vec<Parcel> = contents.parcels.drain(..count).collect();
        let size: usize = parcels
            .iter()
            .map(|parcel| parcel.packet.len() + OVERHEAD)
            .sum();
        contents.size -= size;
        let more = !contents.parcels.is_empty();
        Collected { parcels, more }
    }

    fn wake(&self) {
        let woken = self.waker.wake();
        debug_assert!(woken.is_ok(), "an eventfd that is open takes a wake-up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::seat::Seat;
    use std::num::NonZeroU16;
    use tcp_core::Instant;

    /// Two queues, and their seats, which must outlive their wakers.
    fn members() -> (Vec<Member>, Vec<Seat>) {
        let steering = Steering::new(&[7; 32], NonZeroU16::new(2).unwrap());
        let (seats, wakers): (Vec<Seat>, Vec<Arc<Waker>>) = (0..2)
            .map(|_| Seat::new(true).unwrap())
            .map(|(seat, waker, _)| (seat, Arc::new(waker)))
            .unzip();
        (Exchange::join(steering, &wakers), seats)
    }

    /// A segment's headers, of a flow that this queue owns: its ports tell it from others.
    fn packets(owner: u16) -> impl Iterator<Item = Vec<u8>> {
        let steering = Steering::new(&[7; 32], NonZeroU16::new(2).unwrap());
        let packet = |port: u16| {
            let mut packet = vec![0; 60];
            packet[0] = 0x45;
            packet[3] = 60;
            packet[9] = 6;
            packet[15] = 1;
            packet[19] = 2;
            packet[20..22].copy_from_slice(&port.to_be_bytes());
            packet[23] = 80;
            packet
        };
        (1..u16::MAX)
            .map(packet)
            .filter(move |packet| steering.owner_of_packet(packet) == Some(owner))
    }

    fn meta(millis: u64) -> PacketMeta {
        PacketMeta {
            arrived: Some(Instant::from_millis(millis)),
            ..PacketMeta::default()
        }
    }

    #[test]
    fn packets_come_to_their_owner_once_and_in_order() {
        let (mut members, _seats) = members();
        for (at, packet) in (0..).zip(packets(1).take(10)) {
            assert!(members[0].hand_over(&packet, meta(at)));
            assert!(!members[1].hand_over(&packet, meta(at)), "it is there");
        }
        assert!(members[0].collect(99).unwrap().parcels.is_empty());
        let first = members[1].collect(4).unwrap();
        let rest = members[1].collect(99).unwrap();
        assert_eq!((first.parcels.len(), first.more), (4, true));
        assert_eq!((rest.parcels.len(), rest.more), (6, false));
        let all = first.parcels.iter().chain(&rest.parcels);
        for (at, (parcel, packet)) in (0..).zip(all.zip(packets(1))) {
            assert_eq!((&*parcel.packet, parcel.meta), (&*packet, meta(at)));
        }
        assert_eq!(
            (members[0].counts(), members[1].counts()),
            ((10, 0), (0, 0))
        );
    }

    #[test]
    fn what_is_of_no_flow_stays_where_it_was_read() {
        let (mut members, _seats) = members();
        for packet in [&[][..], &[0x45; 60], &[0x60; 19]] {
            for member in &mut members {
                assert!(!member.hand_over(packet, meta(0)));
            }
        }
    }

    #[test]
    fn a_full_inbox_drops_what_comes_and_counts_it() {
        let (mut members, _seats) = members();
        let room = CAPACITY / (60 + OVERHEAD);
        let packet = packets(1).next().unwrap();
        for _ in 0..room + 3 {
            assert!(members[0].hand_over(&packet, meta(0)));
        }
        assert_eq!(members[0].counts(), (room as u64, 3));
        assert_eq!(members[1].collect(1).unwrap().parcels.len(), 1);
        members[0].hand_over(&packet, meta(0));
        assert_eq!(members[0].counts(), (room as u64 + 1, 3));
    }

    #[test]
    fn a_packet_wakes_a_driver_that_sleeps() {
        let (mut members, mut seats) = members();
        let packet = packets(1).next().unwrap();
        members[0].hand_over(&packet, meta(0));
        // Without the wake-up this would not return.
        seats[1].sleep(Instant::ZERO, None).unwrap();
        assert_eq!(members[1].collect(9).unwrap().parcels.len(), 1);
        members[0].hand_over(&packet, meta(0));
        seats[1].sleep(Instant::ZERO, None).unwrap();
    }

    #[test]
    fn a_failure_reaches_the_others_and_an_end_does_not() {
        let (mut members, mut seats) = members();
        members[1].leave(None);
        assert!(members[0].collect(1).is_ok());
        let packet = packets(1).next().unwrap();
        assert!(members[0].hand_over(&packet, meta(0)));
        assert_eq!(members[0].counts(), (0, 1), "nobody takes it");
        let gone = io::Error::from(io::ErrorKind::BrokenPipe);
        members[1].leave(Some(&Arc::new(gone)));
        seats[0].sleep(Instant::ZERO, None).unwrap();
        let error = members[0].collect(1).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
