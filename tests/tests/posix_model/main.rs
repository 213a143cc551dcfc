//! Random calls on the sockets of one host, whose packets come back to it, against a model that knows
//! nothing but what the manual pages say of a socket's state: the same errno, the same bytes, the same
//! events; and no panic.

mod model;
mod op;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use tcp_core::{Instant, PacketMeta};
use tcp_sim::posix::constants::{
    AF_INET, MSG_PEEK, SIOCINQ, SO_ACCEPTCONN, SO_ERROR, SO_REUSEADDR, SOCK_NONBLOCK, SOCK_STREAM,
    SOL_SOCKET, SOL_TCP, TCP_NODELAY,
};
use tcp_sim::posix::{Address, Errno, Host, HostConfig, Outcome, PollFd, Reply};

use model::Model;
use op::{Answer, Kind, Op, ops};

/// A host that hears itself.
struct Loop {
    now: Instant,
    host: Host,
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

impl Loop {
    fn new() -> Loop {
        let config = HostConfig {
            addresses: vec![address(0).ip()],
            ..HostConfig::default()
        };
        Loop {
            now: Instant::from_millis(1),
            host: Host::new(config, [3; 32]),
        }
    }

    /// Does what a process asks for, and then everything that follows from it.
    fn call(&mut self, op: Op) -> Answer {
        let answer = self.ask(op);
        let end = self.now + Duration::from_millis(50);
        loop {
            self.exchange();
            match self.host.poll_timeout() {
                Some(next) if next <= end => self.now = next.max(self.now),
                _ => break,
            }
            self.host.handle_timeout(self.now);
        }
        self.now = end;
        answer
    }

    fn exchange(&mut self) {
        let mut packet = vec![0; self.host.largest_packet()];
        while let Some(transmit) = self.host.poll_transmit(self.now, &mut packet) {
            let meta = PacketMeta::default();
            self.host
                .handle_packet(self.now, &packet[..transmit.len], meta);
        }
    }

    fn ask(&mut self, op: Op) -> Answer {
        let (host, now) = (&mut self.host, self.now);
        let Op { fd, kind } = op;
        match kind {
            Kind::Socket => host
                .socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)
                .map(|fd| {
                    // No byte waits for another, and no port for a past connection.
                    let _ = host.set_int_option(now, fd, SOL_TCP, TCP_NODELAY, 1);
                    let _ = host.set_int_option(now, fd, SOL_SOCKET, SO_REUSEADDR, 1);
                    fd.into()
                }),
            Kind::Bind { port } => host.bind(fd, address(port)).map(|()| 0),
            Kind::Listen => host.listen(now, fd, 128).map(|()| 0),
            Kind::Connect { port } => told(host.connect(now, fd, address(port))),
            Kind::Dissolve => told(host.connect(now, fd, Address::Unspecified)),
            Kind::Accept => told(host.accept4(now, fd, SOCK_NONBLOCK)),
            Kind::Send { len } => told(host.write(now, fd, &vec![5; len][..])),
            Kind::Receive { len } => told(host.read(now, fd, len)),
            Kind::Peek { len } => told(host.recv(now, fd, len, MSG_PEEK)),
            Kind::Shutdown { how } => host.shutdown(now, fd, how).map(|()| 0),
            Kind::Close => told(host.close(now, fd)),
            Kind::Duplicate => host.dup(fd).map(i64::from),
            Kind::PeerPort => host.getpeername(now, fd).map(|peer| peer.port().into()),
            Kind::Port => host.getsockname(now, fd).map(|name| name.port().into()),
            Kind::Poll => told(host.poll(now, &[everything(fd)], 0)),
            Kind::Error => host
                .int_option(now, fd, SOL_SOCKET, SO_ERROR)
                .map(i64::from),
            Kind::Listens => {
                let listens = host.int_option(now, fd, SOL_SOCKET, SO_ACCEPTCONN);
                listens.map(i64::from)
            }
            Kind::Unread => host.ioctl(now, fd, SIOCINQ, 0).map(i64::from),
        }
    }
}

const fn everything(fd: i32) -> PollFd {
    use tcp_sim::posix::constants::{POLLIN, POLLOUT, POLLRDHUP};
    PollFd {
        fd,
        events: POLLIN | POLLOUT | POLLRDHUP,
        revents: 0,
    }
}

/// What a call has told: of `poll` the events.
fn told(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Done(Ok(Reply::Polled(fds))) => Ok(fds[0].revents.into()),
        Outcome::Done(result) => result.map(|reply| reply.value()),
        Outcome::Blocked(call) => panic!("{call:?} on a socket that does not block"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_call_answers_as_the_model_does(ops in ops()) {
        let mut model = Model::default();
        let mut sockets = Loop::new();
        for (step, op) in ops.into_iter().enumerate() {
            let Some(op) = model.fit(op) else {
                continue;
            };
            let answer = sockets.call(op);
            model.learn_port(op, answer);
            let expected = model.call(op);
            prop_assert_eq!(answer, expected, "step {}: {:?}\n{:#?}", step, op, model);
        }
        // What is left ends as well.
        for fd in model.descriptors() {
            prop_assert_eq!(sockets.call(Op { fd, kind: Kind::Close }), Ok(0));
        }
        while let Some(next) = sockets.host.poll_timeout() {
            sockets.now = next.max(sockets.now);
            sockets.host.handle_timeout(sockets.now);
            sockets.exchange();
        }
        prop_assert!(sockets.host.stack().is_idle());
    }
}

#[test]
fn the_model_reaches_what_it_is_for() {
    let mut model = Model::default();
    let mut sockets = Loop::new();
    for (fd, kind, expected) in [
        (0, Kind::Socket, Ok(3)),
        (3, Kind::Bind { port: 80 }, Ok(0)),
        (3, Kind::Listen, Ok(0)),
        (0, Kind::Socket, Ok(4)),
        (4, Kind::Connect { port: 80 }, Err(Errno::EINPROGRESS)),
        (3, Kind::Accept, Ok(5)),
        (4, Kind::Send { len: 7 }, Ok(7)),
        (5, Kind::Receive { len: 5 }, Ok(5)),
        (5, Kind::Close, Ok(0)),
        (4, Kind::Receive { len: 5 }, Err(Errno::ECONNRESET)),
        (4, Kind::Send { len: 7 }, Err(Errno::EPIPE)),
    ] {
        let op = Op { fd, kind };
        assert_eq!(sockets.call(op), expected, "{op:?}");
        assert_eq!(model.call(op), expected, "{op:?}");
    }
}
