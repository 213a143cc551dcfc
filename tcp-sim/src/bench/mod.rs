//! How fast the code is: our stack beside smoltcp, in memory, on one thread.
//!
//! A [`BenchConfig`] says what is measured; [`run`] makes a [`Report`] of it. Both ends of every
//! connection run on the calling thread, with two queues of packets between them; every checksum is computed and
//! verified, and at both ends bytes are copied from and to a user's buffer. Each row of a table runs ours and
//! the peer in turn, several times, with new stacks each time, and its figures are medians.
//!
//! # Two clocks
//!
//! What is measured is the processor's work, by the seconds that the thread has run where the system
//! tells them ([`Clock`]). The stacks are given another clock, which each exchange of packets moves by
//! ten microseconds, and which leaps to the next deadline when nothing else is to be done. So a run takes
//! the same steps on a slow machine as on a fast one; and pacing, delayed acknowledgements and timers
//! cost what they cost, but nobody waits for them: ours paces by default, and is measured pacing.
//!
//! # The peer
//!
//! smoltcp gets the settings that make it fastest here: no congestion control, no Nagle, its delay of
//! acknowledgements as it is by default.

mod bulk;
mod churn;
mod config;
mod contest;
mod couple;
mod heap;
mod host;
mod idle;
mod latency;
mod ours;
mod report;
mod size;
#[cfg(feature = "smoltcp")]
mod smoltcp_host;
pub(crate) mod stopwatch;
mod text;
mod wire;

pub use bulk::{BulkRow, BulkRun};
pub use churn::ChurnRun;
pub use config::{BenchConfig, BenchError, Limit, Reader, Table};
pub use contest::{Contest, Summary};
pub use heap::HeapRun;
pub use host::Family;
pub use idle::IdleRow;
pub use latency::LatencyRun;
pub use report::{Report, run};
pub use size::Size;
pub use stopwatch::{Clock, Stopwatch};
