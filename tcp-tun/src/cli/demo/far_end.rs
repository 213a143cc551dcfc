//! The other end of the link: the kernel's TCP, or a second stack of ours in its place.

use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::time::Duration;

use tcp_core::TcpInfo;
use tcp_tun::{Interface, TcpListener, TcpStream};

/// Whoever is at the other end.
pub enum FarEnd {
    /// The kernel, through the sockets of `std::net`.
    Kernel,
    /// A stack of ours.
    Stack(Interface),
}

/// How long a read may wait: a demo that hangs would prove nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes one connection.
pub type Accept = Box<dyn FnOnce() -> io::Result<Box<dyn Stream>> + Send>;

/// A connection, whoever's TCP it is.
pub trait Stream: Read + Write + Send {
    /// Our end's address.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The peer's address.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// What our TCP knows of it; `None` where it is the kernel's.
    fn info(&self) -> Option<TcpInfo>;
}

impl FarEnd {
    /// Connects from the far end.
    pub fn connect(&self, addr: SocketAddr) -> io::Result<Box<dyn Stream>> {
        match self {
            FarEnd::Kernel => {
                let stream = net::TcpStream::connect(addr)?;
                stream.set_read_timeout(Some(READ_TIMEOUT))?;
                Ok(Box::new(stream))
            }
            FarEnd::Stack(interface) => connect(interface, addr),
        }
    }

    /// Listens at the far end.
    pub fn listen(&self, addr: SocketAddr) -> io::Result<Accept> {
        match self {
            FarEnd::Kernel => {
                let listener = net::TcpListener::bind(addr)?;
                Ok(Box::new(move || {
                    let (stream, _) = listener.accept()?;
                    stream.set_read_timeout(Some(READ_TIMEOUT))?;
                    Ok(Box::new(stream))
                }))
            }
            FarEnd::Stack(interface) => listen(interface, addr),
        }
    }
}

/// Connects from a stack of ours.
pub fn connect(interface: &Interface, addr: SocketAddr) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(interface, addr)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    Ok(Box::new(stream))
}

/// Listens on a stack of ours.
pub fn listen(interface: &Interface, addr: SocketAddr) -> io::Result<Accept> {
    let listener = TcpListener::bind(interface, addr)?;
    Ok(Box::new(move || {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Box::new(stream))
    }))
}

impl Stream for net::TcpStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }

    fn info(&self) -> Option<TcpInfo> {
        None
    }
}

impl Stream for TcpStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }

    fn info(&self) -> Option<TcpInfo> {
        self.info().ok()
    }
}
