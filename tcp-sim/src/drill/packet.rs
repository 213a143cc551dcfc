//! Packets as scripts write them. What the stack sends is read into the same form, to be compared
//! and shown.

use std::net::IpAddr;
use std::ops::BitOr;

use super::span::Span;

/// A packet of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Whose it is.
    pub direction: Direction,
    /// Headers around it.
    pub outer: Vec<Outer>,
    /// What its IP header says.
    pub ip: IpInfo,
    /// Source and destination port, where the script says so.
    pub ports: Option<(u16, u16)>,
    /// What it carries.
    pub body: Body,
    /// Where it stands, without its time.
    pub span: Span,
}

/// Whether the script gives a packet to the stack, or waits for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// `<`: to the stack.
    Inbound,
    /// `>`: from the stack.
    Outbound,
}

/// A header around a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outer {
    /// `ipv4 192.0.2.1 > 192.0.2.2:`, or the same of IPv6.
    Ip {
        /// Its source.
        src: IpAddr,
        /// Its destination.
        dst: IpAddr,
    },
    /// `gre:`, with what stands before the colon.
    Gre(String),
    /// `mpls (label 0, tc 0, ttl 64):`, with what stands before the colon.
    Mpls(String),
}

/// What a script says of the IP header; what it leaves out may be anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IpInfo {
    /// The ECN field.
    pub ecn: Option<EcnMark>,
    /// The whole byte of Type of Service, or the Traffic Class.
    pub tos: Option<u8>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// The flow label of IPv6.
    pub flow_label: Option<u32>,
}

/// What a script says of the ECN field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EcnMark {
    /// `noecn`
    NotEct,
    /// `ect0`
    Ect0,
    /// `ect1`
    Ect1,
    /// `ect01`: either of the two.
    Ect01,
    /// `ce`
    Ce,
}

/// What a packet carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// TCP.
    Tcp(TcpBody),
    /// ICMP, of either version.
    Icmp(IcmpBody),
    /// `udp (1000)`.
    Udp {
        /// Bytes behind the header.
        len: u16,
    },
}

/// A TCP segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpBody {
    /// Its flags.
    pub flags: Flags,
    /// Its sequence numbers.
    pub seq: SeqRange,
    /// The acknowledgement; there where the flag ACK is.
    pub ack: Option<u32>,
    /// The window, as the header has it, not scaled; `None` where it may be any.
    pub window: Option<u16>,
    /// The urgent pointer.
    pub urgent: Option<u16>,
    /// Its options.
    pub options: OptionsSpec,
}

/// `1:1001(1000)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeqRange {
    /// The first byte.
    pub start: u32,
    /// One after the last byte; SYN and FIN do not count.
    pub end: u32,
}

impl SeqRange {
    /// How many bytes.
    #[expect(clippy::len_without_is_empty, reason = "a length on the wire")]
    pub fn len(self) -> u32 {
        self.end.wrapping_sub(self.start)
    }
}

/// The flags of a TCP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u16);

impl Flags {
    /// None of them.
    pub const NONE: Flags = Flags(0);
    /// `F`
    pub const FIN: Flags = Flags(1 << 0);
    /// `S`
    pub const SYN: Flags = Flags(1 << 1);
    /// `R`
    pub const RST: Flags = Flags(1 << 2);
    /// `P`
    pub const PSH: Flags = Flags(1 << 3);
    /// `.`
    pub const ACK: Flags = Flags(1 << 4);
    /// `U`
    pub const URG: Flags = Flags(1 << 5);
    /// `E`
    pub const ECE: Flags = Flags(1 << 6);
    /// `W`
    pub const CWR: Flags = Flags(1 << 7);
    /// `A`: AE of Accurate ECN (RFC 9768).
    pub const AE: Flags = Flags(1 << 8);

    /// Each flag and its letter, in the order in which they are printed.
    pub const LETTERS: [(char, Flags); 9] = [
        ('F', Flags::FIN),
        ('S', Flags::SYN),
        ('R', Flags::RST),
        ('P', Flags::PSH),
        ('U', Flags::URG),
        ('E', Flags::ECE),
        ('W', Flags::CWR),
        ('A', Flags::AE),
        ('.', Flags::ACK),
    ];

    /// The low nine bits of the header's flags.
    pub fn from_bits(bits: u16) -> Flags {
        Flags(bits & 0x1ff)
    }

    /// As the header has them, in nine bits.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of these are set.
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// What a script says of TCP options.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OptionsSpec {
    /// `<...>`: any.
    Any,
    /// These, in this order; none where the list is empty.
    List(Vec<TcpOption>),
}

/// A TCP option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TcpOption {
    /// `eol`
    End,
    /// `nop`
    Nop,
    /// `mss 1460`
    Mss(u16),
    /// `wscale 7`
    WindowScale(u8),
    /// `sackOK`
    SackPermitted,
    /// `sack 1:2 3:4`
    Sack(Vec<(u32, u32)>),
    /// `TS val 1 ecr 2`
    Timestamps {
        /// TSval.
        value: u32,
        /// TSecr.
        echo: u32,
    },
    /// `FO`, or `FO` and a cookie: option 34 (RFC 7413).
    FastOpen(Cookie),
    /// `FOEXP`: the same as option 254 with the number 0xF989.
    FastOpenExperimental(Cookie),
    /// `md5`, or `md5` and the digest: option 19 (RFC 2385).
    Md5(Vec<u8>),
    /// `ECN e1b 1 ceb 0 e0b 1`: option 172 or 174, by which of the counters comes first.
    AccEcn(Vec<(AccEcnCounter, u32)>),
    /// `unknown 253 abcd`: any other, with its bytes.
    Unknown {
        /// Its number.
        kind: u8,
        /// What follows the length.
        data: Vec<u8>,
    },
}

/// A counter of bytes in the option of Accurate ECN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccEcnCounter {
    /// `e0b`: of ECT(0).
    Ect0,
    /// `ceb`: of CE.
    Ce,
    /// `e1b`: of ECT(1).
    Ect1,
}

/// A Fast Open cookie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cookie {
    /// Its bytes; none in a request.
    Bytes(Vec<u8>),
    /// The name of a definition that has the bytes.
    Named(String),
}

/// An ICMP message and the segment that it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IcmpBody {
    /// Of which version.
    pub version: IcmpVersion,
    /// The type, by its name.
    pub kind: String,
    /// The code, by its name.
    pub code: Option<String>,
    /// The MTU.
    pub mtu: Option<u32>,
    /// What it quotes; `None` is a bare header of the last segment.
    pub echoed: Option<Echoed>,
}

/// `icmp` or `icmpv6`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IcmpVersion {
    /// ICMP of IPv4, or of whatever the script runs over.
    V4,
    /// ICMP of IPv6.
    V6,
}

/// What an ICMP message quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Echoed {
    /// `[1:1461(1460)]`
    Tcp(SeqRange),
    /// `[udp (1000)]`
    Udp(u16),
}
