//! What stands at an end of the network.

use std::fmt;
use std::hash::Hash;

use tcp_core::connection::{HalfOpen, HalfOpenOutcome, HalfOpenTimeout};
use tcp_core::wire::{Control, Header};
use tcp_core::{Connection, Counters, Instant, Setup, TcpConfig, ValidConfig};

use crate::script::{Stage, segment};

/// A segment under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Packet {
    /// Everything but the payload.
    pub header: Header,
    /// The bytes of the stream.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Length in sequence space (RFC 9293 §3.4).
    pub fn sequence_len(&self) -> u32 {
        self.payload.len() as u32 + self.header.control.sequence_len()
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = &self.header;
        match header.control {
            Control::None => {}
            Control::Syn => f.write_str("SYN ")?,
            Control::Fin => f.write_str("FIN ")?,
            Control::Rst => f.write_str("RST ")?,
        }
        write!(f, "seq {}", header.seq.get())?;
        if let Some(ack) = header.ack {
            write!(f, " ack {}", ack.get())?;
        }
        write!(f, " win {}", header.window.get())?;
        if !self.payload.is_empty() {
            write!(f, " with {} bytes", self.payload.len())?;
        }
        for block in header.options.sack.as_slice() {
            write!(f, " sack {}..{}", block.start.get(), block.end.get())?;
        }
        Ok(())
    }
}

/// One end as the explorer sees it: [`Host`], or something around it that misbehaves.
///
/// Its hash must cover everything that decides what it does next.
pub trait Machine: Clone + Hash {
    /// A segment arrives.
    fn handle_segment(&mut self, now: Instant, packet: &Packet);

    /// What is due at `now` happens.
    fn handle_timeout(&mut self, now: Instant);

    /// The next segment to send: called until it gives `None`.
    fn poll_segment(&mut self, now: Instant) -> Option<Packet>;

    /// The earliest deadline.
    fn poll_timeout(&self) -> Option<Instant>;

    /// The connection; `None` until a passive open has come so far.
    fn connection(&self) -> Option<&Connection>;

    /// The connection, for the application's calls.
    fn connection_mut(&mut self) -> Option<&mut Connection>;
}

/// A connection, and what a stack does around one: the listener before it, and resets after it
/// (RFC 9293 §3.10.7.1). The listener takes one connection, and is gone then.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Host {
    config: ValidConfig,
    setup: Setup,
    stage: Stage,
    /// What goes out before anything that the connection says.
    reply: Option<Header>,
}

impl Host {
    /// An active open.
    ///
    /// # Panics
    ///
    /// When the configuration is not valid, as in [`Host::listen`].
    pub fn connect(config: TcpConfig, setup: Setup) -> Host {
        let mut host = Host::listen(config, setup);
        let connection = Connection::connect(Instant::ZERO, host.config.clone(), setup);
        host.stage = Stage::Open(Box::new(connection));
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
            stage: Stage::Listen,
            reply: None,
        }
    }

    /// RFC 9293 §3.10.7.2: a SYN begins a connection, an acknowledgement is of nothing.
    fn on_segment_in_listen(&mut self, now: Instant, packet: &Packet) {
        let header = &packet.header;
        if header.control != Control::Syn || header.ack.is_some() {
            self.reply = reset_for(packet);
            return;
        }
        let syn = segment(header, &packet.payload);
        let mut half_open = HalfOpen::new(now, &self.config, self.setup, &syn);
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
            }
        }
    }
}

impl Machine for Host {
    fn handle_segment(&mut self, now: Instant, packet: &Packet) {
        match &mut self.stage {
            Stage::Listen => self.on_segment_in_listen(now, packet),
            Stage::HalfOpen(_) => self.on_segment_half_open(now, packet),
            Stage::Open(connection) if connection.is_finished() => self.reply = reset_for(packet),
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
        }
    }

    fn poll_segment(&mut self, now: Instant) -> Option<Packet> {
        if let Some(header) = self.reply.take() {
            let payload = Vec::new();
            return Some(Packet { header, payload });
        }
        let connection = self.connection_mut()?;
        let sent = connection.poll_segment(now, &mut Counters::default())?;
        Some(Packet {
            header: sent.header,
            payload: sent.payload.iter().collect(),
        })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Listen => None,
            Stage::HalfOpen(half_open) => half_open.poll_timeout(),
            Stage::Open(connection) => connection.poll_timeout(),
        }
    }

    fn connection(&self) -> Option<&Connection> {
        match &self.stage {
            Stage::Open(connection) => Some(connection),
            Stage::Listen | Stage::HalfOpen(_) => None,
        }
    }

    fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.stage {
            Stage::Open(connection) => Some(connection),
            Stage::Listen | Stage::HalfOpen(_) => None,
        }
    }
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
            ..Header::new(tcp_core::seq::SeqNumber::new(0))
        },
    };
    Some(Header {
        control: Control::Rst,
        ..reset
    })
}
