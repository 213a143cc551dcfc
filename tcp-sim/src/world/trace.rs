//! What was sent, when, and what became of it: printed in the manner of RFC 9293's figures.

use std::fmt;
use std::net::SocketAddr;

use tcp_core::Instant;
use tcp_core::wire::{Control, Header};

use super::packet::TcpPacket;
use super::side::Side;
use crate::link::Fate;
use crate::record::{Event, Observer};
use crate::script::{Numbering, Seg};

/// One packet that was sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TraceEntry {
    /// When it was sent.
    pub at: Instant,
    /// Who sent it.
    pub sender: Side,
    /// Source address and port.
    pub src: SocketAddr,
    /// Destination address and port.
    pub dst: SocketAddr,
    /// The TCP header.
    pub header: Header,
    /// Number of payload bytes.
    pub payload_len: usize,
    /// The IP packet, as it was sent.
    pub packet: Vec<u8>,
    /// Its number in its direction, and what the link did to it.
    pub fate: Fate,
}

/// Every packet of a run in the order of sending.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Trace {
    entries: Vec<TraceEntry>,
}

impl Trace {
    /// Appends a packet.
    pub fn push(&mut self, entry: TraceEntry) {
        self.entries.push(entry);
    }

    /// The packets, oldest first.
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }

    /// The packets that `sender` sent.
    pub fn sent_by(&self, sender: Side) -> impl Iterator<Item = &TraceEntry> {
        self.entries
            .iter()
            .filter(move |entry| entry.sender == sender)
    }

    /// How many packets of `sender` are `wanted`.
    pub fn count(&self, sender: Side, wanted: impl Fn(&TraceEntry) -> bool) -> usize {
        self.sent_by(sender).filter(|entry| wanted(entry)).count()
    }
}

/// The trace of a pair: its links are those on which A sends, and B.
impl Observer for Trace {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        let Event::Sent { link, packet, fate } = event else {
            return;
        };
        let tcp = TcpPacket::parse(packet).expect("a stack sends only what it can read");
        self.push(TraceEntry {
            at,
            sender: if *link == Side::A.link() {
                Side::A
            } else {
                Side::B
            },
            src: tcp.src,
            dst: tcp.dst,
            header: tcp.header,
            payload_len: tcp.payload.len(),
            packet: packet.to_vec(),
            fate: **fate,
        });
    }
}

/// One line a packet, with sequence numbers counted from each side's latest SYN:
///
/// ```text
///    0.000000  10.0.0.1:1000 --> 10.0.0.2:80     #1  <SEQ=0><CTL=SYN><WND=65535>
///    0.010000  10.0.0.1:1000 <-- 10.0.0.2:80     #1  <SEQ=0><ACK=1><CTL=SYN,ACK><WND=65535>  dropped
/// ```
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One numbering for each pair of endpoints, A's first; few enough to search.
        let mut numberings: Vec<([SocketAddr; 2], Numbering)> = Vec::new();
        for entry in &self.entries {
            let ends = match entry.sender {
                Side::A => [entry.src, entry.dst],
                Side::B => [entry.dst, entry.src],
            };
            let known = numberings.iter().position(|(known, _)| *known == ends);
            let index = known.unwrap_or_else(|| {
                numberings.push((ends, Numbering::default()));
                numberings.len() - 1
            });
            let numbering = &mut numberings[index].1;
            if entry.header.control == Control::Syn {
                numbering.bind(entry.sender, 0, entry.header.seq);
            }
            let seg = Seg::from_wire(&entry.header, &[], entry.sender, numbering);
            let seg = seg.len(entry.payload_len);
            let arrow = match entry.sender {
                Side::A => "-->",
                Side::B => "<--",
            };
            let nanos = entry.at.as_nanos();
            let (secs, micros) = (nanos / 1_000_000_000, nanos / 1_000 % 1_000_000);
            write!(f, "{secs:4}.{micros:06}  {} {arrow} {}", ends[0], ends[1])?;
            write!(f, "  #{:<3} {seg}", entry.fate.number)?;
            match entry.fate.to_string() {
                nothing if nothing.is_empty() => writeln!(f)?,
                words => writeln!(f, "  {words}")?,
            }
        }
        Ok(())
    }
}
