//! Acknowledgements that lie: of what was not sent, of what has not arrived, and of every byte by itself.

use std::time::Duration;

use tcp_core::{StackConfig, TcpConfig};

use super::config::AttackConfig;
use super::download::Download;
use super::figure::{Bound, Figures};
use super::puppet::{Offer, clock_of};

/// One way and back.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// Acknowledgements of what was never sent, in each round trip.
const OPTIMISTIC: u32 = 100;
/// Parts that each segment is acknowledged in.
const DIVISION: u32 = 100;
/// Round trips of slow start.
const ROUNDS: usize = 6;

/// Acknowledgements of what has not been sent, while an honest reader acknowledges nothing: the window must stay.
pub(super) fn optimistic(_config: &AttackConfig, figures: &mut Figures) {
    let mut scene = download();
    scene.say(|_| {});
    let before = scene.window();
    figures.sent(format!("{} ACKs beyond what was sent", OPTIMISTIC * 10));
    let mut answers = 0;
    let began = scene.victim.now;
    for _ in 0..10 {
        for ahead in 1..=OPTIMISTIC {
            let mut liar = scene.peer.clone();
            liar.ack = liar.sent.advanced_by(ahead * 1_448);
            scene.victim.hand(&liar.bare_ack(clock_of(&scene.victim)));
            scene.say(|_| answers += 1);
        }
        scene.pass(ROUND_TRIP);
    }
    let grown = f64::from(scene.window()) / f64::from(before);
    figures.add(
        "congestion window, of that before",
        grown,
        Bound::AtMost(1.0),
    );
    let seconds = scene
        .victim
        .now
        .saturating_duration_since(began)
        .as_secs_f64();
    let most = (seconds * 2.0).ceil() + 1.0;
    figures.add("answers", f64::from(answers), Bound::AtMost(most));
    let unacceptable = scene.victim.stack.counters().ack_unacceptable as f64;
    let all = f64::from(OPTIMISTIC * 10);
    figures.add("refused", unacceptable, Bound::AtLeast(all));
    let early = early_acks();
    figures.sent("ACKs of what was sent, half a round trip early");
    figures.add("bytes beyond what was ever sent", early, Bound::AtMost(0.0));
}

/// Whoever acknowledges what is under way gains a shorter round trip, and nothing that was not sent.
fn early_acks() -> f64 {
    let mut scene = download();
    let first = scene.peer.sent;
    for _ in 0..ROUNDS {
        scene.say(|_| {});
        scene.peer.ack = scene.peer.sent;
        let ack = scene.peer.bare_ack(clock_of(&scene.victim));
        scene.pass(ROUND_TRIP / 2);
        scene.victim.hand(&ack);
        scene.write();
    }
    let now = scene.victim.now;
    let connection = scene.victim.stack.connection(now, scene.id);
    let acked = connection.map_or(0, |it| it.info().tcpi_bytes_acked);
    let sent = scene.peer.sent.distance_from(first).unsigned_abs();
    acked.saturating_sub(sent.into()) as f64
}

/// Each segment acknowledged in a hundred parts: the window grows by bytes (RFC 3465), not by acknowledgements.
pub(super) fn division(_config: &AttackConfig, figures: &mut Figures) {
    let (honest, divided) = (slow_start(1), slow_start(DIVISION));
    figures.sent(format!("each segment acknowledged in {DIVISION} parts"));
    let what = "congestion window, of an honest peer's";
    let grown = f64::from(divided) / f64::from(honest.max(1));
    figures.add(what, grown, Bound::AtMost(1.0));
}

/// The window after a few round trips in which each segment was acknowledged in so many parts.
fn slow_start(parts: u32) -> u32 {
    let mut scene = download();
    for _ in 0..ROUNDS {
        scene.say(|_| {});
        let end = scene.peer.sent;
        scene.pass(ROUND_TRIP);
        while scene.peer.ack != end {
            let left = end.distance_from(scene.peer.ack).unsigned_abs();
            let segment = left.min(1_448);
            for part in 1..=parts {
                let mut header = scene.peer.clone();
                header.ack = scene.peer.ack.advanced_by(segment * part / parts);
                let ack = header.bare_ack(clock_of(&scene.victim));
                scene.victim.hand(&ack);
            }
            scene.peer.ack = scene.peer.ack.advanced_by(segment);
        }
        scene.write();
    }
    scene.window()
}

/// A victim that sends as fast as it may, unpaced.
fn download() -> Download {
    let tcp = TcpConfig {
        send_buffer: (16 << 20).into(),
        pacing: false,
        ..TcpConfig::default()
    };
    let mut scene = Download::new(StackConfig::default(), tcp, Offer::ALL);
    scene.write();
    scene
}
