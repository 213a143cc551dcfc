//! Duplicate acknowledgements of a peer without SACK (RFC 5681 §3.2, RFC 6582, RFC 3042).

use crate::pack::packs;
use crate::send::scoreboard::Scoreboard;

/// What duplicates have shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct DupAcks {
    /// How many came in a row.
    count: u32,
    /// The end of the last piece that duplicates show to have left the network. The first is what is
    /// missing; each duplicate stands for one after it.
    departed_to: u64,
    /// SND.NXT when the last repair began: duplicates of what lies before it may be echoes of that
    /// repair (RFC 6582 §3.2, "recover").
    recover: u64,
}

packs!(DupAcks {
    count,
    departed_to,
    recover
});

/// RFC 5681 §3.2: the third duplicate means a loss.
const THRESHOLD: u32 = 3;

/// What an acknowledgement is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AckKind {
    /// SND.UNA moved.
    Advanced,
    /// The definition of RFC 5681 §2.
    Duplicate,
    /// Neither.
    Other,
}

impl DupAcks {
    /// Bytes that duplicates show to have left the network (RFC 5681 §3.2 step 4, as a correction of
    /// what is in flight rather than of the window).
    pub(crate) fn departed(&self, scoreboard: &Scoreboard) -> u64 {
        let first = scoreboard.first_end().unwrap_or(self.departed_to);
        self.departed_to.saturating_sub(first)
    }

    /// No duplicate stands for anything of what is outstanding.
    pub(crate) fn forget(&mut self) {
        self.count = 0;
        self.departed_to = 0;
    }

    /// A repair of everything before `nxt` begins.
    pub(crate) fn on_repair(&mut self, nxt: u64) {
        self.recover = nxt;
    }

    /// Whether the last duplicate was the third of data that no repair has dealt with.
    pub(crate) fn shows_loss(&self, kind: AckKind, una: u64) -> bool {
        kind == AckKind::Duplicate && self.count == THRESHOLD && self.are_of_interest(una)
    }

    /// Whether duplicates that acknowledge up to `una` could show that what follows is lost, rather than echo a repair.
    pub(crate) fn are_of_interest(&self, una: u64) -> bool {
        una > self.recover
    }

    /// Counts. The first two duplicates let a segment go each where `limited_transmit` says so; while
    /// losses are repaired, all do.
    pub(crate) fn on_ack(
        &mut self,
        kind: AckKind,
        una: u64,
        repairing: bool,
        limited_transmit: bool,
        scoreboard: &Scoreboard,
    ) {
        match kind {
            AckKind::Advanced if !repairing || una >= self.departed_to => self.forget(),
            // A partial acknowledgement uncovers a hole that had been taken for departed, in the
            // stead of a later piece (RFC 6582 §3.2, step 3).
            AckKind::Advanced => self.depart(scoreboard),
            AckKind::Duplicate => {
                self.count = self.count.saturating_add(1);
                if repairing || (limited_transmit && self.count < THRESHOLD) {
                    self.depart(scoreboard);
                }
            }
            AckKind::Other => {}
        }
    }

    /// A repair begins with this many duplicates: what they stand for has departed.
    pub(crate) fn depart_at_entry(&mut self, scoreboard: &Scoreboard, limited_transmit: bool) {
        let uncounted = if limited_transmit { 1 } else { self.count };
        for _ in 0..uncounted {
            self.depart(scoreboard);
        }
    }

    /// One more piece has left the network.
    fn depart(&mut self, scoreboard: &Scoreboard) {
        let first = scoreboard.first_end().unwrap_or_default();
        let from = self.departed_to.max(first);
        self.departed_to = scoreboard.piece_end_after(from).unwrap_or(from);
    }
}
