//! Scripts in packetdrill's language, run in virtual time.
//!
//! A script says what a program calls, what packets arrive, and which the stack must send, each with its
//! time. [`parse`] reads it; [`check`] runs it against the sockets of [`posix`](crate::posix), over IPv4, IPv6
//! or IPv4-mapped addresses, without a device, a clock or a privilege. `docs/packetdrill.md` says what of the language
//! is run, and how its numbers are mapped.
//!
//! ```
//! use std::path::Path;
//! use tcp_sim::drill::{Family, Job, check};
//!
//! let script = "
//!     0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
//!    +0 bind(3, ..., ...) = 0
//!    +0 listen(3, 1) = 0
//!    +0 < S 0:0(0) win 32792 <mss 1000>
//!    +0 > S. 0:0(0) ack 1 <mss 1460>
//! ";
//! let checked = check("listen.pkt", script, Path::new("."), Family::V6, &Job::default());
//! assert!(checked.report.is_passed(), "{}", checked.report);
//! ```

pub mod ast;
mod command;
mod compare;
mod constants;
mod cursor;
mod failure;
mod flow;
mod icmp;
pub mod packet;
mod parse;
mod print;
mod python;
mod report;
mod run;
mod settings;
pub mod span;
mod tcp_info;
mod value;
mod wire;

use std::path::Path;

use tcp_core::{Counters, TcpInfo};

use ast::{OptionLine, Script};
use python::{Block, Verdict as Python};
use span::Span;

pub use parse::parse;
pub use report::{Complaint, Report, RunSummary, Summary, Verdict};
pub use run::Captured;
pub use settings::{Family, Settings, Shell};

use failure::Failure;
use report::placed;
use run::Finished;

/// What is asked for besides the script.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Options that count more than those of the script.
    pub options: Vec<OptionLine>,
    /// Whether commands that are not understood are run.
    pub shell: Shell,
}

/// A script that was run.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What became of it.
    pub report: Report,
    /// Its packets.
    pub captured: Vec<Captured>,
    /// What the stack has counted.
    pub counters: Counters,
    /// The connections that sockets are left of, in the order in which these were opened.
    pub connections: Vec<TcpInfo>,
}

/// Runs the text of a script over a family. `name` is what messages call it, `directory` where the files are
/// that its commands name.
pub fn check(name: &str, text: &str, directory: &Path, family: Family, job: &Job) -> Checked {
    let mut report = Report {
        name: name.to_owned(),
        family,
        verdict: Verdict::Passed,
        notes: Vec::new(),
        skipped_blocks: 0,
        packets: Vec::new(),
    };
    let prepared = parse(text)
        .map_err(|error| Complaint {
            line: error.line,
            message: format!("{}\n{}", error.message, error.marked()),
            expected: None,
            actual: None,
        })
        .and_then(|script| {
            let settings = settings(&script, text, family, job)?;
            Ok((script, settings))
        });
    let (script, settings) = match prepared {
        Ok(prepared) => prepared,
        Err(complaint) => {
            report.verdict = Verdict::Failed(complaint);
            return Checked {
                report,
                captured: Vec::new(),
                counters: Counters::default(),
                connections: Vec::new(),
            };
        }
    };
    let finished = run::run(&script, &settings, directory);
    report.notes = finished
        .notes
        .iter()
        .map(|(span, note)| placed(name, text, *span, note))
        .collect();
    let outcome = judged(&finished, &mut report.skipped_blocks);
    if let Err(failure) = outcome {
        report.verdict = Verdict::Failed(Complaint::new(text, failure));
    }
    report.packets = finished.lines;
    Checked {
        report,
        captured: finished.captured,
        counters: finished.counters,
        connections: finished.connections,
    }
}

/// Over which of the families that are asked for a script runs: its own, where it insists on one by an option
/// or, as in the public suite, by the end of its name.
pub fn families(path: &Path, text: &str, asked: &[Family]) -> Vec<Family> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let named = match stem.rsplit(['-', '_']).next() {
        Some("v4" | "ipv4") => Some(Family::V4),
        Some("v6" | "ipv6") => Some(Family::V6),
        _ => None,
    };
    let own = parse(text).ok().as_ref().and_then(Family::asked_for);
    let only = own.or(named);
    only.map_or_else(|| asked.to_vec(), |family| vec![family])
}

fn settings(script: &Script, text: &str, family: Family, job: &Job) -> Result<Settings, Complaint> {
    let mut settings = Settings::new(family);
    for option in script.options.iter().chain(&job.options) {
        settings
            .apply(option)
            .map_err(|message| Complaint::new(text, Failure::new(option.span, message)))?;
    }
    settings.shell = job.shell;
    Ok(settings)
}

/// What the run and the script's Python together come to.
fn judged(finished: &Finished, skipped: &mut usize) -> Result<(), Failure> {
    finished.outcome.clone()?;
    if finished.blocks.is_empty() {
        return Ok(());
    }
    let blocks: Vec<Block> = finished
        .blocks
        .iter()
        .map(|(_, block)| block.clone())
        .collect();
    let span_of = |block: usize| {
        finished
            .blocks
            .get(block)
            .map_or(Span::default(), |(span, _)| *span)
    };
    match python::run(&blocks) {
        Ok(Python::Held) => Ok(()),
        Ok(Python::Skipped) => {
            *skipped = blocks.len();
            Ok(())
        }
        Ok(Python::Failed { block, line, error }) => {
            let code = blocks.get(block).map(|block| block.code.as_str());
            let source = code.and_then(|code| code.lines().nth(line - 1));
            let message = "the assertion does not hold";
            let expected = source.unwrap_or_default().trim();
            Err(Failure::differs(span_of(block), message, expected, error))
        }
        Err(error) => Err(Failure::new(span_of(0), format!("python3: {error}"))),
    }
}
