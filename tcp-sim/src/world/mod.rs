//! Hosts, routers and what lies between them, in virtual time.
//!
//! A [`Network`] is any number of them; a [`Pair`] is two hosts on a link, for tests.

mod address;
mod calls;
mod card;
mod host;
mod network;
mod packet;
mod packets;
mod pair;
mod pair_calls;
mod pipe;
mod routes;
pub(crate) mod schedule;
mod side;
mod trace;
mod watch;

pub use crate::link::{Fate, Fault, FaultPlan, Link};
pub use address::{Family, MAX_HOSTS};
pub use host::Host;
pub use network::{Breach, Network, Oracles, Step};
pub use packet::{TcpPacket, write_packet};
pub use pair::{Pair, PairConfig};
pub use side::Side;
pub use trace::{Trace, TraceEntry};
