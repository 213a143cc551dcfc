//! How our stack's connections behave: options that every command has.

use clap::{Args, ValueEnum};
use tcp_core::{CongestionAlgorithm, EcnMode, MtuProbing, MtuProbingConfig, TcpConfig};

#[derive(Args, Debug)]
#[command(next_help_heading = "Connections of our stack")]
pub struct TcpArgs {
    /// How fast data is sent [default: cubic]
    #[arg(long, value_name = "NAME")]
    congestion: Option<Congestion>,

    /// Send as soon as the windows allow, and do not spread it over the round trip
    #[arg(long)]
    no_pacing: bool,

    /// Whether queues may mark packets in place of dropping them [default: accept]
    #[arg(long, value_name = "MODE")]
    ecn: Option<Ecn>,

    /// When the path's MTU is searched for by probes [default: on-black-hole]
    #[arg(long, value_name = "MODE")]
    mtu_probing: Option<Probing>,
}

/// A congestion control, under the name that `TCP_CONGESTION` has for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Congestion {
    /// RFC 5681
    Reno,
    /// RFC 9438
    Cubic,
    /// Version 3
    Bbr,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Ecn {
    /// Neither asked for nor agreed to
    Off,
    /// Agreed to when the peer asks
    Accept,
    /// Asked for as well
    Request,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Probing {
    /// ICMP alone tells of it
    Off,
    /// Where timeouts suggest that the path swallows large packets
    OnBlackHole,
    /// From the beginning
    Always,
}

impl TcpArgs {
    /// `base`, but for what the user has said.
    pub fn over(&self, base: TcpConfig) -> TcpConfig {
        let congestion = self.congestion.map(|name| match name {
            Congestion::Reno => CongestionAlgorithm::Reno,
            Congestion::Cubic => CongestionAlgorithm::CUBIC,
            Congestion::Bbr => CongestionAlgorithm::Bbr,
        });
        let ecn = self.ecn.map(|mode| match mode {
            Ecn::Off => EcnMode::Off,
            Ecn::Accept => EcnMode::Accept,
            Ecn::Request => EcnMode::Request,
        });
        let probing = self.mtu_probing.map(|mode| match mode {
            Probing::Off => MtuProbing::Off,
            Probing::OnBlackHole => MtuProbing::OnBlackHole,
            Probing::Always => MtuProbing::Always,
        });
        TcpConfig {
            mtu_probing: MtuProbingConfig {
                mode: probing.unwrap_or(base.mtu_probing.mode),
                ..base.mtu_probing
            },
            congestion: congestion.unwrap_or(base.congestion),
            pacing: base.pacing && !self.no_pacing,
            ecn: ecn.unwrap_or(base.ecn),
            ..base
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        tcp: TcpArgs,
    }

    fn parse(args: &[&str]) -> Result<TcpArgs, clap::Error> {
        Only::try_parse_from([&["test"], args].concat()).map(|only| only.tcp)
    }

    #[test]
    fn nothing_said_changes_nothing() {
        let base = TcpConfig {
            congestion: CongestionAlgorithm::Reno,
            pacing: false,
            ecn: EcnMode::Request,
            ..TcpConfig::default()
        };
        assert_eq!(parse(&[]).unwrap().over(base.clone()), base);
    }

    #[test]
    fn what_is_said_counts() {
        let said = "--congestion bbr --no-pacing --ecn off --mtu-probing always";
        let said: Vec<_> = said.split(' ').collect();
        let config = parse(&said).unwrap().over(TcpConfig::default());
        assert_eq!(config.mtu_probing.mode, MtuProbing::Always);
        assert_eq!(config.congestion, CongestionAlgorithm::Bbr);
        assert!(!config.pacing);
        assert_eq!(config.ecn, EcnMode::Off);
    }

    #[test]
    fn an_error_names_the_choices() {
        let refused = |args: &[&str]| parse(args).unwrap_err().to_string();
        let text = refused(&["--congestion", "vegas"]);
        assert!(text.contains("reno, cubic, bbr"), "{text}");
        let text = refused(&["--ecn", "on"]);
        assert!(text.contains("off, accept, request"), "{text}");
    }
}
