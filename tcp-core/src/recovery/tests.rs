//! The repair of losses by itself, on a scoreboard and without a connection.

use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use super::*;
use crate::config::RecoveryConfig;
use crate::congestion::Phase;
use crate::send::scoreboard::{Delivered, Pieces, Scoreboard, SendStamp};
use crate::time::Instant;

const MSS: u32 = 100;
const RTT: Duration = Duration::from_millis(100);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A sender of segments of 100 bytes, from offset 1, one in a millisecond.
struct Sender {
    recovery: Recovery,
    board: Scoreboard,
    una: u64,
    nxt: u64,
    sack: bool,
    new_data: bool,
    mtu_probe: Option<u64>,
}

impl Sender {
    fn new(segments: u64, config: RecoveryConfig) -> Self {
        let mut sender = Sender {
            recovery: Recovery::new(config),
            board: Scoreboard::default(),
            una: 1,
            nxt: 1,
            sack: true,
            new_data: true,
            mtu_probe: None,
        };
        for n in 0..segments {
            sender.send(at(n));
        }
        sender
    }

    fn send(&mut self, now: Instant) {
        let end = self.nxt + u64::from(MSS);
        self.board
            .push(self.nxt..end, Pieces::ONE, now, SendStamp::default());
        self.recovery.on_sent(u64::from(MSS));
        self.nxt = end;
    }

    fn resend(&mut self, now: Instant) -> Option<Range<u64>> {
        let range = self.board.first_lost()?;
        self.board
            .on_retransmit(range.clone(), Pieces::ONE, now, SendStamp::default());
        self.recovery.on_retransmit(now, 1);
        Some(range)
    }

    fn view<'a>(&self, now: Instant, delivered: &'a Delivered) -> AckView<'a> {
        AckView {
            now,
            una: self.una,
            nxt: self.nxt,
            kind: AckKind::Other,
            delivered,
            dsack: None,
            pure_duplicate: false,
            sack: self.sack,
            mss: MSS,
            min_rtt: Some(RTT),
            srtt: Some(RTT),
            new_data: self.new_data,
            mtu_probe: self.mtu_probe,
        }
    }

    /// An acknowledgement at `now` that echoes what was sent at `echo` milliseconds.
    fn ack(
        &mut self,
        now: u64,
        una: u64,
        blocks: &[Range<u64>],
        dsack: Option<Range<u64>>,
        echo: Option<u64>,
    ) -> (Outcome, Vec<u64>) {
        let mut delivered = Delivered {
            echo,
            ..Delivered::default()
        };
        for block in blocks {
            self.board.sack(block.clone(), &mut delivered);
        }
        let advanced = una > self.una;
        self.board.acknowledge(una, &mut delivered);
        self.una = self.una.max(una);
        let duplicate = !advanced && (delivered.bytes > 0 || !self.sack);
        let view = AckView {
            kind: match (advanced, duplicate) {
                (true, _) => AckKind::Advanced,
                (false, true) => AckKind::Duplicate,
                (false, false) => AckKind::Other,
            },
            dsack: dsack.as_ref(),
            ..self.view(at(now), &delivered)
        };
        let mut lost = Vec::new();
        let mut note = |sent: &crate::send::scoreboard::Sent| lost.push(sent.start);
        let mut outcome = Outcome::default();
        self.recovery
            .on_ack(&view, &mut self.board, &mut note, &mut outcome);
        (outcome, lost)
    }

    fn time_out(&mut self, now: u64) {
        let nothing = Delivered::default();
        let view = self.view(at(now), &nothing);
        let _ = self
            .recovery
            .on_timeout(&view, &mut self.board, &mut |_| {});
    }
}

fn sender(segments: u64) -> Sender {
    Sender::new(segments, RecoveryConfig::default())
}

fn without_sack(segments: u64) -> Sender {
    let mut sender = sender(segments);
    sender.sack = false;
    sender
}

#[test]
fn the_third_duplicate_enters_and_a_full_acknowledgement_leaves() {
    let mut sender = without_sack(10);
    for _ in 0..2 {
        let (outcome, _) = sender.ack(100, 1, &[], None, None);
        assert!(!outcome.entered);
    }
    assert_eq!(sender.recovery.departed(&sender.board, false), 200);
    let (outcome, lost) = sender.ack(100, 1, &[], None, None);
    assert!(outcome.entered);
    assert_eq!(lost, [1]);
    assert_eq!(sender.resend(at(100)), Some(1..101));
    let (outcome, lost) = sender.ack(200, 301, &[], None, None);
    assert!(outcome.resend && !outcome.entered && !outcome.left);
    assert_eq!(lost, [301]);
    let (outcome, _) = sender.ack(300, 1_001, &[], None, None);
    assert!(outcome.left && !outcome.resend);
    assert_eq!(sender.recovery.phase(), Phase::Open);
}

#[test]
fn without_limited_transmit_the_first_duplicates_let_nothing_go() {
    let config = RecoveryConfig {
        limited_transmit: false,
        ..RecoveryConfig::default()
    };
    let mut sender = Sender::new(10, config);
    sender.sack = false;
    let _ = sender.ack(100, 1, &[], None, None);
    let _ = sender.ack(100, 1, &[], None, None);
    assert_eq!(sender.recovery.departed(&sender.board, false), 0);
    let _ = sender.ack(100, 1, &[], None, None);
    assert_eq!(
        sender.recovery.departed(&sender.board, false),
        300,
        "in recovery all three count"
    );
}

#[test]
fn duplicates_after_a_timeout_do_not_cut_the_window_again() {
    let mut sender = without_sack(10);
    sender.time_out(500);
    for _ in 0..5 {
        let (outcome, _) = sender.ack(600, 1, &[], None, None);
        assert!(!outcome.entered);
    }
}

#[test]
fn one_segment_beyond_a_hole_is_enough_after_a_quarter_of_the_round_trip() {
    let mut sender = sender(5);
    let (outcome, lost) = sender.ack(101, 1, core::slice::from_ref(&(101..201)), None, None);
    assert!(!outcome.entered && lost.is_empty());
    assert_eq!(outcome.look_again, Some(at(125)));
    let nothing = Delivered::default();
    let view = sender.view(at(125), &nothing);
    let outcome = sender
        .recovery
        .on_reorder_timeout(&view, &mut sender.board, &mut |_| {});
    assert!(outcome.entered && outcome.lost);
    assert_eq!(sender.board.first_lost(), Some(1..101));
}

#[test]
fn three_beyond_a_hole_are_enough_at_once_unless_the_path_reorders() {
    let mut reordering = sender(10);
    let mut steady = sender(10);
    let _ = reordering.ack(101, 1, core::slice::from_ref(&(101..201)), None, None);
    let _ = reordering.ack(102, 201, &[], None, None);
    assert_eq!(reordering.recovery.reorderings(), 1);
    let (outcome, _) = reordering.ack(106, 201, core::slice::from_ref(&(301..701)), None, None);
    assert!(!outcome.entered);
    assert!(outcome.look_again.is_some());
    let (outcome, lost) = steady.ack(104, 1, core::slice::from_ref(&(101..401)), None, None);
    assert!(outcome.entered);
    assert_eq!(lost, [1]);
}

#[test]
fn what_was_sent_again_and_lost_again_is_found() {
    let mut sender = sender(10);
    let _ = sender.ack(104, 1, core::slice::from_ref(&(101..401)), None, None);
    assert_eq!(sender.resend(at(104)), Some(1..101));
    sender.send(at(105));
    let (outcome, lost) = sender.ack(
        206,
        1,
        core::slice::from_ref(&(401..1_101)),
        None,
        Some(105),
    );
    assert_eq!(lost, [1]);
    assert!(!outcome.entered, "the window is down already");
}

#[test]
fn the_echo_of_an_original_takes_the_reduction_back() {
    let mut sender = sender(10);
    let _ = sender.ack(104, 1, core::slice::from_ref(&(101..401)), None, None);
    sender.resend(at(104));
    let (outcome, _) = sender.ack(110, 401, &[], None, Some(0));
    assert_eq!(outcome.undone, Some(Undone::Partial));
    assert!(outcome.left);
    assert_eq!(sender.recovery.phase(), Phase::Open);
}

#[test]
fn duplicates_of_all_that_was_sent_again_take_the_reduction_back() {
    for late in [false, true] {
        let mut sender = sender(10);
        let _ = sender.ack(104, 1, core::slice::from_ref(&(101..401)), None, None);
        sender.resend(at(104));
        let una = if late { 1_001 } else { 401 };
        let (outcome, _) = sender.ack(110, una, &[], None, None);
        assert_eq!((outcome.undone, outcome.left), (None, late));
        let (outcome, _) = sender.ack(204, una, &[], Some(1..101), None);
        assert_eq!(outcome.undone, Some(Undone::Dsack), "late {late}");
    }
}

#[test]
fn a_spurious_timeout_is_found_by_the_echo_or_by_what_is_acknowledged_next() {
    for echo in [Some(0), None] {
        let mut sender = sender(10);
        sender.time_out(400);
        assert_eq!(sender.resend(at(400)), Some(1..101));
        let (outcome, _) = sender.ack(500, 101, &[], None, echo);
        if echo.is_some() {
            assert_eq!(outcome.undone, Some(Undone::Timeout));
        } else {
            assert_eq!(outcome.undone, None);
            assert!(sender.recovery.wants_new_data());
            sender.send(at(500));
            let (outcome, lost) = sender.ack(501, 201, &[], None, None);
            assert_eq!(outcome.undone, Some(Undone::Frto));
            assert!(lost.is_empty(), "the retransmission has overtaken nothing");
        }
        assert_eq!(sender.recovery.phase(), Phase::Open);
        assert_eq!(sender.board.lost(), 0);
    }
}

#[test]
fn without_sack_what_a_retransmission_uncovers_proves_nothing() {
    let mut sender = without_sack(10);
    sender.time_out(400);
    sender.resend(at(400));
    let (outcome, _) = sender.ack(500, 501, &[], None, None);
    assert_eq!(outcome.undone, None);
    assert_eq!(sender.recovery.phase(), Phase::Loss);
}

#[test]
fn a_real_timeout_is_repaired() {
    let mut sender = sender(3);
    sender.time_out(400);
    for (now, una) in [(500, 101), (600, 201), (700, 301)] {
        sender.new_data = false;
        sender.resend(at(now - 100));
        let (outcome, _) = sender.ack(now, una, &[], None, Some(now - 100));
        assert_eq!(outcome.undone, None);
        assert_eq!(outcome.recovered, una == 301);
    }
    assert_eq!(sender.recovery.phase(), Phase::Open);
}

#[test]
fn marks_are_a_reduction_and_a_loss_in_it_does_not_cut_again() {
    let mut sender = sender(10);
    assert!(sender.recovery.enter_reduction(sender.nxt));
    assert!(!sender.recovery.enter_reduction(sender.nxt), "once");
    let (outcome, lost) = sender.ack(104, 1, core::slice::from_ref(&(101..401)), None, None);
    assert_eq!(lost, [1]);
    assert!(!outcome.entered);
    assert_eq!(sender.recovery.phase(), Phase::Recovery);
    let (outcome, _) = sender.ack(300, 1_001, &[], None, None);
    assert!(outcome.left);
}

/// The losses of what was sent during a repair belong to a window of data that no cut has answered.
#[test]
fn what_is_still_lost_when_a_repair_ends_is_congestion_of_its_own() {
    let mut sender = sender(10);
    let _ = sender.ack(104, 1, core::slice::from_ref(&(101..401)), None, None);
    sender.resend(at(104));
    sender.send(at(105));
    sender.send(at(106));
    let (outcome, lost) = sender.ack(206, 1, &[401..1_001, 1_101..1_201], None, None);
    assert_eq!(lost, [1, 1_001]);
    assert!(!outcome.entered);
    assert_eq!(sender.resend(at(206)), Some(1..101));
    let (outcome, _) = sender.ack(306, 1_001, &[], None, None);
    assert!(outcome.left && outcome.entered);
    assert_eq!(sender.recovery.phase(), Phase::Recovery);
}

/// What went out shortly before the timeout arrives, and what went before that did not.
#[test]
fn what_shows_a_spurious_timeout_has_overtaken_what_is_lost() {
    let mut sender = sender(5);
    let _ = sender.ack(100, 101, &[], None, None);
    sender.send(at(390));
    sender.send(at(391));
    sender.time_out(400);
    assert_eq!(sender.resend(at(400)), Some(101..201));
    let (outcome, lost) = sender.ack(490, 101, core::slice::from_ref(&(501..701)), None, None);
    assert_eq!(outcome.undone, Some(Undone::Frto));
    assert_eq!(lost, [201, 301, 401]);
    assert!(outcome.entered);
}

#[test]
fn a_timeout_in_recovery_that_is_taken_back_leaves_what_was_seen_before_it() {
    let mut sender = sender(10);
    let (_, lost) = sender.ack(105, 1, core::slice::from_ref(&(201..501)), None, None);
    assert_eq!(lost, [1, 101]);
    sender.resend(at(105));
    sender.time_out(300);
    let (outcome, lost) = sender.ack(310, 101, &[], None, Some(0));
    assert_eq!(outcome.undone, Some(Undone::Timeout));
    assert_eq!(lost, [101]);
}

/// RFC 5682 §2.1: what arrives then may be new data of the repair, which proves nothing of what the
/// first timeout was for.
#[test]
fn a_timeout_in_the_middle_of_a_repair_by_timeout_is_not_tested() {
    let mut sender = sender(3);
    sender.time_out(400);
    sender.resend(at(400));
    sender.new_data = false;
    let (outcome, _) = sender.ack(500, 101, &[], None, None);
    assert_eq!(outcome.undone, None);
    sender.resend(at(500));
    sender.resend(at(500));
    sender.send(at(501));
    sender.time_out(1_000);
    let (outcome, _) = sender.ack(1_001, 101, core::slice::from_ref(&(301..401)), None, None);
    assert_eq!(outcome.undone, None);
    assert_eq!(sender.recovery.phase(), Phase::Loss);
}

/// RFC 8985 §7.2: marks are no loss.
#[test]
fn the_tail_of_a_window_that_was_marked_is_probed() {
    let mut sender = sender(3);
    assert!(sender.recovery.enter_reduction(sender.nxt));
    let timeout = sender.recovery.probe_timeout(&sender.board, Some(RTT));
    assert_eq!(timeout, Some(2 * RTT + Duration::from_millis(2)));
}

#[test]
fn the_parts_can_be_turned_off() {
    let config = RecoveryConfig {
        rack: false,
        tail_loss_probe: false,
        proportional_rate_reduction: false,
        forward_rto: false,
        undo: false,
        limited_transmit: true,
    };
    let mut sender = Sender::new(10, config);
    assert_eq!(
        sender.recovery.probe_timeout(&sender.board, Some(RTT)),
        None
    );
    let (outcome, lost) = sender.ack(104, 1, core::slice::from_ref(&(101..201)), None, None);
    assert!(lost.is_empty() && outcome.look_again.is_none());
    let (outcome, lost) = sender.ack(104, 1, core::slice::from_ref(&(101..401)), None, None);
    assert!(outcome.entered);
    assert_eq!(lost, [1], "three reports");
    sender.recovery.start_prr(500, 1_000);
    assert_eq!(sender.recovery.window(), None);
    sender.resend(at(104));
    let (outcome, _) = sender.ack(110, 1_001, &[], Some(1..101), Some(0));
    assert_eq!(outcome.undone, None);
}

/// RFC 4821 §7.6.2: the loss of a probe alone is nobody's congestion.
#[test]
fn a_probe_that_is_lost_alone_enters_no_recovery_and_no_controller_hears_of_it() {
    for sack in [true, false] {
        let mut sender = sender(10);
        sender.sack = sack;
        sender.mtu_probe = Some(1);
        let reported: Vec<Range<u64>> = sack.then_some(101..401).into_iter().collect();
        let mut found = (Outcome::default(), Vec::new());
        for _ in 0..3 {
            found = sender.ack(150, 1, &reported, None, None);
            if found.0.lost {
                break;
            }
        }
        let (outcome, told) = found;
        assert!(outcome.mtu_probe_lost && outcome.lost && !outcome.entered);
        assert_eq!(told, []);
        assert_eq!(sender.recovery.phase(), Phase::Open);
        assert_eq!(sender.board.first_lost(), Some(1..101));
    }
}

#[test]
fn a_probe_that_is_lost_with_others_is_a_loss_as_any() {
    let mut sender = sender(10);
    sender.mtu_probe = Some(1);
    let (outcome, told) = sender.ack(150, 1, &[101..201, 301..701], None, None);
    assert!(outcome.entered && !outcome.mtu_probe_lost);
    assert_eq!(told, [1, 201]);
}

#[test]
fn a_probe_behind_a_hole_is_no_suspect() {
    let mut sender = sender(10);
    sender.mtu_probe = Some(101);
    let (outcome, told) = sender.ack(150, 1, &[101..201, 201..501], None, None);
    assert!(outcome.entered && !outcome.mtu_probe_lost);
    assert_eq!(told, [1]);
}

#[test]
fn a_timeout_of_a_probe_is_not_tested_by_new_data() {
    for mtu_probe in [None, Some(1)] {
        let mut sender = sender(10);
        sender.mtu_probe = mtu_probe;
        sender.time_out(1_000);
        assert_eq!(sender.resend(at(1_000)), Some(1..101));
        let _ = sender.ack(1_100, 101, &[], None, None);
        assert_eq!(sender.recovery.wants_new_data(), mtu_probe.is_none());
    }
}
