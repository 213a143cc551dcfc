//! Who takes part: a stack, its congestion control, and whether it is paced.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use tcp_core::TcpConfig;
use thiserror::Error;

use super::endpoint::{EndConfig, Endpoint};
use super::ours::Ours;
#[cfg(feature = "smoltcp")]
use super::smoltcp_host::SmoltcpHost;
use crate::scenario::CongestionName;

/// A stack with its congestion control: `ours-cubic`, `ours-bbr-unpaced`, `smoltcp-cubic`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Contender {
    /// `tcp-core`.
    Ours(CongestionName, Pacing),
    /// smoltcp with CUBIC.
    #[cfg(feature = "smoltcp")]
    Smoltcp,
}

/// Whether what is sent is spread over the round trip.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Pacing {
    /// It is.
    On,
    /// It goes out as the window allows.
    Off,
}

/// No contender has this name.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{0}` does not take part; these do: {all}", all = names(Contender::all()))]
pub struct UnknownContender(String);

/// What the name of ours begins with.
const OURS: &str = "ours";
/// Ours, in the order of the tables.
const CONTROLS: [CongestionName; 3] = [
    CongestionName::Cubic,
    CongestionName::Bbr,
    CongestionName::Reno,
];
/// What the name of one without pacing ends with.
const UNPACED: &str = "-unpaced";

impl Contender {
    /// Ours with CUBIC, BBR and Reno, paced; and smoltcp where it is built in.
    pub fn paced() -> Vec<Contender> {
        let mut list: Vec<_> = CONTROLS
            .map(|congestion| Contender::Ours(congestion, Pacing::On))
            .into();
        list.extend(Contender::peer());
        list
    }

    /// Those that are [`paced`](Self::paced), and ours without pacing.
    pub fn all() -> Vec<Contender> {
        let unpaced = CONTROLS.map(|congestion| Contender::Ours(congestion, Pacing::Off));
        let mut list = Contender::paced();
        list.extend(unpaced);
        list
    }

    /// Whom ours are compared with, where it is built in.
    pub fn peer() -> Option<Contender> {
        #[cfg(feature = "smoltcp")]
        return Some(Contender::Smoltcp);
        #[cfg(not(feature = "smoltcp"))]
        return None;
    }

    /// The stack's name.
    pub fn stack(self) -> &'static str {
        match self {
            Contender::Ours(..) => OURS,
            #[cfg(feature = "smoltcp")]
            Contender::Smoltcp => "smoltcp",
        }
    }

    /// The congestion control's name.
    pub fn congestion(self) -> &'static str {
        self.control().as_str()
    }

    /// Whether it is paced; smoltcp cannot be.
    pub fn pacing(self) -> Pacing {
        match self {
            Contender::Ours(_, pacing) => pacing,
            #[cfg(feature = "smoltcp")]
            Contender::Smoltcp => Pacing::Off,
        }
    }

    pub(super) fn sender(self, end: EndConfig) -> Box<dyn Endpoint> {
        match self {
            Contender::Ours(..) => Box::new(Ours::sender(end, self.settings())),
            #[cfg(feature = "smoltcp")]
            Contender::Smoltcp => Box::new(SmoltcpHost::sender(end)),
        }
    }

    pub(super) fn receiver(self, end: EndConfig) -> Box<dyn Endpoint> {
        match self {
            Contender::Ours(..) => Box::new(Ours::receiver(end, self.settings())),
            #[cfg(feature = "smoltcp")]
            Contender::Smoltcp => Box::new(SmoltcpHost::receiver(end)),
        }
    }

    fn control(self) -> CongestionName {
        match self {
            Contender::Ours(congestion, _) => congestion,
            #[cfg(feature = "smoltcp")]
            Contender::Smoltcp => CongestionName::Cubic,
        }
    }

    fn settings(self) -> TcpConfig {
        TcpConfig {
            congestion: self.control().algorithm(),
            pacing: self.pacing() == Pacing::On,
            ..TcpConfig::default()
        }
    }
}

fn names(list: Vec<Contender>) -> String {
    let names: Vec<String> = list.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self {
            Contender::Ours(_, Pacing::Off) => UNPACED,
            _ => "",
        };
        let name = format!("{}-{}{suffix}", self.stack(), self.congestion());
        f.pad(&name)
    }
}

impl FromStr for Contender {
    type Err = UnknownContender;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |it: &Contender| it.to_string() == text;
        let found = Contender::all().into_iter().find(named);
        found.ok_or_else(|| UnknownContender(text.into()))
    }
}

impl Serialize for Contender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_core::CongestionAlgorithm;

    #[test]
    fn each_is_known_by_its_name() {
        for contender in Contender::all() {
            assert_eq!(contender.to_string().parse(), Ok(contender));
        }
        let error = "ours-vegas".parse::<Contender>().unwrap_err().to_string();
        assert!(error.contains("ours-bbr-unpaced"), "{error}");
    }

    #[test]
    fn the_name_decides_what_is_configured() {
        let contender: Contender = "ours-reno-unpaced".parse().unwrap();
        let settings = contender.settings();
        assert_eq!(settings.congestion, CongestionAlgorithm::Reno);
        assert!(!settings.pacing);
    }
}
