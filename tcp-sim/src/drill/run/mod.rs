//! A script from its first event to its last, in virtual time.
//!
//! Events happen in their order. Before each, time passes until it is due, and the stack does what it has to
//! do meanwhile. What the stack sends waits in a queue until the script asks for a packet; the first of the
//! queue must then be the one that it expects, sent when it says. A call that blocks goes on beside the
//! events behind it, until the next call.

mod calls;
mod env;
mod flows;
mod machine;

use std::path::Path;
use std::time::Duration;

use tcp_core::Instant;

use super::ast::{Action, Call, Code, Command, Event, Script, Time};
use super::command::{Effect, effects};
use super::compare::{TimestampRule, differences, shown};
use super::failure::Failure;
use super::icmp::{numbers, translated};
use super::packet::{
    Body, Cookie, Direction, Echoed, Flags, IcmpBody, IcmpVersion, OptionsSpec, Packet, SeqRange,
    TcpBody, TcpOption,
};
use super::print::seconds;
use super::python::{Block, dedented};
use super::settings::{Family, Settings, Shell};
use super::span::Span;
use super::tcp_info;
use super::value::Words;
use super::wire::{self, BuildError, Ends, Live, Quote};
use crate::posix::constants::{SOL_TCP, TCP_INFO};
use crate::posix::{Host, HostConfig};
use calls::{Answer, Started};
use env::Env;
use flows::Flows;
use machine::{Machine, Sent};

pub use machine::Captured;

/// Isolates nothing: a script's stack has this secret always, so a run is the same every time.
const SECRET: [u8; 32] = *b"packets are drilled in this hall";

/// How long a packet or an answer that is late is waited for, to tell how late it is.
const GRACE: Duration = Duration::from_secs(10);

/// How long a packet is waited for that may come at any time.
const ANY_TIME: Duration = Duration::from_secs(3_600);

/// What remains of a run.
pub struct Finished {
    /// Whether everything was as the script says, but for its Python.
    pub outcome: Result<(), Failure>,
    /// What was not done, and why; with the place.
    pub notes: Vec<(Span, String)>,
    /// Every packet, as a line of a script.
    pub lines: Vec<String>,
    /// Every packet, as bytes.
    pub captured: Vec<Captured>,
    /// The Python of the script, and where each block stands.
    pub blocks: Vec<(Span, Block)>,
}

/// Runs a script. `directory` is where the files are that its commands name.
pub fn run(script: &Script, settings: &Settings, directory: &Path) -> Finished {
    let mut run = Run::new(settings.clone(), directory);
    let outcome = run.script(script);
    Finished {
        outcome,
        notes: run.notes,
        lines: run.env.machine.lines,
        captured: run.env.machine.captured,
        blocks: run.blocks,
    }
}

struct Run<'a> {
    env: Env,
    directory: &'a Path,
    /// From when relative times count.
    previous: Instant,
    /// The call that blocks, and when it is to end.
    blocked: Option<(Call, Due)>,
    notes: Vec<(Span, String)>,
    blocks: Vec<(Span, Block)>,
}

/// When something is due.
#[derive(Clone, Copy, Debug)]
struct Due {
    earliest: Instant,
    latest: Instant,
    /// Whether the event after counts from when it really was.
    is_loose: bool,
}

impl<'a> Run<'a> {
    fn new(settings: Settings, directory: &'a Path) -> Run<'a> {
        let config = HostConfig {
            addresses: vec![settings.local],
            mtu: settings.mtu,
            ..HostConfig::default()
        };
        let flows = Flows::new(settings.local, settings.remote, settings.bind_port);
        let machine = Machine::new(Host::new(config, SECRET), flows);
        let previous = machine.now();
        let words = Words::new(settings.defines.clone());
        Run {
            env: Env::new(machine, words, settings),
            directory,
            previous,
            blocked: None,
            notes: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn script(&mut self, script: &Script) -> Result<(), Failure> {
        for path in self.env.settings.init_scripts.clone() {
            self.shell(&path, Span::default());
        }
        for command in &script.init {
            self.shell(&command.text, command.span);
        }
        for event in &script.events {
            self.event(event)?;
            self.check_unblocked()?;
        }
        self.await_unblocked()
    }

    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        let due = self.due(event.time);
        if let Action::Packet(packet) = &event.action
            && packet.direction == Direction::Outbound
        {
            let at = self.expect(packet, due)?;
            self.previous = if due.is_loose { at } else { due.earliest };
            return Ok(());
        }
        if due.is_loose {
            let message = "only a packet of the stack can come at any time, or within a range";
            return Err(Failure::new(event.span, message));
        }
        if due.earliest < self.previous {
            return Err(Failure::new(event.span, "this is before the event before"));
        }
        self.env.machine.advance_to(due.earliest);
        self.check_unblocked()?;
        match &event.action {
            Action::Call(call) => self.call(call, due)?,
            Action::Packet(packet) => self.send(packet)?,
            Action::Command(Command { text, span }) => self.shell(text, *span),
            Action::Code(code) => self.code(code)?,
        }
        self.previous = due.earliest;
        Ok(())
    }

    fn due(&self, time: Time) -> Due {
        let at = |since_start| self.env.machine.instant(since_start);
        let (earliest, latest, is_loose) = match time {
            Time::Absolute(time) => (at(time), at(time), false),
            Time::Relative(after) => (self.previous + after, self.previous + after, false),
            Time::AbsoluteRange(from, to) => (at(from), at(to), true),
            Time::RelativeRange(from, to) => (self.previous + from, self.previous + to, true),
            Time::Any => (
                at(Duration::ZERO),
                self.env.machine.now() + ANY_TIME,
                true,
            ),
        };
        Due {
            earliest,
            latest,
            is_loose,
        }
    }

    fn check_time(&self, span: Span, what: &str, due: Due, at: Instant) -> Result<(), Failure> {
        let tolerance = self.env.settings.tolerance;
        if due.earliest <= at + tolerance && at <= due.latest + tolerance {
            return Ok(());
        }
        let show = |at| format!("{} s", seconds(self.env.machine.since_start(at)));
        let expected = match due.earliest == due.latest {
            true => show(due.earliest),
            false => format!("{} to {}", show(due.earliest), show(due.latest)),
        };
        Err(Failure::differs(span, format!("{what} at another time"), expected, show(at)))
    }

    // Calls.

    fn call(&mut self, call: &Call, due: Due) -> Result<(), Failure> {
        self.await_unblocked()?;
        let started = calls::start(&mut self.env, call)?;
        self.env.machine.settle();
        let blocked = match started {
            Started::Answered(answer) if call.end.is_none() => {
                return calls::finish(&mut self.env, call, &answer);
            }
            Started::Answered(answer) => {
                calls::finish(&mut self.env, call, &answer)?;
                let due = self.end(call, due);
                return self.check_time(call.span, "the call returned", due, self.env.machine.now());
            }
            Started::Blocked(blocked) => blocked,
        };
        self.env.machine.wait_for(blocked);
        self.blocked = Some((call.clone(), self.end(call, due)));
        match call.end {
            None => self.await_unblocked(),
            Some(_) => self.check_unblocked(),
        }
    }

    /// When a call is to return. A relative time counts from the event before, as that of the call does.
    fn end(&self, call: &Call, due: Due) -> Due {
        let at = match call.end {
            None => due.earliest,
            Some(end) => self.previous + end,
        };
        Due {
            earliest: at,
            latest: at,
            is_loose: false,
        }
    }

    /// Compares the answer of the call that blocked, if it has come.
    fn check_unblocked(&mut self) -> Result<(), Failure> {
        let Some((at, answer)) = self.env.machine.answer() else {
            return Ok(());
        };
        let Some((call, due)) = self.blocked.take() else {
            return Ok(());
        };
        calls::finish(&mut self.env, &call, &Answer::reply(answer))?;
        self.check_time(call.span, "the call returned", due, at)
    }

    /// Waits for the answer of the call that blocks.
    fn await_unblocked(&mut self) -> Result<(), Failure> {
        let Some((call, due)) = &self.blocked else {
            return Ok(());
        };
        let (span, latest) = (call.span, due.latest + GRACE);
        self.env.machine.advance_until_answer(latest);
        self.check_unblocked()?;
        match self.blocked {
            None => Ok(()),
            Some(_) => Err(Failure::new(span, "the call still blocks")),
        }
    }

    // Packets.

    /// Waits for the next packet of the stack, which must be this one; answers when it was sent.
    fn expect(&mut self, packet: &Packet, due: Due) -> Result<Instant, Failure> {
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
        let live = Live {
            tcp: flow.to_script(&sent.live.tcp),
            ..sent.live.clone()
        };
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

    fn send(&mut self, packet: &Packet) -> Result<(), Failure> {
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
                wire::tcp(ends, packet.ip, &flow.to_wire(&body))
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
        let message = "this message has no counterpart in the version of IP that the script runs over";
        let numbers = translated.ok_or_else(|| Failure::new(packet.span, message))?;
        Ok((numbers, mtu))
    }

    /// The segment with cookies in place of their names.
    fn with_cookies(&self, body: &TcpBody) -> TcpBody {
        let mut body = body.clone();
        if let OptionsSpec::List(options) = &mut body.options {
            for option in options {
                if let TcpOption::FastOpen(cookie) | TcpOption::FastOpenExperimental(cookie) = option
                    && let Cookie::Named(name) = cookie
                    && let Some(bytes) = self.env.words.definition(name).and_then(hex)
                {
                    *cookie = Cookie::Bytes(bytes);
                }
            }
        }
        body
    }

    // Commands and code.

    fn shell(&mut self, text: &str, span: Span) {
        for effect in effects(text, self.directory) {
            match effect {
                Effect::Nothing => {}
                Effect::Sysctl { name, value } => {
                    if let Err(error) = self.env.machine.host.set_sysctl(&name, &value) {
                        self.notes.push((span, error.to_string()));
                    }
                }
                Effect::Other(command) => self.other_command(command, span),
            }
        }
    }

    fn other_command(&mut self, command: String, span: Span) {
        if self.env.settings.shell == Shell::Forbidden {
            self.notes.push((span, format!("not run: {command}")));
            return;
        }
        let status = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(self.directory)
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => self.notes.push((span, format!("{status}: {command}"))),
            Err(error) => self.notes.push((span, format!("{error}: {command}"))),
        }
    }

    fn code(&mut self, code: &Code) -> Result<(), Failure> {
        let script_fd = self.env.machine.flows.current().and_then(|flow| flow.fd);
        let Some(script_fd) = script_fd else {
            let message = "there is no socket of which tcp_info could be asked";
            return Err(Failure::new(code.span, message));
        };
        let fd = self.env.host_fd(script_fd);
        let now = self.env.machine.now();
        let host = &mut self.env.machine.host;
        let info = host
            .getsockopt(now, fd, SOL_TCP, TCP_INFO, usize::from(u16::MAX))
            .map_err(|errno| Failure::new(code.span, format!("tcp_info: {errno}")))?;
        let values = tcp_info::values(&info).into_iter();
        let named = super::constants::for_code();
        let values = values
            .map(|(name, value)| (name.to_owned(), value.into()))
            .chain(named.map(|(name, value)| (name.to_owned(), value.into())))
            .collect();
        let code_text = dedented(&code.text);
        self.blocks.push((
            code.span,
            Block {
                code: code_text,
                values,
            },
        ));
        Ok(())
    }
}

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
