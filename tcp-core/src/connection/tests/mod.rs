//! Two connections joined by a link that the test controls.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use super::*;
use crate::config::TcpConfig;
use crate::error::{ReadError, SoftError, WriteError};
use crate::event::ConnectionEvent;
use crate::seq::{SeqNumber, SeqRange};
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Control, Header, Options, Payload, SackBlocks, Segment, WireWindow};

mod buffers;
mod chunks;
mod close;
mod ecn;
mod hearing;
mod knobs;
mod large;
mod limits;
mod loss;
mod on_read;
mod open;
mod path_mtu;
mod sack;
mod switch;
mod transfer;
mod urgent;
mod window;
mod worth;

/// A segment as a test holds it.
#[derive(Clone, Debug)]
struct Said {
    header: Header,
    payload: Vec<u8>,
}

/// A segment under way.
struct Flying {
    at: Instant,
    to: usize,
    said: Said,
}

/// Two connections, 10 ms apart.
struct Pair {
    now: Instant,
    ends: Vec<Connection>,
    counters: Vec<Counters>,
    link: VecDeque<Flying>,
    /// Segments that were sent, by either.
    sent: usize,
    /// Which of them the link loses.
    lose: fn(usize) -> bool,
}

const DELAY: Duration = Duration::from_millis(10);

fn setup(isn: u32) -> Setup {
    Setup {
        isn: SeqNumber::new(isn),
        timestamp_offset: isn,
        mss: 1_460,
        gso_max_size: 0,
        default_mss: 536,
    }
}

impl Pair {
    /// An active opener and the connection that a listener makes of it, established.
    fn established(config: TcpConfig, lose: fn(usize) -> bool) -> Pair {
        Pair::between([config.clone(), config], lose)
    }

    /// The same with a configuration for each.
    fn between(configs: [TcpConfig; 2], lose: fn(usize) -> bool) -> Pair {
        let [client, config] = configs.map(|config| config.validate().unwrap());
        let now = Instant::from_millis(1_000);
        let mut counters = vec![Counters::default(), Counters::default()];
        let mut client = Connection::connect(now, client, setup(u32::MAX - 5_000));
        let syn = client.poll_segment(now, &mut counters[0]).unwrap();
        let mut half_open = HalfOpen::new(now + DELAY, &config, setup(7_000_000), &syn);
        let header = half_open.syn_ack(now + DELAY, &config);
        let now = now + DELAY + DELAY;
        let syn_ack = Segment::bare(header);
        client.handle_segment(now, &syn_ack, &mut counters[0]);
        assert_eq!(client.state(), State::Established);
        let ack = client.poll_segment(now, &mut counters[0]).unwrap();
        let now = now + DELAY;
        let outcome = half_open.handle_segment(now, &config, &ack, &mut counters[1]);
        assert_eq!(outcome, HalfOpenOutcome::Complete);
        let mut server = half_open.promote(now, config);
        server.handle_segment(now, &ack, &mut counters[1]);
        assert_eq!(server.state(), State::Established);
        Pair {
            now,
            ends: vec![client, server],
            counters,
            link: VecDeque::new(),
            sent: 0,
            lose,
        }
    }

    /// Two active openers whose SYNs have crossed (RFC 9293 figure 7); neither has answered yet.
    fn crossing() -> Pair {
        Pair::crossing_with(<[TcpConfig; 2]>::default())
    }

    /// The same with a configuration for each.
    fn crossing_with(configs: [TcpConfig; 2]) -> Pair {
        let now = Instant::from_millis(1_000);
        let [first, second] = configs.map(|config| config.validate().unwrap());
        let mut pair = Pair {
            now,
            ends: vec![
                Connection::connect(now, first, setup(u32::MAX)),
                Connection::connect(now, second, setup(7_000_000)),
            ],
            counters: vec![Counters::default(), Counters::default()],
            link: VecDeque::new(),
            sent: 0,
            lose: never,
        };
        let syns = [pair.drain(0), pair.drain(1)];
        pair.give_all(0, &syns[1]);
        pair.give_all(1, &syns[0]);
        pair
    }

    /// Puts on the link what there is to send.
    fn transmit(&mut self) {
        for from in 0..self.ends.len() {
            for said in self.drain(from) {
                self.sent += 1;
                if !(self.lose)(self.sent) {
                    self.link.push_back(Flying {
                        at: self.now + DELAY,
                        to: 1 - from,
                        said,
                    });
                }
            }
        }
    }

    /// Sends what there is to send, then lets the next thing happen: an arrival or a deadline. Says
    /// whether there was one.
    fn step(&mut self) -> bool {
        self.transmit();
        let arrival = self.link.front().map(|flying| flying.at);
        let deadline = self.ends.iter().filter_map(Connection::poll_timeout).min();
        let Some(next) = arrival.into_iter().chain(deadline).min() else {
            return false;
        };
        self.now = self.now.max(next);
        while self
            .link
            .front()
            .is_some_and(|flying| flying.at <= self.now)
        {
            let flying = self.link.pop_front().unwrap();
            self.give(flying.to, flying.said.header, &flying.said.payload);
        }
        for (end, counters) in self.ends.iter_mut().zip(&mut self.counters) {
            if end.poll_timeout().is_some_and(|at| at <= self.now) {
                end.handle_timeout(self.now, counters);
            }
        }
        true
    }

    /// Moves `total` bytes from one end to the other, then closes both; gives the time it took.
    fn transfer(&mut self, from: usize, total: usize) -> Duration {
        let began = self.now;
        let data: Vec<u8> = (0..total).map(|n| (n * 31 + n / 251) as u8).collect();
        let (mut written, mut read) = (0, Vec::new());
        let mut buf = vec![0; 10_000];
        loop {
            if written < total {
                match self.ends[from].write(self.now, &data[written..]) {
                    Ok(count) => written += count,
                    Err(WriteError::WouldBlock) => {}
                    Err(error) => panic!("{error}"),
                }
            } else {
                self.ends[from].shutdown(self.now, Shutdown::Write, &mut self.counters[from]);
            }
            match self.ends[1 - from].read(self.now, &mut buf) {
                Ok(0) if total > 0 && read.len() == total => break,
                Ok(count) => read.extend_from_slice(&buf[..count]),
                Err(ReadError::WouldBlock) => {
                    assert!(self.step(), "stalled at {} of {total}", read.len());
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(read == data, "the bytes that were written");
        let took = self.now.saturating_duration_since(began);
        self.ends[1 - from].close(self.now, &mut self.counters[1 - from]);
        self.ends[from].close(self.now, &mut self.counters[from]);
        while self.ends.iter().any(|end| !end.is_finished()) {
            assert!(
                self.step(),
                "closing stalled: {:?} {:?}",
                self.ends[0].state,
                self.ends[1].state
            );
        }
        took
    }

    /// Steps until nothing is under way.
    fn settle(&mut self) {
        self.transmit();
        while !self.link.is_empty() {
            self.step();
            self.transmit();
        }
    }

    /// What `end` has to say now; the link does not see it.
    fn drain(&mut self, end: usize) -> Vec<Said> {
        let mut said = Vec::new();
        let (connection, counters) = (&mut self.ends[end], &mut self.counters[end]);
        while let Some(segment) = connection.poll_segment(self.now, counters) {
            said.push(Said {
                header: segment.header,
                payload: segment.payload.iter().collect(),
            });
        }
        connection.assert_invariants();
        said
    }

    /// A segment arrives at `end` now.
    fn give(&mut self, end: usize, header: Header, payload: &[u8]) {
        let payload = Payload::from(payload);
        let segment = Segment::new(header, payload);
        self.ends[end].handle_segment(self.now, &segment, &mut self.counters[end]);
    }

    fn give_all(&mut self, end: usize, said: &[Said]) {
        for said in said {
            self.give(end, said.header, &said.payload);
        }
    }

    /// What the peer of `end` would say to acknowledge everything before `offset`.
    fn ack_up_to(&self, end: usize, offset: u64, window: u16) -> Header {
        let connection = &self.ends[end];
        let timestamps = connection.agreed.timestamps;
        Header {
            ack: Some(connection.snd.isn.at_offset(offset)),
            window: WireWindow::new(window),
            options: Options {
                timestamps: timestamps.then(|| self.ends[1 - end].clock.stamp(self.now)),
                ..Options::NONE
            },
            ..Header::new(connection.rcv.irs.at_offset(connection.rcv.nxt()))
        }
    }

    /// The same for everything that `end` has sent.
    fn ack_of_all(&self, end: usize, window: u16) -> Header {
        self.ack_up_to(end, self.ends[end].snd.nxt, window)
    }

    /// The same for nothing new, and with SACK blocks of offsets.
    fn sack_of(&self, end: usize, blocks: impl IntoIterator<Item = Range<u64>>) -> Header {
        let snd = &self.ends[end].snd;
        let mut header = self.ack_up_to(end, snd.una, u16::MAX);
        let mut sack = SackBlocks::NONE;
        for block in blocks {
            let (start, end) = (snd.isn.at_offset(block.start), snd.isn.at_offset(block.end));
            assert!(sack.push(SeqRange { start, end }));
        }
        header.options.sack = sack;
        header
    }

    /// `bytes` of zeros, as much of them as fits, go into the send buffer of `end`.
    fn write(&mut self, end: usize, bytes: usize) {
        self.ends[end].write(self.now, &vec![0; bytes]).unwrap();
    }

    fn shutdown(&mut self, end: usize, how: Shutdown) {
        self.ends[end].shutdown(self.now, how, &mut self.counters[end]);
    }

    fn close(&mut self, end: usize) {
        self.ends[end].close(self.now, &mut self.counters[end]);
    }

    /// Lets the next deadline of `end` come; says how long that took.
    fn fire(&mut self, end: usize) -> Duration {
        let deadline = self.ends[end].poll_timeout().unwrap();
        let waited = deadline.saturating_duration_since(self.now);
        self.now += waited;
        self.ends[end].handle_timeout(self.now, &mut self.counters[end]);
        waited
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// The last event of `end` so far.
    fn last_event(&mut self, end: usize) -> Option<ConnectionEvent> {
        core::iter::from_fn(|| self.ends[end].poll_event()).last()
    }
}

/// Pairs that have nothing left to say, so that a test hears only what it causes.
fn quiet_pair(config: TcpConfig) -> Pair {
    let mut pair = Pair::established(config, never);
    pair.settle();
    pair
}

fn never(_: usize) -> bool {
    false
}
