//! Segments as a test writes them down.

use tcp_core::seq::{SeqNumber, SeqRange};
use tcp_core::wire::{
    Control, Header, Options, Payload, SackBlocks, Segment, Timestamps, WindowScale, WireWindow,
};

use super::Numbering;
use crate::Side;

/// A segment in the numbers of a script.
///
/// What a script leaves out is not compared where the segment is expected, and has a plain default
/// where it is sent: a window of 65,535, no options, no PSH. Sequence number, acknowledgement
/// number, SYN, FIN, RST and the length of the payload are always compared.
///
/// ```
/// use tcp_sim::script::{ack, syn};
/// assert_eq!(syn(100).mss(1_460).to_string(), "<SEQ=100><CTL=SYN><MSS=1460>");
/// assert_eq!(ack(101, 301).data(b"hi").to_string(), "<SEQ=101><ACK=301><DATA=2><CTL=ACK>");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Seg {
    /// SYN, FIN or RST.
    pub control: Control,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgement number, where the ACK flag is set.
    pub ack: Option<u32>,
    /// The payload.
    pub data: Data,
    /// The PSH flag.
    pub push: Option<bool>,
    /// The urgent pointer, where the URG flag is set.
    pub urgent: Option<u16>,
    /// The window field as it stands on the wire, unscaled.
    pub window: Option<u16>,
    /// The options.
    pub options: OptionList,
}

/// The payload of a [`Seg`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Data {
    /// At least one byte; what they are is left open.
    Some,
    /// So many bytes; what they are is left open. Sent as zeros.
    Len(usize),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// The options that a [`Seg`] names; `None` leaves an option open.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct OptionList {
    /// Maximum segment size; `Some(None)` says that there is none.
    pub mss: Option<Option<u16>>,
    /// Shift count of the window scale option.
    pub window_scale: Option<Option<u8>>,
    /// SACK permitted.
    pub sack_permitted: Option<bool>,
    /// TSval and TSecr.
    pub timestamps: Option<Option<(u32, u32)>>,
    /// SACK blocks, each from its first sequence number to the one after its last.
    pub sack: Option<Vec<(u32, u32)>>,
}

/// `<SEQ=seq><CTL=SYN>`
pub fn syn(seq: u32) -> Seg {
    Seg::new(Control::Syn, seq)
}

/// `<SEQ=seq><ACK=ack><CTL=ACK>`
pub fn ack(seq: u32, ack: u32) -> Seg {
    Seg::new(Control::None, seq).ack(ack)
}

/// `<SEQ=seq><ACK=ack><CTL=FIN,ACK>`
pub fn fin(seq: u32, ack: u32) -> Seg {
    Seg::new(Control::Fin, seq).ack(ack)
}

/// `<SEQ=seq><CTL=RST>`
pub fn rst(seq: u32) -> Seg {
    Seg::new(Control::Rst, seq)
}

impl Seg {
    /// A segment with this control flag, and nothing else said.
    pub fn new(control: Control, seq: u32) -> Seg {
        Seg {
            control,
            seq,
            ack: None,
            data: Data::Len(0),
            push: None,
            urgent: None,
            window: None,
            options: OptionList::default(),
        }
    }

    /// With the ACK flag and this acknowledgement number.
    pub fn ack(mut self, ack: u32) -> Seg {
        self.ack = Some(ack);
        self
    }

    /// With these bytes.
    pub fn data(mut self, bytes: &[u8]) -> Seg {
        self.data = Data::Bytes(bytes.to_vec());
        self
    }

    /// With so many bytes, whatever they are.
    pub fn len(mut self, count: usize) -> Seg {
        self.data = Data::Len(count);
        self
    }

    /// With the PSH flag.
    pub fn push(mut self) -> Seg {
        self.push = Some(true);
        self
    }

    /// With the URG flag and this urgent pointer.
    pub fn urgent(mut self, pointer: u16) -> Seg {
        self.urgent = Some(pointer);
        self
    }

    /// With this window field, as it stands on the wire.
    pub fn window(mut self, field: u16) -> Seg {
        self.window = Some(field);
        self
    }

    /// With a maximum segment size option.
    pub fn mss(mut self, mss: u16) -> Seg {
        self.options.mss = Some(Some(mss));
        self
    }

    /// With a window scale option.
    pub fn window_scale(mut self, shift: u8) -> Seg {
        self.options.window_scale = Some(Some(shift));
        self
    }

    /// With SACK permitted.
    pub fn sack_permitted(mut self) -> Seg {
        self.options.sack_permitted = Some(true);
        self
    }

    /// With a timestamps option.
    pub fn timestamps(mut self, value: u32, echo: u32) -> Seg {
        self.options.timestamps = Some(Some((value, echo)));
        self
    }

    /// With exactly these SACK blocks; none for the empty list.
    pub fn sack(mut self, blocks: &[(u32, u32)]) -> Seg {
        self.options.sack = Some(blocks.to_vec());
        self
    }

    /// The header on the wire when `sender` sends it, and the payload.
    pub fn to_wire(&self, sender: Side, numbering: &Numbering) -> (Header, Vec<u8>) {
        let seq = |side: Side, script: u32| numbering.to_wire(side, script);
        let mut sack = SackBlocks::NONE;
        for (start, end) in self.options.sack.iter().flatten() {
            let block = SeqRange {
                start: seq(sender.other(), *start),
                end: seq(sender.other(), *end),
            };
            assert!(sack.push(block), "a segment holds four SACK blocks at most");
        }
        let timestamps = self.options.timestamps.flatten();
        let options = Options {
            mss: self.options.mss.flatten(),
            window_scale: self
                .options
                .window_scale
                .flatten()
                .map(WindowScale::clamped),
            sack_permitted: self.options.sack_permitted.unwrap_or(false),
            timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
            sack,
            ..Options::NONE
        };
        let header = Header {
            control: self.control,
            ack: self.ack.map(|ack| seq(sender.other(), ack)),
            push: self.push.unwrap_or(false),
            urgent: self.urgent,
            window: WireWindow::new(self.window.unwrap_or(u16::MAX)),
            options,
            ..Header::new(seq(sender, self.seq))
        };
        (header, self.data.to_bytes())
    }

    /// A segment that `sender` sent, every field said, in the numbers of the script.
    pub fn from_wire(header: &Header, payload: &[u8], sender: Side, numbering: &Numbering) -> Seg {
        let script = |side: Side, wire: SeqNumber| numbering.to_script(side, wire);
        let sack = header.options.sack.as_slice().iter();
        let sack = sack.map(|block| {
            let peer = sender.other();
            (script(peer, block.start), script(peer, block.end))
        });
        let timestamps = header.options.timestamps;
        Seg {
            control: header.control,
            seq: script(sender, header.seq),
            ack: header.ack.map(|ack| script(sender.other(), ack)),
            data: Data::Bytes(payload.to_vec()),
            push: Some(header.push),
            urgent: header.urgent,
            window: Some(header.window.get()),
            options: OptionList {
                mss: Some(header.options.mss),
                window_scale: Some(header.options.window_scale.map(WindowScale::shift)),
                sack_permitted: Some(header.options.sack_permitted),
                timestamps: Some(timestamps.map(|option| (option.value, option.echo))),
                sack: Some(sack.collect()),
            },
        }
    }

    /// Whether `actual`, in which every field is said, is what this segment says.
    pub fn admits(&self, actual: &Seg) -> bool {
        fn open_or_equal<T: PartialEq>(expected: &Option<T>, actual: &Option<T>) -> bool {
            expected.is_none() || expected == actual
        }
        let (wanted, found) = (&self.options, &actual.options);
        self.control == actual.control
            && self.seq == actual.seq
            && self.ack == actual.ack
            && self.urgent == actual.urgent
            && self.data.admits(&actual.data)
            && open_or_equal(&self.push, &actual.push)
            && open_or_equal(&self.window, &actual.window)
            && open_or_equal(&wanted.mss, &found.mss)
            && open_or_equal(&wanted.window_scale, &found.window_scale)
            && open_or_equal(&wanted.sack_permitted, &found.sack_permitted)
            && open_or_equal(&wanted.timestamps, &found.timestamps)
            && open_or_equal(&wanted.sack, &found.sack)
    }

    /// This segment, saying only what `expected` says: how it differs is then plain to see.
    pub fn restricted_to(&self, expected: &Seg) -> Seg {
        fn keep<T: Clone, U>(mine: &Option<T>, wanted: &Option<U>) -> Option<T> {
            wanted.as_ref().and(mine.clone())
        }
        let (mine, wanted) = (&self.options, &expected.options);
        Seg {
            push: keep(&self.push, &expected.push),
            window: keep(&self.window, &expected.window),
            options: OptionList {
                mss: keep(&mine.mss, &wanted.mss),
                window_scale: keep(&mine.window_scale, &wanted.window_scale),
                sack_permitted: keep(&mine.sack_permitted, &wanted.sack_permitted),
                timestamps: keep(&mine.timestamps, &wanted.timestamps),
                sack: keep(&mine.sack, &wanted.sack),
            },
            ..self.clone()
        }
    }
}

impl Data {
    /// Number of bytes; one where that is left open.
    pub fn len(&self) -> usize {
        match self {
            Data::Some => 1,
            Data::Len(count) => *count,
            Data::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Data::Bytes(bytes) => bytes.clone(),
            open => vec![0; open.len()],
        }
    }

    fn admits(&self, actual: &Data) -> bool {
        match self {
            Data::Some => !actual.is_empty(),
            Data::Len(count) => actual.len() == *count,
            Data::Bytes(_) => self == actual,
        }
    }
}

/// The core's view of a header and its payload.
pub fn segment<'a>(header: &Header, payload: &'a [u8]) -> Segment<'a> {
    Segment::new(*header, Payload::from(payload))
}
