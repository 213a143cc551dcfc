//! Userspace TCP over a TUN device, with an API in the manner of `std::net`.
//!
//! An [`Interface`] is a TCP stack of its own behind a [`Device`]: it has addresses of its own, and
//! the kernel sees it as another host at the far end of a link. On it, [`TcpListener`] and
//! [`TcpStream`] work as their namesakes in `std::net` do, blocking, from any number of threads.
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use tcp_tun::{Interface, TcpListener};
//!
//! // We are 10.7.0.2; the kernel reaches us through `tun0` and is 10.7.0.1 there.
//! let interface = Interface::new("tun0", &["10.7.0.2/24".parse()?])?;
//! let listener = TcpListener::bind(&interface, "10.7.0.2:7")?;
//! for stream in listener.incoming() {
//!     let mut stream = stream?;
//!     let mut line = [0; 512];
//!     let len = stream.read(&mut line)?;
//!     stream.write_all(&line[..len])?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To make a TUN device takes `CAP_NET_ADMIN` in the network namespace. [`MemoryDevice`] takes
//! nothing, and joins two interfaces of one process.
//!
//! # How it works
//!
//! The protocol is [`tcp_core`]'s [`Stack`](tcp_core::Stack), which does no input or output. Here
//! the user's threads call into the stack under a lock, and send what comes of their calls themselves.
//! One of those that wait also receives packets and keeps the time; where none waits, a thread of the
//! interface's own does. Nothing sleeps unless it has asked the stack, under that lock, whether there is anything to do.
//! With several [queues](InterfaceBuilder::queues) there is all of this for each, and every connection is of one of them.

#![warn(missing_docs)]

pub mod capture;
pub mod device;
mod driver;
mod error;
pub mod http;
mod interface;
mod listener;
pub mod netns;
mod stream;

pub use device::{Cidr, Device, MemoryDevice, ParseCidrError, TunDevice};
pub use driver::{DeviceCounters, Direction};
pub use interface::{Interface, InterfaceBuilder, MAX_QUEUES, SocketStatus, TunMode};
pub use listener::{Incoming, PendingSyn, TcpListener};
pub use stream::{ConnectOptions, TcpStream};
pub use tcp_core;
