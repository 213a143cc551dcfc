//! Sockets of two hosts in one room: whatever one sends, the other gets at once, unless the test holds
//! it back.

mod accept;
mod connect;
mod end;
mod epoll;
mod names;
mod options;
mod transfer;
mod urgent;

use std::net::SocketAddr;
use std::time::Duration;

use tcp_core::{Instant, PacketMeta};

use super::constants::{AF_INET, AF_INET6, SO_REUSEADDR, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET};
use super::{Call, Errno, Host, HostConfig, Outcome, Received, Reply};

/// A client and a server.
struct Rig {
    now: Instant,
    client: Host,
    server: Host,
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn server_addr() -> SocketAddr {
    addr("10.0.0.2:80")
}

fn host(addresses: [&str; 2], secret: u8) -> Host {
    let config = HostConfig {
        addresses: addresses.map(|ip| ip.parse().unwrap()).to_vec(),
        ..HostConfig::default()
    };
    Host::new(config, [secret; 32])
}

/// The reply of a call that succeeds at once.
#[track_caller]
fn done(outcome: Outcome) -> Reply {
    match outcome {
        Outcome::Done(Ok(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn value(outcome: Outcome) -> i64 {
    done(outcome).value()
}

#[track_caller]
fn received(outcome: Outcome) -> Received {
    match done(outcome) {
        Reply::Received(received) => received,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn blocked(outcome: Outcome) -> Call {
    match outcome {
        Outcome::Blocked(call) => call,
        Outcome::Done(other) => panic!("{other:?}"),
    }
}

#[track_caller]
fn fails(outcome: Outcome, errno: Errno) {
    assert_eq!(outcome, Outcome::Done(Err(errno)));
}

impl Rig {
    fn new() -> Rig {
        Rig {
            now: Instant::from_millis(1),
            client: host(["10.0.0.1", "fd00::1"], 1),
            server: host(["10.0.0.2", "fd00::2"], 2),
        }
    }

    /// Everything that both have to say, until they are quiet.
    fn exchange(&mut self) {
        let mut buf = vec![0; 1 << 16];
        loop {
            let mut quiet = true;
            while let Some(packet) = self.client.poll_transmit(self.now, &mut buf) {
                let meta = PacketMeta::default();
                self.server
                    .handle_packet(self.now, &buf[..packet.len], meta);
                quiet = false;
            }
            while let Some(packet) = self.server.poll_transmit(self.now, &mut buf) {
                let meta = PacketMeta::default();
                self.client
                    .handle_packet(self.now, &buf[..packet.len], meta);
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }

    /// What the client has to say is lost.
    fn lose(&mut self) -> usize {
        let mut buf = vec![0; 1 << 16];
        std::iter::from_fn(|| self.client.poll_transmit(self.now, &mut buf)).count()
    }

    /// So much time passes, with all that happens in it.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.exchange();
            let deadlines = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = deadlines.into_iter().flatten().min();
            self.now = next
                .filter(|next| *next <= end)
                .unwrap_or(end)
                .max(self.now);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            if next.is_none_or(|next| next > end) {
                return self.exchange();
            }
        }
    }

    /// A socket of the server that listens on its port.
    fn listener(&mut self) -> i32 {
        let fd = self.server.socket(AF_INET, SOCK_STREAM, 0).unwrap();
        let (server, now) = (&mut self.server, self.now);
        server
            .set_int_option(now, fd, SOL_SOCKET, SO_REUSEADDR, 1)
            .unwrap();
        server.bind(fd, server_addr()).unwrap();
        server.listen(now, fd, 16).unwrap();
        fd
    }

    /// A non-blocking socket of the client whose SYN is under way.
    fn connecting(&mut self) -> i32 {
        let fd = self
            .client
            .socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)
            .unwrap();
        let outcome = self.client.connect(self.now, fd, server_addr());
        fails(outcome, Errno::EINPROGRESS);
        fd
    }

    /// Both ends of a connection: the client's, and the server's, which blocks.
    fn connected(&mut self) -> (i32, i32) {
        let listener = self.listener();
        let client = self.connecting();
        self.exchange();
        assert_eq!(
            value(self.client.connect(self.now, client, server_addr())),
            0
        );
        let server = value(self.server.accept(self.now, listener)) as i32;
        (client, server)
    }

    /// The same over IPv6, or with mapped addresses.
    fn connected_to(&mut self, remote: &str) -> (i32, i32) {
        let listener = self.server.socket(AF_INET6, SOCK_STREAM, 0).unwrap();
        self.server.bind(listener, addr("[::]:80")).unwrap();
        self.server.listen(self.now, listener, 16).unwrap();
        let client = self.client.socket(AF_INET6, SOCK_STREAM, 0).unwrap();
        let call = blocked(self.client.connect(self.now, client, addr(remote)));
        self.exchange();
        assert_eq!(value(self.client.resume(self.now, call)), 0);
        let server = value(self.server.accept(self.now, listener)) as i32;
        (client, server)
    }
}
