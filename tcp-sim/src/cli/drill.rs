//! `tcp-sim drill`: scripts in packetdrill's language.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use rayon::prelude::*;
use tcp_core::Instant;
use tcp_sim::capture::Capture;
use tcp_sim::drill::ast::OptionLine;
use tcp_sim::drill::packet::Direction;
use tcp_sim::drill::span::Span;
use tcp_sim::drill::{self, Checked, Family, Job, Report, Shell, Summary};

/// Run packetdrill scripts against our sockets, in virtual time.
///
/// The exit code is 1 where a script does not hold, and 2 where none could be run.
#[derive(Args, Debug)]
pub struct DrillArgs {
    /// Scripts, and directories of which all `.pkt` files are taken, those of directories in them too
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// What the scripts' sockets speak: ipv4, ipv6, ipv4-mapped-ipv6. A script's own --ip_version counts more
    #[arg(
        long = "family",
        visible_alias = "ip-version",
        value_delimiter = ',',
        default_value = "ipv4,ipv6,ipv4-mapped-ipv6"
    )]
    families: Vec<Family>,
    /// How much earlier or later than written an event may be, in microseconds
    #[arg(long, visible_alias = "tolerance_usecs", value_name = "MICROSECONDS")]
    tolerance_usecs: Option<u64>,
    /// What a word of the scripts stands for, for instance TFO_COOKIE=3021b9d889017eeb
    #[arg(short = 'D', long = "define", value_name = "WORD=VALUE")]
    defines: Vec<String>,
    /// Any other option of packetdrill, as scripts have it: mtu=1400
    #[arg(long = "option", value_name = "NAME=VALUE")]
    options: Vec<String>,
    /// Run commands that are no sysctl, in a shell, as you
    #[arg(long)]
    allow_shell: bool,
    /// Print every packet
    #[arg(short, long)]
    verbose: bool,
    /// Print what the stack has counted, as nstat does
    #[arg(long, conflicts_with = "json")]
    counters: bool,
    /// Write the packets of one script over one family to a file for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Print one JSON object for each script
    #[arg(long)]
    json: bool,
}

pub fn run(args: &DrillArgs) -> anyhow::Result<ExitCode> {
    let scripts = scripts(&args.paths)?;
    let job = job(args);
    let runs: Vec<Script> = scripts
        .par_iter()
        .map(|path| run_script(path, args, &job))
        .collect::<anyhow::Result<_>>()?;
    if let Some(path) = &args.pcap {
        write_capture(path, &runs)?;
    }
    for script in &runs {
        script.print(args)?;
    }
    let passed = runs.iter().filter(|script| script.is_passed()).count();
    if !args.json {
        println!("{passed} of {} scripts pass", runs.len());
    }
    Ok(match passed == runs.len() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// One script over each family.
struct Script {
    name: String,
    checked: Vec<Checked>,
}

impl Script {
    fn is_passed(&self) -> bool {
        self.checked.iter().all(|run| run.report.is_passed())
    }

    fn print(&self, args: &DrillArgs) -> anyhow::Result<()> {
        if args.json {
            let reports: Vec<Report> = self.checked.iter().map(|run| run.report.clone()).collect();
            let summary = Summary::new(&self.name, &reports);
            println!("{}", serde_json::to_string(&summary)?);
            return Ok(());
        }
        for Checked {
            report, counters, ..
        } in &self.checked
        {
            println!("{report}");
            if args.verbose {
                report
                    .packets
                    .iter()
                    .for_each(|packet| println!("    {packet}"));
            }
            if args.counters {
                let counted = counters.iter().filter(|&(_, count)| count > 0);
                counted.for_each(|(name, count)| println!("    {name:<32}{count}"));
            }
            report
                .notes
                .iter()
                .for_each(|note| println!("    note: {note}"));
            if report.skipped_blocks > 0 {
                println!(
                    "    note: {} blocks of Python were skipped, since there is no python3",
                    report.skipped_blocks
                );
            }
        }
        Ok(())
    }
}

fn run_script(path: &Path, args: &DrillArgs, job: &Job) -> anyhow::Result<Script> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    let name = path.display().to_string();
    // A name alone has an empty parent, which is no directory.
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let families = drill::families(path, &text, &args.families);
    let checked = families
        .into_iter()
        .map(|family| drill::check(&name, &text, directory, family, job))
        .collect();
    Ok(Script { name, checked })
}

fn job(args: &DrillArgs) -> Job {
    let option = |name: &str, value: &str| OptionLine {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        span: Span::default(),
    };
    let tolerance = args.tolerance_usecs.iter();
    let tolerance = tolerance.map(|micros| option("tolerance_usecs", &micros.to_string()));
    let defines = args.defines.iter().map(|text| option("define", text));
    let options = args.options.iter().map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        option(name, value)
    });
    Job {
        options: tolerance.chain(defines).chain(options).collect(),
        shell: match args.allow_shell {
            true => Shell::Allowed,
            false => Shell::Forbidden,
        },
    }
}

/// The scripts that are named, and those in directories, by name.
fn scripts(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            collect(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    match found.is_empty() {
        true => bail!("there is no .pkt file"),
        false => Ok(found),
    }
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    Ok(())
}

fn write_capture(path: &Path, scripts: &[Script]) -> anyhow::Result<()> {
    let [Script { checked, .. }] = scripts else {
        bail!("--pcap takes one script");
    };
    let [run] = checked.as_slice() else {
        bail!("--pcap takes one family: --family ipv4");
    };
    let interfaces = ["in", "out"].map(str::to_owned);
    let mut capture =
        Capture::create(path, &interfaces).with_context(|| path.display().to_string())?;
    for packet in &run.captured {
        let interface = match packet.direction {
            Direction::Inbound => 0,
            Direction::Outbound => 1,
        };
        capture.packet(interface, Instant::ZERO + packet.at, &packet.bytes)?;
    }
    capture.finish()?;
    Ok(())
}
