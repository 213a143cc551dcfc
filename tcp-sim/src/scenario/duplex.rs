//! A link with its two directions, and how it is written in a file.

use serde::{Deserialize, Serialize};
use toml::Table;

use super::overlay::overlaid;
use super::{default_client, default_server};
use crate::link::LinkConfig;
use crate::link::config::is_default;

/// A link between two nodes.
///
/// In a file, `both` holds what the two directions have in common; `there` and `back` add to it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "WrittenDuplex")]
pub struct DuplexConfig {
    /// Names of its ends.
    pub between: [String; 2],
    /// From the first to the second.
    #[serde(skip_serializing_if = "is_default")]
    pub there: LinkConfig,
    /// From the second to the first.
    #[serde(skip_serializing_if = "is_default")]
    pub back: LinkConfig,
}

impl DuplexConfig {
    /// A link between `client` and `server`, the hosts of a scenario that names none.
    pub fn of_client_and_server(there: LinkConfig, back: LinkConfig) -> DuplexConfig {
        DuplexConfig {
            between: client_to_server(),
            there,
            back,
        }
    }
}

fn client_to_server() -> [String; 2] {
    [default_client(), default_server()]
}

/// A link as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDuplex {
    #[serde(default = "client_to_server")]
    between: [String; 2],
    #[serde(default)]
    both: LinkConfig,
    #[serde(default)]
    there: Table,
    #[serde(default)]
    back: Table,
}

impl TryFrom<WrittenDuplex> for DuplexConfig {
    type Error = toml::de::Error;

    fn try_from(written: WrittenDuplex) -> Result<Self, Self::Error> {
        Ok(DuplexConfig {
            between: written.between,
            there: overlaid(&written.both, written.there)?,
            back: overlaid(&written.both, written.back)?,
        })
    }
}
