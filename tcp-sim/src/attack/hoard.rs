//! Peers that hold on to what they have: connections that neither go on nor end.

use std::time::Duration;

use tcp_core::wire::Control;
use tcp_core::{
    ConnectionId, Limits, ListenConfig, ListenerId, MemoryLimits, StackConfig, State, TcpConfig,
};

use super::config::AttackConfig;
use super::figure::{Bound, Figures};
use super::puppet::{Offer, Puppet, clock_of};
use super::victim::Victim;

/// Connections of the attacker.
const PEERS: usize = 1_000;
/// What each has asked for: together far more than may be held.
const ANSWER: usize = 64 << 10;
/// What all buffers may hold.
const MEMORY: usize = 8 << 20;
/// Connections that finish by themselves, at most.
const ORPHANS: usize = 100;
/// As long as the attacker goes on, and steps of the clock.
const WATCHED: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(500);
/// How long data may stay unacknowledged, where the user sets a limit.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the attacker's connections hold beside buffers.
const CONNECTION: usize = 2_040 + 512 + 2_048;

/// Windows of one byte and never more (sockstress), of none for ever, and readers of some bytes a second.
pub(super) fn stingy_windows(config: &AttackConfig, figures: &mut Figures) {
    for (name, window, reads) in [
        ("window of 1 byte", 1, 1),
        ("window of 0 bytes", 0, 0),
        ("50 bytes read each half second", 100, 50),
    ] {
        let before = (config.heap)();
        let mut hoard = Hoard::new(TcpConfig::default());
        let honest = hoard.open_one(PEERS, |_, _| {});
        for number in 0..PEERS {
            hoard.open_one(number, |victim, id| {
                victim.write(id, &[b'a'; ANSWER]);
            });
        }
        let held = (config.heap)().saturating_sub(before);
        let opened = hoard.held.len();
        let sent = hoard.watch(window, reads);
        figures.sent(format!("{name}, {opened} of {PEERS} connections"));
        figures.add_memory(hoard.victim.peak(), MEMORY);
        if held > 0 {
            let allowed = MEMORY + opened * CONNECTION;
            let percent = (held as f64 * 1_000.0 / allowed as f64).round() / 10.0;
            figures.add(
                "heap, % of limit and connections",
                percent,
                Bound::AtMost(110.0),
            );
        }
        let honest = honest.is_some_and(|index| hoard.state(index) == State::Established);
        let lost = f64::from(u8::from(!honest));
        figures.add("honest connections ended", lost, Bound::AtMost(0.0));
        let ended = hoard.victim.stack.counters().abort_on_memory as f64;
        figures.add("hostile connections ended for memory", ended, Bound::None);
        let each = (sent as f64 / opened as f64).round();
        figures.add("packets to each in a minute", each, Bound::None);
    }
    patience(figures);
}

/// With a user timeout none of them stays.
fn patience(figures: &mut Figures) {
    let mut hoard = Hoard::new(TcpConfig {
        user_timeout: Some(PATIENCE),
        ..TcpConfig::default()
    });
    for number in 0..PEERS / 10 {
        hoard.open_one(number, |victim, id| {
            victim.write(id, &[b'a'; ANSWER]);
        });
    }
    hoard.watch(0, 0);
    figures.sent(format!("window of 0 bytes, user timeout {PATIENCE:?}"));
    let left = (0..hoard.held.len()).filter(|&it| hoard.state(it) != State::Closed);
    figures.add(
        "left after a minute",
        left.count() as f64,
        Bound::AtMost(0.0),
    );
}

/// Connections that the victim has closed, and whose peers never close, or never acknowledge.
pub(super) fn orphans(_config: &AttackConfig, figures: &mut Figures) {
    for (name, closes) in [("FIN-WAIT-2", Closes::Never), ("LAST-ACK", Closes::First)] {
        let mut hoard = Hoard::new(TcpConfig::default());
        let mut most = 0;
        for number in 0..PEERS {
            hoard.open_one(number, |_, _| {});
            hoard.part(closes);
            most = most.max(hoard.victim.stack.counters().orphans);
        }
        figures.sent(format!("{PEERS} connections left in {name}"));
        figures.add(
            "orphans at most",
            most as f64,
            Bound::AtMost(ORPHANS as f64),
        );
        figures.add_memory(hoard.victim.peak(), MEMORY);
        // LAST-ACK is left when the last of the retransmissions has had no answer.
        let left = |hoard: &Hoard| hoard.victim.stack.sockets().count() as f64;
        hoard.victim.pass(Duration::from_secs(3_600), |_| {});
        figures.add("left after an hour", left(&hoard), Bound::AtMost(0.0));
    }
}

/// When the attacker closes.
#[derive(Clone, Copy)]
enum Closes {
    /// Before the victim, whose FIN it does not acknowledge.
    First,
    /// Not at all; it acknowledges the victim's FIN.
    Never,
}

/// A victim with small limits, and the attacker's connections.
struct Hoard {
    victim: Victim,
    listener: ListenerId,
    held: Vec<(Puppet, ConnectionId)>,
}

impl Hoard {
    fn new(tcp: TcpConfig) -> Hoard {
        let mut victim = Victim::new(StackConfig {
            limits: Limits {
                orphans: ORPHANS,
                memory: MemoryLimits {
                    low: MEMORY / 2,
                    pressure: MEMORY / 4 * 3,
                    high: MEMORY,
                },
                ..Limits::default()
            },
            ..StackConfig::default()
        });
        let tcp = TcpConfig {
            send_buffer: ANSWER.into(),
            ..tcp
        };
        let listener = victim.listen(ListenConfig {
            tcp: tcp.validate().expect("the configuration is valid"),
            ..ListenConfig::default()
        });
        Hoard {
            victim,
            listener,
            held: Vec::new(),
        }
    }

    /// One more, if there is room; the victim's application does `then`. Gives its place.
    fn open_one(
        &mut self,
        number: usize,
        then: impl FnOnce(&mut Victim, ConnectionId),
    ) -> Option<usize> {
        let offer = Offer {
            scale: 0,
            ..Offer::ALL
        };
        let peer = Puppet::try_open(&mut self.victim, number, 7, offer)?;
        let id = self.victim.stack.accept(self.listener).ok()?;
        self.held.push((peer, id));
        then(&mut self.victim, id);
        let place = self.held.len() - 1;
        let peer = &mut self.held[place].0;
        self.victim.say(|packet| {
            peer.hear(packet);
        });
        Some(place)
    }

    /// Each peer acknowledges a few more bytes in each step, and offers this window; gives how many packets it made the
    /// victim send.
    fn watch(&mut self, window: u16, reads: u32) -> usize {
        let mut sent = 0;
        for _ in 0..WATCHED.as_millis() / STEP.as_millis() {
            self.victim.pass(STEP, |_| sent += 1);
            let clock = clock_of(&self.victim);
            for (peer, _) in &mut self.held {
                peer.window = window;
                let left = peer.sent.distance_from(peer.ack).max(0).unsigned_abs();
                peer.ack = peer.ack.advanced_by(reads.min(left));
                self.victim.hand(&peer.bare_ack(clock));
                sent += self.victim.say(|packet| {
                    peer.hear(packet);
                });
            }
        }
        sent
    }

    /// The last connection ends on the victim's side.
    fn part(&mut self, closes: Closes) {
        let Some((peer, id)) = self.held.last_mut() else {
            return;
        };
        let victim = &mut self.victim;
        if let Closes::First = closes {
            victim.hand(&peer.control(clock_of(victim), Control::Fin));
            peer.seq = peer.seq.advanced_by(1);
        }
        if let Some(connection) = victim.stack.connection(victim.now, *id) {
            connection.close();
        }
        victim.say(|packet| {
            peer.hear(packet);
        });
        if let Closes::Never = closes {
            peer.ack = peer.sent;
            victim.hand(&peer.bare_ack(clock_of(victim)));
            victim.hush();
        }
    }

    fn state(&mut self, place: usize) -> State {
        let (_, id) = self.held[place];
        let connection = self.victim.stack.connection(self.victim.now, id);
        connection.map_or(State::Closed, |it| it.state())
    }
}
