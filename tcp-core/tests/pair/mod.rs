//! A client's stack and a server's, joined by function calls: every packet is checked as from a wire.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tcp_core::{
    ConnectionId, Instant, ListenConfig, ListenerId, PacketMeta, Stack, StackConfig, ValidConfig,
};

/// Two stacks, and the time that both go by.
pub struct Pair {
    pub client: Stack,
    pub server: Stack,
    pub now: Instant,
    listener: ListenerId,
    config: ValidConfig,
    pub wire: Wire,
}

/// What carries packets.
pub struct Wire {
    /// Every so manyth packet is lost; none where it is zero.
    pub loss: u64,
    packets: u64,
    buf: Vec<u8>,
}

/// Both ends of a connection.
#[derive(Clone, Copy)]
pub struct Ends {
    pub client: ConnectionId,
    pub server: ConnectionId,
}

/// Where the server listens.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 80);

/// How long a packet is under way.
const DELAY: Duration = Duration::from_micros(10);

impl Pair {
    /// Two stacks, alike but for what `config` says, and connections as `tcp` says.
    pub fn new(config: StackConfig, tcp: ValidConfig) -> Pair {
        let config = StackConfig {
            any_address: true,
            ..config
        };
        let mut server = Stack::new(config.clone(), [1; 32]);
        let listen = ListenConfig {
            backlog: 4_096,
            syn_backlog: 4_096,
            tcp: tcp.clone(),
            ..ListenConfig::default()
        };
        let listener = server.listen(SERVER, listen).expect("nobody else listens");
        let buf = vec![0; config.largest_packet()];
        Pair {
            client: Stack::new(config, [2; 32]),
            server,
            now: Instant::from_millis(1_000),
            listener,
            config: tcp,
            wire: Wire {
                loss: 0,
                packets: 0,
                buf,
            },
        }
    }

    /// The address of the client's `number`th connection; each has 60,000 ports.
    pub fn client_addr(number: u32) -> SocketAddr {
        let host = Ipv4Addr::from_bits(0x0a00_0001 + number / 60_000);
        SocketAddr::new(host.into(), 1_024 + (number % 60_000) as u16)
    }

    /// Starts a connection from `local`; port 0 stands for any.
    pub fn connect(&mut self, local: SocketAddr) -> ConnectionId {
        let id = self
            .client
            .connect(self.now, Some(local), SERVER, self.config.clone());
        id.expect("there is a free port")
    }

    /// The next connection that the server has not accepted.
    pub fn accept(&mut self) -> ConnectionId {
        let id = self.server.accept(self.listener);
        id.expect("the handshake is complete")
    }

    /// Carries packets until neither side has anything to say.
    pub fn exchange(&mut self) {
        while self.carry() {}
        self.drain_events();
    }

    /// The same, and lets time pass, until no timer within `span` is left.
    pub fn settle(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.exchange();
            let deadlines = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = deadlines.into_iter().flatten().min();
            let Some(next) = next.filter(|&next| next <= end) else {
                return;
            };
            self.now = self.now.max(next);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
    }

    /// What both sides have to say now; whether it was anything.
    fn carry(&mut self) -> bool {
        self.now += DELAY;
        let Pair { client, server, .. } = self;
        let sent = self.wire.carry(self.now, client, server);
        self.wire.carry(self.now, server, client) || sent
    }

    fn drain_events(&mut self) {
        for stack in [&mut self.client, &mut self.server] {
            while stack.poll_event().is_some() {}
        }
    }

    /// A byte each way on each of `ends`.
    pub fn ping(&mut self, ends: &[Ends]) {
        for end in ends {
            write(&mut self.client, self.now, end.client);
        }
        self.exchange();
        for end in ends {
            read(&mut self.server, self.now, end.server);
            write(&mut self.server, self.now, end.server);
        }
        self.exchange();
        for end in ends {
            read(&mut self.client, self.now, end.client);
        }
    }

    /// Opens connections from `addrs`.
    pub fn open(&mut self, addrs: impl Iterator<Item = SocketAddr>, ends: &mut Vec<Ends>) {
        ends.clear();
        let clients: Vec<_> = addrs.map(|addr| self.connect(addr)).collect();
        self.exchange();
        ends.extend(clients.into_iter().map(|client| Ends {
            client,
            server: self.accept(),
        }));
    }

    /// Opens `count` connections, and lets a byte go each way on each of them.
    pub fn open_used(&mut self, count: u32) {
        const AT_ONCE: u32 = 1_000;
        let mut ends = Vec::new();
        for first in (0..count).step_by(AT_ONCE as usize) {
            let numbers = first..count.min(first + AT_ONCE);
            self.open(numbers.map(Pair::client_addr), &mut ends);
            self.ping(&ends);
        }
        self.settle(Duration::from_secs(10));
    }
}

impl Wire {
    /// Takes to one stack what the other has to say; whether it was anything.
    fn carry(&mut self, now: Instant, from: &mut Stack, to: &mut Stack) -> bool {
        let before = self.packets;
        while let Some(transmit) = from.poll_transmit(now, &mut self.buf) {
            self.packets += 1;
            if self.loss == 0 || !self.packets.is_multiple_of(self.loss) {
                to.handle_packet(now, &self.buf[..transmit.len], PacketMeta::default());
            }
        }
        self.packets > before
    }
}

fn write(stack: &mut Stack, now: Instant, id: ConnectionId) {
    let connection = stack.connection(now, id);
    let written = connection.map(|mut connection| connection.write(b"x"));
    assert_eq!(written, Some(Ok(1)));
}

fn read(stack: &mut Stack, now: Instant, id: ConnectionId) {
    let connection = stack.connection(now, id);
    let read = connection.map(|mut connection| connection.read(&mut [0; 8]));
    assert_eq!(read, Some(Ok(1)));
}
