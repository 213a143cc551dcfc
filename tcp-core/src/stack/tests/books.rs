//! Whatever happens, the stack's tables agree with each other, and nothing is left in them when
//! everything is closed.

use super::account::check_account;
use super::*;
use crate::config::Admission;
use crate::connection::State;
use crate::event::SynDecision;
use crate::stack::connections::Origin;
use crate::stack::demux::Record;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Connect,
    Listen(Admission),
    CloseListener,
    Accept,
    Decide(SynDecision),
    Write {
        server: bool,
        which: usize,
    },
    Read {
        server: bool,
        which: usize,
    },
    Shutdown {
        server: bool,
        which: usize,
    },
    Abort {
        server: bool,
        which: usize,
    },
    Close {
        server: bool,
        which: usize,
    },
    /// Carries what both say, but for the packets whose number has its bit set.
    Exchange {
        lost: u64,
    },
    /// Gives a packet that went by before to its receiver again, with a few bits changed.
    Replay {
        which: usize,
        flip: Option<usize>,
    },
    Sleep {
        millis: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let end = || (any::<bool>(), 0usize..3);
    prop_oneof![
        4 => Just(Step::Connect),
        2 => prop_oneof![Just(Admission::Accept), Just(Admission::Ask)].prop_map(Step::Listen),
        1 => Just(Step::CloseListener),
        6 => Just(Step::Accept),
        2 => prop_oneof![
            3 => Just(SynDecision::Accept),
            1 => Just(SynDecision::Defer),
            1 => Just(SynDecision::Refuse),
            1 => Just(SynDecision::Drop),
        ].prop_map(Step::Decide),
        4 => end().prop_map(|(server, which)| Step::Write { server, which }),
        2 => end().prop_map(|(server, which)| Step::Read { server, which }),
        2 => end().prop_map(|(server, which)| Step::Shutdown { server, which }),
        1 => end().prop_map(|(server, which)| Step::Abort { server, which }),
        4 => end().prop_map(|(server, which)| Step::Close { server, which }),
        20 => any::<u64>().prop_map(|lost| Step::Exchange { lost: lost & (lost >> 7) & (lost >> 21) }),
        3 => (0usize..200, prop::option::of(0usize..600)).prop_map(|(which, flip)| Step::Replay { which, flip }),
        4 => (0u64..20_000).prop_map(|millis| Step::Sleep { millis }),
    ]
}

/// A pair with what a test must remember to go on with.
struct World {
    pair: Pair,
    listeners: Vec<ListenerId>,
    clients: Vec<ConnectionId>,
    servers: Vec<ConnectionId>,
    /// Packets that have been sent, and whether to the server.
    seen: Vec<(bool, Vec<u8>)>,
}

impl World {
    fn new() -> World {
        let small = |address| StackConfig {
            max_time_wait: 2,
            awake_connections: 1,
            ephemeral_ports: (50_000, 50_003),
            ..config(address)
        };
        World {
            pair: Pair::with(small(client_ip()), small(server_ip())),
            listeners: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Connect => {
                let config = ValidConfig::default();
                let client = &mut self.pair.client.stack;
                self.clients
                    .extend(client.connect(self.pair.now, None, server_addr(), config));
            }
            Step::Listen(admission) => {
                let config = ListenConfig {
                    backlog: 1,
                    syn_backlog: 2,
                    admission,
                    ..ListenConfig::default()
                };
                let server = &mut self.pair.server.stack;
                self.listeners.extend(server.listen(on_port(PORT), config));
            }
            Step::CloseListener => {
                if let Some(listener) = self.listeners.pop() {
                    let server = &mut self.pair.server.stack;
                    server.close_listener(self.pair.now, listener);
                }
            }
            Step::Accept => {
                for &listener in &self.listeners {
                    self.servers.extend(self.pair.server.stack.accept(listener));
                }
            }
            Step::Decide(decision) => {
                let syn = self.pair.server.events.iter().rev().find_map(|event| {
                    let Event::Syn { id, .. } = event else {
                        return None;
                    };
                    Some(*id)
                });
                if let Some(id) = syn {
                    let server = &mut self.pair.server.stack;
                    server.decide(self.pair.now, id, decision);
                }
            }
            Step::Write { server, which } => self.on(server, which, |connection| {
                let _ = connection.write(&[7; 3_000]);
            }),
            Step::Read { server, which } => self.on(server, which, |connection| {
                let _ = connection.read(&mut [0; 2_000]);
            }),
            Step::Shutdown { server, which } => self.on(server, which, |connection| {
                connection.shutdown(crate::Shutdown::Write);
            }),
            Step::Abort { server, which } => {
                self.on(server, which, |connection| connection.abort())
            }
            Step::Close { server, which } => self.close(server, which),
            Step::Exchange { lost } => self.exchange(lost),
            Step::Replay { which, flip } => self.replay(which, flip),
            Step::Sleep { millis } => self.sleep(Duration::from_millis(millis)),
        }
    }

    fn on(&mut self, server: bool, which: usize, call: impl FnOnce(&mut ConnectionMut<'_>)) {
        let (host, ids) = match server {
            true => (&mut self.pair.server, &self.servers),
            false => (&mut self.pair.client, &self.clients),
        };
        if let Some(id) = ids.get(which) {
            let connection = host.stack.connection(self.pair.now, *id);
            call(&mut connection.expect("what is not closed has a name"));
        }
    }

    fn close(&mut self, server: bool, which: usize) {
        let (host, ids) = match server {
            true => (&mut self.pair.server, &mut self.servers),
            false => (&mut self.pair.client, &mut self.clients),
        };
        if which < ids.len() {
            let id = ids.swap_remove(which);
            host.close(self.pair.now, id);
            assert!(host.stack.connection(self.pair.now, id).is_none());
        }
    }

    fn exchange(&mut self, lost: u64) {
        let to_server = self.pair.client.drain(self.pair.now);
        let to_client = self.pair.server.drain(self.pair.now);
        let packets = to_server.into_iter().map(|packet| (true, packet));
        let packets = packets.chain(to_client.into_iter().map(|packet| (false, packet)));
        for (number, (to_server, packet)) in packets.enumerate() {
            if lost >> (number % 64) & 1 == 0 {
                self.deliver(to_server, &packet);
            }
            self.seen.push((to_server, packet));
        }
    }

    fn replay(&mut self, which: usize, flip: Option<usize>) {
        let Some((to_server, packet)) = self.seen.get(which) else {
            return;
        };
        let (to_server, mut packet) = (*to_server, packet.clone());
        if let Some(bit) = flip {
            let index = bit / 8 % packet.len();
            packet[index] ^= 1 << (bit % 8);
        }
        self.deliver(to_server, &packet);
    }

    /// The checksum is taken as verified, so that changed bits get as far as they can.
    fn deliver(&mut self, to_server: bool, packet: &[u8]) {
        let host = match to_server {
            true => &mut self.pair.server,
            false => &mut self.pair.client,
        };
        let meta = PacketMeta {
            checksum: ReceiveChecksum::Verified,
            ..PacketMeta::default()
        };
        host.stack.handle_packet(self.pair.now, packet, meta);
    }

    fn sleep(&mut self, span: Duration) {
        self.pair.now += span;
        self.pair.client.stack.handle_timeout(self.pair.now);
        self.pair.server.stack.handle_timeout(self.pair.now);
    }

    fn close_everything(&mut self) {
        while !self.clients.is_empty() {
            self.close(false, 0);
        }
        while !self.servers.is_empty() {
            self.close(true, 0);
        }
        while let Some(listener) = self.listeners.pop() {
            let server = &mut self.pair.server.stack;
            server.close_listener(self.pair.now, listener);
        }
        // Longer than any connection can go on without its user: R2, then TIME-WAIT.
        for _ in 0..1_000 {
            self.exchange(0);
            self.sleep(Duration::from_secs(2));
        }
    }
}

/// What must hold between any two calls.
fn check_books(stack: &Stack) {
    check_account(stack);
    // What is put off until somebody looks.
    let mut stack = stack.clone();
    stack.settle_touched();
    while let Some(index) = stack.ready.pop_front() {
        stack.note_changes(index);
    }
    let connections: Vec<_> = stack.connections.iter().collect();
    for (key, entry) in &connections {
        if entry.routed {
            let route = stack.route(&entry.tuple);
            assert_eq!(route, Some(Record::Connection(key.index)));
        } else {
            assert!(matches!(
                entry.resident.state(),
                State::TimeWait | State::Closed
            ));
        }
        let connection = entry.resident.look();
        assert!(!(connection.is_orphan() && connection.is_finished()));
    }
    for (key, embryo) in stack.half_opens.iter() {
        let route = stack.route(&embryo.tuple);
        assert_eq!(route, Some(Record::HalfOpen(key.index)));
        assert!(stack.listeners.get(embryo.listener).is_some());
    }
    for remains in stack.time_waits.iter() {
        let route = stack.route(&remains.tuple);
        assert!(matches!(route, Some(Record::TimeWait(_))));
    }
    let time_waits = stack.time_waits.iter().count();
    assert!(time_waits <= stack.config.max_time_wait);
    let routed = connections.iter().filter(|(_, entry)| entry.routed).count();
    let routes = routed + stack.half_opens.len() + time_waits;
    assert_eq!(stack.demux.len(), routes);

    let half_opens = stack.half_opens.iter().map(|(_, embryo)| &embryo.alarm);
    let alarms = connections
        .iter()
        .map(|(_, entry)| &entry.alarm)
        .chain(half_opens)
        .chain(stack.time_waits.iter().map(|remains| &remains.alarm))
        .filter(|alarm| alarm.is_some())
        .count();
    assert_eq!(stack.deadlines.len(), alarms);

    let queued: usize = stack
        .listeners
        .iter()
        .map(|(_, listener)| listener.half_open_len())
        .sum();
    assert_eq!(queued, stack.half_opens.len());
    let waiting = connections
        .iter()
        .filter(|(_, entry)| entry.origin == Origin::AcceptQueue)
        .filter(|(_, entry)| !entry.resident.is_orphan())
        .count();
    let queued: usize = stack
        .listeners
        .iter()
        .map(|(_, listener)| listener.accept_queue_len())
        .sum();
    assert_eq!(queued, waiting);
    let established = connections
        .iter()
        .filter(|(_, entry)| {
            matches!(
                entry.resident.state(),
                State::Established | State::CloseWait
            )
        })
        .count();
    assert_eq!(stack.counters.curr_estab, established as u64);
    let kept = connections
        .iter()
        .filter_map(|(_, entry)| entry.resident.awake())
        .filter(|connection| connection.is_at_rest())
        .count();
    assert_eq!(stack.resting.len(), kept);
    assert!(kept <= stack.config.awake_connections);
}

fn check_empty(stack: &Stack) {
    assert_eq!(stack.sockets().collect::<Vec<_>>(), []);
    assert_eq!(stack.demux.len(), 0);
    assert_eq!(stack.poll_timeout(), None);
    assert_eq!(stack.ready.front(), None);
    assert_eq!(stack.events.connections.front(), None);
    assert_eq!(stack.events.incoming.front(), None);
    assert_eq!(stack.events.syns.front(), None);
    assert_eq!(stack.counters.curr_estab, 0);
    assert_eq!((stack.memory(), stack.counters.orphans), (0, 0));
    assert!(stack.is_idle());
}

#[test]
fn a_stack_with_anything_left_is_not_idle() {
    let mut stack = Stack::new(config(client_ip()), [1; 32]);
    assert!(stack.is_idle());
    let now = Instant::ZERO;
    let id = stack.connect(now, None, server_addr(), ValidConfig::default());
    assert!(!stack.is_idle());
    stack.connection(now, id.unwrap()).unwrap().close();
    assert!(stack.is_idle());
}

proptest! {
    #[test]
    fn the_books_balance_and_close(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        world.take(Step::Listen(Admission::Accept));
        for step in steps {
            world.take(step);
            check_books(&world.pair.client.stack);
            check_books(&world.pair.server.stack);
        }
        world.close_everything();
        check_empty(&world.pair.client.stack);
        check_empty(&world.pair.server.stack);
    }
}
