//! Every schedule of small conversations with up to two or three faults; and that the explorer
//! finds fault where there is some.

use std::time::Instant;

use tcp_core::connection::Connection;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::Control;
use tcp_core::{Instant as Time, State};
use tcp_sim::Side;
use tcp_sim::explore::{
    Action, Bounds, Counterexample, Host, Machine, Packet, Report, Scenario, close, explore,
    explore_observed, handshake, large_segments, play, presets, reset, simultaneous_close,
    simultaneous_open, time_wait_reuse, transfer, zero_window,
};
use tcp_sim::scenario::TcpSettings;

/// Explores to the end and finds nothing.
fn explore_clean(scenario: &Scenario, faults: u8) -> Report {
    let began = Instant::now();
    let report = explore(scenario, &Bounds::faults(faults));
    println!(
        "{}, {faults} faults: {} states, {} transitions, {} endings, depth {}, {:.2?}",
        scenario.name,
        report.states,
        report.transitions,
        report.endings,
        report.depth,
        began.elapsed()
    );
    if let Some(found) = &report.violation {
        panic!("{}:\n{found}", scenario.name);
    }
    assert!(report.complete, "{}: cut short", scenario.name);
    assert!(report.endings > 0, "{}: never ended", scenario.name);
    report
}

/// Without the tail loss probe: a timer that may come before or after everything else multiplies the
/// schedules of a longer conversation by hundreds for each fault.
fn unprobed(scenario: Scenario) -> Scenario {
    let tcp = TcpSettings {
        tail_loss_probe: Some(false),
        ..TcpSettings::default()
    };
    scenario.with_tcp(&tcp).expect("the settings are valid")
}

#[test]
fn handshake_keeps_the_rules() {
    assert!(explore_clean(&handshake(), 3).states > 5_000);
}

#[test]
fn simultaneous_open_keeps_the_rules() {
    assert!(explore_clean(&simultaneous_open(), 3).states > 10_000);
}

#[test]
fn transfer_keeps_the_rules() {
    assert!(explore_clean(&transfer(), 1).states > 20_000);
    assert!(explore_clean(&unprobed(transfer()), 2).states > 500_000);
}

#[test]
fn large_segments_keep_the_rules() {
    assert!(explore_clean(&large_segments(), 1).states > 5_000);
    assert!(explore_clean(&unprobed(large_segments()), 2).states > 100_000);
}

#[test]
fn large_segments_go_over_the_wire_as_their_pieces() {
    let scenario = large_segments();
    let way = explore_clean(&scenario, 0).deepest;
    let playback = play(&scenario, 0, &way).expect("the way was found");
    let bursts = playback
        .steps
        .iter()
        .filter(|step| step.action.side() == Side::A);
    let data = |packet: &&Packet| !packet.payload.is_empty();
    let bursts = bursts.map(|step| step.sent.iter().filter(data).count());
    assert_eq!(
        bursts.filter(|&burst| burst > 0).collect::<Vec<_>>(),
        [3, 2]
    );
}

#[test]
fn close_keeps_the_rules() {
    assert!(explore_clean(&close(), 2).states > 20_000);
    assert!(explore_clean(&unprobed(close()), 3).states > 100_000);
}

#[test]
fn simultaneous_close_keeps_the_rules() {
    assert!(explore_clean(&simultaneous_close(), 1).states > 50_000);
    assert!(explore_clean(&unprobed(simultaneous_close()), 2).states > 500_000);
}

#[test]
fn zero_window_keeps_the_rules() {
    assert!(explore_clean(&zero_window(), 2).states > 20_000);
    assert!(explore_clean(&unprobed(zero_window()), 3).states > 100_000);
}

#[test]
fn reset_keeps_the_rules() {
    assert!(explore_clean(&reset(), 2).states > 20_000);
    assert!(explore_clean(&unprobed(reset()), 3).states > 100_000);
}

#[test]
fn time_wait_reuse_keeps_the_rules() {
    assert!(explore_clean(&time_wait_reuse(), 2).states > 50_000);
}

#[test]
fn the_next_connection_begins_where_time_wait_lets_it() {
    let scenario = time_wait_reuse();
    let way = explore_clean(&scenario, 0).deepest;
    let playback = play(&scenario, 0, &way).expect("the way was found");
    let mut by_b = Vec::new();
    for step in &playback.steps {
        let sent = step.sent.iter().map(|packet| packet.header);
        by_b.extend(sent.filter(|_| step.action.side() == Side::B));
    }
    let fin = by_b
        .iter()
        .find(|header| header.control == Control::Fin)
        .expect("B closes the first connection");
    let syn = by_b
        .iter()
        .find(|header| header.control == Control::Syn)
        .expect("B opens the second");
    // RFC 6191: beyond the old connection's numbers and its window.
    assert_eq!(syn.seq.distance_from(fin.seq.advanced_by(1)), 65_537);
}

#[test]
fn segments_of_the_first_connection_reach_the_second() {
    let flawed = flawed(time_wait_reuse(), Flaw::PanicsAtOldFin);
    let clean = explore(&flawed, &Bounds::faults(0));
    assert!(clean.violation.is_none(), "without faults nothing is late");
    let found = explore(&flawed, &Bounds::faults(1)).violation;
    let found = found.expect("a FIN that is held up comes to the next connection");
    assert!(found.violation.0.contains("an old FIN"), "{found}");
}

#[test]
fn the_report_does_not_depend_on_the_threads() {
    let mut digests = Vec::new();
    for threads in [1, 2, 3, 8] {
        let bounds = Bounds {
            threads,
            ..Bounds::faults(2)
        };
        let mut reports = Vec::new();
        for scenario in [handshake(), close(), time_wait_reuse()] {
            reports.push(format!("{:?}", explore(&scenario, &bounds)));
        }
        for flaw in [Flaw::FinSentOnce, Flaw::Panics, Flaw::RetransmitsOtherBytes] {
            for scenario in [close(), reset(), simultaneous_close()] {
                let flawed = flawed(scenario, flaw);
                reports.push(format!("{:?}", explore(&flawed, &bounds)));
            }
        }
        digests.push(reports);
    }
    assert!(digests.iter().all(|reports| *reports == digests[0]));
}

#[test]
fn progress_is_told_on_the_way() {
    let scenario = close();
    let mut seen = Vec::new();
    let report = explore_observed(&scenario, &Bounds::faults(1), &mut |it| seen.push(*it));
    assert_eq!(
        seen.len() as u32,
        report.depth + 1,
        "small levels are one batch"
    );
    assert!(seen.is_sorted_by_key(|it| (it.depth, it.states, it.transitions)));
    let last = seen.last().expect("there is progress");
    assert_eq!(
        (last.states, last.transitions),
        (report.states, report.transitions)
    );
    assert_eq!(last.frontier, 0);
}

#[test]
fn the_deepest_state_is_as_deep_as_the_report_says() {
    for scenario in presets() {
        let report = explore_clean(&scenario, 1);
        assert_eq!(report.deepest.len() as u32, report.depth);
        let playback = play(&scenario, 1, &report.deepest).expect("the way was found");
        assert_eq!(playback.violation, None);
    }
}

#[test]
fn a_bound_that_cuts_schedules_short_is_told() {
    let faults = Bounds::faults(1);
    for bounds in [
        Bounds { depth: 5, ..faults },
        Bounds {
            states: 20,
            ..faults
        },
        Bounds {
            in_flight: 0,
            ..faults
        },
    ] {
        let report = explore(&close(), &bounds);
        assert!(!report.complete, "{bounds:?}");
        assert!(report.violation.is_none(), "{bounds:?}");
    }
}

/// A host with something wrong around it.
#[derive(Clone, Hash)]
struct Flawed {
    host: Host,
    flaw: Flaw,
    /// The sequence number after the last new data, to know what is sent again.
    data_end: Option<SeqNumber>,
    /// The sequence number after all that was sent.
    sent_end: Option<SeqNumber>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Flaw {
    /// No timer runs while a FIN alone is outstanding: it is never sent again.
    FinSentOnce,
    /// No timer runs while the peer's window is closed.
    NoPersistTimer,
    /// Acknowledgements say one more than has arrived.
    AcknowledgesTooMuch,
    /// What is sent again is not what was sent.
    RetransmitsOtherBytes,
    /// It panics at a reset.
    Panics,
    /// It panics at a FIN on its second connection.
    PanicsAtOldFin,
    /// An acknowledgement of more than was sent counts as one of all that was sent.
    AcceptsAnyAcknowledgement,
}

impl Machine for Flawed {
    fn handle_segment(&mut self, now: Time, packet: &Packet) {
        let is_reset = packet.header.control == Control::Rst;
        assert!(
            self.flaw != Flaw::Panics || !is_reset,
            "a reset is too much"
        );
        let is_old_fin = self.incarnation() == 2 && packet.header.control == Control::Fin;
        assert!(
            self.flaw != Flaw::PanicsAtOldFin || !is_old_fin,
            "an old FIN is too much"
        );
        let mut packet = packet.clone();
        if let (Flaw::AcceptsAnyAcknowledgement, Some(end)) = (self.flaw, self.sent_end) {
            let ack = packet.header.ack;
            packet.header.ack = ack.map(|ack| if ack.distance_from(end) > 0 { end } else { ack });
        }
        self.host.handle_segment(now, &packet);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.host.handle_timeout(now);
    }

    fn poll_segment(&mut self, now: Time) -> Option<Packet> {
        let mut packet = self.host.poll_segment(now)?;
        let end = packet.header.seq.advanced_by(packet.sequence_len());
        let is_new = |last| end.distance_from(last) > 0;
        if self.sent_end.is_none_or(is_new) {
            self.sent_end = Some(end);
        }
        match self.flaw {
            Flaw::AcknowledgesTooMuch if packet.header.control == Control::None => {
                packet.header.ack = packet.header.ack.map(|ack| ack.advanced_by(1));
            }
            Flaw::RetransmitsOtherBytes if !packet.payload.is_empty() => {
                if self.data_end.is_none_or(is_new) {
                    self.data_end = Some(end);
                } else {
                    packet.payload[0] ^= 1;
                }
            }
            _ => {}
        }
        Some(packet)
    }

    fn poll_timeout(&self) -> Option<Time> {
        let info = self.host.connection().map(|it| it.info(Time::ZERO));
        let swallowed = info.is_some_and(|info| match self.flaw {
            Flaw::FinSentOnce => {
                let finishing = [State::FinWait1, State::Closing, State::LastAck];
                finishing.contains(&info.tcpi_state) && info.unacked_bytes == 1
            }
            Flaw::NoPersistTimer => info.unacked_bytes == 0 && info.tcpi_snd_wnd == 0,
            _ => false,
        });
        self.host.poll_timeout().filter(|_| !swallowed)
    }

    fn connection(&self) -> Option<&Connection> {
        self.host.connection()
    }

    fn connection_mut(&mut self) -> Option<&mut Connection> {
        self.host.connection_mut()
    }

    fn incarnation(&self) -> u8 {
        self.host.incarnation()
    }

    fn reconnect(&mut self, now: Time) {
        self.host.reconnect(now);
    }
}

fn flawed(scenario: Scenario, flaw: Flaw) -> Scenario<Flawed> {
    scenario.map(|host| Flawed {
        host,
        flaw,
        data_end: None,
        sent_end: None,
    })
}

/// The counterexample that the explorer finds with `faults` faults, printed, and not without them.
fn find(scenario: Scenario, flaw: Flaw, faults: u8) -> Counterexample {
    let flawed = flawed(scenario, flaw);
    if faults > 0 {
        let fewer = explore(&flawed, &Bounds::faults(faults - 1));
        assert!(fewer.violation.is_none(), "{flaw:?} needs {faults} faults");
    }
    let found = explore(&flawed, &Bounds::faults(faults)).violation;
    let found = found.unwrap_or_else(|| panic!("{flaw:?} was not found"));
    println!("{flaw:?}:\n{found}\n");
    assert!(found.steps.len() <= 20, "{flaw:?}: the trace is long");
    found
}

#[test]
fn a_fin_that_is_never_sent_again_is_found() {
    let found = find(close(), Flaw::FinSentOnce, 1);
    assert!(found.violation.0.contains("stall"), "{found}");
    let lost = found.steps.iter().any(|step| {
        let subject = step.subject.as_ref();
        step.action.is_fault() && subject.is_some_and(|it| it.header.control == Control::Fin)
    });
    assert!(lost, "the fault is the loss of the FIN:\n{found}");
}

#[test]
fn a_lost_window_update_without_a_persist_timer_is_found() {
    // B reads twice before the window is as wide as it gets, and each time says so.
    let found = find(zero_window(), Flaw::NoPersistTimer, 2);
    assert!(found.violation.0.contains("stall"), "{found}");
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_found() {
    let found = find(transfer(), Flaw::AcknowledgesTooMuch, 0);
    assert!(found.violation.0.contains("beyond"), "{found}");
}

#[test]
fn an_acknowledgement_beyond_what_was_sent_must_not_be_taken() {
    for scenario in [
        handshake(),
        simultaneous_open(),
        transfer(),
        close(),
        reset(),
    ] {
        let found = find(scenario, Flaw::AcceptsAnyAcknowledgement, 1);
        let stranger = |action: Action| matches!(action, Action::Stranger(_));
        assert!(
            found.steps.iter().any(|step| stranger(step.action)),
            "{found}"
        );
    }
}

#[test]
fn bytes_that_were_not_written_are_found() {
    let found = find(transfer(), Flaw::RetransmitsOtherBytes, 1);
    assert!(found.violation.0.contains("not those written"), "{found}");
}

#[test]
fn a_panic_is_told_with_the_way_to_it() {
    let found = find(reset(), Flaw::Panics, 0);
    assert!(found.violation.0.contains("a reset is too much"), "{found}");
    assert!(!found.steps.is_empty());
}
