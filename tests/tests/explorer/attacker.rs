//! An attacker may inject one forged segment at any step of a small conversation: nothing comes of it, and where something
//! did the explorer would find it.

use tcp_core::Instant;
use tcp_core::connection::Connection;
use tcp_core::wire::Control;
use tcp_sim::explore::{
    Attacker, Bounds, Host, Machine, Packet, Scenario, Schedule, close, explore, presets, transfer,
};

/// Presets with many schedules: the command explores them with the attacker.
const LONG: [&str; 2] = ["transfer", "simultaneous-close"];

#[test]
fn no_forged_segment_breaks_a_rule() {
    for preset in presets() {
        if LONG.contains(&preset.name) {
            continue;
        }
        let name = preset.name;
        let alone = explore(&preset, &Bounds::faults(0)).states;
        let attacked = preset.attacked(Attacker::Present);
        let report = explore(&attacked, &Bounds::faults(0));
        println!("{name}: {alone} states, attacked {}", report.states);
        if let Some(found) = &report.violation {
            panic!("{name}:\n{found}");
        }
        assert!(report.complete, "{name}: cut short");
        assert!(report.states > 2 * alone, "{name}: {}", report.states);
    }
}

/// What a machine gets wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Flaw {
    /// Any reset counts as exact.
    TakesAnyReset,
    /// An acknowledgement beyond what was sent counts as one of nothing new.
    TakesAnyAck,
}

/// A host that is too easily deceived.
#[derive(Clone, Hash)]
struct Gullible {
    host: Host,
    flaw: Flaw,
}

impl Machine for Gullible {
    fn handle_segment(&mut self, now: Instant, packet: &Packet) {
        let mut packet = packet.clone();
        let connection = self.host.connection();
        if let Some(known) = connection.filter(|it| it.state().is_synchronized()) {
            match self.flaw {
                Flaw::TakesAnyReset if packet.header.control == Control::Rst => {
                    packet.header.seq = known.rcv_nxt();
                }
                // The acknowledgement that the handshake ended with is old, and acceptable.
                Flaw::TakesAnyAck if !packet.payload.is_empty() => {
                    packet.header.ack = Some(self.handshake_ack());
                }
                _ => {}
            }
        }
        self.host.handle_segment(now, &packet);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.host.handle_timeout(now);
    }

    fn poll_segment(&mut self, now: Instant) -> Option<Packet> {
        self.host.poll_segment(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.host.poll_timeout()
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

    fn reconnect(&mut self, now: Instant) {
        self.host.reconnect(now);
    }
}

impl Gullible {
    fn handshake_ack(&self) -> tcp_core::seq::SeqNumber {
        let connects = self
            .host
            .connection()
            .is_some_and(|it| it.rcv_nxt().get() > 5_000);
        tcp_core::seq::SeqNumber::new(if connects { 1_001 } else { 5_001 })
    }
}

fn find(scenario: Scenario, flaw: Flaw) -> String {
    let attacked = scenario.attacked(Attacker::Present);
    let gullible = attacked.map(|host| Gullible { host, flaw });
    let unharmed = explore(
        &gullible.clone().attacked(Attacker::Absent),
        &Bounds::faults(0),
    );
    assert!(unharmed.violation.is_none(), "{flaw:?} needs an attacker");
    let found = explore(&gullible, &Bounds::faults(0)).violation;
    let found = found.unwrap_or_else(|| panic!("{flaw:?} was not found"));
    println!("{flaw:?}:\n{found}\n");
    found.violation.to_string()
}

#[test]
fn who_takes_any_reset_is_found() {
    let violation = find(close(), Flaw::TakesAnyReset);
    assert!(violation.contains("error"), "{violation}");
}

#[test]
fn who_takes_data_with_any_acknowledgement_is_found() {
    let violation = find(transfer(), Flaw::TakesAnyAck);
    let acknowledged = violation.contains("beyond what the other side has sent");
    assert!(acknowledged, "{violation}");
}

#[test]
fn a_schedule_with_a_forged_segment_can_be_played_again() {
    let attacked = close().attacked(Attacker::Present);
    let way = explore(&attacked, &Bounds::faults(0)).deepest;
    let mut schedule = Schedule::new("close", 0, way);
    schedule.attacker = Attacker::Present;
    let again = Schedule::from_json(&schedule.to_json()).unwrap();
    assert_eq!(again, schedule);
    assert!(again.play().unwrap().violation.is_none());
    if again.actions.iter().any(|action| action.is_mischief()) {
        let mut alone = again;
        alone.attacker = Attacker::Absent;
        assert!(alone.play().is_err(), "nobody could inject it");
    }
}
