//! What the far end of a path does for the clients that measure it.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;

use tcp_tun::Interface;

use super::congestion::Congestion;

/// A service, and the port that it is found at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// Sends back what comes, byte for byte.
    Echo,
    /// Takes what comes, and closes at its end.
    Sink,
    /// Sends for as long as somebody reads.
    Source,
    /// Sends one byte back and closes, before the client does.
    Once,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 4] = [Service::Echo, Service::Sink, Service::Source, Service::Once];

    /// Where the clients find it.
    pub fn port(self) -> u16 {
        match self {
            Service::Echo => 7,
            Service::Sink => 9,
            Service::Source => 19,
            Service::Once => 8,
        }
    }

    /// Serves one client to its end.
    pub fn serve(self, mut stream: impl Read + Write) -> io::Result<()> {
        let mut buf = vec![0; CHUNK];
        match self {
            Service::Echo => loop {
                match stream.read(&mut buf)? {
                    0 => return Ok(()),
                    len => stream.write_all(&buf[..len])?,
                }
            },
            Service::Sink => while stream.read(&mut buf)? > 0 {},
            Service::Source => loop {
                stream.write_all(&buf)?;
            },
            Service::Once => {
                stream.read_exact(&mut buf[..1])?;
                stream.write_all(&buf[..1])?;
            }
        }
        Ok(())
    }
}

/// Bytes in one call to read or write, at both ends of every path.
pub const CHUNK: usize = 256 * 1024;

/// Threads that take the clients of [`Service::Once`], which are served where they are taken.
const ACCEPTORS: usize = 4;

/// Serves from the kernel's stack in the namespace of the calling thread, at every address.
pub fn serve_by_kernel(local: SocketAddr, congestion: &Congestion) -> io::Result<()> {
    for service in Service::ALL {
        let listener = std::net::TcpListener::bind((local.ip(), service.port()))?;
        congestion.apply(&listener)?;
        accept(
            service,
            listener,
            std::net::TcpListener::try_clone,
            |listener| {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok(stream)
            },
        )?;
    }
    Ok(())
}

/// Serves from our stack.
pub fn serve_by_ours(interface: &Interface, local: SocketAddr) -> io::Result<()> {
    for service in Service::ALL {
        let listener = interface.listen((local.ip(), service.port()))?;
        let listener = std::sync::Arc::new(listener);
        accept(
            service,
            listener,
            |listener| Ok(listener.clone()),
            |listener| {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok(stream)
            },
        )?;
    }
    Ok(())
}

/// Takes clients until the listener fails, as it does when its interface ends.
fn accept<L: Send + 'static, S: Read + Write + Send + 'static>(
    service: Service,
    listener: L,
    another: impl Fn(&L) -> io::Result<L>,
    take: fn(&L) -> io::Result<S>,
) -> io::Result<()> {
    let acceptors = match service {
        Service::Once => ACCEPTORS,
        _ => 1,
    };
    for _ in 0..acceptors {
        let listener = another(&listener)?;
        thread::spawn(move || {
            while let Ok(stream) = take(&listener) {
                // A client that goes away is how each of them ends.
                let serve = move || drop(service.serve(stream));
                match service {
                    Service::Once => serve(),
                    _ => drop(thread::spawn(serve)),
                }
            }
        });
    }
    Ok(())
}
