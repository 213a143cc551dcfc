//! Two ends, and what is between them.

use std::time::Duration;

use tcp_core::Instant;

use super::host::{Host, HostConfig, Link};
use super::wire::Wire;

/// A client and a server of the same kind, under one clock.
pub(super) struct Couple<H: Host> {
    pub(super) client: H,
    pub(super) server: H,
    /// From the client to the server.
    pub(super) there: Wire,
    back: Wire,
    pub(super) now: Instant,
    /// The number of the next connection.
    number: usize,
}

/// Both ends of a connection.
pub(super) struct Ends<H: Host> {
    pub(super) client: H::Socket,
    pub(super) server: H::Socket,
}

/// How far the stacks' clock moves with the exchange of one end.
const STEP: Duration = Duration::from_micros(10);

/// As many handshakes go on at once.
const HANDSHAKES: usize = 1_000;

impl<H: Host> Couple<H> {
    pub(super) fn new(config: HostConfig) -> Couple<H> {
        let longest = config.longest();
        Couple {
            client: H::client(&config),
            server: H::server(&config),
            there: Wire::new(longest),
            back: Wire::new(longest),
            // A clock that starts from zero could be taken for none.
            now: Instant::from_millis(1),
            number: 0,
        }
    }

    /// Each end once: it takes in what has arrived, and sends. Where neither had anything to send, the clock leaps to what
    /// is due next; says whether there was anything.
    pub(super) fn exchange(&mut self) -> bool {
        self.exchange_around(|_, _| {}, |_, _| {})
    }

    /// The same, and between the two the end's user acts, as in a program that is told what has come before it sends.
    pub(super) fn exchange_around(
        &mut self,
        client: impl FnOnce(&mut H, Instant),
        server: impl FnOnce(&mut H, Instant),
    ) -> bool {
        let before = self.carried();
        self.client_turn(client);
        self.server_turn(server);
        self.leap_if_still(before)
    }

    /// As [`exchange`](Self::exchange), while the server's user waits to read into `buf`, and does again when it was given
    /// something to `take`.
    pub(super) fn exchange_for(
        &mut self,
        socket: H::Socket,
        buf: &mut [u8],
        mut take: impl FnMut(&[u8]),
    ) {
        let before = self.carried();
        self.client_turn(|_, _| {});
        let receive = |server: &mut H, now, Link { arrived, sent }: Link<'_>| loop {
            let (arrived, sent) = (&mut *arrived, &mut *sent);
            let filled = server.receive_for(now, Link { arrived, sent }, socket, buf);
            match buf.get(..filled) {
                Some(bytes @ [_, ..]) => take(bytes),
                _ => break,
            }
        };
        turn(
            &mut self.server,
            &mut self.now,
            (&mut self.there, &mut self.back),
            receive,
            |_, _| {},
        );
        self.leap_if_still(before);
    }

    fn carried(&self) -> u64 {
        self.there.carried() + self.back.carried()
    }

    /// Says whether anything was sent since so many packets were.
    fn leap_if_still(&mut self, before: u64) -> bool {
        let moved = self.carried() > before;
        if !moved {
            self.leap();
        }
        moved
    }

    /// The client's end alone.
    pub(super) fn client_turn(&mut self, act: impl FnOnce(&mut H, Instant)) {
        turn(
            &mut self.client,
            &mut self.now,
            (&mut self.back, &mut self.there),
            H::receive,
            act,
        );
    }

    /// The server's end alone.
    pub(super) fn server_turn(&mut self, act: impl FnOnce(&mut H, Instant)) {
        turn(
            &mut self.server,
            &mut self.now,
            (&mut self.there, &mut self.back),
            H::receive,
            act,
        );
    }

    fn leap(&mut self) {
        let deadlines = [
            self.client.deadline(self.now),
            self.server.deadline(self.now),
        ];
        if let Some(due) = deadlines.into_iter().flatten().min() {
            self.now = self.now.max(due);
        }
    }

    /// Begins the next connection.
    pub(super) fn connect(&mut self) -> H::Socket {
        let socket = self.client.connect(self.now, self.number);
        self.number += 1;
        socket
    }

    /// Opens so many connections, and waits until all are established. Nothing is lost or overtaken,
    /// so they are accepted in their order.
    pub(super) fn open(&mut self, count: usize) -> Vec<Ends<H>> {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let batch = HANDSHAKES.min(count - all.len());
            let clients: Vec<_> = (0..batch).map(|_| self.connect()).collect();
            let mut clients = clients.into_iter();
            while clients.len() > 0 {
                self.exchange();
                let servers = std::iter::from_fn(|| self.server.accept());
                all.extend(
                    servers
                        .zip(&mut clients)
                        .map(|(server, client)| Ends { client, server }),
                );
            }
        }
        all
    }

    /// Opens one connection.
    pub(super) fn open_one(&mut self) -> Ends<H> {
        let one = self.open(1).pop();
        one.expect("one was opened")
    }
}

fn turn<H: Host>(
    host: &mut H,
    now: &mut Instant,
    (arrived, sent): (&mut Wire, &mut Wire),
    receive: impl FnOnce(&mut H, Instant, Link<'_>),
    act: impl FnOnce(&mut H, Instant),
) {
    *now += STEP;
    receive(host, *now, Link { arrived, sent });
    act(host, *now);
    host.send(*now, Link { arrived, sent });
}
