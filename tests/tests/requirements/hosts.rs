//! Hosts with addresses of one's choice.

use std::net::{IpAddr, SocketAddr};

use tcp_core::{ConnectError, Instant, StackConfig, ValidConfig};
use tcp_sim::Side;
use tcp_sim::script::{Numbering, Seg};
use tcp_sim::world::{Host, TcpPacket, write_packet};

/// Two addresses of each family that a host may have.
pub const HOMES: [[&str; 2]; 2] = [["10.0.0.1", "10.0.0.7"], ["fd00::1", "fd00::7"]];

pub fn parse(ip: &str) -> IpAddr {
    ip.parse().expect("an address")
}

pub fn at(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(parse(ip), port)
}

/// Another host's address, of the same family.
pub fn peer_of(home: &str) -> &'static str {
    match parse(home) {
        IpAddr::V4(_) => "10.0.0.9",
        IpAddr::V6(_) => "fd00::9",
    }
}

pub fn config(homes: &[&str]) -> StackConfig {
    StackConfig {
        addresses: homes.iter().map(|home| parse(home)).collect(),
        ..StackConfig::default()
    }
}

/// A host with these addresses.
pub fn host(homes: &[&str]) -> Host {
    Host::with_config(config(homes), [1; 32])
}

/// All that a host has to send.
pub fn drained(host: &mut Host, now: Instant) -> Vec<TcpPacket> {
    let packets = host.drain(now).into_iter();
    packets
        .map(|packet| TcpPacket::parse(&packet).expect("what is sent can be read"))
        .collect()
}

/// Hands a segment to a host, its numbers as they stand on the wire, and gives what is sent because of it.
pub fn say(
    host: &mut Host,
    now: Instant,
    from: SocketAddr,
    to: SocketAddr,
    segment: &Seg,
) -> Vec<TcpPacket> {
    let (header, payload) = segment.to_wire(Side::B, &Numbering::default());
    host.receive(now, &write_packet(from, to, &header, &payload));
    drained(host, now)
}

/// Opens a connection, and gives what is sent.
pub fn open(
    host: &mut Host,
    local: Option<SocketAddr>,
    remote: SocketAddr,
) -> Result<Vec<TcpPacket>, ConnectError> {
    let now = Instant::ZERO;
    let config = ValidConfig::default();
    host.stack.connect(now, local, remote, config)?;
    Ok(drained(host, now))
}
