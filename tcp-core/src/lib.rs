//! A sans-IO TCP.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod config;
pub mod congestion;
pub mod connection;
pub mod error;
pub mod event;
mod range_set;
mod recovery;
mod recv;
mod send;
pub mod seq;
pub mod stack;
pub mod stats;
pub mod time;
pub mod wire;

pub use config::{
    AckMode, Admission, CloseMode, CongestionAlgorithm, KeepAlive, ListenConfig, StackConfig,
    TcpConfig, ValidConfig, WindowScaling,
};
pub use connection::{Connection, Setup, Shutdown, State};
pub use error::{
    AcceptError, ConfigError, ConnectError, ConnectionError, ListenError, ReadError, WriteError,
};
pub use event::{
    ConnectionEvent, ConnectionId, Event, ListenerId, PacketMeta, ReceiveChecksum, SynDecision,
    SynId, Transmit, TransmitChecksum,
};
pub use stack::{ConnectionMut, ListenAddr, Stack};
pub use stats::{Counters, TcpInfo};
pub use time::Instant;
