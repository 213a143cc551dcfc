//! `tcp-core` as a contender.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tcp_core::{
    ConnectionId, Instant, ListenConfig, ListenerId, Offload, PacketMeta, ReceiveChecksum,
    Shutdown, Stack, StackConfig, TcpConfig, ValidConfig,
};

use super::endpoint::{EndConfig, Endpoint, MTU, PORT};
use crate::link::offload::cut;
use crate::pattern::mix;

/// One of our stacks, with one connection.
pub(super) struct Ours {
    stack: Stack,
    listener: Option<ListenerId>,
    connection: Option<ConnectionId>,
    /// What packets are written to, and bytes read to.
    scratch: Vec<u8>,
    /// What of a large segment has yet to go.
    parts: VecDeque<Vec<u8>>,
}

/// The largest segments that there are.
const LARGE: Offload = Offload {
    max_packet: 65_535,
    checksum: false,
};

/// What an application writes: what it is does not matter.
const ZEROS: &[u8] = &[0; 1 << 16];

impl Ours {
    pub(super) fn sender(end: EndConfig, tcp: TcpConfig) -> Ours {
        let mut ours = Ours::new(end, end.sender(), mix(end.seed));
        let remote = SocketAddr::from((end.receiver(), PORT));
        let connection = ours
            .stack
            .connect(Instant::ZERO, None, remote, settings(end, tcp));
        ours.connection = Some(connection.expect("all ports are free"));
        ours
    }

    pub(super) fn receiver(end: EndConfig, tcp: TcpConfig) -> Ours {
        let mut ours = Ours::new(end, end.receiver(), mix(mix(end.seed)));
        let local = SocketAddr::from((end.receiver(), PORT));
        let listening = ListenConfig {
            tcp: settings(end, tcp),
            ..ListenConfig::default()
        };
        let listener = ours.stack.listen(local, listening);
        ours.listener = Some(listener.expect("the port is free"));
        ours
    }

    fn new(end: EndConfig, address: [u8; 4], seed: u64) -> Ours {
        let config = StackConfig {
            addresses: vec![address.into()],
            mtu: MTU,
            offload: if end.large_segments {
                LARGE
            } else {
                Offload::NONE
            },
            ..StackConfig::default()
        };
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&seed.to_le_bytes());
        Ours {
            stack: Stack::new(config, secret),
            listener: None,
            connection: None,
            scratch: vec![0; 1 << 16],
            parts: VecDeque::new(),
        }
    }

    fn accept(&mut self) {
        if let Some(listener) = self.listener
            && self.connection.is_none()
        {
            self.connection = self.stack.accept(listener).ok();
        }
        // Nobody waits for what they say: the application looks after each packet.
        while self.stack.poll_event().is_some() {}
    }
}

fn settings(end: EndConfig, tcp: TcpConfig) -> ValidConfig {
    let config = TcpConfig {
        send_buffer: end.buffer.into(),
        recv_buffer: end.buffer.into(),
        ..tcp
    };
    config.validate().expect("the grid's buffers are checked")
}

impl Endpoint for Ours {
    fn handle_packet(&mut self, now: Instant, packet: Vec<u8>) {
        let meta = PacketMeta {
            checksum: ReceiveChecksum::Verified,
            ..PacketMeta::default()
        };
        self.stack.handle_packet(now, &packet, meta);
        self.accept();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.stack.handle_timeout(now);
        self.accept();
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Some(part) = self.parts.pop_front() {
            return Some(part);
        }
        let transmit = self.stack.poll_transmit(now, &mut self.scratch)?;
        let packet = self.scratch[..transmit.len].to_vec();
        let Some(size) = transmit.segment_size else {
            return Some(packet);
        };
        self.parts.extend(cut(packet, size));
        self.parts.pop_front()
    }

    fn poll_timeout(&mut self, _now: Instant) -> Option<Instant> {
        self.stack.poll_timeout()
    }

    fn write(&mut self, now: Instant, most: u64) -> u64 {
        let Some(mut connection) = self
            .connection
            .and_then(|id| self.stack.connection(now, id))
        else {
            return 0;
        };
        let mut written = 0;
        while written < most {
            let len = (most - written).min(ZEROS.len() as u64) as usize;
            match connection.write(&ZEROS[..len]) {
                Ok(taken) if taken > 0 => written += taken as u64,
                _ => break,
            }
        }
        written
    }

    fn finish(&mut self, now: Instant) {
        let connection = self
            .connection
            .and_then(|id| self.stack.connection(now, id));
        if let Some(mut connection) = connection {
            connection.shutdown(Shutdown::Write);
        }
    }

    fn read(&mut self, now: Instant) -> u64 {
        let Some(mut connection) = self
            .connection
            .and_then(|id| self.stack.connection(now, id))
        else {
            return 0;
        };
        let mut total = 0;
        while let Ok(len) = connection.read(&mut self.scratch) {
            if len == 0 {
                break;
            }
            total += len as u64;
        }
        total
    }
}
