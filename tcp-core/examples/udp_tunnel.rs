//! How to put the core under another I/O layer: two stacks whose IP packets travel as UDP datagrams.
//!
//! Run it with `cargo run --release -p tcp-core --example udp_tunnel`. It sends 72 MiB from one to
//! the other, compares them, and ends with `udp_tunnel: ok`.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use tcp_core::{
    Instant, ListenConfig, PacketMeta, ReadError, Stack, StackConfig, State, TcpConfig,
    ValidConfig, WriteError,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];

fn main() -> Outcome<()> {
    let here = UdpSocket::bind("127.0.0.1:0")?;
    let there = UdpSocket::bind("127.0.0.1:0")?;
    here.connect(there.local_addr()?)?;
    there.connect(here.local_addr()?)?;

    let data = b"every byte counts ".repeat(4 << 20);
    let started = std::time::Instant::now();
    let server = thread::spawn(move || receive(Driver::new(SERVER, there)));
    send(Driver::new(CLIENT, here), &data)?;
    let received = server.join().map_err(|_| "the server panicked")??;
    let seconds = started.elapsed().as_secs_f64();

    let (count, rate) = (received.len(), received.len() as f64 * 8e-6 / seconds);
    println!("{count} bytes in {seconds:.3} s: {rate:.0} Mbit/s");
    assert!(received == data, "these are not the bytes that were sent");
    println!("udp_tunnel: ok");
    Ok(())
}

/// A stack, and what it lacks: a socket for its packets, and a clock.
struct Driver {
    stack: Stack,
    socket: UdpSocket,
    epoch: std::time::Instant,
}

impl Driver {
    fn new(address: [u8; 4], socket: UdpSocket) -> Driver {
        let config = StackConfig {
            addresses: vec![address.into()],
            ..StackConfig::default()
        };
        // A real program takes 32 random bytes from its operating system: whoever knows the secret
        // can guess ports and sequence numbers.
        let secret = [address[3]; 32];
        Driver {
            stack: Stack::new(config, secret),
            socket,
            epoch: std::time::Instant::now(),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }

    /// All that an I/O layer owes the core, in this order: let the application act, drain packets,
    /// drain events, wait for input or the next deadline. Goes on until the application is done.
    fn run(&mut self, mut act: impl FnMut(&mut Stack, Instant) -> Outcome<bool>) -> Outcome<()> {
        let mut packet = vec![0; usize::from(self.stack.config().mtu)];
        loop {
            let now = self.now();
            let done = act(&mut self.stack, now)?;
            while let Some(transmit) = self.stack.poll_transmit(now, &mut packet) {
                // A datagram that cannot be sent is a packet lost: TCP sends it again.
                let _ = self.socket.send(&packet[..transmit.len]);
            }
            // This application looks at its connection each time; a larger one goes by these.
            while self.stack.poll_event().is_some() {}
            if done {
                return Ok(());
            }
            let deadline = self.stack.poll_timeout().unwrap_or(Instant::FAR_FUTURE);
            let wait = deadline.saturating_duration_since(self.now());
            let not_for_ever = wait.clamp(Duration::from_micros(1), Duration::from_secs(1));
            self.socket.set_read_timeout(Some(not_for_ever))?;
            // An error is a packet that has not come, too.
            if let Ok(len) = self.socket.recv(&mut packet) {
                let (now, meta) = (self.now(), PacketMeta::default());
                self.stack.handle_packet(now, &packet[..len], meta);
            }
            self.stack.handle_timeout(self.now());
        }
    }

    /// Both sides have closed when nothing is left, or only TIME-WAIT, which this does not wait for.
    fn finish(mut self) -> Outcome<()> {
        self.run(|stack, _| Ok(stack.sockets().all(|(.., state)| state == State::TimeWait)))
    }
}

fn send(mut driver: Driver, data: &[u8]) -> Outcome<()> {
    let (now, server) = (driver.now(), SocketAddr::from((SERVER, 80)));
    let stack = &mut driver.stack;
    let id = stack.connect(now, None, server, ValidConfig::default())?;
    let mut rest = data;
    driver.run(|stack, now| {
        let mut connection = stack.connection(now, id).ok_or("no such connection")?;
        while !rest.is_empty() {
            match connection.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(WriteError::WouldBlock) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        connection.close();
        Ok(true)
    })?;
    driver.finish()
}

fn receive(mut driver: Driver) -> Outcome<Vec<u8>> {
    // A UDP socket buffers some 90 packets and drops the rest: the window leaves it room.
    let recv_buffer = 64 << 10;
    let mut config = ListenConfig::default();
    let tcp = TcpConfig::clone(&config.tcp);
    config.tcp = TcpConfig {
        recv_buffer: recv_buffer.into(),
        ..tcp
    }
    .validate()?;
    let local = SocketAddr::from((SERVER, 80));
    let listener = driver.stack.listen(local, config)?;
    let (mut id, mut received, mut buffer) = (None, Vec::new(), vec![0; recv_buffer]);
    driver.run(|stack, now| {
        id = id.or_else(|| stack.accept(listener).ok());
        let Some(id) = id else { return Ok(false) };
        let mut connection = stack.connection(now, id).ok_or("no such connection")?;
        loop {
            match connection.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(ReadError::WouldBlock) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        connection.close();
        Ok(true)
    })?;
    driver.finish()?;
    Ok(received)
}
