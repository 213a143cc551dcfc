//! Two interfaces on one link, and data to send through them.

#![allow(
    dead_code,
    reason = "each test binary uses its own part of this module"
)]

pub mod namespace;
pub mod process;
pub mod several;
pub mod spray;

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tcp_tun::tcp_core::{ListenAddr, ListenConfig};
use tcp_tun::{Device, Interface, InterfaceBuilder, MemoryDevice, TcpListener, TcpStream};

pub const SERVER: &str = "10.7.0.1:7";

/// Long enough for anything that works, on a machine with other work to do.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The server's interface (10.7.0.1, fd07::1) and the client's (10.7.0.2, fd07::2).
pub fn interfaces() -> (Interface, Interface) {
    interfaces_over(MemoryDevice::pair(1_500).unwrap(), |builder| builder)
}

pub fn interfaces_over(
    (left, right): (MemoryDevice, MemoryDevice),
    options: impl Fn(InterfaceBuilder) -> InterfaceBuilder,
) -> (Interface, Interface) {
    let end = |device, host| options(builder(device, host)).build().unwrap();
    (end(left, 1), end(right, 2))
}

/// An interface to be: 10.7.0.`host`, fd07::`host`. By default it does not wait for long at its end:
/// the second of two finds no peer any more.
pub fn builder(device: impl Device + 'static, host: u8) -> InterfaceBuilder {
    Interface::builder()
        .address(format!("10.7.0.{host}/24").parse().unwrap())
        .address(format!("fd07::{host}/64").parse().unwrap())
        .secret([host; 32])
        .device(device)
        .shutdown_timeout(Duration::from_millis(100))
}

/// The two interfaces, and one connection between them: the server's stream, then the client's.
pub fn connected() -> ((Interface, Interface), TcpStream, TcpStream) {
    let (server, client) = interfaces();
    let (theirs, ours) = connect_pair(&server, &client);
    ((server, client), theirs, ours)
}

pub fn connect_pair(server: &Interface, client: &Interface) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(server, SERVER).unwrap();
    let ours = TcpStream::connect(client, SERVER).unwrap();
    let (theirs, peer) = listener.accept_timeout(PATIENCE).unwrap();
    assert_eq!(peer, ours.local_addr().unwrap());
    (theirs, ours)
}

/// A listener at [`SERVER`] whose queues hold `backlog` connections.
pub fn listen_with_backlog(server: &Interface, backlog: usize) -> TcpListener {
    let config = ListenConfig {
        backlog,
        ..ListenConfig::default()
    };
    let addr: SocketAddr = SERVER.parse().unwrap();
    TcpListener::bind_with(server, ListenAddr::from(addr), config).unwrap()
}

/// Bytes without a pattern that a lost or repeated segment could hide in, the same for each seed.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Noise {
        Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn fill(&mut self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            chunk.copy_from_slice(&self.0.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Writes `len` bytes of noise; their hash.
pub fn send_noise(mut to: impl Write, seed: u64, len: usize) -> io::Result<[u8; 32]> {
    let mut noise = Noise::new(seed);
    let mut hash = Sha256::new();
    let mut buf = vec![0; 64 * 1024];
    let mut left = len;
    while left > 0 {
        let chunk = &mut buf[..left.min(64 * 1024)];
        noise.fill(chunk);
        hash.update(&*chunk);
        to.write_all(chunk)?;
        left -= chunk.len();
    }
    Ok(hash.finalize().into())
}

/// Reads to the end of the stream: how much there was, and its hash.
pub fn receive(mut from: impl Read) -> io::Result<(usize, [u8; 32])> {
    let mut hash = Sha256::new();
    let mut buf = vec![0; 64 * 1024];
    let mut len = 0;
    loop {
        match from.read(&mut buf)? {
            0 => return Ok((len, hash.finalize().into())),
            n => {
                hash.update(&buf[..n]);
                len += n;
            }
        }
    }
}

/// The hash that [`send_noise`] gives.
pub fn hash_of_noise(seed: u64, len: usize) -> [u8; 32] {
    send_noise(io::sink(), seed, len).unwrap()
}
