//! Packets that the script expects of the stack, and those that it sends.

use tcp_core::Instant;
use tcp_core::stack::fast_open_cookie;

use super::machine::Sent;
use super::{Due, GRACE, Run};
use crate::drill::compare::{TimestampRule, differences, shown};
use crate::drill::failure::Failure;
use crate::drill::icmp::{numbers, translated};
use crate::drill::packet::{
    Body, Cookie, Echoed, Flags, IcmpBody, IcmpVersion, OptionsSpec, Packet, SeqRange, TcpBody,
    TcpOption,
};
use crate::drill::print::seconds;
use crate::drill::settings::Family;
use crate::drill::wire::{self, BuildError, Ends, Live, Quote};

impl Run<'_> {
    /// Waits for the next packet of the stack, which must be this one; answers when it was sent.
    pub(super) fn expect(&mut self, packet: &Packet, due: Due) -> Result<Instant, Failure> {
        let body = match &packet.body {
            Body::Tcp(body) if packet.outer.is_empty() => body,
            Body::Tcp(_) => return Err(unbuilt(packet, &BuildError::Tunnel)),
            Body::Icmp(_) => {
                let message = "the stack sends no ICMP";
                return Err(Failure::new(packet.span, message));
            }
            Body::Udp { .. } => return Err(unbuilt(packet, &BuildError::Udp)),
        };
        let Some(sent) = self.env.machine.next_sent(due.latest + GRACE) else {
            let message = "no packet was sent";
            return Err(Failure::differs(packet.span, message, packet, "nothing"));
        };
        self.compare(packet, body, &sent)?;
        self.check_time(packet.span, "the packet was sent", due, sent.at)?;
        Ok(sent.at)
    }

    fn compare(&mut self, packet: &Packet, body: &TcpBody, sent: &Sent) -> Result<(), Failure> {
        let body = self.with_cookies(body);
        let rule = match self.env.settings.timestamp_tick {
            None => TimestampRule::Named,
            Some(tick) => {
                let ticks = self.env.settings.tolerance.as_nanos() / tick.as_nanos().max(1);
                TimestampRule::Within(u32::try_from(ticks).unwrap_or(u32::MAX))
            }
        };
        let flow = self.env.machine.flows.get(sent.flow);
        if packet.ports.is_some() {
            flow.script_ports = flow.script_ports.or(packet.ports);
        }
        flow.learn_first(&body, &sent.live.tcp);
        let mut live = Live {
            tcp: flow.to_script(&sent.live.tcp),
            ..sent.live.clone()
        };
        if body.flags.contains(Flags::SYN) && body.ack == sent.live.tcp.ack {
            // Beside a SYN that is not 0 a SYN-ACK may acknowledge that number, or where the stream begins.
            live.tcp.ack = body.ack;
        }
        let mut parts = differences(packet.ip, &body, &live, rule);
        if packet.ports.is_some() && packet.ports != flow.script_ports {
            parts.push("ports");
        }
        if parts.is_empty() {
            flow.learn_timestamp(&body, &sent.live.tcp);
            return Ok(());
        }
        let mut actual = shown(packet.ip, &body, &live).packet();
        actual.ports = flow.script_ports.filter(|_| packet.ports.is_some());
        let at = seconds(self.env.machine.since_start(sent.at));
        let message = format!("the packet sent at {at} s has other {}", parts.join(", "));
        Err(Failure::differs(packet.span, message, packet, actual))
    }

    pub(super) fn send(&mut self, packet: &Packet) -> Result<(), Failure> {
        if !packet.outer.is_empty() {
            return Err(unbuilt(packet, &BuildError::Tunnel));
        }
        let bytes = match &packet.body {
            Body::Tcp(body) => {
                let body = self.with_cookies(body);
                let index = self.env.machine.flows.of_inbound(packet.ports, &body);
                let flow = self.env.machine.flows.get(index);
                let ends = Ends {
                    src: flow.ends.dst,
                    dst: flow.ends.src,
                };
                wire::tcp(ends, packet.ip, &flow.send(&body))
            }
            Body::Icmp(icmp) => self.icmp(packet, icmp)?,
            Body::Udp { .. } => Err(BuildError::Udp),
        };
        let bytes = bytes.map_err(|error| unbuilt(packet, &error))?;
        self.env.machine.receive(&bytes, packet);
        Ok(())
    }

    fn icmp(
        &mut self,
        packet: &Packet,
        icmp: &IcmpBody,
    ) -> Result<Result<Vec<u8>, BuildError>, Failure> {
        let Some(index) = self.env.machine.flows.current_index() else {
            return Err(Failure::new(packet.span, "there is no connection to quote"));
        };
        let seq = match icmp.echoed {
            Some(Echoed::Tcp(range)) => range,
            Some(Echoed::Udp(_)) => return Ok(Err(BuildError::Udp)),
            None => SeqRange { start: 0, end: 0 },
        };
        let body = TcpBody {
            flags: Flags::ACK,
            seq,
            ack: None,
            window: None,
            urgent: None,
            options: OptionsSpec::Any,
        };
        let flow = self.env.machine.flows.get(index);
        let (quoted, ends) = (flow.quoted(&body), flow.ends);
        let (numbers, mtu) = self.translated(packet, icmp)?;
        let quote = Quote {
            ends,
            body: &quoted,
        };
        Ok(wire::icmp(numbers, mtu, packet.ip, &quote))
    }

    /// Type, code and MTU in the version of IP that the script runs over.
    fn translated(&self, packet: &Packet, icmp: &IcmpBody) -> Result<((u8, u8), u32), Failure> {
        let version = match self.env.settings.family {
            Family::V4 | Family::Mapped => IcmpVersion::V4,
            Family::V6 => IcmpVersion::V6,
        };
        let given = numbers(icmp.version, &icmp.kind, icmp.code.as_deref());
        let mtu = icmp.mtu.unwrap_or(0);
        let (translated, mtu) = match version {
            version if version == icmp.version => (given, mtu),
            // The headers differ by 20 bytes, and scripts speak of the same segments.
            version => {
                let mtu = match version {
                    IcmpVersion::V4 => mtu.saturating_sub(20),
                    IcmpVersion::V6 if mtu > 0 => mtu.saturating_add(20),
                    IcmpVersion::V6 => 0,
                };
                (given.and_then(|given| translated(icmp.version, given)), mtu)
            }
        };
        let message =
            "this message has no counterpart in the version of IP that the script runs over";
        let numbers = translated.ok_or_else(|| Failure::new(packet.span, message))?;
        Ok((numbers, mtu))
    }

    /// What a script's define says, or else the cookie that the script's server gives under a known key.
    fn cookie_named(&self, name: &str) -> Option<Vec<u8>> {
        if let Some(defined) = self.env.words.definition(name) {
            return hex(defined);
        }
        let (_, key) = COOKIE_KEYS.iter().find(|(known, _)| *known == name)?;
        let settings = &self.env.settings;
        let (client, server) = (
            settings.remote.to_canonical(),
            settings.local.to_canonical(),
        );
        Some(fast_open_cookie(key, client, server).as_bytes().to_vec())
    }

    /// The segment with cookies in place of their names.
    fn with_cookies(&self, body: &TcpBody) -> TcpBody {
        let mut body = body.clone();
        if let OptionsSpec::List(options) = &mut body.options {
            for option in options {
                if let TcpOption::FastOpen(cookie) | TcpOption::FastOpenExperimental(cookie) =
                    option
                    && let Cookie::Named(name) = cookie
                    && let Some(bytes) = self.cookie_named(name)
                {
                    *cookie = Cookie::Bytes(bytes);
                }
            }
        }
        body
    }
}

/// The keys that the public suites' names of cookies stand for, as they lie in memory: that of their `defaults.sh`, and
/// zeros.
const COOKIE_KEYS: [(&str, [u8; 16]); 2] = [
    (
        "TFO_COOKIE",
        [
            0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2, 0xc3, 0xc3, 0xc3, 0xc3, 0xd4, 0xd4,
            0xd4, 0xd4,
        ],
    ),
    ("TFO_COOKIE_ZERO", [0; 16]),
];

fn unbuilt(packet: &Packet, error: &BuildError) -> Failure {
    Failure::new(packet.span, error.to_string())
}

/// Bytes of pairs of hexadecimal digits.
fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
