//! `tcp-sim run`: one scenario, from its seed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tcp_sim::scenario::ScenarioArgs;

use super::output;
use super::watched::{Watched, Wishes};

/// What `tcp-sim help run` says after the options.
const EXAMPLES: &str = "\
Examples:
  tcp-sim run --bytes 10M --rtt 100ms --rate 100M --loss 0.01 --seed 7 --json
  tcp-sim run --rate 20M --queue 64Ki --flows 4 --report report.html
  tcp-sim run --app 'request-response, requests = 100, request = 200, response = \"20k\"'
  tcp-sim run --rate 50M --back 'rate = \"1M\", aqm = { kind = \"codel\" }' --server 'sack = false'
  tcp-sim run --congestion bbr --ecn request --without pacing --without tail-loss-probe
  tcp-sim run --spike 2s..3s:2s --tcp 'timestamps = false, max_rto = \"10s\"'
  tcp-sim run --fault 'drop syn 1' --fault 'drop data 3' --pcap captures
  tcp-sim run --loss 0.02 --print-scenario > lossy.toml
  tcp-sim run lossy.toml --seed 8 --csv tables

A scenario file names hosts, routers, links and flows; the hosts are client and server if it names none:
  seed = 7
  [[link]]
  both = { rate = \"100M\", delay = \"50ms\", loss = 0.01 }
  back = { loss = { to_bad = 0.01, to_good = 0.3 } }
  [[flow]]
  app = { kind = \"bulk\", bytes = \"10M\" }

Applications, for --app and for flow.app:
  bulk              bytes
  duplex            bytes (each way)
  slow_reader       bytes, piece, every
  request_response  requests, request, response, think (optional)
  many_short        connections, parallel, request, response
  half_close        request, response
  abort             after

Exit code: 0 when every flow came to its end, no rule was broken, and nothing was left when TIME-WAIT was
over; 1 when not; 2 when the command could not be carried out.";

/// Run a scenario in virtual time.
///
/// Two hosts and the link between them by flags, or any network by a file. The same scenario with
/// the same seed gives the same packets at the same times, on every machine; the trace hash says so.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Write a capture (pcapng) of each link into this directory
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,

    /// Write tables (CSV) of packets, connections and queues into this directory
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,

    /// Write a report (HTML) with plots
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Print the scenario as a file, and do not run it
    #[arg(long, conflicts_with_all = ["pcap", "csv", "report", "json"])]
    print_scenario: bool,
}

/// Runs a scenario, and says how it ended.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = args.scenario.scenario()?;
    if args.print_scenario {
        output::print_line(scenario.to_toml().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let wishes = Wishes {
        pcap: args.pcap.as_deref(),
        csv: args.csv.as_deref(),
        report: args.report.as_deref(),
    };
    let outcome = Watched::new(&scenario, &wishes)?.run()?;
    if args.json {
        output::print_json(&outcome)?;
    } else {
        output::print_outcome(&outcome)?;
    }
    Ok(output::exit_code(&outcome))
}
