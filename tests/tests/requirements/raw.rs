//! Packets byte by byte, made and read without the stack's own code.

use std::net::{IpAddr, SocketAddr};

use tcp_core::{ConnectionId, Event, Instant, ListenConfig};
use tcp_sim::world::Host;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const ACK: u8 = 16;

const TCP: u8 = 6;

/// An IP packet with a TCP segment, as it lies on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raw {
    pub src: SocketAddr,
    pub dst: SocketAddr,
    pub dscp: u8,
    pub hop_limit: u8,
    /// Of IPv4; 0 over IPv6.
    pub identification: u16,
    /// Options of the IPv4 header, whole words; or an extension header of IPv6, the first byte of which is
    /// put in when the packet is made.
    pub ip_options: Vec<u8>,
    /// Which extension header of IPv6 that is.
    pub extension: u8,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    /// Options of the TCP header, whole words.
    pub options: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Raw {
    /// A segment with these flags and no data.
    pub fn new(src: SocketAddr, dst: SocketAddr, flags: u8, seq: u32) -> Raw {
        Raw {
            src,
            dst,
            dscp: 0,
            hop_limit: 64,
            identification: 0,
            ip_options: Vec::new(),
            extension: 0,
            seq,
            ack: 0,
            flags,
            window: u16::MAX,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// The packet, its checksums right.
    pub fn packet(&self) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend(self.src.port().to_be_bytes());
        tcp.extend(self.dst.port().to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        let words = 5 + self.options.len() / 4;
        tcp.extend([(words as u8) << 4, self.flags]);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(&self.options);
        tcp.extend(&self.payload);
        let sum = checksum(&[
            &pseudo_header(self.src.ip(), self.dst.ip(), TCP, tcp.len()),
            &tcp,
        ]);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        let mut packet = self.ip_header(TCP, tcp.len());
        packet.extend(tcp);
        packet
    }

    fn ip_header(&self, protocol: u8, len: usize) -> Vec<u8> {
        let body = (self.ip_options.len() + len) as u16;
        let mut header = Vec::new();
        match (self.src.ip(), self.dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let words = 5 + self.ip_options.len() / 4;
                header.extend([0x40 | words as u8, self.dscp << 2]);
                header.extend((20 + body).to_be_bytes());
                header.extend(self.identification.to_be_bytes());
                header.extend([0x40, 0, self.hop_limit, protocol, 0, 0]);
                header.extend(src.octets());
                header.extend(dst.octets());
                header.extend(&self.ip_options);
                let sum = checksum(&[&header]);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                header.extend([0x60 | self.dscp >> 2, self.dscp << 6, 0, 0]);
                header.extend(body.to_be_bytes());
                let plain = self.ip_options.is_empty();
                header.extend([
                    if plain { protocol } else { self.extension },
                    self.hop_limit,
                ]);
                header.extend(src.octets());
                header.extend(dst.octets());
                header.extend(&self.ip_options);
                if !plain {
                    header[40] = protocol;
                }
            }
            _ => panic!("{} and {} are of two families", self.src, self.dst),
        }
        header
    }

    /// Reads a packet of the stack's, which has no extension headers.
    ///
    /// # Panics
    ///
    /// Where a checksum or a length is wrong.
    pub fn read(packet: &[u8]) -> Raw {
        let (src, dst, at): (IpAddr, IpAddr, usize) = match packet[0] >> 4 {
            4 => {
                let at = usize::from(packet[0] & 15) * 4;
                assert_eq!(checksum(&[&packet[..at]]), 0, "the IPv4 header's checksum");
                let len = u16::from_be_bytes([packet[2], packet[3]]);
                assert_eq!(usize::from(len), packet.len());
                let ip = |at: usize| <[u8; 4]>::try_from(&packet[at..at + 4]).unwrap();
                (ip(12).into(), ip(16).into(), at)
            }
            _ => {
                assert_eq!(packet[6], TCP, "no extension header");
                let ip = |at: usize| <[u8; 16]>::try_from(&packet[at..at + 16]).unwrap();
                (ip(8).into(), ip(24).into(), 40)
            }
        };
        let tcp = &packet[at..];
        assert_eq!(
            checksum(&[&pseudo_header(src, dst, TCP, tcp.len()), tcp]),
            0,
            "the TCP checksum"
        );
        let word = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
        let half = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
        let end = usize::from(tcp[12] >> 4) * 4;
        let v4 = src.is_ipv4();
        Raw {
            src: SocketAddr::new(src, half(0)),
            dst: SocketAddr::new(dst, half(2)),
            dscp: if v4 {
                packet[1] >> 2
            } else {
                packet[0] << 4 >> 2 | packet[1] >> 6
            },
            hop_limit: packet[if v4 { 8 } else { 7 }],
            identification: if v4 {
                u16::from_be_bytes([packet[4], packet[5]])
            } else {
                0
            },
            ip_options: packet[if v4 { 20 } else { 40 }..at].to_vec(),
            extension: 0,
            seq: word(4),
            ack: word(8),
            flags: tcp[13],
            window: half(14),
            options: tcp[20..end].to_vec(),
            payload: tcp[end..].to_vec(),
        }
    }
}

/// Pseudo-header of a segment or message of so many bytes (RFC 9293 §3.1, RFC 8200 §8.1).
fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for ip in [src, dst] {
        match ip {
            IpAddr::V4(ip) => bytes.extend(ip.octets()),
            IpAddr::V6(ip) => bytes.extend(ip.octets()),
        }
    }
    bytes.extend((len as u32).to_be_bytes());
    bytes.extend([0, 0, 0, protocol]);
    bytes
}

/// An ICMP error of this type and code, of the version of IP of the segment that it is about; `word` is what
/// follows the checksum.
pub fn icmp((kind, code): (u8, u8), word: u32, about: &Raw) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(word.to_be_bytes());
    let quoted = about.packet();
    let back = Raw::new(about.dst, about.src, 0, 0);
    let (protocol, sum) = if about.src.is_ipv4() {
        // Of the segment eight bytes, as RFC 792 asks for.
        message.extend(&quoted[..28]);
        (1, checksum(&[&message]))
    } else {
        message.extend(&quoted);
        let (src, dst) = (back.src.ip(), back.dst.ip());
        let pseudo = pseudo_header(src, dst, 58, message.len());
        (58, checksum(&[&pseudo, &message]))
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut packet = back.ip_header(protocol, message.len());
    packet.extend(message);
    packet
}

/// RFC 1071, over parts of which all but the last are whole words; 0 where a checksum that is right is among
/// them.
fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// The two ends of a test: ours and the peer's, over IPv4 and over IPv6.
pub fn ends() -> [(SocketAddr, SocketAddr); 2] {
    [
        ("10.0.0.1:80", "10.0.0.2:4000"),
        ("[fd00::1]:80", "[fd00::2]:4000"),
    ]
    .map(|(ours, peers)| (ours.parse().unwrap(), peers.parse().unwrap()))
}

/// Hands a packet to a host, and gives what it sends because of it.
pub fn give(host: &mut Host, now: Instant, packet: &[u8]) -> Vec<Raw> {
    host.receive(now, packet);
    drain(host, now)
}

/// All that a host has to send.
pub fn drain(host: &mut Host, now: Instant) -> Vec<Raw> {
    let packets = host.drain(now);
    packets.iter().map(|packet| Raw::read(packet)).collect()
}

/// A host that listens at our end of one of [`ends`].
pub fn listening(ours: SocketAddr) -> Host {
    let config = tcp_core::StackConfig {
        addresses: vec![ours.ip()],
        ..tcp_core::StackConfig::default()
    };
    let mut host = Host::with_config(config, [7; 32]);
    let listener = host.stack.listen(ours, ListenConfig::default());
    listener.expect("nobody else listens");
    host
}

/// Accepts the connection that a host has just told of.
pub fn accept(host: &mut Host) -> ConnectionId {
    let events = host.take_events();
    let [Event::Incoming { listener }] = events[..] else {
        panic!("{events:?}");
    };
    host.stack.accept(listener).expect("it waits there")
}

/// Opens a connection with a host that listens, by a SYN whose number is 100: the next segment of the peer,
/// which acknowledges everything.
pub fn shake_hands(host: &mut Host, now: Instant, syn: &Raw) -> Raw {
    let answers = give(host, now, &syn.packet());
    let [answer] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(answer.flags, SYN | ACK);
    let next = Raw {
        ack: answer.seq.wrapping_add(1),
        ..Raw::new(syn.src, syn.dst, ACK, syn.seq.wrapping_add(1))
    };
    assert_eq!(give(host, now, &next.packet()), []);
    next
}
