//! The command line: what it takes, and which command does what.

mod advice;
mod bench;
mod connect;
mod demo;
mod link;
mod serve;
mod services;
mod signals;
mod status;
mod tcp;
mod text;
mod trace;

pub use text::OutputClosed;

use clap::{Parser, Subcommand};

/// What `tcp-tun --help` says after the options.
const EXAMPLES: &str = "\
Examples:
  tcp-tun                           prove that it works: the same as `tcp-tun demo`
  tcp-tun demo --json               the same, for a program to read
  tcp-tun serve http . --private    serve this directory from a network of its own;
                                    it prints how to reach it with curl
  sudo tcp-tun serve echo --tun tun0 --addr 10.7.0.2/24
                                    answer at 10.7.0.2, which the kernel reaches through tun0:
                                    `nc 10.7.0.2 7`
  sudo tcp-tun connect 10.7.0.1:22  talk to a server of this machine, as nc does

Without --private, the TUN device appears in the network that you are in, which takes root.
With --private, nothing outside notices, and no root is needed where /dev/net/tun is open to you.

`tcp-tun help COMMAND` explains each command.";

/// A TCP of our own on the other end of a TUN device: the kernel sees it as another host.
#[derive(Parser, Debug)]
#[command(name = "tcp-tun", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::DemoArgs),
    Serve(serve::ServeArgs),
    Connect(connect::ConnectArgs),
    Bench(bench::BenchArgs),
}

impl Cli {
    /// Does what was asked for.
    pub fn run(self) -> anyhow::Result<()> {
        // Without a command, the demo as if it had been named, with its defaults.
        let command = match self.command {
            Some(command) => command,
            None => return Cli::parse_from(["tcp-tun", "demo"]).run(),
        };
        match command {
            Command::Demo(args) => demo::run(&args),
            Command::Serve(args) => serve::run(&args),
            Command::Connect(args) => connect::run(&args),
            Command::Bench(args) => bench::run(&args),
        }
    }
}
