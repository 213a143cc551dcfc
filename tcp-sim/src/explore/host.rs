//! A connection, and what a stack does around one.

use tcp_core::connection::{HalfOpen, HalfOpenOutcome, HalfOpenTimeout, TimeWait, TimeWaitOutcome};
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header, Segment};
use tcp_core::{ConfigError, Connection, Counters, Instant, Setup, TcpConfig, ValidConfig};

use super::machine::{Machine, Packet};
use crate::script::segment;

/// A connection, and what a stack does around one: the listener before it, the record of TIME-WAIT
/// (RFC 9293 §3.6.1) and resets after it (RFC 9293 §3.10.7.1). The listener takes one connection,
/// and is gone then; that of [`Host::serve`] takes the next one, too.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Host {
    config: ValidConfig,
    setup: Setup,
    listener: Listener,
    stage: Stage,
    /// Connections so far.
    incarnation: u8,
    /// What goes out before anything that the connection says.
    reply: Option<Header>,
    /// The pieces of a large segment that have yet to go, the last first.
    pieces: Vec<Packet>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Listener {
    TakesOne,
    Stays,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Listen,
    HalfOpen(HalfOpen),
    Open(Box<Connection>),
    /// What a stack keeps of a connection that nobody holds any more.
    TimeWait(TimeWait),
}

/// How far the initial sequence number moves from one connection to the next, as the clock of
/// RFC 9293 §3.4.1 would move it: beyond all that the last connection sent.
const ISN_STEP: u32 = 1_000;

impl Host {
    /// An active open.
    ///
    /// # Panics
    ///
    /// When the configuration is not valid, as in [`Host::listen`].
    pub fn connect(config: TcpConfig, setup: Setup) -> Host {
        let mut host = Host::listen(config, setup);
        host.reconnect(Instant::ZERO);
        host
    }

    /// A passive open.
    ///
    /// # Panics
    ///
    /// When the configuration is not valid.
    pub fn listen(config: TcpConfig, setup: Setup) -> Host {
        Host {
            config: config.validate().expect("the configuration is valid"),
            setup,
            listener: Listener::TakesOne,
            stage: Stage::Listen,
            incarnation: 0,
            reply: None,
            pieces: Vec::new(),
        }
    }

    /// A passive open, and the next one after it, from TIME-WAIT on (RFC 9293 §3.6.1, RFC 6191).
    ///
    /// # Panics
    ///
    /// When the configuration is not valid.
    pub fn serve(config: TcpConfig, setup: Setup) -> Host {
        Host {
            listener: Listener::Stays,
            ..Host::listen(config, setup)
        }
    }

    /// The same host, to which nothing has happened yet, with another configuration.
    ///
    /// # Errors
    ///
    /// When that is not valid.
    pub fn reconfigured(
        self,
        change: impl FnOnce(TcpConfig) -> TcpConfig,
    ) -> Result<Host, ConfigError> {
        let config = change(TcpConfig::clone(&self.config)).validate()?;
        let connects = matches!(self.stage, Stage::Open(_));
        let mut host = Host {
            config,
            stage: Stage::Listen,
            incarnation: 0,
            reply: None,
            ..self
        };
        if connects {
            host.reconnect(Instant::ZERO);
        }
        Ok(host)
    }

    /// What the next connection begins with.
    fn next_setup(&self) -> Setup {
        let moved = u32::from(self.incarnation) * ISN_STEP;
        Setup {
            isn: self.setup.isn.advanced_by(moved),
            ..self.setup
        }
    }

    /// RFC 9293 §3.10.7.2: a SYN begins a connection, an acknowledgement is of nothing.
    fn on_segment_in_listen(&mut self, now: Instant, packet: &Packet) {
        let header = &packet.header;
        if header.control != Control::Syn || header.ack.is_some() {
            self.reply = reset_for(packet);
            return;
        }
        self.answer_syn(now, packet, self.next_setup());
    }

    fn answer_syn(&mut self, now: Instant, packet: &Packet, setup: Setup) {
        let syn = segment(&packet.header, &packet.payload);
        let mut half_open = HalfOpen::new(now, &self.config, setup, &syn);
        self.reply = Some(half_open.syn_ack(now, &self.config));
        self.stage = Stage::HalfOpen(half_open);
    }

    fn on_segment_half_open(&mut self, now: Instant, packet: &Packet) {
        let Stage::HalfOpen(half_open) = &mut self.stage else {
            return;
        };
        let arrived = segment(&packet.header, &packet.payload);
        let mut counters = Counters::default();
        match half_open.handle_segment(now, &self.config, &arrived, &mut counters) {
            HalfOpenOutcome::Ignore => {}
            HalfOpenOutcome::Reply(reply) => self.reply = Some(reply),
            HalfOpenOutcome::Drop(reply) => {
                self.reply = reply;
                self.stage = Stage::Listen;
            }
            HalfOpenOutcome::Complete => {
                let mut connection = half_open.promote(now, self.config.clone());
                connection.handle_segment(now, &arrived, &mut counters);
                self.stage = Stage::Open(Box::new(connection));
                self.incarnation += 1;
            }
        }
    }

    /// As a stack does it: a new SYN ends TIME-WAIT, and the listener answers it with a sequence
    /// number that the old connection cannot have used.
    fn on_segment_in_time_wait(&mut self, now: Instant, packet: &Packet) {
        let Stage::TimeWait(record) = &mut self.stage else {
            return;
        };
        match record.handle_segment(now, &segment(&packet.header, &packet.payload)) {
            TimeWaitOutcome::Ignore => {}
            TimeWaitOutcome::Reply(reply) => self.reply = Some(reply),
            TimeWaitOutcome::Drop => self.stage = Stage::Listen,
            TimeWaitOutcome::Reopen(isn_floor) => {
                let mut setup = self.next_setup();
                if setup.isn.distance_from(isn_floor) < 0 {
                    setup.isn = isn_floor;
                }
                self.answer_syn(now, packet, setup);
            }
        }
    }

    /// Where the listener stays, keeps no more than the record of a connection in TIME-WAIT that
    /// its user has given up.
    fn retire(&mut self) {
        if let (Listener::Stays, Stage::Open(connection)) = (self.listener, &self.stage)
            && connection.is_orphan()
            && let Some(record) = connection.time_wait()
        {
            self.stage = Stage::TimeWait(record.clone());
        }
    }
}

impl Machine for Host {
    fn handle_segment(&mut self, now: Instant, packet: &Packet) {
        match &mut self.stage {
            Stage::Listen => self.on_segment_in_listen(now, packet),
            Stage::HalfOpen(_) => self.on_segment_half_open(now, packet),
            Stage::TimeWait(_) => self.on_segment_in_time_wait(now, packet),
            Stage::Open(connection) if connection.is_finished() => match self.listener {
                Listener::TakesOne => self.reply = reset_for(packet),
                Listener::Stays => self.on_segment_in_listen(now, packet),
            },
            Stage::Open(connection) => {
                let arrived = segment(&packet.header, &packet.payload);
                connection.handle_segment(now, &arrived, &mut Counters::default());
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let mut counters = Counters::default();
        match &mut self.stage {
            Stage::Listen => {}
            Stage::HalfOpen(half_open) => {
                match half_open.handle_timeout(now, &self.config, &mut counters) {
                    HalfOpenTimeout::NotDue => {}
                    HalfOpenTimeout::Retransmit(header) => self.reply = Some(header),
                    HalfOpenTimeout::Expired => self.stage = Stage::Listen,
                }
            }
            Stage::Open(connection) => connection.handle_timeout(now, &mut counters),
            Stage::TimeWait(record) => {
                if record.expires_at() <= now {
                    self.stage = Stage::Listen;
                }
            }
        }
    }

    fn poll_segment(&mut self, now: Instant) -> Option<Packet> {
        if let Some(header) = self.reply.take() {
            let payload = Vec::new();
            return Some(Packet { header, payload });
        }
        if let Some(piece) = self.pieces.pop() {
            return Some(piece);
        }
        let connection = self.connection_mut()?;
        let Some(sent) = connection.poll_segment(now, &mut Counters::default()) else {
            self.retire();
            return None;
        };
        let mut pieces = cut(&sent);
        pieces.reverse();
        self.pieces = pieces;
        self.pieces.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Listen => None,
            Stage::HalfOpen(half_open) => half_open.poll_timeout(),
            Stage::Open(connection) => connection.poll_timeout(),
            Stage::TimeWait(record) => Some(record.expires_at()),
        }
    }

    fn connection(&self) -> Option<&Connection> {
        match &self.stage {
            Stage::Open(connection) => Some(connection),
            Stage::Listen | Stage::HalfOpen(_) | Stage::TimeWait(_) => None,
        }
    }

    fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.stage {
            Stage::Open(connection) => Some(connection),
            Stage::Listen | Stage::HalfOpen(_) | Stage::TimeWait(_) => None,
        }
    }

    fn incarnation(&self) -> u8 {
        self.incarnation
    }

    fn reconnect(&mut self, now: Instant) {
        let connection = Connection::connect(now, self.config.clone(), self.next_setup());
        self.stage = Stage::Open(Box::new(connection));
        self.incarnation += 1;
    }
}

/// The segments that go over the wire for one: FIN and PSH are for the last, CWR for the first.
fn cut(sent: &Segment<'_>) -> Vec<Packet> {
    let len = sent.payload.len();
    let size = sent
        .segment_size
        .map_or(len, |size| usize::from(size.get()));
    let pieces = sent.pieces() as usize;
    let piece = |n: usize| {
        let (start, is_last) = (n * size, n + 1 == pieces);
        let mut header = sent.header;
        header.seq = header.seq.advanced_by(start as u32);
        header.push &= is_last;
        header.cwr &= n == 0;
        if header.control == Control::Fin && !is_last {
            header.control = Control::None;
        }
        Packet {
            header,
            payload: sent
                .payload
                .slice(start, len.min(start + size))
                .iter()
                .collect(),
        }
    };
    (0..pieces).map(piece).collect()
}

/// The answer to a segment that belongs to no connection (RFC 9293 §3.10.7.1).
fn reset_for(packet: &Packet) -> Option<Header> {
    let header = &packet.header;
    if header.control == Control::Rst {
        return None;
    }
    let reset = match header.ack {
        Some(ack) => Header::new(ack),
        None => Header {
            ack: Some(header.seq.advanced_by(packet.sequence_len())),
            ..Header::new(SeqNumber::new(0))
        },
    };
    Some(Header {
        control: Control::Rst,
        ..reset
    })
}
