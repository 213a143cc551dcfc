//! Packets in the notation of scripts.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use crate::drill::packet::{
    AccEcnCounter, Body, Cookie, Direction, Echoed, EcnMark, Flags, IcmpBody, IcmpVersion, IpInfo,
    OptionsSpec, Outer, Packet, SeqRange, TcpBody, TcpOption,
};

impl Display for Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let arrow = match self.direction {
            Direction::Inbound => "<",
            Direction::Outbound => ">",
        };
        write!(f, "{arrow} ")?;
        for outer in &self.outer {
            write!(f, "{outer} ")?;
        }
        write!(f, "{}", self.ip)?;
        if let Some((src, dst)) = self.ports {
            write!(f, "{src} > {dst}: ")?;
        }
        match &self.body {
            Body::Tcp(tcp) => write!(f, "{tcp}"),
            Body::Icmp(icmp) => write!(f, "{icmp}"),
            Body::Udp { len } => write!(f, "udp ({len})"),
        }
    }
}

impl Display for Outer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Outer::Ip { src, dst } => {
                let version = match src {
                    IpAddr::V4(_) => "ipv4",
                    IpAddr::V6(_) => "ipv6",
                };
                write!(f, "{version} {src} > {dst}:")
            }
            Outer::Gre(text) => write!(f, "gre {text}:"),
            Outer::Mpls(text) => write!(f, "mpls {text}:"),
        }
    }
}

impl Display for IpInfo {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mark = self.ecn.map(|mark| match mark {
            EcnMark::NotEct => "noecn".to_owned(),
            EcnMark::Ect0 => "ect0".to_owned(),
            EcnMark::Ect1 => "ect1".to_owned(),
            EcnMark::Ect01 => "ect01".to_owned(),
            EcnMark::Ce => "ce".to_owned(),
        });
        let tos = self.tos.map(|tos| format!("tos {tos:#04x}"));
        let ttl = self.ttl.map(|ttl| format!("ttl {ttl}"));
        let label = self.flow_label.map(|label| format!("flowlabel {label:#x}"));
        let fields: Vec<String> = [mark, tos, ttl, label].into_iter().flatten().collect();
        match fields.is_empty() {
            true => Ok(()),
            false => write!(f, "[{}] ", fields.join(", ")),
        }
    }
}

impl Display for TcpBody {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flags, self.seq)?;
        if let Some(ack) = self.ack {
            write!(f, " ack {ack}")?;
        }
        if let Some(window) = self.window {
            write!(f, " win {window}")?;
        }
        if let Some(urgent) = self.urgent {
            write!(f, " urg {urgent}")?;
        }
        match &self.options {
            OptionsSpec::Any => write!(f, " <...>"),
            OptionsSpec::List(options) if options.is_empty() => Ok(()),
            OptionsSpec::List(options) => {
                let options: Vec<String> = options.iter().map(ToString::to_string).collect();
                write!(f, " <{}>", options.join(","))
            }
        }
    }
}

impl Display for Flags {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if *self == Flags::NONE {
            return write!(f, "-");
        }
        let set = Flags::LETTERS
            .iter()
            .filter(|(_, flag)| self.contains(*flag));
        let letters: String = set.map(|(letter, _)| letter).collect();
        write!(f, "{letters}")
    }
}

impl Display for SeqRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}({})", self.start, self.end, self.len())
    }
}

impl Display for TcpOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TcpOption::End => write!(f, "eol"),
            TcpOption::Nop => write!(f, "nop"),
            TcpOption::Mss(mss) => write!(f, "mss {mss}"),
            TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
            TcpOption::SackPermitted => write!(f, "sackOK"),
            TcpOption::Sack(blocks) => {
                write!(f, "sack")?;
                blocks
                    .iter()
                    .try_for_each(|(left, right)| write!(f, " {left}:{right}"))
            }
            TcpOption::Timestamps { value, echo } => write!(f, "TS val {value} ecr {echo}"),
            TcpOption::FastOpen(cookie) => write!(f, "FO{cookie}"),
            TcpOption::FastOpenExperimental(cookie) => write!(f, "FOEXP{cookie}"),
            TcpOption::Md5(digest) => write!(f, "md5{}", Hex(digest)),
            TcpOption::AccEcn(counters) => {
                write!(f, "ECN")?;
                counters.iter().try_for_each(|(counter, bytes)| {
                    let name = match counter {
                        AccEcnCounter::Ect0 => "e0b",
                        AccEcnCounter::Ce => "ceb",
                        AccEcnCounter::Ect1 => "e1b",
                    };
                    write!(f, " {name} {bytes}")
                })
            }
            TcpOption::Unknown { kind, data } => write!(f, "unknown {kind}{}", Hex(data)),
        }
    }
}

impl Display for Cookie {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Cookie::Bytes(bytes) => write!(f, "{}", Hex(bytes)),
            Cookie::Named(name) => write!(f, " {name}"),
        }
    }
}

/// A blank and bytes as digits, or nothing.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() {
            write!(f, " ")?;
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Display for IcmpBody {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let version = match self.version {
            IcmpVersion::V4 => "icmp",
            IcmpVersion::V6 => "icmpv6",
        };
        write!(f, "{version} {}", self.kind)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(mtu) = self.mtu {
            write!(f, " mtu {mtu}")?;
        }
        match self.echoed {
            Some(Echoed::Tcp(range)) => write!(f, " [{range}]"),
            Some(Echoed::Udp(len)) => write!(f, " [udp ({len})]"),
            None => Ok(()),
        }
    }
}
