//! The host under test in its virtual time: packets that it sent and nobody has looked at yet, and the call
//! that blocks.

use std::collections::VecDeque;
use std::time::Duration;

use tcp_core::{Instant, PacketMeta};

use super::flows::Flows;
use crate::drill::packet::{Direction, IpInfo, Packet};
use crate::drill::print::seconds;
use crate::drill::wire::{self, Live};
use crate::posix::{Call, Errno, Host, Outcome, Reply};

/// When a script begins: late enough that nothing is before the stack's own beginning.
const ORIGIN: Instant = Instant::from_millis(1_000);

/// More steps than this without time passing is a fault of the stack.
const MOST_STEPS: u32 = 100_000;

/// A segment that the stack sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// Of which connection.
    pub flow: usize,
    /// What it was, in the wire's numbers.
    pub live: Live,
}

/// A call that has not answered yet.
enum Waiting {
    /// It blocks.
    Blocked(Call),
    /// It has answered, at this time.
    Done(Instant, Result<Reply, Errno>),
}

/// One packet of the run, as bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Captured {
    /// When, from the beginning of the script.
    pub at: Duration,
    /// Whose it was.
    pub direction: Direction,
    /// The IP packet.
    pub bytes: Vec<u8>,
}

/// The host under test.
pub struct Machine {
    /// The sockets.
    pub host: Host,
    /// The connections.
    pub flows: Flows,
    now: Instant,
    sent: VecDeque<Sent>,
    waiting: Option<Waiting>,
    /// Every packet, as a line.
    pub lines: Vec<String>,
    /// Every packet, as bytes.
    pub captured: Vec<Captured>,
    buf: Vec<u8>,
}

impl Machine {
    /// A host at the beginning of a script.
    pub fn new(host: Host, flows: Flows) -> Machine {
        let buf = vec![0; host.largest_packet()];
        Machine {
            host,
            flows,
            now: ORIGIN,
            sent: VecDeque::new(),
            waiting: None,
            lines: Vec::new(),
            captured: Vec::new(),
            buf,
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How long the script has been running at this time.
    pub fn since_start(&self, at: Instant) -> Duration {
        Duration::from_nanos(at.as_nanos().saturating_sub(ORIGIN.as_nanos()))
    }

    /// The instant at which the script has been running for so long.
    pub fn instant(&self, since_start: Duration) -> Instant {
        ORIGIN + since_start
    }

    /// Gives a packet to the stack; `shown` is how the script writes it.
    pub fn receive(&mut self, bytes: &[u8], shown: &Packet) {
        self.note(shown.to_string());
        self.capture(Direction::Inbound, bytes.to_vec());
        self.host
            .handle_packet(self.now, bytes, PacketMeta::default());
        self.settle();
    }

    /// Begins to wait for a call.
    pub fn wait_for(&mut self, call: Call) {
        self.waiting = Some(Waiting::Blocked(call));
        self.settle();
    }

    /// The answer of the call that blocked, and when it came; `None` while it blocks.
    pub fn answer(&mut self) -> Option<(Instant, Result<Reply, Errno>)> {
        match self.waiting.take()? {
            Waiting::Done(at, answer) => Some((at, answer)),
            blocked => {
                self.waiting = Some(blocked);
                None
            }
        }
    }

    /// Lets time pass until then, and does all that is due before. What is due at that very time comes after the
    /// event that happens then: a kernel's timers are late, and never early.
    pub fn advance_to(&mut self, until: Instant) {
        let last = Instant::from_nanos(until.as_nanos().saturating_sub(1));
        self.advance(last, |_| false);
        self.now = self.now.max(until);
    }

    /// The next segment that nobody has looked at, if one is sent until then.
    pub fn next_sent(&mut self, until: Instant) -> Option<Sent> {
        self.advance(until, |machine| !machine.sent.is_empty());
        self.sent.pop_front()
    }

    /// Lets time pass until the call that blocks has answered, but not beyond `until`.
    pub fn advance_until_answer(&mut self, until: Instant) {
        self.advance(until, |machine| {
            !matches!(machine.waiting, Some(Waiting::Blocked(_)))
        });
    }

    /// Goes from deadline to deadline, until `is_enough` or the next is beyond `until`.
    fn advance(&mut self, until: Instant, is_enough: impl Fn(&Machine) -> bool) {
        self.settle();
        for _ in 0..MOST_STEPS {
            let next = self.next_deadline().filter(|&next| next <= until);
            let Some(next) = next.filter(|_| !is_enough(self)) else {
                return;
            };
            self.now = self.now.max(next);
            self.host.handle_timeout(self.now);
            self.settle();
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let call = match &self.waiting {
            Some(Waiting::Blocked(call)) => call.deadline(),
            _ => None,
        };
        [self.host.poll_timeout(), call].into_iter().flatten().min()
    }

    /// Takes what the stack has to send, and resumes the call that blocks, until neither changes anything.
    pub fn settle(&mut self) {
        loop {
            self.drain();
            match self.waiting.take() {
                Some(Waiting::Blocked(call)) if self.host.is_ready(self.now, &call) => {
                    self.waiting = Some(match self.host.resume(self.now, call) {
                        Outcome::Done(answer) => Waiting::Done(self.now, answer),
                        Outcome::Blocked(call) => Waiting::Blocked(call),
                    });
                }
                other => {
                    self.waiting = other;
                    return;
                }
            }
        }
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.host.poll_transmit(self.now, &mut self.buf) {
            let bytes = self.buf[..transmit.len].to_vec();
            let live = wire::decode(&bytes);
            self.capture(Direction::Outbound, bytes);
            let Some(live) = live else { continue };
            let Some(flow) = self.flows.of_outbound(&live) else {
                self.note(format!("{} (of no connection)", plain(&live)));
                continue;
            };
            let known = self.flows.get(flow);
            known.saw_outbound(&live.tcp);
            let shown = Live {
                tcp: known.to_script(&live.tcp),
                ..live.clone()
            };
            self.note(plain(&shown));
            self.sent.push_back(Sent {
                at: self.now,
                flow,
                live,
            });
        }
    }

    fn note(&mut self, text: String) {
        let at = seconds(self.since_start(self.now));
        self.lines.push(format!("{at} {text}"));
    }

    fn capture(&mut self, direction: Direction, bytes: Vec<u8>) {
        self.captured.push(Captured {
            at: self.since_start(self.now),
            direction,
            bytes,
        });
    }
}

fn plain(live: &Live) -> String {
    let mut packet = live.packet();
    packet.ip = IpInfo::default();
    packet.to_string()
}
