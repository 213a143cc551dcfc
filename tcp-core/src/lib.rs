//! A sans-IO TCP: a pure, deterministic state machine.
//!
//! It consumes IP packets and timestamps and emits IP packets, events and the next deadline. It owns
//! no socket, no clock, no thread and no random source; it does without std, and without unsafe
//! code. The same secret and the same inputs give the same bytes out, on every machine.
//!
//! # The way through the house
//!
//! [`Stack`] is many connections: addresses, ports, listeners, deadlines. [`Connection`] is one, over
//! typed segments, for those who test or study the protocol by itself. [`wire`] turns bytes into
//! segments and back. [`congestion::Controller`] is what a congestion control of your own
//! implements.
//!
//! # The contract
//!
//! The calls are of four kinds. *In*: [`Stack::handle_packet`], [`Stack::handle_timeout`]. *User
//! calls*: [`Stack::connect`], [`Stack::listen`], [`Stack::accept`], and through
//! [`Stack::connection`] read, write, shutdown, close. *Out*: [`Stack::poll_transmit`],
//! [`Stack::poll_event`]. *Time*: [`Stack::poll_timeout`]. After anything has gone in, drain
//! `poll_transmit` until `None`, drain `poll_event` until `None`, then sleep until `poll_timeout` or
//! input. Nothing is sent but by `poll_transmit`: take in all the packets that are there before you
//! drain it, and their acknowledgements are aggregated.
//!
//! ```
//! use tcp_core::{Instant, ListenConfig, PacketMeta, Stack, StackConfig, ValidConfig};
//!
//! let host = |last: u8| StackConfig { addresses: vec![[10, 0, 0, last].into()], ..Default::default() };
//! let mut client = Stack::new(host(1), [1; 32]);
//! let mut server = Stack::new(host(2), [2; 32]);
//! let now = Instant::from_millis(1);
//!
//! let address = std::net::SocketAddr::from(([10, 0, 0, 2], 80));
//! let listener = server.listen(address, ListenConfig::default()).unwrap();
//! let id = client.connect(now, None, address, ValidConfig::default()).unwrap();
//! client.connection(now, id).unwrap().write(b"hello").unwrap();
//!
//! // The network: whatever one sends, the other gets.
//! let mut buf = [0; 1500];
//! let mut quiet = false;
//! while !quiet {
//!     quiet = true;
//!     while let Some(packet) = client.poll_transmit(now, &mut buf) {
//!         server.handle_packet(now, &buf[..packet.len], PacketMeta::default());
//!         quiet = false;
//!     }
//!     while let Some(packet) = server.poll_transmit(now, &mut buf) {
//!         client.handle_packet(now, &buf[..packet.len], PacketMeta::default());
//!         quiet = false;
//!     }
//! }
//!
//! let accepted = server.accept(listener).unwrap();
//! let mut text = [0; 5];
//! assert_eq!(server.connection(now, accepted).unwrap().read(&mut text), Ok(5));
//! assert_eq!(&text, b"hello");
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod config;
pub mod congestion;
pub mod connection;
pub mod error;
pub mod event;
/// What a fuzzer reaches of the parts that nobody else does: each against a naive one.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::recv::naive as reassembly;
    pub use crate::send::scoreboard::naive as scoreboard;
}
mod pack;
mod range_set;
mod recovery;
mod recv;
mod ring;
mod send;
pub mod seq;
pub mod stack;
mod state;
pub mod stats;
pub mod time;
pub mod wire;

pub use config::{
    AckMode, Admission, BufferSize, CloseMode, CongestionAlgorithm, EcnMode, FastOpenConfig,
    FastOpenKeys, KeepAlive, Limits, ListenConfig, ListenFastOpen, MemoryLimits, MtuDiscovery,
    MtuProbing, MtuProbingConfig, Offload, Overflow, PortSharing, RecoveryConfig, SendQueue,
    StackConfig, SynCookies, TcpConfig, ValidConfig, WindowScaling,
};
pub use connection::{
    Connection, FastOpenFail, QuickAck, SendProgress, Setup, Shutdown, State, Urgent,
};
pub use error::{
    AcceptError, ConfigError, ConnectError, ConnectionError, ListenError, ReadError, SoftError,
    WriteError,
};
pub use event::{
    ConnectionEvent, ConnectionId, Event, ListenerId, PacketMeta, PostedRead, ReceiveChecksum,
    SynDecision, SynId, Transmit, TransmitChecksum, TransmitParts,
};
pub use stack::{ConnectionMut, CookieNeed, LentWrite, ListenAddr, Shard, Stack, Steering};
pub use stats::{Counters, TcpInfo};
pub use time::Instant;
