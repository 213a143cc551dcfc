//! Segments from one who knows the addresses and ports of a connection, and sees nothing of it.
//!
//! What such a segment needs to be taken (RFC 5961): a reset, exactly RCV.NXT, one number of 2^32. A SYN is never taken.
//! Data, a sequence number in the window and an acknowledgement number within what was sent and the largest
//! window that the peer has offered before it; with timestamps one that is not old, too, which half of all are.

use std::time::Duration;

use tcp_core::wire::{Control, Header};
use tcp_core::{ConnectionId, Instant, ListenConfig, StackConfig, State, TcpConfig};

use super::config::{AttackConfig, millions};
use super::figure::{Bound, Figures};
use super::forge::{ACK, Forged, SEQ, TIMESTAMP};
use super::puppet::{Offer, Puppet, clock_of};
use super::victim::Victim;
use crate::pattern::{Pattern, mix, words};

/// The window that the victim offers.
const WINDOW: usize = 1 << 20;
/// Segments in a millisecond.
const RATE: u64 = 1_000;
/// What the peer sends in a millisecond, and the victim as well.
const CHUNK: usize = 500;
/// One in half a second for each connection (RFC 5961 §7).
const CHALLENGES_A_SECOND: f64 = 2.0;

/// Segments of all kinds, all numbers drawn.
pub(super) fn drawn(config: &AttackConfig, figures: &mut Figures) {
    for timestamps in [true, false] {
        let mut scene = Scene::new(timestamps);
        let mut source = Drawn {
            state: config.seed,
            stamped: timestamps,
            kinds: [
                scene.forged(Control::Rst, &[]),
                scene.forged(Control::Syn, &[]),
                scene.forged(Control::None, b"forged"),
                scene.forged(Control::None, &[]),
            ],
        };
        let stamps = if timestamps { "with" } else { "without" };
        figures.sent(format!(
            "{} RST, SYN, data, ACK; {stamps} timestamps",
            millions(config.segments)
        ));
        scene.besiege(config.segments, &mut source);
        scene.judge(figures);
        let share = |numbers: f64| numbers / 4_294_967_296.0;
        let each = config.segments as f64 / 4.0;
        let windows = share(WINDOW as f64) * share(f64::from(u16::MAX) + CHUNK as f64);
        let data = each * windows * if timestamps { 0.5 } else { 1.0 };
        let what = "taken by chance, in theory";
        figures.add(what, each * share(1.0) + data, Bound::None);
    }
}

/// Resets, and SYNs, over the whole sequence space, with a stride at which each window is met often.
pub(super) fn sweeps(config: &AttackConfig, figures: &mut Figures) {
    for (name, control) in [("RST", Control::Rst), ("SYN", Control::Syn)] {
        let mut scene = Scene::new(true);
        let stride = 0x1_0000_0000 / config.sweep.max(1);
        let mut source = Sweep {
            forged: scene.forged(control, &[]),
            at: words(config.seed).next().unwrap_or_default() as u32,
            stride: stride as u32,
        };
        let count = millions(config.sweep);
        figures.sent(format!("{count} {name}, one in {stride} numbers"));
        scene.besiege(config.sweep, &mut source);
        scene.judge(figures);
    }
}

/// Where an attacker's segments come from.
trait Source {
    fn next(&mut self) -> &[u8];
}

struct Sweep {
    forged: Forged,
    at: u32,
    stride: u32,
}

impl Source for Sweep {
    fn next(&mut self) -> &[u8] {
        self.at = self.at.wrapping_add(self.stride);
        self.forged.set(SEQ, self.at);
        self.forged.bytes()
    }
}

struct Drawn {
    state: u64,
    stamped: bool,
    kinds: [Forged; 4],
}

impl Source for Drawn {
    fn next(&mut self) -> &[u8] {
        self.state = self.state.wrapping_add(2);
        let (numbers, rest) = (mix(self.state), mix(self.state + 1));
        let kind = &mut self.kinds[(rest % 4) as usize];
        kind.set(SEQ, numbers as u32);
        kind.set(ACK, (numbers >> 32) as u32);
        if self.stamped {
            kind.set(TIMESTAMP, (rest >> 32) as u32);
        }
        kind.bytes()
    }
}

/// A connection in use: both ends send a little, all the time.
struct Scene {
    victim: Victim,
    id: ConnectionId,
    peer: Puppet,
    stream: Pattern,
    /// Bytes that the peer has sent, and that the victim's user has read.
    sent: u64,
    read: u64,
    /// Bytes read that nobody but the attacker sent.
    injected: u64,
    answers: u64,
    segments: u64,
    began: Instant,
}

impl Scene {
    fn new(timestamps: bool) -> Scene {
        let mut victim = Victim::new(StackConfig::default());
        let tcp = TcpConfig {
            recv_buffer: WINDOW.into(),
            timestamps,
            ..TcpConfig::default()
        };
        let listener = victim.listen(ListenConfig {
            tcp: tcp.validate().expect("the configuration is valid"),
            ..ListenConfig::default()
        });
        // The largest window that it ever offers bounds how old an acknowledgement may be.
        let offer = Offer {
            scale: 0,
            ..Offer::ALL
        };
        let peer = Puppet::open(&mut victim, 0, 0x1357_9bdf, offer);
        Scene {
            id: victim.accept(listener),
            began: victim.now,
            victim,
            peer,
            stream: Pattern::new(1),
            sent: 0,
            read: 0,
            injected: 0,
            answers: 0,
            segments: 0,
        }
    }

    /// A segment as the peer would send it.
    fn forged(&self, control: Control, payload: &[u8]) -> Forged {
        let header = Header {
            control,
            ..self.peer.header(clock_of(&self.victim))
        };
        Forged::new(self.peer.packet(&header, payload))
    }

    fn besiege(&mut self, segments: u64, source: &mut impl Source) {
        for index in 0..segments {
            self.victim.hand(source.next());
            self.answers += self.victim.hush() as u64;
            if index % RATE == RATE - 1 {
                self.converse();
            }
        }
        self.segments += segments;
        self.converse();
    }

    /// A millisecond of the conversation. What the victim says late or again is of no interest to the peer.
    fn converse(&mut self) {
        let (victim, peer) = (&mut self.victim, &mut self.peer);
        victim.pass(Duration::from_millis(1), |_| {});
        let mut chunk = [0; CHUNK];
        self.stream.fill(self.sent, &mut chunk);
        let clock = clock_of(victim);
        peer.ack = peer.sent;
        victim.hand(&peer.data(clock, 0, &chunk));
        peer.seq = peer.seq.advanced_by(CHUNK as u32);
        self.sent += CHUNK as u64;
        let (read, injected, stream) = (&mut self.read, &mut self.injected, self.stream);
        // A connection that was reset shows in what is read.
        let _ = victim.read(self.id, |bytes| {
            *injected += u64::from(stream.first_difference(*read, bytes).is_some());
            *read += bytes.len() as u64;
        });
        victim.write(self.id, &chunk);
        victim.say(|packet| {
            peer.hear(packet);
        });
    }

    fn judge(&mut self, figures: &mut Figures) {
        let (now, began) = (self.victim.now, self.began);
        let state = self.victim.stack.connection(now, self.id);
        let state = state.map_or(State::Closed, |it| it.state());
        let reset = f64::from(u8::from(state != State::Established));
        figures.add("connections reset", reset, Bound::AtMost(0.0));
        let injected = self.injected + self.read.abs_diff(self.sent);
        figures.add(
            "bytes injected or lost",
            injected as f64,
            Bound::AtMost(0.0),
        );
        let seconds = now.saturating_duration_since(began).as_secs_f64();
        let most = (seconds * CHALLENGES_A_SECOND).ceil() + 1.0;
        let counters = self.victim.stack.counters();
        let challenges = counters.challenge_ack as f64;
        figures.add("challenge ACKs", challenges, Bound::AtMost(most));
        let answers = self.answers as f64 / self.segments.max(1) as f64;
        figures.add("answers to each segment", answers, Bound::AtMost(1.0));
        figures.add_memory(self.victim.peak(), 2 * WINDOW);
    }
}
