//! What stands at an end of the network, and what goes through it.

use std::fmt;
use std::hash::Hash;

use tcp_core::wire::{Control, Header};
use tcp_core::{Connection, Instant};

/// A segment under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Packet {
    /// Everything but the payload.
    pub header: Header,
    /// The bytes of the stream.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Length in sequence space (RFC 9293 §3.4).
    pub fn sequence_len(&self) -> u32 {
        self.payload.len() as u32 + self.header.control.sequence_len()
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = &self.header;
        match header.control {
            Control::None => {}
            Control::Syn => f.write_str("SYN ")?,
            Control::Fin => f.write_str("FIN ")?,
            Control::Rst => f.write_str("RST ")?,
        }
        write!(f, "seq {}", header.seq.get())?;
        if let Some(ack) = header.ack {
            write!(f, " ack {}", ack.get())?;
        }
        write!(f, " win {}", header.window.get())?;
        if !self.payload.is_empty() {
            write!(f, " with {} bytes", self.payload.len())?;
        }
        for block in header.options.sack.as_slice() {
            write!(f, " sack {}..{}", block.start.get(), block.end.get())?;
        }
        Ok(())
    }
}

/// One end as the explorer sees it: [`Host`](super::Host), or something around it that misbehaves.
///
/// What it does must depend on itself and its arguments alone, and its hash must cover everything
/// that decides what it does next: what equal machines do is tried once. It is handed from thread
/// to thread.
pub trait Machine: Clone + Hash + Send + Sync {
    /// A segment arrives.
    fn handle_segment(&mut self, now: Instant, packet: &Packet);

    /// What is due at `now` happens.
    fn handle_timeout(&mut self, now: Instant);

    /// The next segment to send: called until it gives `None`.
    fn poll_segment(&mut self, now: Instant) -> Option<Packet>;

    /// The earliest deadline.
    fn poll_timeout(&self) -> Option<Instant>;

    /// The connection; `None` until a passive open has come so far, and where only a record of
    /// TIME-WAIT is left.
    fn connection(&self) -> Option<&Connection>;

    /// The connection, for the application's calls.
    fn connection_mut(&mut self) -> Option<&mut Connection>;

    /// How many connections there have been, the one that is there included.
    fn incarnation(&self) -> u8;

    /// Opens the next connection of the same four-tuple; called where the last one has ended.
    fn reconnect(&mut self, now: Instant);
}
