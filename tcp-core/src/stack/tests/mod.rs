//! Two stacks in one room: whatever one sends, the other gets at once, unless the test takes it
//! away. Every state is reached by sending packets.

mod account;
mod admission;
mod books;
mod clock;
mod close;
mod cookies;
mod ecn;
mod fast_open;
mod fragments;
mod input;
mod large;
mod lent;
mod limits;
mod listen;
mod memory;
mod open;
mod order;
mod parts;
mod posted;
mod rest;
mod routes;
mod shard;
mod share;

use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::{ConnectionMut, ListenAddr, Stack};
use crate::config::{ListenConfig, Offload, StackConfig, ValidConfig};
use crate::event::{ConnectionEvent, ConnectionId, Event, ListenerId, PacketMeta, ReceiveChecksum};
use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::{
    self, Control, Fragments, Header, Incoming, IpFields, Payload, Segment, TcpPacket, WireWindow,
};

const SECRET: [u8; 32] = [7; 32];
const PORT: u16 = 80;

/// Of a device that completes checksums, and cuts packets as long as a header can say.
const CARD: Offload = Offload {
    max_packet: 65_535,
    checksum: true,
};

/// Of one that takes longer ones.
const BIG: Offload = Offload {
    max_packet: 131_072,
    ..CARD
};

/// So many bytes to send.
fn stream(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 256) as u8).collect()
}

/// A stack, and what it has said.
#[derive(Clone)]
struct Host {
    stack: Stack,
    events: Vec<Event>,
}

/// A client and a server, joined by a link without delay.
struct Pair {
    now: Instant,
    client: Host,
    server: Host,
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn client_ip() -> IpAddr {
    ip("10.0.0.1")
}

fn server_ip() -> IpAddr {
    ip("10.0.0.2")
}

fn server_addr() -> SocketAddr {
    SocketAddr::new(server_ip(), PORT)
}

fn config(address: IpAddr) -> StackConfig {
    StackConfig {
        addresses: vec![address],
        ..StackConfig::default()
    }
}

fn on_port(port: u16) -> ListenAddr {
    ListenAddr {
        ip: None,
        port: Some(port),
    }
}

impl Host {
    fn new(config: StackConfig) -> Host {
        Host {
            stack: Stack::new(config, SECRET),
            events: Vec::new(),
        }
    }

    /// Everything that the stack wants to send and tell.
    fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut buf = vec![0; self.stack.config().largest_packet()];
        while let Some(transmit) = self.stack.poll_transmit(now, &mut buf) {
            packets.push(buf[..transmit.len].to_vec());
        }
        while let Some(event) = self.stack.poll_event() {
            self.events.push(event);
        }
        packets
    }

    fn handle(&mut self, now: Instant, packet: &[u8]) {
        self.stack.handle_packet(now, packet, PacketMeta::default());
    }

    /// A segment out of nowhere.
    fn inject(&mut self, now: Instant, src: SocketAddr, dst: SocketAddr, header: Header) {
        self.handle(now, &packet(src, dst, header));
    }

    /// What the stack answers to a segment out of nowhere.
    fn answer(
        &mut self,
        now: Instant,
        src: SocketAddr,
        dst: SocketAddr,
        header: Header,
    ) -> Vec<Header> {
        self.inject(now, src, dst, header);
        self.drain(now)
            .iter()
            .map(|packet| parse(packet).segment.header)
            .collect()
    }

    fn events_of(&self, id: ConnectionId) -> Vec<ConnectionEvent> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Connection { id: of, event } if *of == id => Some(*event),
                _ => None,
            })
            .collect()
    }

    /// How many sockets `ss` would show.
    fn sockets(&self) -> usize {
        self.stack.sockets().count()
    }

    fn read_all(&mut self, now: Instant, id: ConnectionId) -> Vec<u8> {
        let mut buf = [0; 4_096];
        let mut data = Vec::new();
        let mut connection = self.stack.connection(now, id).unwrap();
        while let Ok(count @ 1..) = connection.read(&mut buf) {
            data.extend_from_slice(&buf[..count]);
        }
        data
    }

    fn write(&mut self, now: Instant, id: ConnectionId, data: &[u8]) {
        let written = self.stack.connection(now, id).unwrap().write(data);
        assert_eq!(written, Ok(data.len()));
    }

    fn close(&mut self, now: Instant, id: ConnectionId) {
        self.stack.connection(now, id).unwrap().close();
    }
}

impl Pair {
    fn new() -> Pair {
        Pair::with(config(client_ip()), config(server_ip()))
    }

    fn with(client: StackConfig, server: StackConfig) -> Pair {
        Pair {
            now: Instant::from_millis(1_000),
            client: Host::new(client),
            server: Host::new(server),
        }
    }

    /// Carries packets until both are silent.
    fn run(&mut self) {
        for _ in 0..1_000 {
            let to_server = self.client.drain(self.now);
            let to_client = self.server.drain(self.now);
            if to_server.is_empty() && to_client.is_empty() {
                return;
            }
            for packet in to_server {
                self.server.handle(self.now, &packet);
            }
            for packet in to_client {
                self.client.handle(self.now, &packet);
            }
        }
        panic!("the two never stop talking");
    }

    /// Lets time pass, with everything that falls due in it.
    fn sleep(&mut self, span: Duration) {
        let end = self.now + span;
        self.run();
        loop {
            let next = [&self.client, &self.server]
                .into_iter()
                .filter_map(|host| host.stack.poll_timeout())
                .min();
            let Some(next) = next.filter(|&next| next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.client.stack.handle_timeout(self.now);
            self.server.stack.handle_timeout(self.now);
            self.run();
        }
        self.now = end;
    }

    /// Goes on to the next deadline, or by a millisecond if there is none.
    fn run_timers(&mut self) {
        let hosts = [&mut self.client, &mut self.server];
        let next = hosts
            .iter()
            .filter_map(|host| host.stack.poll_timeout())
            .min();
        let soon = self.now + Duration::from_millis(1);
        self.now = next.map_or(soon, |next| next.max(self.now));
        for host in hosts {
            host.stack.handle_timeout(self.now);
        }
    }

    fn listen(&mut self, config: ListenConfig) -> ListenerId {
        self.server.stack.listen(on_port(PORT), config).unwrap()
    }

    fn start_connect(&mut self) -> ConnectionId {
        let config = ValidConfig::default();
        let client = &mut self.client.stack;
        client
            .connect(self.now, None, server_addr(), config)
            .unwrap()
    }

    /// A connection that both sides hold: the client's and the server's id.
    fn establish(&mut self, listener: ListenerId) -> (ConnectionId, ConnectionId) {
        let client = self.start_connect();
        self.run();
        let server = self.server.stack.accept(listener).unwrap();
        (client, server)
    }

    fn client_addr(&mut self, id: ConnectionId) -> SocketAddr {
        let connection = self.client.stack.connection(self.now, id).unwrap();
        connection.local_addr()
    }

    /// Packets from the client to the server, which the test may lose or change.
    fn client_to_server(&mut self) -> Vec<Vec<u8>> {
        self.client.drain(self.now)
    }

    fn server_to_client(&mut self) -> Vec<Vec<u8>> {
        self.server.drain(self.now)
    }
}

fn packet(src: SocketAddr, dst: SocketAddr, header: Header) -> Vec<u8> {
    let fields = IpFields {
        src,
        dst,
        dscp: 0,
        hop_limit: 64,
        identification: 0,
        fragments: Fragments::Forbidden,
    };
    let payload = Payload::EMPTY;
    let mut buf = vec![0; 256];
    let transmit = wire::emit(&fields, &Segment::new(header, payload), &mut buf).unwrap();
    buf.truncate(transmit.len);
    buf
}

fn parse(packet: &[u8]) -> TcpPacket<'_> {
    match wire::parse(packet, ReceiveChecksum::Unchecked) {
        Ok(Incoming::Tcp(packet)) => packet,
        other => panic!("not a segment: {other:?}"),
    }
}

fn header(control: Control, seq: u32, ack: Option<u32>) -> Header {
    Header {
        control,
        ack: ack.map(SeqNumber::new),
        window: WireWindow::new(u16::MAX),
        ..Header::new(SeqNumber::new(seq))
    }
}

fn syn(seq: u32) -> Header {
    header(Control::Syn, seq, None)
}

#[test]
fn a_stack_can_be_sent_cloned_and_printed() {
    fn check<T: Send + Clone + core::fmt::Debug>() {}
    check::<Stack>();
}

/// What a connection costs in its three stages, and while it is in use.
#[test]
fn sizes_are_known() {
    assert!(size_of::<super::Embryo>() <= 216);
    assert!(size_of::<super::Entry>() <= 128);
    assert!(size_of::<super::time_wait::Remains>() <= 160);
    let connection = size_of::<crate::Connection>();
    assert!(connection <= 2_040, "{connection}");
}
