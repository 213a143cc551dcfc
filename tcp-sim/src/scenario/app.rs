//! What the applications of a flow do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::link::config::is_default;
use crate::units::Bytes;

/// What the client and the server of a flow do. Unless it says otherwise, each closes when all is
/// done, and the flow is complete when every byte has been read and both have closed in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AppConfig {
    /// The client sends as fast as it may, and the server reads at once.
    Bulk {
        /// How much.
        bytes: Bytes,
    },
    /// The client sends as fast as it may, and the server reads a piece at a time.
    SlowReader {
        /// How much in all.
        bytes: Bytes,
        /// How much the server reads at once.
        piece: Bytes,
        /// How long it waits between two pieces.
        #[serde(with = "humantime_serde")]
        every: Duration,
    },
    /// The client asks and waits for the answer, again and again on one connection.
    RequestResponse {
        /// How often.
        requests: u32,
        /// Bytes of a request.
        request: Bytes,
        /// Bytes of a response.
        response: Bytes,
        /// How long the client waits after a response.
        #[serde(default, with = "humantime_serde", skip_serializing_if = "is_default")]
        think: Duration,
    },
    /// Many connections, each for one request and one response; the server closes first.
    ManyShort {
        /// How many connections.
        connections: u32,
        /// How many at a time.
        parallel: u32,
        /// Bytes of a request.
        request: Bytes,
        /// Bytes of a response.
        response: Bytes,
    },
    /// The client sends and shuts its direction down; the server reads to the end and only then
    /// answers.
    HalfClose {
        /// What the client sends.
        request: Bytes,
        /// What the server answers.
        response: Bytes,
    },
    /// Both send as fast as they may, and read at once.
    Duplex {
        /// How much, each way.
        bytes: Bytes,
    },
    /// The client sends, and resets the connection on the way. The flow is complete when both have
    /// heard of it, and what was read until then is what was written.
    Abort {
        /// What it writes before.
        after: Bytes,
    },
}
