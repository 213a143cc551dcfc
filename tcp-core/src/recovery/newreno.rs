//! Fast retransmit and recovery (RFC 5681 §3.2, RFC 6582; with SACK, the loss marking of RFC 6675).
//!
//! A retransmission that is lost again, and a hole with fewer than three segments reported above it,
//! wait for the timeout.

use crate::send::scoreboard::Scoreboard;

/// Where the repair of losses stands.
///
/// ```text
///            loss found                         timeout
///   Open ----------------> Recovery{high} ------------------> Loss{high}
///    ^                        | una >= high                     |  una >= high
///    +------------------------+---------------------------------+
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Recovery {
    phase: Phase,
    /// Duplicate acknowledgements in a row.
    dup_acks: u32,
    /// Without SACK: the end of the last run that duplicate acknowledgements show to have left the
    /// network. The first run is what is missing; each duplicate stands for one after it.
    departed_to: u64,
    /// SND.NXT when the last repair began: without SACK, duplicates of what lies before it may be
    /// echoes of that repair (RFC 6582 §3.2, "recover").
    recover: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    /// Nothing is being repaired.
    Open,
    /// Fast recovery, until everything sent before it began (`high`) is acknowledged.
    Recovery { high: u64 },
    /// After a timeout, until everything sent before it is acknowledged.
    Loss { high: u64 },
}

/// What an acknowledgement is to the repair of losses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AckView {
    /// SND.UNA after it.
    pub(crate) una: u64,
    /// SND.NXT.
    pub(crate) nxt: u64,
    /// Whether SND.UNA moved.
    pub(crate) advanced: bool,
    /// Whether it is a duplicate: RFC 5681 §2, or by SACK it reports something new.
    pub(crate) duplicate: bool,
    /// Whether SACK was agreed on.
    pub(crate) sack: bool,
    /// The payload of a full segment.
    pub(crate) mss: u32,
}

/// What came of it.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Data flows: the congestion window may grow.
    Open,
    /// A loss was found just now: cut the window, and send what is lost at once.
    Entered,
    /// A loss is being repaired; `resend` asks for an immediate retransmission (partial
    /// acknowledgement, RFC 6582 §3.2 step 3).
    Repairing {
        /// Whether the next hole is to be sent at once, whatever the window says.
        resend: bool,
    },
    /// The repair is complete.
    Left,
}

/// RFC 5681 §3.2: the third duplicate means a loss.
const DUP_ACKS: u32 = 3;

impl Recovery {
    pub(crate) fn new() -> Self {
        Recovery {
            phase: Phase::Open,
            dup_acks: 0,
            departed_to: 0,
            recover: 0,
        }
    }

    /// Bytes that duplicate acknowledgements of a peer without SACK show to have left the network
    /// (RFC 5681 §3.2 step 4, as a correction of what is in flight rather than of the window).
    pub(crate) fn departed(&self, scoreboard: &Scoreboard, sack: bool) -> u64 {
        if sack || self.is_after_timeout() {
            return 0;
        }
        let first = scoreboard.first_end().unwrap_or(self.departed_to);
        self.departed_to.saturating_sub(first)
    }

    /// What is outstanding is to be sent again: no duplicate stands for any of it.
    pub(crate) fn forget_duplicates(&mut self) {
        self.dup_acks = 0;
        self.departed_to = 0;
    }

    /// An acknowledgement was applied to the scoreboard: look for losses, mark them, say what it
    /// means.
    pub(crate) fn on_ack(&mut self, view: AckView, scoreboard: &mut Scoreboard) -> Verdict {
        self.count_duplicates(view, scoreboard);
        match self.phase {
            Phase::Open => self.look_for_loss(view, scoreboard),
            Phase::Recovery { high } if view.una >= high => {
                self.phase = Phase::Open;
                self.forget_duplicates();
                Verdict::Left
            }
            Phase::Recovery { .. } if view.sack => {
                if view.duplicate {
                    scoreboard.mark_lost_below_sacked(view.mss);
                }
                Verdict::Repairing { resend: false }
            }
            Phase::Recovery { .. } => {
                // Without SACK, what follows a partial acknowledgement is missing too.
                if view.advanced {
                    scoreboard.mark_first_lost();
                }
                Verdict::Repairing {
                    resend: view.advanced,
                }
            }
            Phase::Loss { high } if view.una >= high => {
                self.phase = Phase::Open;
                // Slow start after the timeout goes on without a break.
                Verdict::Open
            }
            Phase::Loss { .. } => {
                if view.sack && view.duplicate {
                    scoreboard.mark_lost_below_sacked(view.mss);
                }
                Verdict::Open
            }
        }
    }

    /// The retransmission timer expired (RFC 6298 §5.4, RFC 5681 §3.1).
    pub(crate) fn on_timeout(&mut self, nxt: u64, scoreboard: &mut Scoreboard) {
        scoreboard.mark_all_lost();
        self.forget_duplicates();
        self.recover = nxt;
        self.phase = Phase::Loss { high: nxt };
    }

    /// Whether a timeout is being repaired.
    pub(crate) fn is_after_timeout(&self) -> bool {
        matches!(self.phase, Phase::Loss { .. })
    }

    fn count_duplicates(&mut self, view: AckView, scoreboard: &Scoreboard) {
        let repairing = matches!(self.phase, Phase::Recovery { .. });
        if view.advanced && (!repairing || view.una >= self.departed_to) {
            return self.forget_duplicates();
        }
        if view.duplicate && !view.advanced {
            self.dup_acks = self.dup_acks.saturating_add(1);
        }
        // RFC 5681 §3.2, step 1 and RFC 3042: before a loss is found, the first two release a segment
        // each. A partial acknowledgement uncovers a hole that had been taken for departed, in the
        // stead of a later run (RFC 6582 §3.2, step 3).
        let counts = view.duplicate && (repairing || self.dup_acks < DUP_ACKS);
        if counts || view.advanced {
            self.depart(scoreboard);
        }
    }

    /// One more run has left the network.
    fn depart(&mut self, scoreboard: &Scoreboard) {
        let first = scoreboard.first_end().unwrap_or_default();
        let from = self.departed_to.max(first);
        self.departed_to = scoreboard.run_end_after(from).unwrap_or(from);
    }

    fn look_for_loss(&mut self, view: AckView, scoreboard: &mut Scoreboard) -> Verdict {
        let found = if view.sack {
            view.duplicate && scoreboard.mark_lost_below_sacked(view.mss) > 0
        } else if view.duplicate && self.dup_acks == DUP_ACKS && view.una > self.recover {
            scoreboard.mark_first_lost();
            true
        } else {
            false
        };
        if !found {
            return Verdict::Open;
        }
        self.recover = view.nxt;
        self.phase = Phase::Recovery { high: view.nxt };
        self.depart(scoreboard);
        Verdict::Entered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    fn board(segments: u64) -> Scoreboard {
        let mut board = Scoreboard::default();
        for n in 0..segments {
            board.push(1 + n * 100..101 + n * 100, Instant::ZERO);
        }
        board
    }

    fn view(una: u64, advanced: bool, sack: bool) -> AckView {
        AckView {
            una,
            nxt: 1_001,
            advanced,
            duplicate: !advanced,
            sack,
            mss: 100,
        }
    }

    #[test]
    fn the_third_duplicate_enters_and_a_full_acknowledgement_leaves() {
        let (mut recovery, mut board) = (Recovery::new(), board(10));
        assert_eq!(
            recovery.on_ack(view(1, false, false), &mut board),
            Verdict::Open
        );
        assert_eq!(
            recovery.on_ack(view(1, false, false), &mut board),
            Verdict::Open
        );
        assert_eq!(recovery.departed(&board, false), 200);
        assert_eq!(
            recovery.on_ack(view(1, false, false), &mut board),
            Verdict::Entered
        );
        assert_eq!(board.first_lost(), Some(1..101));
        board.on_retransmit(1..101, Instant::ZERO);
        board.acknowledge(301);
        let partial = recovery.on_ack(view(301, true, false), &mut board);
        assert_eq!(partial, Verdict::Repairing { resend: true });
        assert_eq!(board.first_lost(), Some(301..401));
        board.acknowledge(1_001);
        assert_eq!(
            recovery.on_ack(view(1_001, true, false), &mut board),
            Verdict::Left
        );
    }

    #[test]
    fn duplicates_after_a_timeout_do_not_cut_the_window_again() {
        let (mut recovery, mut board) = (Recovery::new(), board(10));
        recovery.on_timeout(1_001, &mut board);
        for _ in 0..5 {
            assert_eq!(
                recovery.on_ack(view(1, false, false), &mut board),
                Verdict::Open
            );
        }
    }

    #[test]
    fn sack_enters_with_what_it_shows() {
        let (mut recovery, mut board) = (Recovery::new(), board(10));
        board.sack(101..401);
        assert_eq!(
            recovery.on_ack(view(1, false, true), &mut board),
            Verdict::Entered
        );
        assert_eq!(board.lost(), 100);
    }
}
