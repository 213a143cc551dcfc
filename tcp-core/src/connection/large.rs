//! How large the next segment may be, where somebody cuts large ones: the device (Linux's
//! `tcp_tso_autosize` and `tcp_tso_should_defer`), or our caller.

use core::time::Duration;

use super::decision::{Cutter, Shape};
use super::limit::Limit;
use super::machine::Connection;
use crate::config::MtuDiscovery;
use crate::time::Instant;
use crate::wire::{Options, options_len};

/// Beyond what is added for a short path: the bytes of 2^-10 s at the rate (`sk_pacing_shift`).
const RATE_SHIFT: u32 = 10;

/// As Linux: a writer that paused for this long is not waited for.
const RECENT: Duration = Duration::from_millis(1);

/// Segments' worth of window that are worth using, where no part of the window is (Linux's
/// `tcp_max_tso_deferred_mss`).
const WORTHWHILE_SEGMENTS: u64 = 3;

/// Segments of a train, at most: as many of an Ethernet's as a device is given at once that cuts. A caller with many
/// connections should come to the next one soon.
const TRAIN: u64 = 45;
/// Bytes of a segment, at most.
const MOST_AT_ONCE: u64 = u16::MAX as u64;

impl Connection {
    /// What the next segment may look like.
    pub(super) fn shape(&self, now: Instant, cutter: Cutter) -> Shape {
        let mut shape = Shape {
            options: Options::NONE,
            piece: 1,
            goal: 1,
            cutter,
        };
        self.set_segment_options(now, &mut shape.options);
        let options = &shape.options;
        let options_len = options_len(options) as u64;
        let piece = u64::from(self.agreed.mss)
            .saturating_sub(options_len)
            .max(1);
        let lost = self.snd.scoreboard.lost() > 0;
        let unsent = self.snd.unsent();
        let device_cuts = self.setup.gso_max_size > u32::from(self.agreed.mss);
        // What is repaired goes out piece by piece, and so does what reports holes.
        let plain = options.sack.is_empty() && !lost && !self.recovery.is_repairing();
        // Who cuts would let each piece point behind itself.
        let urgent = self.is_urgent();
        (shape.cutter, shape.goal) = match cutter {
            _ if urgent => (cutter, piece),
            _ if device_cuts && (unsent > 0 || lost) => {
                (Cutter::Device, self.goal(piece, options_len))
            }
            // Each would need an identification of its own.
            Cutter::Caller if self.options.mtu_discovery != MtuDiscovery::Forbid => (cutter, piece),
            Cutter::Caller if !device_cuts && unsent > piece && plain => {
                (cutter, TRAIN.min(MOST_AT_ONCE / piece) * piece)
            }
            _ => (cutter, piece),
        };
        shape.piece = piece;
        shape.goal = shape.goal.max(piece);
        shape
    }

    /// From now on the largest packet holds so many bytes of payload and options
    /// ([`Setup::gso_max_size`](crate::Setup::gso_max_size)).
    pub(crate) fn set_gso_max_size(&mut self, bytes: u32) {
        self.setup.gso_max_size = bytes;
    }

    /// Payload of a large segment: a millisecond's worth at the rate, and more where the path is short,
    /// so that acknowledgements keep coming and a segment costs little.
    fn goal(&self, piece: u64, options_len: u64) -> u64 {
        let most = u64::from(self.setup.gso_max_size);
        let short_path = self.rtt.min_rtt().map_or(0, |least| {
            let micros = u64::try_from(least.as_micros()).unwrap_or(u64::MAX);
            let halvings = micros >> self.config.tso_rtt_log;
            most >> halvings.min(u64::from(u64::BITS - 1))
        });
        let at_rate = self.rate().map_or(most, |rate| rate >> RATE_SHIFT);
        let bytes = at_rate.saturating_add(short_path).min(most);
        // What the congestion control takes for a burst is what its window leaves room for.
        let burst = self.congestion.send_quantum().map_or(most, u64::from);
        let segments = (bytes.min(burst) / piece).max(u64::from(self.config.min_tso_segs));
        let fits = most.saturating_sub(options_len) / piece;
        segments.min(fits.max(1)) * piece
    }

    /// The largest segment that may begin a run of `len` bytes: whole pieces, as far as the congestion
    /// window and the burst under way let, and one in any case.
    pub(super) fn most_at_once(&self, len: u64, shape: &Shape, in_flight: u64) -> u64 {
        let Shape { piece, goal, .. } = *shape;
        if goal <= piece {
            return piece;
        }
        let cwnd = u64::from(self.cwnd());
        let mut room = cwnd.saturating_sub(in_flight);
        if self.snd.chunks.is_some() {
            // As Linux's `tcp_cwnd_test`: two segments at least make a window.
            room = room.min(cwnd / 2);
        }
        let window = if len <= room {
            goal
        } else {
            room / piece * piece
        };
        let burst = match shape.cutter {
            Cutter::Device => self.snd.pacer.left(),
            Cutter::Caller => self.left_of_burst(in_flight),
        };
        let burst = burst.map_or(goal, |left| left.div_ceil(piece) * piece);
        goal.min(window).min(burst).max(piece)
    }

    /// Whether what the windows let go of `unsent` bytes is worth a large segment now: as Linux, it is
    /// better to wait for an acknowledgement that is about to come and opens them further. With nothing
    /// in flight none would come.
    pub(super) fn check_worth(
        &self,
        unsent: u64,
        shape: &Shape,
        in_flight: u64,
        now: Instant,
    ) -> Result<(), Limit> {
        let Shape { piece, goal, .. } = *shape;
        let at_once = in_flight == 0 || self.pending.flush || self.recovery.is_repairing();
        if goal <= piece || unsent <= piece || at_once || shape.cutter == Cutter::Caller {
            return Ok(());
        }
        let last_sent = self.snd.last_sent.unwrap_or(Instant::ZERO);
        if now.saturating_duration_since(last_sent) > RECENT {
            return Ok(());
        }
        let usable = self.snd.usable();
        let room = u64::from(self.cwnd()).saturating_sub(in_flight);
        let limit = usable.min(room);
        let window = u64::from(self.cwnd().min(self.snd.window.bytes()));
        let divisor = u64::from(self.config.tso_win_divisor);
        let worthwhile = window
            .checked_div(divisor)
            .unwrap_or(WORTHWHILE_SEGMENTS * piece + 1);
        if limit >= goal.min(unsent).min(worthwhile) {
            return Ok(());
        }
        // Half a round trip after the oldest was sent, its acknowledgement is near.
        let half = self.rtt.srtt().unwrap_or_default() / 2;
        let oldest = self.snd.scoreboard.first_last_sent_at().unwrap_or(now);
        if now.saturating_duration_since(oldest) < half {
            return Ok(());
        }
        Err(if room < usable {
            Limit::Congestion
        } else {
            Limit::PeerWindow
        })
    }
}
