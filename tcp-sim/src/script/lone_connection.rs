//! A connection without a stack around it as one end of a connection.

use std::collections::VecDeque;

use tcp_core::connection::{HalfOpen, HalfOpenOutcome, HalfOpenTimeout};
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header};
use tcp_core::{
    Connection, ConnectionEvent, Counters, Instant, ReadError, Setup, Shutdown, State, TcpConfig,
    TcpInfo, ValidConfig, WriteError,
};

use super::{Endpoint, segment};

/// One [`Connection`] without a stack around it, its initial sequence number of the test's choice.
#[derive(Clone, Debug)]
pub struct LoneConnection {
    config: ValidConfig,
    setup: Setup,
    stage: Stage,
    counters: Counters,
    ready: VecDeque<Header>,
}

/// How far a connection has come.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// A SYN is awaited.
    Listen,
    /// The handshake of a passive open is under way.
    HalfOpen(HalfOpen),
    /// The connection is there.
    Open(Box<Connection>),
}

impl LoneConnection {
    /// A setup with this initial sequence number, on an MTU of 1,500 bytes of IPv4.
    pub fn setup(isn: u32) -> Setup {
        Setup {
            isn: SeqNumber::new(isn),
            timestamp_offset: 0,
            mss: 1_460,
            gso_max_size: 0,
            default_mss: 536,
        }
    }

    /// An active open.
    pub fn connect(now: Instant, config: TcpConfig, setup: Setup) -> LoneConnection {
        let mut lone = LoneConnection::listen(config, setup);
        let connection = Connection::connect(now, lone.config.clone(), setup);
        lone.stage = Stage::Open(Box::new(connection));
        lone
    }

    /// A passive open: the first SYN begins it.
    ///
    /// # Panics
    ///
    /// When the configuration is not valid.
    pub fn listen(config: TcpConfig, setup: Setup) -> LoneConnection {
        LoneConnection {
            config: config.validate().expect("the configuration is valid"),
            setup,
            stage: Stage::Listen,
            counters: Counters::default(),
            ready: VecDeque::new(),
        }
    }

    /// How far it has come.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The connection.
    ///
    /// # Panics
    ///
    /// When there is none yet.
    pub fn connection(&mut self) -> &mut Connection {
        match &mut self.stage {
            Stage::Open(connection) => connection,
            _ => panic!("the handshake is not complete"),
        }
    }

    fn handle_half_open(&mut self, now: Instant, header: &Header, payload: &[u8]) {
        let Stage::HalfOpen(half_open) = &mut self.stage else {
            return;
        };
        let arrived = segment(header, payload);
        match half_open.handle_segment(now, &self.config, &arrived, &mut self.counters) {
            HalfOpenOutcome::Ignore => {}
            HalfOpenOutcome::Reply(reply) => self.ready.push_back(reply),
            HalfOpenOutcome::Drop(reply) => {
                self.ready.extend(reply);
                self.stage = Stage::Listen;
            }
            HalfOpenOutcome::Complete => {
                let mut connection = half_open.promote(now, self.config.clone());
                connection.handle_segment(now, &arrived, &mut self.counters);
                self.stage = Stage::Open(Box::new(connection));
            }
        }
    }
}

impl Endpoint for LoneConnection {
    fn handle(&mut self, now: Instant, header: &Header, payload: &[u8]) {
        match &mut self.stage {
            Stage::Listen => {
                let is_syn = header.control == Control::Syn && header.ack.is_none();
                assert!(
                    is_syn,
                    "a listener without a stack around it takes a SYN and no more"
                );
                let syn = segment(header, payload);
                let mut half_open = HalfOpen::new(now, &self.config, self.setup, &syn);
                self.ready.push_back(half_open.syn_ack(now, &self.config));
                self.stage = Stage::HalfOpen(half_open);
            }
            Stage::HalfOpen(_) => self.handle_half_open(now, header, payload),
            Stage::Open(connection) => {
                connection.handle_segment(now, &segment(header, payload), &mut self.counters);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match &mut self.stage {
            Stage::Listen => {}
            Stage::HalfOpen(half_open) => {
                match half_open.handle_timeout(now, &self.config, &mut self.counters) {
                    HalfOpenTimeout::NotDue => {}
                    HalfOpenTimeout::Retransmit(header) => self.ready.push_back(header),
                    HalfOpenTimeout::Expired => self.stage = Stage::Listen,
                }
            }
            Stage::Open(connection) => connection.handle_timeout(now, &mut self.counters),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Listen => None,
            Stage::HalfOpen(half_open) => half_open.poll_timeout(),
            Stage::Open(connection) => connection.poll_timeout(),
        }
    }

    fn poll(&mut self, now: Instant) -> Option<(Header, Vec<u8>)> {
        if let Some(header) = self.ready.pop_front() {
            return Some((header, Vec::new()));
        }
        let Stage::Open(connection) = &mut self.stage else {
            return None;
        };
        let sent = connection.poll_segment(now, &mut self.counters)?;
        Some((sent.header, sent.payload.iter().collect()))
    }

    fn state(&self) -> Option<State> {
        match &self.stage {
            Stage::Listen => None,
            Stage::HalfOpen(_) => Some(State::SynReceived),
            Stage::Open(connection) => Some(connection.state()),
        }
    }

    fn take_events(&mut self) -> Vec<ConnectionEvent> {
        match &mut self.stage {
            Stage::Open(connection) => std::iter::from_fn(|| connection.poll_event()).collect(),
            Stage::Listen | Stage::HalfOpen(_) => Vec::new(),
        }
    }

    fn write(&mut self, now: Instant, data: &[u8]) -> Result<usize, WriteError> {
        self.connection().write(now, data)
    }

    fn read(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.connection().read(now, buf)
    }

    fn shutdown(&mut self, now: Instant, how: Shutdown) {
        if let Stage::Open(connection) = &mut self.stage {
            connection.shutdown(now, how, &mut self.counters);
        }
    }

    fn close(&mut self, now: Instant) {
        if let Stage::Open(connection) = &mut self.stage {
            connection.close(now, &mut self.counters);
        }
    }

    fn abort(&mut self, now: Instant) {
        if let Stage::Open(connection) = &mut self.stage {
            connection.abort(now, &mut self.counters);
        }
    }

    fn info(&mut self, now: Instant) -> TcpInfo {
        self.connection().info(now)
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}
