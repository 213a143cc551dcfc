//! The account of buffers' memory is exact, and its limits hold whatever happens.

use super::*;
use crate::config::{BufferSize, Limits, MemoryLimits, TcpConfig};
use proptest::prelude::*;

/// What the books say is what there is, in sum and one by one.
pub(super) fn check_account(stack: &Stack) {
    let mut total = 0;
    for (key, entry) in stack.connections.iter() {
        total += entry.held.bytes as usize;
        // Those that wait to be asked for what they have to say are looked at then.
        if !stack.is_to_be_noted(key.index) {
            assert_eq!(entry.held.bytes, entry.resident.memory());
        }
    }
    assert_eq!(stack.memory(), total);
    let orphans = stack.connections.iter().filter(|(_, it)| it.orphaned);
    assert_eq!(stack.counters.orphans, orphans.count() as u64);
    assert!(stack.memory() <= stack.config.limits.memory.high);
}

const MEMORY: MemoryLimits = MemoryLimits {
    low: 100_000,
    pressure: 150_000,
    high: 300_000,
};

/// A server with little memory, and so many connections to it.
fn small_server(count: usize) -> (Pair, Vec<(ConnectionId, ConnectionId)>) {
    let limits = Limits {
        memory: MEMORY,
        ..Limits::default()
    };
    let server = StackConfig {
        limits,
        ..config(server_ip())
    };
    let mut pair = Pair::with(config(client_ip()), server);
    let tcp = TcpConfig {
        pacing: false,
        ..TcpConfig::default()
    };
    let tcp = tcp.validate().unwrap();
    let listener = pair.listen(ListenConfig {
        tcp,
        ..ListenConfig::default()
    });
    let ends = (0..count).map(|_| pair.establish(listener)).collect();
    (pair, ends)
}

fn is_open(host: &mut Host, now: Instant, id: ConnectionId) -> bool {
    let connection = host.stack.connection(now, id).unwrap();
    connection.state().is_synchronized()
}

#[test]
fn windows_stop_growing_then_newcomers_are_refused_then_the_worst_are_ended() {
    let (mut pair, ends) = small_server(8);
    // Nobody reads.
    let fill = |pair: &mut Pair, range: core::ops::Range<usize>, bytes: usize| {
        for &(client, _) in &ends[range] {
            pair.client.write(pair.now, client, &vec![1; bytes]);
        }
        pair.run();
        check_account(&pair.server.stack);
    };
    fill(&mut pair, 0..2, 60_000);
    assert!(!pair.server.stack.is_under_memory_pressure());
    fill(&mut pair, 2..3, 60_000);
    assert!(pair.server.stack.is_under_memory_pressure());
    assert_eq!(pair.server.stack.counters().memory_pressures, 1);
    fill(&mut pair, 3..4, 60_000);
    fill(&mut pair, 4..5, 20_000);
    let open = |pair: &mut Pair| {
        let mut open = ends.iter().map(|&(_, server)| server);
        open.by_ref()
            .filter(|&id| is_open(&mut pair.server, pair.now, id))
            .count()
    };
    assert_eq!(open(&mut pair), 8);
    let refused = pair.start_connect();
    pair.run();
    let state = pair.client.stack.connection(pair.now, refused).unwrap();
    assert_eq!(state.state(), crate::State::SynSent);
    drop(state);
    assert_eq!(pair.server.stack.counters().refused_for_memory, 1);

    fill(&mut pair, 5..6, 60_000);
    assert_eq!(pair.server.stack.counters().abort_on_memory, 1);
    assert_eq!(open(&mut pair), 7);
    assert!(
        is_open(&mut pair.server, pair.now, ends[4].1),
        "not the small"
    );
    for &(_, server) in &ends {
        pair.server.read_all(pair.now, server);
        pair.run();
    }
    pair.sleep(Duration::from_secs(2));
    assert_eq!(pair.server.stack.counters().memory_pressures, 1);
    assert!(!pair.server.stack.is_under_memory_pressure());
    let state = pair.client.stack.connection(pair.now, refused).unwrap();
    assert_eq!(state.state(), crate::State::Established, "a SYN later");
}

#[test]
fn under_pressure_what_lies_beyond_a_hole_gives_way_to_what_is_in_order() {
    let (mut pair, ends) = small_server(7);
    for (&(client, _), bytes) in ends
        .iter()
        .zip([60_000, 60_000, 60_000, 60_000, 20_000, 5_000])
    {
        pair.client.write(pair.now, client, &vec![1; bytes]);
    }
    pair.run();
    let (client, server) = ends[6];
    pair.client.write(pair.now, client, &[2; 60_000]);
    let mut packets = pair.client_to_server();
    let first = packets.remove(0);
    for packet in packets {
        pair.server.handle(pair.now, &packet);
        check_account(&pair.server.stack);
    }
    let counters = pair.server.stack.counters();
    assert!(counters.ofo_drop > 0 && counters.ofo_queue > 0);
    assert_eq!(counters.abort_on_memory, 0);
    pair.server.handle(pair.now, &first);
    for &(_, other) in &ends[..6] {
        pair.server.read_all(pair.now, other);
    }
    pair.run();
    pair.sleep(Duration::from_secs(5));
    let mut read = pair.server.read_all(pair.now, server);
    pair.sleep(Duration::from_secs(5));
    read.extend(pair.server.read_all(pair.now, server));
    assert_eq!(read, [2; 60_000], "sent again");
    assert_eq!(pair.server.stack.counters().abort_on_memory, 0);
}

#[test]
fn without_pressure_windows_and_send_buffers_grow_and_under_it_they_do_not() {
    let grown = |limits: Limits| {
        let with_limits = |address| StackConfig {
            limits,
            ..config(address)
        };
        let mut pair = Pair::with(with_limits(client_ip()), with_limits(server_ip()));
        let listener = pair.listen(ListenConfig::default());
        let (client, server) = pair.establish(listener);
        let (idle_client, idle_server) = pair.establish(listener);
        // Nobody reads it.
        pair.client.write(pair.now, idle_client, &[0; 5_000]);
        pair.server.write(pair.now, idle_server, &[0; 5_000]);
        pair.run();
        for _ in 0..100 {
            let mut connection = pair.client.stack.connection(pair.now, client).unwrap();
            let _ = connection.write(&[0; 1 << 20]);
            drop(connection);
            // A round trip of 20 ms.
            let packets = pair.client_to_server();
            pair.now += Duration::from_millis(10);
            packets
                .iter()
                .for_each(|it| pair.server.handle(pair.now, it));
            pair.server.read_all(pair.now, server);
            let packets = pair.server_to_client();
            pair.now += Duration::from_millis(10);
            packets
                .iter()
                .for_each(|it| pair.client.handle(pair.now, it));
            pair.client.stack.handle_timeout(pair.now);
        }
        let sent = pair.client.stack.connection(pair.now, client).unwrap();
        let sent = sent.info().send_buffer;
        let received = pair.server.stack.connection(pair.now, server).unwrap();
        (sent, received.info().recv_buffer)
    };
    let (sent, received) = grown(Limits::default());
    let first = BufferSize::SEND.initial();
    assert!(sent > first && received > 2 * first, "{sent} {received}");
    let scarce = Limits {
        memory: MemoryLimits {
            low: 1_000,
            pressure: 2_000,
            ..MemoryLimits::default()
        },
        ..Limits::default()
    };
    assert_eq!(grown(scarce), (first, first));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Connect,
    Write { which: usize, bytes: usize },
    Answer { which: usize, bytes: usize },
    Read { which: usize },
    Close { client: bool, which: usize },
    Exchange { lost: u64 },
    Sleep { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let which = || 0usize..12;
    prop_oneof![
        2 => Just(Step::Connect),
        6 => (which(), 1usize..70_000).prop_map(|(which, bytes)| Step::Write { which, bytes }),
        3 => (which(), 1usize..70_000).prop_map(|(which, bytes)| Step::Answer { which, bytes }),
        2 => which().prop_map(|which| Step::Read { which }),
        1 => (any::<bool>(), which()).prop_map(|(client, which)| Step::Close { client, which }),
        9 => any::<u64>().prop_map(|lost| Step::Exchange { lost: lost & (lost >> 9) }),
        2 => (0u64..3_000).prop_map(|millis| Step::Sleep { millis }),
    ]
}

/// A world of connections to one server, and what its test remembers.
struct World {
    pair: Pair,
    listener: ListenerId,
    clients: Vec<ConnectionId>,
    servers: Vec<ConnectionId>,
}

impl World {
    fn new(memory: MemoryLimits) -> World {
        let limits = Limits {
            memory,
            orphans: 1,
            ..Limits::default()
        };
        let server = StackConfig {
            limits,
            awake_connections: 2,
            ..config(server_ip())
        };
        let mut pair = Pair::with(config(client_ip()), server);
        let listener = pair.listen(ListenConfig::default());
        World {
            pair,
            listener,
            clients: Vec::new(),
            servers: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.pair.now;
        let (client, server) = (&mut self.pair.client.stack, &mut self.pair.server.stack);
        match step {
            Step::Connect => {
                let config = ValidConfig::default();
                let id = client.connect(now, None, server_addr(), config);
                self.clients.push(id.unwrap());
            }
            Step::Write { which, bytes } => {
                if let Some(id) = self.clients.get(which) {
                    let _ = client.connection(now, *id).unwrap().write(&vec![1; bytes]);
                }
            }
            Step::Answer { which, bytes } => {
                if let Some(id) = self.servers.get(which) {
                    let _ = server.connection(now, *id).unwrap().write(&vec![1; bytes]);
                }
            }
            Step::Read { which } => {
                if let Some(id) = self.servers.get(which) {
                    self.pair.server.read_all(now, *id);
                }
            }
            Step::Close {
                client: true,
                which,
            } if which < self.clients.len() => {
                let id = self.clients.swap_remove(which);
                self.pair.client.close(now, id);
            }
            Step::Close {
                client: false,
                which,
            } if which < self.servers.len() => {
                let id = self.servers.swap_remove(which);
                self.pair.server.close(now, id);
            }
            Step::Close { .. } => {}
            Step::Exchange { lost } => self.exchange(lost),
            Step::Sleep { millis } => {
                self.pair.now += Duration::from_millis(millis);
                self.pair.client.stack.handle_timeout(self.pair.now);
                self.pair.server.stack.handle_timeout(self.pair.now);
            }
        }
        while let Ok(id) = self.pair.server.stack.accept(self.listener) {
            self.servers.push(id);
        }
        check_account(&self.pair.server.stack);
        check_account(&self.pair.client.stack);
    }

    fn exchange(&mut self, lost: u64) {
        let (to_server, to_client) = (self.pair.client_to_server(), self.pair.server_to_client());
        let lives = |number: usize| lost >> (number % 64) & 1 == 0;
        for (number, packet) in to_server.iter().enumerate() {
            if lives(number) {
                self.pair.server.handle(self.pair.now, packet);
                check_account(&self.pair.server.stack);
            }
        }
        for (number, packet) in to_client.iter().enumerate() {
            if lives(number) {
                self.pair.client.handle(self.pair.now, packet);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_account_is_exact_and_the_limit_holds(
        steps in prop::collection::vec(step(), 1..80), high in 20_000usize..400_000,
    ) {
        let memory = MemoryLimits { low: high / 4, pressure: high / 2, high };
        let mut world = World::new(memory);
        for step in steps {
            world.take(step);
        }
    }
}
