//! Packets on their way from one end to the other.

use std::collections::VecDeque;
use std::num::NonZeroU16;

/// A queue of packets, in buffers that are used again: the one used last first, which is still in the
/// processor's cache.
#[derive(Debug)]
pub(super) struct Wire {
    queue: VecDeque<Packet>,
    spare: Vec<Box<[u8]>>,
    /// Bytes of the longest packet.
    longest: usize,
    carried: u64,
}

/// A packet in a buffer of the wire's.
#[derive(Debug)]
pub(super) struct Packet {
    buf: Box<[u8]>,
    /// What the sender's stack said of it.
    pub(super) written: Written,
}

/// What was written into a packet's buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// Bytes, from the start of the buffer.
    pub(super) len: usize,
    /// The payload size of which a coalesced packet is made.
    pub(super) segment_size: Option<NonZeroU16>,
}

/// As many packets as a driver takes at once.
const MOST: usize = 64;

impl Wire {
    pub(super) fn new(longest: usize) -> Wire {
        Wire {
            queue: VecDeque::with_capacity(MOST),
            spare: Vec::new(),
            longest,
            carried: 0,
        }
    }

    /// Whether another packet may be sent before the other end has taken those that are here.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < MOST
    }

    /// Bytes of the packet that was sent first.
    pub(super) fn next_len(&self) -> Option<usize> {
        self.queue.front().map(|packet| packet.written.len)
    }

    /// How many packets were sent, ever.
    pub(super) fn carried(&self) -> u64 {
        self.carried
    }

    /// Sends what `write` writes into a buffer, if it writes anything; says whether it did.
    pub(super) fn send(&mut self, write: impl FnOnce(&mut [u8]) -> Option<Written>) -> bool {
        let spare = self.spare.pop();
        let mut buf = spare.unwrap_or_else(|| vec![0; self.longest].into());
        match write(&mut buf) {
            Some(written) => {
                self.carried += 1;
                self.queue.push_back(Packet { buf, written });
                true
            }
            None => {
                self.spare.push(buf);
                false
            }
        }
    }

    /// The packet that was sent first; to be [returned](Self::give_back).
    pub(super) fn take(&mut self) -> Option<Packet> {
        self.queue.pop_front()
    }

    /// Returns a packet's buffer.
    pub(super) fn give_back(&mut self, packet: Packet) {
        self.spare.push(packet.buf);
    }
}

impl Packet {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buf[..self.written.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_arrive_in_order_in_buffers_used_again() {
        let mut wire = Wire::new(8);
        let put = |wire: &mut Wire, byte| {
            wire.send(|buf| {
                buf[0] = byte;
                let segment_size = None;
                Some(Written {
                    len: 1,
                    segment_size,
                })
            })
        };
        assert!(put(&mut wire, 1) && put(&mut wire, 2));
        assert!(!wire.send(|_| None));
        let first = wire.take().expect("two were sent");
        assert_eq!(first.bytes(), [1]);
        wire.give_back(first);
        assert_eq!(wire.spare.len(), 2);
        assert!(put(&mut wire, 3));
        assert_eq!(wire.take().map(|it| it.bytes().to_vec()), Some(vec![2]));
        assert_eq!((wire.carried(), wire.queue.len()), (3, 1));
    }
}
