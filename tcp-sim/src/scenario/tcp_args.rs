//! Settings of connections as flags of a command line.

use clap::Args;
use toml::Table;

use super::overlay::{WrittenError, overlaid, parse_pairs, read_pairs, write_pairs};
use super::part::Part;
use super::tcp::{CongestionName, EcnName, MtuProbingName, TcpSettings};

/// What every connection is set to.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "TCP, of both ends")]
pub struct TcpArgs {
    /// The congestion control [default: cubic]
    #[arg(long, value_name = "NAME")]
    pub congestion: Option<CongestionName>,

    /// Explicit congestion notification [default: accept]
    #[arg(long, value_name = "MODE")]
    pub ecn: Option<EcnName>,

    /// When the path's MTU is searched for by probes [default: on-black-hole]
    #[arg(long, value_name = "MODE")]
    pub mtu_probing: Option<MtuProbingName>,

    /// A part that is turned off; may be repeated
    #[arg(long, value_name = "PART")]
    pub without: Vec<Part>,

    /// Any setting, as in a scenario file's host.tcp: 'max_rto = "5s", undo = false'
    #[arg(long, value_name = "NAME = VALUE...", value_parser = parse_tcp)]
    pub tcp: Option<TcpSettings>,
}

impl TcpArgs {
    /// What was said here; the flags of their own go before `--tcp`.
    pub fn settings(&self) -> TcpSettings {
        let mut settings = self.tcp.clone().unwrap_or_default();
        settings.congestion = self.congestion.or(settings.congestion);
        settings.ecn = self.ecn.or(settings.ecn);
        settings.mtu_probing = self.mtu_probing.or(settings.mtu_probing);
        for part in &self.without {
            part.turn_off(&mut settings);
        }
        settings
    }

    /// The same with what one end has of its own.
    pub(super) fn settings_of(&self, end: Option<&Table>) -> Result<TcpSettings, toml::de::Error> {
        overlaid(&self.settings(), end.cloned().unwrap_or_default())
    }
}

impl TcpSettings {
    /// As it is written after `--tcp`; empty where nothing differs from the defaults.
    pub fn to_pairs(&self) -> String {
        write_pairs(self)
    }
}

fn parse_tcp(text: &str) -> Result<TcpSettings, WrittenError> {
    read_pairs(text)
}

/// Pairs that are settings, as they were written: what they leave out another may have set.
pub(super) fn parse_end(text: &str) -> Result<Table, WrittenError> {
    read_pairs::<TcpSettings>(text)?;
    parse_pairs(text)
}
