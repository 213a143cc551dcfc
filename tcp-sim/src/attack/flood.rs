//! SYNs from forged addresses, ten to each of an honest client's.

use std::collections::VecDeque;
use std::time::Duration;

use tcp_core::{
    ConnectionEvent, ConnectionId, Event, Instant, ListenConfig, ListenerId, PacketMeta, Stack,
    StackConfig, SynCookies, ValidConfig,
};

use super::config::AttackConfig;
use super::figure::{Bound, Figures};
use super::puppet::{Offer, Puppet};
use super::victim::Victim;
use crate::Side;
use crate::pattern::words;
use crate::world::Host;

/// Honest requests a second.
const REQUESTS: u64 = 100;
/// What is asked, and what is answered.
const REQUEST: usize = 200;
const ANSWER: usize = 10_000;
/// One way.
const DELAY: Duration = Duration::from_millis(20);
/// The share of answers without the flood that is promised with it.
const PROMISED: f64 = 0.8;
/// Packets that an honest connection sends.
const PACKETS: u64 = 10;

/// What is answered under the flood, by when cookies are sent.
pub(super) fn syn_flood(config: &AttackConfig, figures: &mut Figures) {
    let seconds = config.seconds;
    let calm = Service::new(config, SynCookies::UnderPressure).run(seconds, 0);
    let floods = [
        (SynCookies::UnderPressure, 10, Bound::AtLeast(PROMISED)),
        (SynCookies::Always, 10, Bound::AtLeast(PROMISED)),
        (
            SynCookies::UnderPressure,
            10 * PACKETS,
            Bound::AtLeast(PROMISED),
        ),
        (SynCookies::Never, 10, Bound::None),
    ];
    for (cookies, times, bound) in floods {
        let stormy = Service::new(config, cookies).run(seconds, times);
        let a_second = REQUESTS * times;
        figures.sent(format!(
            "{a_second} SYN/s for {seconds} s, cookies {cookies:?}"
        ));
        let goodput = stormy.answered as f64 / calm.answered.max(1) as f64;
        figures.add("requests answered, of those without", goodput, bound);
        if bound != Bound::None {
            let limit = StackConfig::default().limits;
            figures.add_memory(stormy.peak, limit.memory.high);
            let backlog = ListenConfig::default().syn_backlog as f64;
            let most = Bound::AtMost(backlog + 1.0);
            figures.add(
                "half-open connections at most",
                stormy.half_open as f64,
                most,
            );
        }
        if stormy.heap > 0 {
            let kib = stormy.heap as f64 / 1_024.0;
            figures.add(
                "heap more than without, KiB",
                kib - calm.heap as f64 / 1_024.0,
                Bound::None,
            );
        }
    }
}

/// What came of a run.
struct Harvest {
    answered: u64,
    half_open: usize,
    peak: usize,
    heap: usize,
}

/// A server under attack, and an honest client.
struct Service {
    victim: Victim,
    listener: ListenerId,
    client: Stack,
    buf: Vec<u8>,
    /// Under way to the server, and to the client.
    there: VecDeque<(Instant, Vec<u8>)>,
    back: VecDeque<(Instant, Vec<u8>)>,
    answered: u64,
    serving: Vec<ConnectionId>,
    seed: u64,
    heap: fn() -> usize,
    heap_before: usize,
}

impl Service {
    fn new(config: &AttackConfig, syn_cookies: SynCookies) -> Service {
        let heap_before = (config.heap)();
        let mut victim = Victim::new(StackConfig::default());
        let listener = victim.listen(ListenConfig {
            syn_cookies,
            ..ListenConfig::default()
        });
        let stack = Host::stack_config(Side::B.index());
        Service {
            victim,
            listener,
            buf: vec![0; stack.largest_packet()],
            client: Stack::new(stack, [0xc1; 32]),
            there: VecDeque::new(),
            back: VecDeque::new(),
            answered: 0,
            serving: Vec::new(),
            seed: config.seed,
            heap: config.heap,
            heap_before,
        }
    }

    /// For so many seconds, with so many forged SYNs to each honest one.
    fn run(mut self, seconds: u64, times: u64) -> Harvest {
        let mut forged = words(self.seed);
        let (mut half_open, mut heap) = (0, 0);
        // Half a minute of attack before anything is counted would not change much: queues fill in a second.
        for millis in 0..seconds * 1_000 {
            self.step(Duration::from_millis(1));
            for _ in 0..due(millis, REQUESTS * times) {
                let drawn = forged.next().unwrap_or_default();
                // Far from the client's addresses and ports.
                let source = 100_000 + (drawn >> 32) as usize % 1_000_000;
                let syn = Puppet::syn(source, drawn as u32, Offer::ALL);
                self.there.push_back((self.victim.now + DELAY, syn));
            }
            if due(millis, REQUESTS) > 0 {
                let connect = self.client.connect(
                    self.victim.now,
                    None,
                    Victim::addr(),
                    ValidConfig::default(),
                );
                connect.expect("there are ports enough");
            }
            if millis % 500 == 0 {
                half_open = half_open.max(self.half_open());
                heap = heap.max((self.heap)().saturating_sub(self.heap_before));
            }
        }
        Harvest {
            answered: self.answered,
            half_open,
            peak: self.victim.peak(),
            heap,
        }
    }

    fn half_open(&self) -> usize {
        let sockets = self.victim.stack.sockets();
        sockets
            .filter(|(.., state)| *state == tcp_core::State::SynReceived)
            .count()
    }

    /// Everything that happens in `span`.
    fn step(&mut self, span: Duration) {
        let now = self.victim.now + span;
        let back = &mut self.back;
        self.victim.pass(span, |packet| {
            back.push_back((now + DELAY, packet.to_vec()));
        });
        while let Some(packet) = arrived(&mut self.there, now) {
            self.victim.hand(&packet);
        }
        self.serve();
        let back = &mut self.back;
        self.victim
            .say(|packet| back.push_back((now + DELAY, packet.to_vec())));
        while let Some(packet) = arrived(&mut self.back, now) {
            let meta = PacketMeta::default();
            self.client.handle_packet(now, &packet, meta);
        }
        self.client.handle_timeout(now);
        self.ask();
        while let Some(transmit) = self.client.poll_transmit(now, &mut self.buf) {
            let packet = self.buf[..transmit.len].to_vec();
            self.there.push_back((now + DELAY, packet));
        }
    }

    /// The server's application: an answer to each request, and the end.
    fn serve(&mut self) {
        while let Ok(id) = self.victim.stack.accept(self.listener) {
            self.serving.push(id);
        }
        let (victim, mut waiting) = (&mut self.victim, Vec::new());
        for id in self.serving.drain(..) {
            let mut asked = 0;
            let result = victim.read(id, |bytes| asked += bytes.len());
            if result.is_ok() && asked == 0 {
                waiting.push(id);
                continue;
            }
            victim.write(id, &[b'a'; ANSWER]);
            if let Some(connection) = victim.stack.connection(victim.now, id) {
                connection.close();
            }
        }
        self.serving = waiting;
    }

    /// The client's application: what is answered in full is counted.
    fn ask(&mut self) {
        let now = self.victim.now;
        while let Some(event) = self.client.poll_event() {
            let Event::Connection { id, event } = event else {
                continue;
            };
            let Some(mut connection) = self.client.connection(now, id) else {
                continue;
            };
            match event {
                ConnectionEvent::Connected => {
                    let _ = connection.write(&[b'q'; REQUEST]);
                }
                ConnectionEvent::Readable => {
                    let arrived = connection.info().tcpi_bytes_received;
                    if arrived >= ANSWER as u64 {
                        connection.consume(ANSWER);
                        connection.close();
                        self.answered += 1;
                    }
                }
                ConnectionEvent::Closed(_) => connection.close(),
                _ => {}
            }
        }
    }
}

/// The next packet that has arrived.
fn arrived(link: &mut VecDeque<(Instant, Vec<u8>)>, now: Instant) -> Option<Vec<u8>> {
    let (at, _) = link.front()?;
    if *at > now {
        return None;
    }
    link.pop_front().map(|(_, packet)| packet)
}

/// How many of `rate` a second fall into this millisecond.
fn due(millis: u64, rate: u64) -> u64 {
    (millis + 1) * rate / 1_000 - millis * rate / 1_000
}
