//! A script from its first event to its last, in virtual time.
//!
//! Events happen in their order. Before each, time passes until it is due, and the stack does what it has to
//! do meanwhile. What the stack sends waits in a queue until the script asks for a packet; the first of the
//! queue must then be the one that it expects, sent when it says. A call that blocks goes on beside the
//! events behind it, until the next call.

mod calling;
mod calls;
mod env;
mod flows;
mod machine;
mod packets;
mod shell;

use std::path::Path;
use std::time::Duration;

use tcp_core::{Counters, Instant, Offload, TcpInfo};

use super::ast::{Action, Call, Command, Event, Script, Time};
use super::failure::Failure;
use super::packet::Direction;
use super::print::seconds;
use super::python::Block;
use super::settings::Settings;
use super::span::Span;
use super::value::Words;
use crate::posix::{Host, HostConfig};
use env::Env;
use flows::Flows;
use machine::Machine;

pub use machine::Captured;

/// Isolates nothing: a script's stack has this secret always, so a run is the same every time.
const SECRET: [u8; 32] = *b"packets are drilled in this hall";

/// A script sees the packets of Linux before the device cuts them.
const LARGEST_PACKET: u16 = u16::MAX;

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
    /// What the stack has counted.
    pub counters: Counters,
    /// The connections that sockets are left of, in the order in which these were opened.
    pub connections: Vec<TcpInfo>,
}

/// Runs a script. `directory` is where the files are that its commands name.
pub fn run(script: &Script, settings: &Settings, directory: &Path) -> Finished {
    let mut run = Run::new(settings.clone(), directory);
    let outcome = run.script(script);
    let machine = &mut run.env.machine;
    let now = machine.now();
    Finished {
        outcome,
        counters: machine.host.stack().counters().clone(),
        connections: machine.host.connections(now),
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
            offload: Offload {
                max_packet: LARGEST_PACKET.into(),
                checksum: false,
            },
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
            Time::Any => (at(Duration::ZERO), self.env.machine.now() + ANY_TIME, true),
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
        Err(Failure::differs(
            span,
            format!("{what} at another time"),
            expected,
            show(at),
        ))
    }
}
