//! Low-rate bursts that fill a queue just long enough, again and again at the retransmission timeout (Kuzmanovic and
//! Knightly, 2003).

use std::collections::VecDeque;
use std::time::Duration;

use tcp_core::{Instant, ListenConfig, StackConfig, TcpConfig};

use super::config::AttackConfig;
use super::figure::{Bound, Figures};
use super::receiver::Receiver;
use super::victim::Victim;

/// The bottleneck: bytes that pass in a millisecond, and that wait at most.
const RATE: usize = 1_250;
const QUEUE: usize = 64 << 10;
/// One way.
const DELAY: Duration = Duration::from_millis(20);
/// A step of the clock.
const STEP: Duration = Duration::from_millis(1);
/// What a burst brings in a millisecond: ten times what passes.
const BURST_RATE: usize = 10 * RATE;
/// Milliseconds before, during and after the attack.
const CALM: u64 = 10_000;
const STORM: u64 = 30_000;
const AFTER: u64 = 5_000;

/// A bulk transfer of the victim's, beside bursts at several periods.
pub(super) fn bursts(_config: &AttackConfig, figures: &mut Figures) {
    for (period, length) in [(300, 60), (500, 100), (1_000, 150)] {
        let mut scene = Scene::new();
        let before = scene.run(CALM, None) / CALM as f64;
        let during = scene.run(STORM, Some((period, length))) / STORM as f64;
        scene.run(AFTER, None);
        let after = scene.run(CALM, None) / CALM as f64;
        figures.sent(format!("bursts of {length} ms every {period} ms"));
        let share = |rate: f64| (rate / before * 1_000.0).round() / 1_000.0;
        figures.add("goodput during, of that before", share(during), Bound::None);
        let what = "goodput from 5 s after on, of that before";
        figures.add(what, share(after), Bound::AtLeast(0.8));
    }
}

/// A sender, a receiver, and a queue between them which others fill.
struct Scene {
    victim: Victim,
    id: tcp_core::ConnectionId,
    receiver: Receiver,
    /// Waiting at the bottleneck; a packet of the attacker's is its length alone.
    queue: VecDeque<Result<Vec<u8>, usize>>,
    queued: usize,
    /// Bytes that the bottleneck may still send.
    credit: usize,
    there: VecDeque<(Instant, Vec<u8>)>,
    back: VecDeque<(Instant, Vec<u8>)>,
}

impl Scene {
    fn new() -> Scene {
        let mut victim = Victim::new(StackConfig::default());
        let listener = victim.listen(ListenConfig::default());
        let receiver = Receiver::connect(&mut victim, TcpConfig::default());
        Scene {
            id: victim.accept(listener),
            victim,
            receiver,
            queue: VecDeque::new(),
            queued: 0,
            credit: 0,
            there: VecDeque::new(),
            back: VecDeque::new(),
        }
    }

    /// So many milliseconds, with bursts of this period and length; gives the bytes that arrive.
    fn run(&mut self, millis: u64, bursts: Option<(u64, u64)>) -> f64 {
        let before = self.arrived();
        for at in 0..millis {
            if let Some((period, length)) = bursts
                && at % period < length
            {
                for _ in 0..BURST_RATE / 1_250 {
                    self.enqueue(Err(1_250));
                }
            }
            self.step();
        }
        (self.arrived() - before) as f64
    }

    fn arrived(&mut self) -> u64 {
        let connection = self
            .receiver
            .stack
            .connection(self.victim.now, self.receiver.id);
        connection.map_or(0, |it| it.info().tcpi_bytes_received)
    }

    fn enqueue(&mut self, packet: Result<Vec<u8>, usize>) {
        let len = packet.as_ref().map_or_else(|len| *len, Vec::len);
        if self.queued + len <= QUEUE {
            self.queued += len;
            self.queue.push_back(packet);
        }
    }

    fn step(&mut self) {
        let mut sent = Vec::new();
        self.victim.pass(STEP, |packet| sent.push(packet.to_vec()));
        let now = self.victim.now;
        while self.back.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, packet)) = self.back.pop_front() {
                self.victim.hand(&packet);
            }
        }
        self.victim.write(self.id, &[0; 16 << 10]);
        self.victim.say(|packet| sent.push(packet.to_vec()));
        sent.into_iter().for_each(|packet| self.enqueue(Ok(packet)));
        self.serve(now);
        while self.there.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, packet)) = self.there.pop_front() {
                self.receiver.hand(&self.victim, &packet);
            }
        }
        self.receiver.stack.handle_timeout(now);
        for packet in self.receiver.say(&self.victim) {
            self.back.push_back((now + DELAY, packet));
        }
    }

    /// What passes the bottleneck in a step.
    fn serve(&mut self, now: Instant) {
        self.credit += RATE;
        while let Some(first) = self.queue.front() {
            let len = first.as_ref().map_or_else(|len| *len, Vec::len);
            if len > self.credit {
                return;
            }
            self.credit -= len;
            self.queued -= len;
            if let Some(Ok(packet)) = self.queue.pop_front() {
                self.there.push_back((now + DELAY, packet));
            }
        }
        // An idle link saves nothing up.
        self.credit = 0;
    }
}
