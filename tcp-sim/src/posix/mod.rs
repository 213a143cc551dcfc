//! BSD sockets over a [`Stack`](tcp_core::Stack), as Linux has them, driven by explicit time: one
//! [`Host`] is a kernel's part in TCP for one process.
//!
//! No call ever sleeps inside. Those that cannot block give a `Result`, with Linux's [`Errno`]; those that can
//! give an [`Outcome`]: done, or [blocked](Outcome::Blocked) with a [`Call`] that keeps what has been
//! done so far. After whatever happens the caller asks which of its calls [is ready](Host::is_ready),
//! and [resumes](Host::resume) it. So the same sockets serve virtual time and a real clock.
//!
//! 1. **In**: a call, [`handle_packet`](Host::handle_packet), or [`handle_timeout`](Host::handle_timeout).
//! 2. **Out**: drain [`poll_transmit`](Host::poll_transmit).
//! 3. **Wake**: resume the calls that are ready; where any was, go back to 2.
//! 4. **Sleep** until [`poll_timeout`](Host::poll_timeout), the earliest [`Call::deadline`], or input.
//!
//! Levels, options and flags are Linux's numbers on x86-64 ([`constants`]), and values of options bytes as
//! they lie in memory. `docs/posix.md` lists every call, option and errno. [`Sysctls`] are the knobs under
//! `/proc/sys`, for this host alone.
//!
//! ```
//! use tcp_core::Instant;
//! use tcp_sim::posix::constants::{AF_INET, SOCK_NONBLOCK, SOCK_STREAM};
//! use tcp_sim::posix::{Errno, Host, HostConfig};
//!
//! let now = Instant::ZERO;
//! let config = HostConfig { addresses: vec!["10.0.0.1".parse().unwrap()], ..HostConfig::default() };
//! let mut host = Host::new(config, [1; 32]);
//! let fd = host.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).unwrap();
//! let remote: std::net::SocketAddr = "10.0.0.2:80".parse().unwrap();
//! assert_eq!(host.connect(now, fd, remote).errno(), Some(Errno::EINPROGRESS));
//! let mut packet = [0; 1_500];
//! assert!(host.poll_transmit(now, &mut packet).is_some(), "the SYN");
//! ```

mod accepting;
mod address;
mod call;
mod closing;
mod configure;
mod connecting;
pub mod constants;
mod control;
mod descriptor;
mod epoll_set;
mod errno;
mod error_queue;
mod fast_open;
mod fast_open_keys;
mod file;
mod host;
mod messages;
mod naming;
mod options;
mod polling;
mod ports;
mod progress;
mod readiness;
mod receive;
mod resume;
mod send;
mod settings;
mod socket;
mod sysctl;
mod tcp_info;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use call::{Call, Outcome};
pub use descriptor::Limits;
pub use errno::Errno;
pub use host::{Host, HostConfig};
pub use messages::{ControlMessage, EpollEvent, Message, PollFd, Received, Reply, Source};
pub use sysctl::{SysctlError, Sysctls};
