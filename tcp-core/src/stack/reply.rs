//! Answers that no connection gives: resets of what belongs to none, and the few segments of
//! half-open connections and TIME-WAIT.

use alloc::collections::VecDeque;

use super::Stack;
use super::tuple::FourTuple;
use crate::config::{MtuDiscovery, TcpConfig};
use crate::connection::Connection;
use crate::seq::SeqNumber;
use crate::wire::{Control, Fragments, Header, Segment};

/// Headers that wait to be sent, at most [`Replies::LIMIT`]: who floods us gets no memory for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies {
    queue: VecDeque<Reply>,
}

/// A segment without payload.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) tuple: FourTuple,
    pub(super) header: Header,
    pub(super) marking: Marking,
}

/// What the owner of a segment says about its IP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marking {
    pub(super) hop_limit: u8,
    /// Diffserv code point, 0 to 63.
    pub(super) dscp: u8,
    /// Of IPv4. Packets with DF are never fragmented, so nothing needs to tell them apart (RFC 6864 §4.1), and
    /// 0 for all of them tells an observer nothing.
    pub(super) identification: u16,
    pub(super) fragments: Fragments,
}

impl Marking {
    /// For answers that belong to nobody (`net.ipv4.ip_default_ttl`).
    const DEFAULT: Marking = Marking {
        hop_limit: 64,
        dscp: 0,
        identification: 0,
        fragments: Fragments::Forbidden,
    };
}

impl From<&Connection> for Marking {
    fn from(connection: &Connection) -> Self {
        let (hop_limit, dscp) = connection.ip_fields();
        let fragments = match connection.mtu_discovery() {
            MtuDiscovery::Forbid => Fragments::Forbidden,
            MtuDiscovery::Allow | MtuDiscovery::Ignore => Fragments::Allowed,
        };
        Marking {
            hop_limit,
            dscp,
            identification: match fragments {
                Fragments::Forbidden => 0,
                Fragments::Allowed => connection.next_identification(),
            },
            fragments,
        }
    }
}

impl From<&TcpConfig> for Marking {
    fn from(config: &TcpConfig) -> Self {
        Marking {
            hop_limit: config.hop_limit,
            dscp: config.dscp,
            // A segment without payload fits everywhere.
            ..Marking::DEFAULT
        }
    }
}

impl Replies {
    /// Far more than one input causes, since the queue is drained after each.
    const LIMIT: usize = 1_024;

    pub(super) const fn new() -> Self {
        Replies {
            queue: VecDeque::new(),
        }
    }

    /// Appends a reply; says whether there was room.
    #[must_use]
    fn push(&mut self, reply: Reply) -> bool {
        let fits = self.queue.len() < Self::LIMIT;
        if fits {
            self.queue.push_back(reply);
        }
        fits
    }

    pub(super) fn pop(&mut self) -> Option<Reply> {
        self.queue.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl Stack {
    /// Queues a segment. One that finds no room is as good as lost in the network: the peer's
    /// retransmission, or ours, brings it about again.
    pub(super) fn reply(&mut self, tuple: FourTuple, header: Header, marking: Marking) {
        let reply = Reply {
            tuple,
            header,
            marking,
        };
        if !self.replies.push(reply) {
            self.counters.reply_drops += 1;
        }
    }

    /// Queues a reset for a segment that belongs to nobody.
    pub(super) fn reply_reset(&mut self, tuple: FourTuple, header: Header) {
        self.reply(tuple, header, Marking::DEFAULT);
    }
}

/// The reset that answers a segment of no connection.
pub(super) fn reset_for(segment: &Segment<'_>) -> Header {
    match segment.header.ack {
        Some(ack) => reset_at(ack),
        None => reset_acknowledging(segment.header.seq, segment.sequence_len()),
    }
}

/// RFC 9293 §3.10.7.1, ACK bit on: `<SEQ=SEG.ACK><CTL=RST>`.
fn reset_at(ack: SeqNumber) -> Header {
    Header {
        control: Control::Rst,
        ..Header::new(ack)
    }
}

/// RFC 9293 §3.10.7.1, ACK bit off: `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`.
pub(super) fn reset_acknowledging(seq: SeqNumber, sequence_len: u32) -> Header {
    Header {
        control: Control::Rst,
        ack: Some(seq.advanced_by(sequence_len)),
        ..Header::new(SeqNumber::new(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StackConfig;
    use crate::time::Instant;
    use crate::wire::Payload;

    fn tuple() -> FourTuple {
        let local = "10.0.0.1:80".parse().unwrap();
        let remote = "10.0.0.2:4000".parse().unwrap();
        FourTuple::new(local, remote).unwrap()
    }

    fn refusal(control: Control, ack: Option<u32>, payload: &[u8]) -> Option<Header> {
        let mut stack = Stack::new(StackConfig::default(), [0; 32]);
        let header = Header {
            control,
            ack: ack.map(SeqNumber::new),
            ..Header::new(SeqNumber::new(u32::MAX))
        };
        let payload = Payload::from(payload);
        stack.refuse(Instant::ZERO, tuple(), &Segment::new(header, payload));
        stack.replies.pop().map(|reply| reply.header)
    }

    #[test]
    fn a_segment_with_ack_is_reset_at_that_number() {
        let header = refusal(Control::None, Some(7), b"data").unwrap();
        assert_eq!(header.control, Control::Rst);
        assert_eq!((header.seq, header.ack), (SeqNumber::new(7), None));
    }

    #[test]
    fn a_segment_without_ack_is_acknowledged_by_the_reset() {
        let header = refusal(Control::Syn, None, b"data").unwrap();
        assert_eq!(header.control, Control::Rst);
        assert_eq!(header.seq, SeqNumber::new(0));
        assert_eq!(header.ack, Some(SeqNumber::new(4)), "SYN and data count");
    }

    #[test]
    fn a_reset_is_never_answered() {
        assert_eq!(refusal(Control::Rst, None, b""), None);
        assert_eq!(refusal(Control::Rst, Some(7), b""), None);
    }

    #[test]
    fn the_queue_is_bounded_and_counts_what_it_drops() {
        let mut stack = Stack::new(StackConfig::default(), [0; 32]);
        for _ in 0..Replies::LIMIT + 2 {
            stack.reply_reset(tuple(), reset_at(SeqNumber::new(1)));
        }
        assert_eq!(stack.counters.reply_drops, 2);
        let queued = core::iter::from_fn(|| stack.replies.pop()).count();
        assert_eq!(queued, Replies::LIMIT);
    }
}
