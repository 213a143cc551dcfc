//! Two connections joined by a link that the test controls.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::config::TcpConfig;
use crate::error::{ReadError, WriteError};
use crate::seq::SeqNumber;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::Segment;
use crate::wire::{Header, Payload};

/// A segment under way.
struct Flying {
    at: Instant,
    to: usize,
    header: Header,
    payload: Vec<u8>,
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
        default_mss: 536,
    }
}

impl Pair {
    /// An active opener and the connection that a listener makes of it, established.
    fn established(config: TcpConfig, lose: fn(usize) -> bool) -> Pair {
        let config = config.validate().unwrap();
        let now = Instant::from_millis(1_000);
        let mut counters = vec![Counters::default(), Counters::default()];
        let mut client = Connection::connect(now, config.clone(), setup(u32::MAX - 5_000));
        let syn = client.poll_segment(now, &mut counters[0]).unwrap();
        let mut half_open = HalfOpen::new(now + DELAY, &config, setup(7_000_000), &syn);
        let header = half_open.syn_ack(now + DELAY, &config);
        let now = now + DELAY + DELAY;
        let syn_ack = Segment {
            header,
            payload: Payload::EMPTY,
        };
        client.handle_segment(now, &syn_ack, &mut counters[0]);
        assert_eq!(client.state(), State::Established);
        let ack = client.poll_segment(now, &mut counters[0]).unwrap();
        let now = now + DELAY;
        let outcome = half_open.handle_segment(now, &config, &ack, &mut counters[1]);
        assert_eq!(outcome, HalfOpenOutcome::Complete);
        let mut server = half_open.promote(now, config);
        server.handle_segment(now, &ack, &mut counters[1]);
        assert_eq!(server.state(), State::Established);
        let ends = vec![client, server];
        Pair {
            now,
            ends,
            counters,
            link: VecDeque::new(),
            sent: 0,
            lose,
        }
    }

    /// Sends what there is to send, then lets the next thing happen: an arrival or a deadline. Says
    /// whether there was one.
    fn step(&mut self) -> bool {
        for (from, end) in self.ends.iter_mut().enumerate() {
            while let Some(segment) = end.poll_segment(self.now, &mut self.counters[from]) {
                self.sent += 1;
                if !(self.lose)(self.sent) {
                    self.link.push_back(Flying {
                        at: self.now + DELAY,
                        to: 1 - from,
                        header: segment.header,
                        payload: segment.payload.iter().collect(),
                    });
                }
            }
            end.assert_invariants();
        }
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
            let payload = Payload::from(&flying.payload[..]);
            let segment = Segment {
                header: flying.header,
                payload,
            };
            let counters = &mut self.counters[flying.to];
            self.ends[flying.to].handle_segment(self.now, &segment, counters);
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
}

fn never(_: usize) -> bool {
    false
}

#[test]
fn a_transfer_without_loss_sends_nothing_twice() {
    for from in [0, 1] {
        let mut pair = Pair::established(TcpConfig::default(), never);
        pair.transfer(from, 3_000_000);
        assert_eq!(pair.counters[from].retrans_segs, 0);
        assert_eq!(pair.counters[1 - from].retrans_segs, 0);
        assert_eq!(pair.counters[from].time_wait, 1, "who closes first waits");
    }
}

#[test]
fn a_transfer_survives_loss_with_and_without_options() {
    for bits in 0..8 {
        let config = TcpConfig {
            sack: bits & 1 != 0,
            timestamps: bits & 2 != 0,
            window_scaling: if bits & 4 != 0 {
                crate::WindowScaling::Auto
            } else {
                crate::WindowScaling::Off
            },
            ..TcpConfig::default()
        };
        for from in [0, 1] {
            let mut pair = Pair::established(config.clone(), |n| n % 29 == 3);
            pair.transfer(from, 500_000);
        }
    }
}

#[test]
fn a_tiny_buffer_still_moves_the_stream() {
    let config = TcpConfig {
        recv_buffer: 100,
        send_buffer: 150,
        ..TcpConfig::default()
    };
    let mut pair = Pair::established(config, never);
    pair.transfer(0, 5_000);
}

#[test]
fn fast_retransmit_repairs_without_a_timeout() {
    for sack in [true, false] {
        let config = TcpConfig {
            sack,
            ..TcpConfig::default()
        };
        let mut pair = Pair::established(config, |n| n == 80);
        let took = pair.transfer(0, 400_000);
        assert_eq!(pair.counters[0].retrans_segs, 1);
        assert_eq!(pair.counters[0].timeouts, 0);
        assert!(took < Duration::from_millis(400), "{took:?}");
    }
}

#[test]
fn equal_histories_give_equal_connections() {
    let run = || {
        let mut pair = Pair::established(TcpConfig::default(), |n| n % 10 == 0);
        pair.ends[0].write(pair.now, &[7; 30_000]).unwrap();
        (0..5).for_each(|_| assert!(pair.step()));
        pair.ends
    };
    assert!(run() == run());
}
