//! A TCP segment as typed fields: what is possible to say is legal to say.

use alloc::vec::Vec;
use core::num::NonZeroU16;

use super::fast_open::FastOpenOption;
use crate::pack::Pack;
use crate::seq::{SeqNumber, SeqRange};

/// A TCP segment: the header's fields and the payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Segment<'a> {
    /// Everything but the payload and the ports.
    pub header: Header,
    /// The bytes of the stream.
    pub payload: Payload<'a>,
    /// `Some` where the segment is several pieces, which are or were segments of their own on the
    /// wire: the payload of each but the last (`gso_size`).
    pub segment_size: Option<NonZeroU16>,
}

impl<'a> Segment<'a> {
    /// A segment of one piece.
    pub const fn new(header: Header, payload: Payload<'a>) -> Self {
        Segment {
            header,
            payload,
            segment_size: None,
        }
    }

    /// A segment without payload.
    pub const fn bare(header: Header) -> Self {
        Segment::new(header, Payload::EMPTY)
    }

    /// How many segments it is on the wire, at least one (`gso_segs`).
    pub fn pieces(&self) -> u64 {
        pieces(self.payload.len(), self.segment_size)
    }

    /// Length in sequence space: the payload, and one each for SYN and FIN (RFC 9293 §3.4).
    pub fn sequence_len(&self) -> u32 {
        self.payload.len() as u32 + self.header.control.sequence_len()
    }
}

/// How many segments `len` bytes of payload are on the wire, where they are cut by this size.
#[inline]
pub(crate) fn pieces(len: usize, segment_size: Option<NonZeroU16>) -> u64 {
    match segment_size {
        Some(size) => (len as u64).div_ceil(u64::from(size.get())).max(1),
        None => 1,
    }
}

/// The typed fields of a TCP header (RFC 9293 §3.1), and the ECN field of the IP header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// SYN, FIN or RST.
    pub control: Control,
    /// The sequence number of the SYN, or of the first byte of the payload.
    pub seq: SeqNumber,
    /// The acknowledgement number, where the ACK flag is set.
    pub ack: Option<SeqNumber>,
    /// The PSH flag.
    pub push: bool,
    /// The urgent pointer, where the URG flag is set.
    pub urgent: Option<u16>,
    /// The ECE flag (RFC 3168).
    pub ece: bool,
    /// The CWR flag (RFC 3168).
    pub cwr: bool,
    /// The window field, unscaled.
    pub window: WireWindow,
    /// The options, each at most once.
    pub options: Options,
    /// The ECN field of the IP header.
    pub ecn: Ecn,
}

impl Header {
    /// A header with neither flags nor options.
    pub const fn new(seq: SeqNumber) -> Header {
        Header {
            control: Control::None,
            seq,
            ack: None,
            push: false,
            urgent: None,
            ece: false,
            cwr: false,
            window: WireWindow::new(0),
            options: Options::NONE,
            ecn: Ecn::NotCapable,
        }
    }
}

/// The flags that exclude each other. A segment with RST is a reset whatever else it says; one with
/// both SYN and FIN is malformed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Control {
    /// None of the three.
    None,
    /// SYN: opens a connection.
    Syn,
    /// FIN: ends the sender's stream.
    Fin,
    /// RST: ends the connection.
    Rst,
}

impl Control {
    /// One for SYN and FIN, which occupy sequence space.
    pub const fn sequence_len(self) -> u32 {
        match self {
            Control::Syn | Control::Fin => 1,
            Control::None | Control::Rst => 0,
        }
    }
}

/// The 16-bit window field as it stands on the wire; how many bytes it means depends on the scale.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct WireWindow(u16);

impl WireWindow {
    /// The window field with this value.
    pub const fn new(value: u16) -> Self {
        WireWindow(value)
    }

    /// The value of the field.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The window in bytes under `scale`.
    pub const fn bytes(self, scale: WindowScale) -> u32 {
        (self.0 as u32) << scale.0
    }
}

/// A shift count for windows, 0 to 14 (RFC 7323 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WindowScale(u8);

impl Pack for WindowScale {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.0.pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        WindowScale::clamped(u8::unpack(bytes))
    }
}

impl WindowScale {
    /// No scaling.
    pub const ZERO: WindowScale = WindowScale(0);
    /// The greatest shift count allowed.
    pub const MAX: WindowScale = WindowScale(14);

    /// The shift count, or 14 where `shift` is above it, as RFC 7323 §2.3 asks.
    pub const fn clamped(shift: u8) -> Self {
        if shift > 14 {
            WindowScale::MAX
        } else {
            WindowScale(shift)
        }
    }

    /// The shift count.
    pub const fn shift(self) -> u8 {
        self.0
    }

    /// How many bytes one unit of the window field means.
    pub const fn unit(self) -> u32 {
        1 << self.0
    }
}

/// The options of one segment, each at most once (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Options {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale; legal on SYN alone.
    pub window_scale: Option<WindowScale>,
    /// SACK permitted; legal on SYN alone.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// Selective acknowledgements.
    pub sack: SackBlocks,
    /// Fast open; means nothing but on SYN.
    pub fast_open: Option<FastOpenOption>,
}

impl Options {
    /// No option at all.
    pub const NONE: Options = Options {
        mss: None,
        window_scale: None,
        sack_permitted: false,
        timestamps: None,
        sack: SackBlocks::NONE,
        fast_open: None,
    };
}

/// The timestamps option (RFC 7323 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the last TSval that the sender received; meaningful with ACK.
    pub echo: u32,
}

/// Up to four SACK blocks, in the order of the option (RFC 2018 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SackBlocks {
    blocks: [SeqRange; SackBlocks::MAX],
    len: u8,
}

impl SackBlocks {
    /// As many as fit into the option space.
    pub const MAX: usize = 4;

    /// No blocks.
    pub const NONE: SackBlocks = SackBlocks {
        blocks: [SeqRange {
            start: SeqNumber::new(0),
            end: SeqNumber::new(0),
        }; SackBlocks::MAX],
        len: 0,
    };

    /// Appends a block; says whether there was room.
    pub fn push(&mut self, block: SeqRange) -> bool {
        match self.blocks.get_mut(usize::from(self.len)) {
            Some(slot) => {
                *slot = block;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// The blocks in order.
    pub fn as_slice(&self) -> &[SeqRange] {
        self.blocks.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets the blocks after the first `count`.
    pub fn truncate(&mut self, count: usize) {
        while usize::from(self.len) > count {
            self.len -= 1;
            self.blocks[usize::from(self.len)] = SeqRange::default();
        }
    }
}

/// The ECN field of an IP header (RFC 3168 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ecn {
    /// Not-ECT, 00.
    #[default]
    NotCapable,
    /// ECT(1), 01.
    Capable1,
    /// ECT(0), 10.
    Capable0,
    /// CE, 11.
    CongestionExperienced,
}

impl Ecn {
    /// From the two low bits of the traffic class.
    pub const fn from_bits(bits: u8) -> Ecn {
        match bits & 3 {
            0 => Ecn::NotCapable,
            1 => Ecn::Capable1,
            2 => Ecn::Capable0,
            _ => Ecn::CongestionExperienced,
        }
    }

    /// The two low bits of the traffic class.
    pub const fn bits(self) -> u8 {
        match self {
            Ecn::NotCapable => 0,
            Ecn::Capable1 => 1,
            Ecn::Capable0 => 2,
            Ecn::CongestionExperienced => 3,
        }
    }
}

/// The bytes of a segment: two slices, since a ring buffer may hold them in two places.
#[derive(Clone, Copy, Debug, Default)]
pub struct Payload<'a> {
    first: &'a [u8],
    second: &'a [u8],
}

impl<'a> Payload<'a> {
    /// No bytes.
    pub const EMPTY: Payload<'static> = Payload {
        first: &[],
        second: &[],
    };

    /// The bytes of `first` followed by those of `second`.
    pub const fn new(first: &'a [u8], second: &'a [u8]) -> Self {
        Payload { first, second }
    }

    /// Number of bytes.
    pub const fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.first.is_empty() && self.second.is_empty()
    }

    /// The two slices, in order.
    pub const fn parts(&self) -> [&'a [u8]; 2] {
        [self.first, self.second]
    }

    /// The bytes in order.
    pub fn iter(&self) -> impl Iterator<Item = u8> + 'a {
        self.first.iter().chain(self.second).copied()
    }

    /// The bytes `start..end`, cut to what there is.
    pub fn slice(&self, start: usize, end: usize) -> Payload<'a> {
        let cut = |part: &'a [u8], base: usize| {
            let from = start.saturating_sub(base).min(part.len());
            let to = end.saturating_sub(base).min(part.len());
            part.get(from..to).unwrap_or(&[])
        };
        Payload {
            first: cut(self.first, 0),
            second: cut(self.second, self.first.len()),
        }
    }

    /// Copies as many bytes as fit to the start of `out`; says how many.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let mut done = 0;
        for part in self.parts() {
            let count = part.len().min(out.len() - done);
            out[done..done + count].copy_from_slice(&part[..count]);
            done += count;
        }
        done
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Payload {
            first: bytes,
            second: &[],
        }
    }
}

/// Payloads are equal when their bytes are, wherever they are cut.
impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Payload<'_> {}

impl core::hash::Hash for Payload<'_> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        for byte in self.iter() {
            state.write_u8(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_its_bytes_wherever_it_is_cut() {
        let whole = Payload::from(&b"abcdef"[..]);
        let cut = Payload::new(b"ab", b"cdef");
        assert_eq!(whole, cut);
        assert_eq!(cut.slice(1, 4), Payload::from(&b"bcd"[..]));
        assert_eq!(cut.slice(3, 99), Payload::from(&b"def"[..]));
        assert_eq!(cut.slice(4, 2), Payload::EMPTY);
        let mut out = [0; 4];
        assert_eq!(cut.copy_to(&mut out), 4);
        assert_eq!(&out, b"abcd");
    }

    #[test]
    fn sack_blocks_stop_at_four() {
        let mut blocks = SackBlocks::NONE;
        let block = SeqRange {
            start: SeqNumber::new(1),
            end: SeqNumber::new(2),
        };
        for _ in 0..SackBlocks::MAX {
            assert!(blocks.push(block));
        }
        assert!(!blocks.push(block));
        assert_eq!(blocks.as_slice().len(), 4);
        blocks.truncate(1);
        assert_eq!(blocks.as_slice(), [block]);
    }

    #[test]
    fn a_window_scale_cannot_exceed_fourteen() {
        assert_eq!(WindowScale::clamped(255), WindowScale::MAX);
        assert_eq!(
            WireWindow::new(u16::MAX).bytes(WindowScale::MAX),
            65_535 << 14
        );
    }
}
