//! Two interfaces with several queues, and connections between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tcp_tun::{Interface, InterfaceBuilder, TcpListener, TcpStream};

use super::PATIENCE;
use super::spray::{self, FarEnd, Queue, Spray};

pub const SECRETS: [[u8; 32]; 2] = [[1; 32], [2; 32]];

/// The server (10.7.0.1) and the client (10.7.0.2), and what leads into the server's queues.
pub struct Link {
    pub server: Interface,
    pub client: Interface,
    pub to_server: Arc<FarEnd>,
}

/// An interface to be, with these queues: 10.7.0.`host`.
pub fn builder(queues: Vec<Queue>, host: u8) -> InterfaceBuilder {
    Interface::builder()
        .address(format!("10.7.0.{host}/24").parse().unwrap())
        .secret(SECRETS[usize::from(host) - 1])
        .device_queues(queues)
        .shutdown_timeout(Duration::from_millis(100))
}

/// The two, with so many queues each, and packets that are put into them like this.
pub fn link(queues: [u16; 2], spray: Spray) -> Link {
    link_with(queues, spray, |builder| builder)
}

/// As [`link`], with options for the server.
pub fn link_with(
    queues: [u16; 2],
    spray: Spray,
    options: impl FnOnce(InterfaceBuilder) -> InterfaceBuilder,
) -> Link {
    let ([servers, clients], to_server) = spray::link(SECRETS, queues, spray);
    Link {
        server: options(builder(servers, 1)).build().unwrap(),
        client: builder(clients, 2).build().unwrap(),
        to_server,
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub fn connect(interface: &Interface, addr: &str) -> TcpStream {
    let addr: SocketAddr = addr.parse().unwrap();
    patient(TcpStream::connect_timeout(interface, &addr, PATIENCE).unwrap())
}

pub fn accept(listener: &TcpListener) -> TcpStream {
    patient(listener.accept_timeout(PATIENCE).unwrap().0)
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
