//! The variables of RFC 9293 §3.3.1: what one side sends, and what it receives.

use alloc::boxed::Box;
use core::ops::Range;

use super::headroom::Headroom;
use crate::config::{BufferSize, SendQueue, TcpConfig};
use crate::pack::packs;
use crate::recovery::rate::RateEstimator;
use crate::recv::ack::AckPolicy;
use crate::recv::reassembly::Reassembly;
use crate::recv::tuning::{Demand, RightSizing};
use crate::recv::urgent::Mark;
use crate::recv::window::RecvWindow;
use crate::send::buffer::SendBuffer;
use crate::send::chunks::Chunks;
use crate::send::mtu_search::MtuSearch;
use crate::send::pacing::Pacer;
use crate::send::scoreboard::Scoreboard;
use crate::send::usage::WindowUsage;
use crate::send::window::SendWindow;
use crate::seq::{SeqNumber, SeqRange};
use crate::time::Instant;
use crate::wire::SackBlocks;

/// The send sequence space, in offsets.
///
/// ```text
///           una                 nxt          data_end   una + window
///            |   outstanding     |   unsent     |           |
///   ---------+-------------------+--------------+-----------+----
/// ```
///
/// `una <= nxt <= data_end + 1`, the one being FIN.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Sender {
    pub(super) isn: SeqNumber,
    /// SND.UNA.
    pub(super) una: u64,
    /// SND.NXT; it never moves back, since what is sent again is the scoreboard's to know.
    pub(super) nxt: u64,
    /// The offset of our FIN, once the user has closed.
    pub(super) fin: Option<u64>,
    pub(super) buffer: SendBuffer,
    /// Where chunks of what is unsent end, if it lies in chunks.
    pub(super) chunks: Option<Box<Chunks>>,
    pub(super) scoreboard: Scoreboard,
    /// Where the path's MTU is searched for.
    pub(super) mtu_search: Option<Box<MtuSearch>>,
    pub(super) window: SendWindow,
    pub(super) rate: RateEstimator,
    pub(super) pacer: Pacer,
    pub(super) usage: WindowUsage,
    /// The end of the last segment sent that was smaller than the MSS (Minshall's test).
    pub(super) small_end: u64,
    /// The end of the last segment sent with PSH.
    pub(super) pushed: u64,
    /// SND.UP: the offset after the last urgent byte.
    pub(super) up: u64,
    /// When data was last sent.
    pub(super) last_sent: Option<Instant>,
    /// Since when nothing has been acknowledged, while something waits for it.
    pub(super) stalled_since: Option<Instant>,
    /// Timeouts since then.
    pub(super) retries: u8,
    /// Unanswered window probes.
    pub(super) probes: u8,
    /// Whether the connection died before everything written was acknowledged.
    pub(super) gave_up: bool,
}

packs!(Sender {
    isn,
    una,
    nxt,
    fin,
    buffer,
    chunks,
    scoreboard,
    mtu_search,
    window,
    rate,
    pacer,
    usage,
    small_end,
    pushed,
    up,
    last_sent,
    stalled_since,
    retries,
    probes,
    gave_up,
});

impl Sender {
    pub(super) fn new(isn: SeqNumber, config: &TcpConfig, mss: u16) -> Self {
        let buffer = config.send_buffer;
        Sender {
            isn,
            una: 0,
            nxt: 0,
            fin: None,
            buffer: SendBuffer::new(1, buffer.initial_for(mss), buffer.max()),
            chunks: match config.send_queue {
                SendQueue::Stream => None,
                SendQueue::Chunks { overhead } => Some(Box::new(Chunks::new(overhead))),
            },
            scoreboard: Scoreboard::default(),
            mtu_search: None,
            window: SendWindow::new(),
            rate: RateEstimator::default(),
            pacer: Pacer::default(),
            usage: WindowUsage::default(),
            small_end: 0,
            pushed: 1,
            up: 0,
            last_sent: None,
            stalled_since: None,
            retries: 0,
            probes: 0,
            gave_up: false,
        }
    }

    /// Offsets sent and not acknowledged.
    pub(super) fn outstanding(&self) -> u32 {
        (self.nxt - self.una).min(u64::from(u32::MAX)) as u32
    }

    /// Offsets that wait to be sent for the first time, FIN included.
    pub(super) fn unsent(&self) -> u64 {
        let end = self.fin.map_or(self.buffer.end(), |fin| fin + 1);
        end.saturating_sub(self.nxt)
    }

    /// Bytes that the peer's window still takes: the usable window of RFC 9293 §3.8.6.2.1.
    pub(super) fn usable(&self) -> u64 {
        (self.una + u64::from(self.window.bytes())).saturating_sub(self.nxt)
    }

    /// Whether every byte written, and FIN if there is one, is acknowledged.
    pub(super) fn is_flushed(&self) -> bool {
        let finished = self.fin.is_none_or(|fin| self.una > fin);
        self.buffer.len() == 0 && finished && !self.gave_up
    }

    /// Forgets what was to be sent: the connection is dead.
    pub(super) fn clear(&mut self) {
        self.gave_up |= !self.is_flushed();
        self.buffer.clear();
        if let Some(chunks) = &mut self.chunks {
            chunks.clear();
        }
        self.scoreboard.clear();
        self.stalled_since = None;
    }
}

/// The receive sequence space, in offsets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Receiver {
    /// The peer's initial sequence number; meaningless before its SYN.
    pub(super) irs: SeqNumber,
    pub(super) reassembly: Reassembly,
    pub(super) window: RecvWindow,
    /// Where the buffer is sized by need, and data may come.
    pub(super) sizing: Option<RightSizing>,
    pub(super) ack_policy: AckPolicy,
    /// The peer's urgent octet.
    pub(super) urgent: Option<Mark>,
    /// The offset of the peer's FIN, once it is known.
    pub(super) fin: Option<u64>,
    /// What we last acknowledged.
    pub(super) acked: u64,
    /// What arrived twice, to be reported once (RFC 2883).
    pub(super) duplicate: Option<Range<u64>>,
    /// Where data beyond a hole last arrived, the latest first.
    recent: [u64; SackBlocks::MAX],
}

packs!(Receiver {
    irs,
    reassembly,
    window,
    sizing,
    ack_policy,
    urgent,
    fin,
    acked,
    duplicate,
    recent
});

impl Receiver {
    pub(super) fn new(now: Instant, config: &TcpConfig, mss: u16) -> Self {
        let (min, max) = (config.delayed_ack_min, config.delayed_ack_max);
        let capacity = config.recv_buffer.initial_for(mss);
        let mut receiver = Receiver {
            irs: SeqNumber::default(),
            reassembly: Reassembly::new(1, capacity),
            window: RecvWindow::new(capacity, config.first_recv_window),
            sizing: None,
            ack_policy: AckPolicy::new(min, max, u32::from(mss)),
            urgent: None,
            fin: None,
            acked: 0,
            duplicate: None,
            recent: [0; SackBlocks::MAX],
        };
        receiver.sizing = receiver.sizing_of(now, config.recv_buffer, mss);
        receiver
    }

    /// RCV.NXT.
    pub(super) fn nxt(&self) -> u64 {
        let nxt = self.reassembly.nxt();
        if self.fin == Some(nxt) { nxt + 1 } else { nxt }
    }

    /// Whether everything up to the peer's FIN has arrived.
    pub(super) fn has_ended(&self) -> bool {
        self.fin == Some(self.reassembly.nxt())
    }

    /// Sets how much may be buffered, and whether that follows the need; for segments of `mss` bytes.
    /// What the peer has been offered stays offered.
    pub(super) fn set_buffer(&mut self, now: Instant, size: BufferSize, mss: u16) {
        self.resize(size.initial_for(mss) as u64);
        self.sizing = self.sizing_of(now, size, mss);
    }

    fn resize(&mut self, capacity: u64) {
        self.window.resize(capacity);
        self.reassembly.resize(capacity as usize);
    }

    /// What measures the need, where the buffer follows it.
    fn sizing_of(&self, now: Instant, size: BufferSize, mss: u16) -> Option<RightSizing> {
        let (capacity, read) = (self.window.capacity(), self.reassembly.read_offset());
        let sizing = || RightSizing::new(now, read, capacity, size.max() as u64, mss.into());
        size.is_tuned().then(sizing)
    }

    /// The application has read: the buffer grows where it is found too small.
    pub(super) fn grow(&mut self, now: Instant, headroom: Headroom) {
        let Some(sizing) = &mut self.sizing else {
            return;
        };
        let beyond = self.reassembly.beyond().last();
        let demand = Demand {
            read: self.reassembly.read_offset(),
            beyond: beyond.map_or(0, |last| last.end - self.reassembly.nxt()),
            mss: self.ack_policy.rcv_mss(),
        };
        if let Some(wanted) = sizing.on_read(now, demand)
            && wanted > self.window.capacity()
            && headroom.is_plenty()
        {
            self.resize(wanted);
        }
    }

    /// Whether anything has arrived beyond a hole, be it our peer's FIN alone.
    pub(super) fn has_holes(&self) -> bool {
        let nxt = self.reassembly.nxt();
        !self.reassembly.beyond().is_empty() || self.fin.is_some_and(|fin| fin > nxt)
    }

    /// Remembers where data arrived beyond a hole, for the order of SACK blocks.
    pub(super) fn note_arrival(&mut self, offset: u64) {
        self.recent.rotate_right(1);
        self.recent[0] = offset;
    }

    /// The SACK blocks to send, at most `most`: a duplicate first (RFC 2883 §4), then what arrived
    /// last, then what was reported last (RFC 2018 §4).
    pub(super) fn sack_blocks(&self, most: usize) -> SackBlocks {
        let mut blocks = SackBlocks::NONE;
        let duplicates = usize::from(self.duplicate.is_some());
        let mut push = |range: &Range<u64>| {
            let start = self.irs.at_offset(range.start);
            let block = SeqRange {
                start,
                end: self.irs.at_offset(range.end),
            };
            // The first may repeat the second: that is how a duplicate beyond a hole is told.
            let told = blocks.as_slice().get(duplicates..).unwrap_or_default();
            if blocks.as_slice().len() < most && !told.contains(&block) {
                blocks.push(block);
            }
        };
        if let Some(duplicate) = &self.duplicate {
            push(duplicate);
        }
        let beyond = self.reassembly.beyond();
        for &offset in &self.recent {
            let range = beyond.range_at(offset).or_else(|| self.lone_fin(offset));
            if let Some(range) = range {
                push(&self.with_fin(range));
            }
        }
        blocks
    }

    /// The FIN beyond a hole is reported as well, as Linux does: it takes a number behind the data.
    fn with_fin(&self, range: Range<u64>) -> Range<u64> {
        range.start..range.end + u64::from(self.fin == Some(range.end))
    }

    /// The FIN that nothing beyond the hole leads to; of no bytes, since it is added to what ends where it stands.
    fn lone_fin(&self, offset: u64) -> Option<Range<u64>> {
        let beyond_hole = self.fin == Some(offset) && offset > self.reassembly.nxt();
        let led_to = offset > 0 && self.reassembly.beyond().range_at(offset - 1).is_some();
        (beyond_hole && !led_to).then_some(offset..offset)
    }

    /// Forgets what cannot be read any more: the connection is dead.
    pub(super) fn forget_holes(&mut self) {
        self.reassembly.forget_beyond();
        self.duplicate = None;
    }
}
