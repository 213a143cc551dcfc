//! `smoltcp`, with the settings that make it fastest here.

use std::net::IpAddr;

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket, SocketBuffer, State};
use smoltcp::time;
use smoltcp::wire::{HardwareAddress, IpCidr};
use tcp_core::Instant;

use super::host::{Host, HostConfig, Link, PORTS, Read};
use super::wire::{Packet, Wire, Written};

/// An interface with a pool of sockets.
pub(super) struct SmoltcpHost {
    interface: Interface,
    sockets: SocketSet<'static>,
    config: HostConfig,
    listens: bool,
    /// At a server, sockets that listen or are about to be accepted; at a client, those to connect.
    pool: Vec<SocketHandle>,
    /// Where in the pool to look first.
    next: usize,
    /// Sockets that the user has closed, and the stack not yet.
    closing: Vec<SocketHandle>,
}

/// The only port that the peer's server listens on: a socket of smoltcp listens on one.
const PORT: u16 = PORTS.start;
/// Bytes of each buffer of a socket that is idle: there is no need for them to be large.
const IDLE_BUFFER: usize = 1 << 10;
/// The client's ports, taken in turn.
const CLIENT_PORTS: std::ops::Range<u16> = 2_000..65_000;

impl SmoltcpHost {
    fn new(config: &HostConfig, address: IpAddr) -> SmoltcpHost {
        let nothing = Link {
            arrived: &mut Wire::new(0),
            sent: &mut Wire::new(0),
        };
        let mut line = Line::new(config, nothing);
        let seeded = Config::new(HardwareAddress::Ip);
        let mut interface = Interface::new(seeded, &mut line, time::Instant::ZERO);
        interface.update_ip_addrs(|list| {
            let prefix = if address.is_ipv4() { 24 } else { 64 };
            let added = list.push(IpCidr::new(address.into(), prefix));
            added.expect("there is room for the first address");
        });
        SmoltcpHost {
            interface,
            sockets: SocketSet::new(Vec::new()),
            config: *config,
            listens: false,
            pool: Vec::new(),
            next: 0,
            closing: Vec::new(),
        }
    }

    /// The socket for the connection with this number.
    fn add_socket(&mut self, number: usize) -> SocketHandle {
        let bytes = match self.config.is_idle(number) {
            true => IDLE_BUFFER,
            false => self.config.buffer,
        };
        let ring = || SocketBuffer::new(vec![0; bytes]);
        let mut socket = Socket::new(ring(), ring());
        socket.set_congestion_control(CongestionControl::None);
        socket.set_nagle_enabled(false);
        self.sockets.add(socket)
    }

    fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Puts sockets whose connections are over back into the pool.
    fn recycle(&mut self) {
        let (sockets, pool, listens) = (&mut self.sockets, &mut self.pool, self.listens);
        self.closing.retain(|&handle| {
            let socket = sockets.get_mut::<Socket<'_>>(handle);
            let is_open = socket.is_open();
            if !is_open {
                if listens {
                    socket.listen(PORT).expect("a closed socket can listen");
                }
                pool.push(handle);
            }
            is_open
        });
    }
}

impl Host for SmoltcpHost {
    type Socket = SocketHandle;

    fn client(config: &HostConfig) -> SmoltcpHost {
        SmoltcpHost::new(config, config.client_address())
    }

    fn server(config: &HostConfig) -> SmoltcpHost {
        let mut host = SmoltcpHost::new(config, config.server_address());
        host.listens = true;
        for number in 0..config.connections + config.idle {
            let handle = host.add_socket(number);
            let listening = host.socket(handle).listen(PORT);
            listening.expect("a new socket can listen");
            host.pool.push(handle);
        }
        host
    }

    fn connect(&mut self, _now: Instant, number: usize) -> SocketHandle {
        let reused = self.pool.pop();
        let handle = reused.unwrap_or_else(|| self.add_socket(number));
        let remote = (self.config.server_address(), PORT);
        let local = CLIENT_PORTS.start + (number % CLIENT_PORTS.len()) as u16;
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        let connected = socket.connect(self.interface.context(), remote, local);
        connected.expect("a closed socket can connect");
        handle
    }

    fn accept(&mut self) -> Option<SocketHandle> {
        let count = self.pool.len();
        let mut places = (0..count).map(|step| (self.next + step) % count);
        let place = places.find(|&place| {
            let socket: &Socket<'_> = self.sockets.get(self.pool[place]);
            matches!(socket.state(), State::Established | State::CloseWait)
        })?;
        self.next = place;
        Some(self.pool.remove(place))
    }

    fn write(&mut self, _now: Instant, handle: SocketHandle, data: &[u8]) -> usize {
        let socket = self.socket(handle);
        if socket.can_send() {
            socket.send_slice(data).unwrap_or(0)
        } else {
            0
        }
    }

    fn read(&mut self, _now: Instant, handle: SocketHandle, buf: &mut [u8]) -> Read {
        match self.socket(handle).recv_slice(buf) {
            Ok(0) => Read::Nothing,
            Ok(count) => Read::Bytes(count),
            Err(RecvError::Finished) => Read::End,
            // It is not connected yet.
            Err(RecvError::InvalidState) => Read::Nothing,
        }
    }

    fn close(&mut self, _now: Instant, handle: SocketHandle) {
        self.socket(handle).close();
        self.closing.push(handle);
    }

    fn receive(&mut self, now: Instant, link: Link<'_>) {
        let mut line = Line::new(&self.config, link);
        let now = rounded(now);
        let (interface, sockets) = (&mut self.interface, &mut self.sockets);
        interface.poll_maintenance(now);
        while interface.poll_ingress_single(now, &mut line, sockets)
            != PollIngressSingleResult::None
        {}
    }

    fn send(&mut self, now: Instant, link: Link<'_>) {
        let mut line = Line::new(&self.config, link);
        let now = rounded(now);
        let (interface, sockets) = (&mut self.interface, &mut self.sockets);
        while interface.poll_egress(now, &mut line, sockets) != PollResult::None {}
        self.recycle();
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let at = self.interface.poll_at(rounded(now), &self.sockets)?;
        let micros = u64::try_from(at.total_micros()).unwrap_or_default();
        Some(Instant::from_micros(micros))
    }
}

/// smoltcp counts microseconds.
fn rounded(now: Instant) -> time::Instant {
    time::Instant::from_micros((now.as_nanos() / 1_000) as i64)
}

/// Both directions, as a device. Checksums are computed and verified: that is its default.
struct Line<'a> {
    arrived: &'a mut Wire,
    sent: &'a mut Wire,
    mtu: u16,
}

impl<'a> Line<'a> {
    fn new(config: &HostConfig, link: Link<'a>) -> Line<'a> {
        Line {
            arrived: link.arrived,
            sent: link.sent,
            mtu: config.mtu,
        }
    }
}

impl Device for Line<'_> {
    type RxToken<'b>
        = Arrived<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Outlet<'b>
    where
        Self: 'b;

    fn receive(&mut self, _timestamp: time::Instant) -> Option<(Arrived<'_>, Outlet<'_>)> {
        let packet = self.arrived.take()?;
        let arrived = Arrived {
            packet,
            wire: self.arrived,
        };
        Some((arrived, Outlet(self.sent)))
    }

    fn transmit(&mut self, _timestamp: time::Instant) -> Option<Outlet<'_>> {
        self.sent.has_room().then_some(Outlet(self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu.into();
        capabilities
    }
}

struct Arrived<'a> {
    packet: Packet,
    wire: &'a mut Wire,
}

impl phy::RxToken for Arrived<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(self.packet.bytes());
        self.wire.give_back(self.packet);
        result
    }
}

struct Outlet<'a>(&'a mut Wire);

impl phy::TxToken for Outlet<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut result = None;
        self.0.send(|buf| {
            result = Some(write(&mut buf[..len]));
            let segment_size = None;
            Some(Written { len, segment_size })
        });
        result.expect("the wire asks for what is written at once")
    }
}
