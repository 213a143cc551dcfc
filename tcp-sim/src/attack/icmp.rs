//! Forged complaints of a router: that segments are too large for the path.

use std::time::Duration;

use tcp_core::seq::SeqNumber;
use tcp_core::wire::Header;
use tcp_core::{StackConfig, TcpConfig};

use super::config::{AttackConfig, millions};
use super::download::Download;
use super::figure::{Bound, Figures};
use super::puppet::{Offer, clock_of};
use crate::link::too_big;
use crate::pattern::words;
use crate::world::write_packet;

/// Messages of one who does not know the sequence numbers.
const BLIND: u64 = 100_000;
/// Payload of a full segment before, beside timestamps.
const FULL: f64 = 1_448.0;
/// Payload of the smallest segment that ICMP may lead to: the least MSS without timestamps.
const LEAST: f64 = 88.0 - 12.0;
/// What ICMP has said is doubted after ten minutes.
const DOUBTED: Duration = Duration::from_secs(1_300);
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// 'Fragmentation needed' with numbers drawn, and then with one that is outstanding.
pub(super) fn forced_mtu(config: &AttackConfig, figures: &mut Figures) {
    let mut scene = download();
    let began = scene.peer.ack;
    for word in words(config.seed).take(BLIND as usize) {
        // Beyond all that is outstanding, and any window.
        let far = 0x1000_0000 + (word % 0xe000_0000) as u32;
        let mtu = [0, 68, 296, 576, 1_400][(word >> 40) as usize % 5];
        complain(&mut scene, began.advanced_by(far), mtu);
    }
    figures.sent(format!("{} forged, numbers drawn", millions(BLIND)));
    let mss = f64::from(mss(&mut scene));
    figures.add(
        "payload of a segment, of that before",
        mss / FULL,
        Bound::AtLeast(1.0),
    );
    let refused = scene.victim.stack.counters().icmp_out_of_window as f64;
    figures.add("refused", refused, Bound::AtLeast(BLIND as f64));
    for mtu in [0, 68, 296] {
        let mut scene = download();
        let outstanding = scene.peer.ack;
        complain(&mut scene, outstanding, mtu);
        figures.sent(format!("MTU {mtu}, an outstanding number"));
        let forced = f64::from(self::mss(&mut scene));
        figures.add("payload of a segment", forced, Bound::AtLeast(LEAST));
        let acked = transfer(&mut scene, Duration::from_secs(2));
        figures.add(
            "KiB that arrive in 2 s",
            acked / 1_024.0,
            Bound::AtLeast(1.0),
        );
        scene.pass(DOUBTED);
        transfer(&mut scene, Duration::from_secs(10));
        let mss = f64::from(self::mss(&mut scene));
        let what = "payload after 20 minutes, of that before";
        figures.add(what, mss / FULL, Bound::AtLeast(0.95));
    }
}

fn complain(scene: &mut Download, seq: SeqNumber, mtu: u16) {
    let (src, dst) = (scene.peer.victim, scene.peer.addr);
    let quoted = write_packet(src, dst, &Header::new(seq), &[]);
    let message = too_big::reply(&quoted, mtu).expect("it is an IP packet");
    scene.victim.hand(&message);
}

fn download() -> Download {
    let tcp = TcpConfig {
        send_buffer: (256 << 10).into(),
        ..TcpConfig::default()
    };
    let mut scene = Download::new(StackConfig::default(), tcp, Offer::ALL);
    scene.write();
    scene.say(|_| {});
    scene
}

fn mss(scene: &mut Download) -> u32 {
    let now = scene.victim.now;
    let connection = scene.victim.stack.connection(now, scene.id);
    connection.map_or(0, |it| it.info().tcpi_snd_mss)
}

/// Everything that the victim sends is acknowledged, once in each round trip; gives how many bytes were.
fn transfer(scene: &mut Download, span: Duration) -> f64 {
    let (until, mut acked) = (scene.victim.now + span, 0.0);
    while scene.victim.now < until {
        scene.pass(ROUND_TRIP);
        acked += f64::from(scene.outstanding());
        scene.peer.ack = scene.peer.sent;
        let ack = scene.peer.bare_ack(clock_of(&scene.victim));
        scene.victim.hand(&ack);
        scene.write();
        scene.say(|_| {});
    }
    // Nothing stays outstanding, which would time out while nobody answers.
    while scene.outstanding() > 0 {
        scene.peer.ack = scene.peer.sent;
        let ack = scene.peer.bare_ack(clock_of(&scene.victim));
        scene.victim.hand(&ack);
        scene.pass(ROUND_TRIP);
    }
    acked
}
