//! Every schedule of small conversations with up to two faults; and that the explorer finds fault
//! where there is some.

use std::time::Instant;

use tcp_core::connection::Connection;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::Control;
use tcp_core::{Instant as Time, State};
use tcp_sim::explore::{
    Bounds, Counterexample, Host, Machine, Packet, Report, Scenario, close, explore, handshake,
    reset, simultaneous_close, simultaneous_open, transfer, zero_window,
};

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

#[test]
fn handshake_keeps_the_rules() {
    assert!(explore_clean(&handshake(), 2).states > 500);
}

#[test]
fn simultaneous_open_keeps_the_rules() {
    assert!(explore_clean(&simultaneous_open(), 2).states > 1_000);
}

#[test]
fn transfer_keeps_the_rules() {
    assert!(explore_clean(&transfer(), 2).states > 500_000);
}

#[test]
fn close_keeps_the_rules() {
    assert!(explore_clean(&close(), 2).states > 10_000);
}

#[test]
fn simultaneous_close_keeps_the_rules() {
    assert!(explore_clean(&simultaneous_close(), 2).states > 500_000);
}

#[test]
fn zero_window_keeps_the_rules() {
    assert!(explore_clean(&zero_window(), 2).states > 10_000);
}

#[test]
fn reset_keeps_the_rules() {
    assert!(explore_clean(&reset(), 2).states > 10_000);
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
}

impl Machine for Flawed {
    fn handle_segment(&mut self, now: Time, packet: &Packet) {
        let is_reset = packet.header.control == Control::Rst;
        assert!(
            self.flaw != Flaw::Panics || !is_reset,
            "a reset is too much"
        );
        self.host.handle_segment(now, packet);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.host.handle_timeout(now);
    }

    fn poll_segment(&mut self, now: Time) -> Option<Packet> {
        let mut packet = self.host.poll_segment(now)?;
        match self.flaw {
            Flaw::AcknowledgesTooMuch if packet.header.control == Control::None => {
                packet.header.ack = packet.header.ack.map(|ack| ack.advanced_by(1));
            }
            Flaw::RetransmitsOtherBytes if !packet.payload.is_empty() => {
                let end = packet.header.seq.advanced_by(packet.sequence_len());
                let is_new = |last| end.distance_from(last) > 0;
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
}

/// The counterexample that the explorer finds with `faults` faults, printed, and not without them.
fn find(scenario: Scenario, flaw: Flaw, faults: u8) -> Counterexample {
    let flawed = scenario.map(|host| Flawed {
        host,
        flaw,
        data_end: None,
    });
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
