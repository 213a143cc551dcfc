//! A stack that is given raw bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tcp_core::{
    ConnectionId, Instant, ListenAddr, ListenConfig, ListenerId, PacketMeta, ReceiveChecksum,
    Stack, StackConfig,
};

use crate::repair;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));

/// A stack that listens everywhere, and a user that accepts whatever comes, reads it and writes a little.
pub struct Target {
    stack: Stack,
    listener: ListenerId,
    held: Vec<ConnectionId>,
    now: Instant,
    buf: Vec<u8>,
    packets: u64,
}

impl Target {
    /// The stack, before anything has come.
    pub fn new() -> Target {
        let config = StackConfig {
            addresses: vec![V4, V6],
            ..StackConfig::default()
        };
        let mut stack = Stack::new(config, [7; 32]);
        let listener = stack
            .listen(ListenAddr::ANY, ListenConfig::default())
            .expect("nobody else listens");
        Target {
            stack,
            listener,
            held: Vec::new(),
            now: Instant::from_millis(1),
            buf: vec![0; 1 << 16],
            packets: 0,
        }
    }

    /// Hands a packet in. The bits of `how` say what is done to it and when: the lowest makes it one that passes the
    /// first checks, the next addresses it to the stack, the others are the time that passes.
    pub fn take(&mut self, how: u8, packet: &[u8]) {
        self.pass(Duration::from_millis(1 << (how >> 4)));
        let mut packet = packet.to_vec();
        if how & 2 != 0 {
            address(&mut packet);
        }
        let mut meta = PacketMeta::default();
        if how & 1 != 0 {
            repair(&mut packet);
            meta.checksum = ReceiveChecksum::Verified;
        }
        self.packets += 1;
        self.stack.handle_packet(self.now, &packet, meta);
        self.drain();
    }

    fn pass(&mut self, span: Duration) {
        self.now += span;
        if self.stack.poll_timeout().is_some_and(|at| at <= self.now) {
            self.stack.handle_timeout(self.now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while self.stack.poll_event().is_some() {}
        while let Ok(id) = self.stack.accept(self.listener) {
            self.held.push(id);
        }
        // Only once the stack has nothing to say does a timer stand behind all that is unfinished.
        self.transmit();
        for id in &self.held {
            let mut connection = self.stack.connection(self.now, *id).expect("it is held");
            connection.assert_invariants();
            let _ = connection.read(&mut self.buf);
            let _ = connection.write(b"answer");
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        while self.stack.poll_transmit(self.now, &mut self.buf).is_some() {}
    }

    /// Closes everything, and waits until nothing is left.
    ///
    /// # Panics
    ///
    /// Where something is left after a week, or a packet was not counted.
    pub fn finish(mut self) {
        for id in std::mem::take(&mut self.held) {
            if let Some(connection) = self.stack.connection(self.now, id) {
                connection.close();
            }
        }
        self.stack.close_listener(self.now, self.listener);
        self.drain_after_close();
        for _ in 0..100_000 {
            let Some(at) = self.stack.poll_timeout() else {
                break;
            };
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now);
            self.drain_after_close();
        }
        assert_eq!(self.stack.sockets().next(), None, "a connection is left");
        assert!(self.stack.is_idle());
        assert_eq!(self.stack.counters().ip_in_receives, self.packets);
    }

    fn drain_after_close(&mut self) {
        while self.stack.poll_event().is_some() {}
        self.transmit();
    }
}

impl Default for Target {
    fn default() -> Self {
        Target::new()
    }
}

/// Makes it a TCP packet for the stack from somebody near.
fn address(packet: &mut [u8]) {
    match (packet.first().map(|first| first >> 4), V4, V6) {
        (Some(4), IpAddr::V4(v4), _) if packet.len() >= 20 => {
            packet[0] = 0x45;
            packet[6..8].fill(0);
            packet[9] = 6;
            packet[12..16].copy_from_slice(&[10, 0, 0, 2]);
            packet[16..20].copy_from_slice(&v4.octets());
        }
        (Some(6), _, IpAddr::V6(v6)) if packet.len() >= 40 => {
            packet[6] = 6;
            packet[8..24].copy_from_slice(&Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2).octets());
            packet[24..40].copy_from_slice(&v6.octets());
        }
        _ => {}
    }
}
