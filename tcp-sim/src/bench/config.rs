//! What is to be measured.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::host::{Family, HostConfig};
use super::size::{ETHERNET, Size};

/// What is to be measured.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BenchConfig {
    /// Which tables are made.
    pub tables: Vec<Table>,
    /// How often each row is run; its figures are medians.
    pub runs: u32,
    /// When a run is over.
    pub limit: Limit,
    /// Addresses.
    pub family: Family,
    /// Bytes of each connection's send buffer, and of its receive buffer, at both stacks.
    pub buffer: usize,
    /// The sizes of packets that bulk is sent in.
    pub sizes: Vec<Size>,
    /// How the reader of a flow comes to its bytes.
    pub reader: Reader,
    /// How many idle connections there are beside a flow, row by row.
    pub idle: Vec<usize>,
    /// How many connections of ours are opened to see what each holds.
    pub heap_connections: usize,
}

/// A table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// One flow, by the size of packets.
    Bulk,
    /// One flow, by the number of idle connections beside it.
    Idle,
    /// Connections opened, used for one byte each way, and closed.
    Churn,
    /// One byte there and one back.
    Latency,
    /// What an idle connection holds.
    Heap,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 5] = [
        Table::Bulk,
        Table::Idle,
        Table::Churn,
        Table::Latency,
        Table::Heap,
    ];
}

/// How the reader of a flow comes to its bytes. They are copied into its buffer in either case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// It waits, as in a read that blocks: a stack that can puts what arrives into the reader's buffer at once, as ours by
    /// [`handle_packet_for`](tcp_core::Stack::handle_packet_for).
    Waits,
    /// It reads after each batch of packets what the stack has kept for it.
    Looks,
}

/// When a run is over: whichever comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Limit {
    /// So much time has passed.
    #[serde(with = "humantime_serde")]
    pub time: Duration,
    /// So many bytes have arrived.
    pub bytes: Option<u64>,
}

/// Why a configuration cannot be measured.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BenchError {
    /// No run makes no median.
    #[error("there must be at least one run")]
    NoRuns,
    /// Nothing can be measured in no time.
    #[error("a run must take some time, and move some bytes")]
    NoTime,
    /// Our stack and the peer must both take it.
    #[error("a buffer of {0} bytes: it must be 4 KiB to 1 GiB")]
    Buffer(usize),
    /// There are not so many ports.
    #[error("{0} idle connections: at most {MOST_IDLE} can be")]
    Idle(usize),
    /// Every host must take packets of this size, and the largest is what IP can tell.
    #[error("an MTU of {0} bytes: it must be at least {LEAST_MTU}")]
    Mtu(u16),
}

/// What IPv6 asks of a link.
const LEAST_MTU: u16 = 1_280;
/// What the ports of two addresses are enough for.
const MOST_IDLE: usize = 1_500_000;

impl Default for BenchConfig {
    fn default() -> Self {
        BenchConfig {
            tables: Table::ALL.to_vec(),
            runs: 5,
            limit: Limit {
                time: Duration::from_millis(500),
                bytes: None,
            },
            family: Family::V4,
            buffer: 256 << 10,
            sizes: vec![
                Size::Mtu(1_500),
                Size::Mtu(9_000),
                Size::Mtu(65_535),
                Size::Gso,
            ],
            reader: Reader::Waits,
            idle: vec![0, 1_000, 20_000, 1_000_000],
            heap_connections: 10_000,
        }
    }
}

impl BenchConfig {
    /// Whether a table is to be made.
    pub fn has(&self, table: Table) -> bool {
        self.tables.contains(&table)
    }

    /// A small one of everything.
    pub fn quick() -> Self {
        let config = BenchConfig::default();
        BenchConfig {
            runs: 3,
            limit: Limit {
                time: Duration::from_millis(100),
                ..config.limit
            },
            idle: vec![0, 1_000],
            heap_connections: 1_000,
            ..config
        }
    }

    /// How many times [`run`](super::run) reports progress.
    pub fn steps(&self) -> usize {
        let steps = |table| match table {
            Table::Bulk => self.sizes.len() * self.runs as usize,
            Table::Idle => self.idle.len() * self.runs as usize,
            Table::Churn | Table::Latency => self.runs as usize,
            Table::Heap => 1,
        };
        let asked = Table::ALL.into_iter().filter(|&table| self.has(table));
        asked.map(steps).sum()
    }

    /// Hosts with packets of Ethernet and one connection.
    pub(super) fn hosts(&self) -> HostConfig {
        HostConfig {
            family: self.family,
            mtu: ETHERNET,
            largest: 0,
            buffer: self.buffer,
            connections: 1,
            idle: 0,
        }
    }

    pub(super) fn check(&self) -> Result<(), BenchError> {
        if self.runs == 0 || self.heap_connections == 0 {
            return Err(BenchError::NoRuns);
        }
        if self.limit.time.is_zero() || self.limit.bytes == Some(0) {
            return Err(BenchError::NoTime);
        }
        if !(4 << 10..=1 << 30).contains(&self.buffer) {
            return Err(BenchError::Buffer(self.buffer));
        }
        if let Some(idle) = self.idle.iter().find(|idle| **idle > MOST_IDLE) {
            return Err(BenchError::Idle(*idle));
        }
        let wrong = self.sizes.iter().find_map(|size| match size {
            Size::Mtu(mtu) => (*mtu < LEAST_MTU).then_some(*mtu),
            Size::Gso => None,
        });
        wrong.map_or(Ok(()), |mtu| Err(BenchError::Mtu(mtu)))
    }
}
