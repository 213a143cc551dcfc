//! `smoltcp` as a contender, with CUBIC, and all else as it is by default.

use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer};
use smoltcp::time;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, Ipv4Address};
use tcp_core::Instant;

use super::endpoint::{EndConfig, Endpoint, MTU, PORT};
use crate::pattern::mix;

/// An interface with one socket.
pub(super) struct SmoltcpHost {
    interface: Interface,
    wire: Wire,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
}

/// First of the ports that are for clients (RFC 6335).
const CLIENT_PORT: u16 = 49_152;

impl SmoltcpHost {
    pub(super) fn sender(end: EndConfig) -> SmoltcpHost {
        let mut host = SmoltcpHost::new(end.sender(), end.buffer, mix(end.seed));
        let socket = host.sockets.get_mut::<Socket>(host.socket);
        let remote = (address(end.receiver()), PORT);
        let connected = socket.connect(host.interface.context(), remote, CLIENT_PORT);
        connected.expect("a new socket can connect");
        host
    }

    pub(super) fn receiver(end: EndConfig) -> SmoltcpHost {
        let mut host = SmoltcpHost::new(end.receiver(), end.buffer, mix(mix(end.seed)));
        let socket = host.sockets.get_mut::<Socket>(host.socket);
        socket.listen(PORT).expect("a new socket can listen");
        host
    }

    fn new(own: [u8; 4], buffer: usize, seed: u64) -> SmoltcpHost {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut wire = Wire::default();
        let mut interface = Interface::new(config, &mut wire, time::Instant::ZERO);
        interface.update_ip_addrs(|list| {
            let added = list.push(IpCidr::new(address(own), 24));
            added.expect("there is room for the first address");
        });
        let ring = || SocketBuffer::new(vec![0; buffer]);
        let mut socket = Socket::new(ring(), ring());
        socket.set_congestion_control(CongestionControl::Cubic);
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(socket);
        SmoltcpHost {
            interface,
            wire,
            sockets,
            socket,
        }
    }

    fn poll(&mut self, now: Instant) {
        self.interface
            .poll(rounded(now), &mut self.wire, &mut self.sockets);
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut::<Socket>(self.socket)
    }
}

fn address(octets: [u8; 4]) -> IpAddress {
    IpAddress::Ipv4(Ipv4Address::from(octets))
}

/// smoltcp counts microseconds.
fn rounded(now: Instant) -> time::Instant {
    time::Instant::from_micros((now.as_nanos() / 1_000) as i64)
}

impl Endpoint for SmoltcpHost {
    fn handle_packet(&mut self, now: Instant, packet: Vec<u8>) {
        self.wire.arrived.push_back(packet);
        self.poll(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.poll(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.wire.sent.is_empty() {
            self.poll(now);
        }
        self.wire.sent.pop_front()
    }

    fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        let at = self.interface.poll_at(rounded(now), &self.sockets)?;
        // What is due now, but does nothing, is due again with the next tick of its clock.
        let next_tick = now.as_nanos() / 1_000 + 1;
        let micros = u64::try_from(at.total_micros()).unwrap_or_default();
        Some(Instant::from_micros(micros.max(next_tick)))
    }

    fn write(&mut self, _now: Instant, most: u64) -> u64 {
        let socket = self.socket();
        let mut written = 0;
        // The ring may give its room in two pieces.
        while written < most && socket.can_send() {
            let sent = socket.send(|room| {
                let len = (most - written).min(room.len() as u64) as usize;
                (len, len as u64)
            });
            written += sent.expect("it can send");
        }
        written
    }

    fn finish(&mut self, _now: Instant) {
        self.socket().close();
    }

    fn read(&mut self, _now: Instant) -> u64 {
        let socket = self.socket();
        let mut total = 0;
        while socket.can_recv() {
            let received = socket.recv(|bytes| (bytes.len(), bytes.len() as u64));
            total += received.expect("it can receive");
        }
        total
    }
}

/// Packets on their way into the interface and out of it.
#[derive(Default)]
struct Wire {
    arrived: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

impl Device for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Outlet<'a>;

    fn receive(&mut self, _timestamp: time::Instant) -> Option<(Arrived, Outlet<'_>)> {
        let packet = self.arrived.pop_front()?;
        Some((Arrived(packet), Outlet(&mut self.sent)))
    }

    fn transmit(&mut self, _timestamp: time::Instant) -> Option<Outlet<'_>> {
        Some(Outlet(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = usize::from(MTU);
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

struct Arrived(Vec<u8>);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

struct Outlet<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::TxToken for Outlet<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = vec![0; len];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}
