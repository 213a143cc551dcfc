//! What the stack hands out: events, packets to send, and the names of things.

use core::net::SocketAddr;
use core::num::NonZeroU16;

use crate::error::{ConnectionError, SoftError};
use crate::time::Instant;

/// Names a connection of one [`Stack`](crate::Stack). Generational: once the connection is gone,
/// its id never names another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

/// Names a listener of one [`Stack`](crate::Stack); generational as [`ConnectionId`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub(crate) u64);

/// Names a SYN that awaits the user's decision; generational as [`ConnectionId`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SynId(pub(crate) u64);

/// Something the user may want to act on. Events coalesce: a connection that became readable
/// twice before it was polled reports it once.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A connection waits to be [accepted](crate::Stack::accept).
    Incoming {
        /// Whose accept queue it is in.
        listener: ListenerId,
    },
    /// A SYN awaits a [decision](crate::Stack::decide) ([`Admission::Ask`](crate::Admission::Ask)).
    Syn {
        /// The SYN's name, for the decision.
        id: SynId,
        /// The listener that it matched.
        listener: ListenerId,
        /// The destination that the peer wants to reach.
        local: SocketAddr,
        /// The peer.
        remote: SocketAddr,
    },
    /// Something happened to one connection.
    Connection {
        /// Which.
        id: ConnectionId,
        /// What.
        event: ConnectionEvent,
    },
}

/// Something that happened to one connection.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConnectionEvent {
    /// The handshake is complete.
    Connected,
    /// There is something to read: bytes, or the end of the stream.
    Readable,
    /// A write that found too little room may be tried again: a third of the buffer is free.
    Writable,
    /// Everything written so far has been acknowledged.
    Flushed,
    /// R1 retransmissions of data, FIN or SYN went unanswered (RFC 9293 SHLD-9, MUST-22); the connection
    /// goes on trying. The stack has no routes of its own: whoever embeds it and knows several ways to the
    /// [peer](crate::ConnectionMut::remote_addr) takes this for the advice that the one in use may be dead
    /// (MUST-20).
    Unresponsive,
    /// The network complained; the connection goes on (RFC 9293 §3.9.1.8). Of several complaints that nobody
    /// polled meanwhile, the last. [`TcpConfig::soft_errors`](crate::TcpConfig::soft_errors) turns these off.
    SoftError(SoftError),
    /// The connection ended: `None` when both sides closed it, else why it was cut off.
    Closed(Option<ConnectionError>),
}

/// A packet in the caller's buffer, ready to send.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Transmit {
    /// Length of the IP packet, in bytes from the start of the buffer.
    pub len: usize,
    /// `Some` when the packet is larger than one MSS: the payload size into which the device must
    /// cut it (`gso_size` of a virtio-net header).
    pub segment_size: Option<NonZeroU16>,
    /// Whether the TCP checksum is complete.
    pub checksum: TransmitChecksum,
}

/// A packet of which the caller's buffer holds the headers, and the stack the payload: for a device that gathers
/// it, as `writev` does.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TransmitParts<'a> {
    /// Of the whole packet.
    pub transmit: Transmit,
    /// What comes behind the bytes at the start of the buffer, in this order; empty where all of the packet is in
    /// the buffer.
    pub payload: [&'a [u8]; 2],
}

impl TransmitParts<'_> {
    /// Bytes of the packet that are at the start of the caller's buffer.
    pub fn in_buffer(&self) -> usize {
        let [first, second] = self.payload;
        self.transmit.len - first.len() - second.len()
    }

    /// Puts the payload behind the headers in `buf`, where they were written to; `None` where it does not fit.
    pub fn join(&self, buf: &mut [u8]) -> Option<()> {
        let [first, second] = self.payload;
        let place = buf.get_mut(self.in_buffer()..self.transmit.len)?;
        let (first_place, second_place) = place.split_at_mut(first.len());
        first_place.copy_from_slice(first);
        second_place.copy_from_slice(second);
        Some(())
    }
}

/// Whether the TCP checksum of an outgoing packet is complete.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransmitChecksum {
    /// The packet can go on the wire as it is.
    Complete,
    /// The checksum field holds the pseudo-header's sum; the device must add the rest.
    Partial {
        /// Where the TCP header starts, from the start of the packet (`csum_start`).
        start: u16,
        /// Where the checksum field is, from `start` (`csum_offset`).
        offset: u16,
    },
}

/// What the device knows of a packet that it hands in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PacketMeta {
    /// Whether somebody has already checked the TCP checksum.
    pub checksum: ReceiveChecksum,
    /// `Some` when the packet is several coalesced segments: the payload size of each but the last.
    pub segment_size: Option<NonZeroU16>,
    /// When it arrived, where that was before it is handed in (a queue, a batch, a busy processor):
    /// round-trip times and the order of arrival are judged by it. `None` means now.
    pub arrived: Option<Instant>,
}

/// A read that waits for bytes to arrive: given to [`Stack::handle_packet_for`](crate::Stack::handle_packet_for),
/// what comes next in the stream is put straight into its buffer, and so copied once and not twice.
#[derive(Debug)]
pub struct PostedRead<'a> {
    pub(crate) connection: ConnectionId,
    buf: &'a mut [u8],
    filled: usize,
}

impl<'a> PostedRead<'a> {
    /// A read of a connection, into `buf`.
    pub fn new(connection: ConnectionId, buf: &'a mut [u8]) -> Self {
        PostedRead {
            connection,
            buf,
            filled: 0,
        }
    }

    /// Bytes that were put into the buffer. They are read, as if by [`ConnectionMut::read`](crate::ConnectionMut::read).
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Whether the buffer is full: more packets can do nothing for the read.
    pub fn is_full(&self) -> bool {
        self.filled == self.buf.len()
    }

    /// How many bytes are filled, and the rest of the buffer.
    pub(crate) fn split(&mut self) -> (&mut usize, &mut [u8]) {
        let room = self.buf.get_mut(self.filled..).unwrap_or_default();
        (&mut self.filled, room)
    }
}

/// Whether the TCP checksum of an incoming packet has been checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ReceiveChecksum {
    /// Nobody has; the stack does.
    #[default]
    Unchecked,
    /// The device has, or the packet never left this machine.
    Verified,
}

/// The user's answer to [`Event::Syn`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SynDecision {
    /// Go on with the handshake.
    Accept,
    /// Decide later. The peer's retransmissions are absorbed meanwhile; an undecided SYN is
    /// forgotten after the time a handshake may take.
    Defer,
    /// Answer with RST, as if nobody listened.
    Refuse,
    /// Forget it without an answer; the peer's next SYN asks again.
    Drop,
}
