//! Scenarios that cannot be run.

use thiserror::Error;

use crate::link::LinkError;
use crate::world::MAX_HOSTS;

/// Why a scenario cannot be run.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum ScenarioError {
    /// Nothing would happen.
    #[error("the scenario has no flow: nothing would happen")]
    NoFlow,
    /// There are no more addresses.
    #[error("the scenario has {0} hosts; there are addresses for {MAX_HOSTS}")]
    TooManyHosts(usize),
    /// Two nodes have one name.
    #[error("there are two nodes called `{0}`")]
    NameTwice(String),
    /// A link ends at nobody.
    #[error("link {link} joins `{name}`, but there is no such host or router")]
    UnknownNode {
        /// Its number; the first is 1.
        link: usize,
        /// The name.
        name: String,
    },
    /// A link from a node to itself.
    #[error("link {link} joins `{name}` to itself")]
    LinkToItself {
        /// Its number; the first is 1.
        link: usize,
        /// The name.
        name: String,
    },
    /// A flow between nobody, or at a router.
    #[error("flow {flow} names `{name}`, but there is no such host")]
    UnknownHost {
        /// Its number; the first is 1.
        flow: usize,
        /// The name.
        name: String,
    },
    /// A flow from a host to itself.
    #[error("flow {flow} goes from `{name}` to itself; no link carries that")]
    FlowToItself {
        /// Its number; the first is 1.
        flow: usize,
        /// The name.
        name: String,
    },
    /// No way leads from the one to the other.
    #[error("flow {flow}: no links lead from `{from}` to `{to}`")]
    Unreachable {
        /// Its number; the first is 1.
        flow: usize,
        /// Where from.
        from: String,
        /// Where to.
        to: String,
    },
    /// A reader that never waits.
    #[error("flow {0}: a slow reader waits: write a time above zero for `every`")]
    NoPause(usize),
    /// A link that no IPv6 packet of full size passes.
    #[error("link {link}: an MTU of {mtu} is below 1280, which IPv6 asks of every link")]
    LinkMtu {
        /// Its number; the first is 1.
        link: usize,
        /// Its MTU.
        mtu: u16,
    },
    /// There are no more ports to listen on.
    #[error("`{0}` is the server of more flows than it has ports")]
    TooManyFlows(String),
    /// An MTU below what the version of IP asks for.
    #[error("host `{host}`: an MTU of {mtu} is below {least}")]
    Mtu {
        /// The host.
        host: String,
        /// Its MTU.
        mtu: u16,
        /// The least.
        least: u16,
    },
    /// Settings of TCP that contradict themselves.
    #[error("host `{host}`: {field} {expected}")]
    Tcp {
        /// The host.
        host: String,
        /// The setting.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A link that cannot be.
    #[error("the link from `{from}` to `{to}`: {error}")]
    Link {
        /// Its sender.
        from: String,
        /// Its receiver.
        to: String,
        /// What is wrong.
        error: LinkError,
    },
}
