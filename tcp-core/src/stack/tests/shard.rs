//! Several stacks with the same addresses: to everybody else they are one host.

use alloc::collections::BTreeSet;
use core::num::NonZeroU16;

use super::*;
use crate::error::ConnectError;
use crate::stack::Steering;

/// It goes to the thread that is to run it.
const _: fn() = || {
    fn assert_send<T: Send>() {}
    assert_send::<Stack>();
};

const NOW: Instant = Instant::from_millis(1);

/// A host of several stacks, and whose a packet is.
struct Shards {
    steering: Steering,
    stacks: Vec<Host>,
}

impl Shards {
    fn new(count: u16, config: &StackConfig) -> Shards {
        let steering = Steering::new(&SECRET, NonZeroU16::new(count).unwrap());
        let host = |shard| Host {
            stack: Stack::sharded(config.clone(), SECRET, shard),
            events: Vec::new(),
        };
        let stacks = steering.shards().map(host).collect();
        Shards { steering, stacks }
    }

    fn handle(&mut self, packet: &[u8]) {
        let owner = self.steering.owner_of_packet(packet).unwrap();
        self.stacks[usize::from(owner)].handle(NOW, packet);
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        self.stacks
            .iter_mut()
            .flat_map(|host| host.drain(NOW))
            .collect()
    }
}

/// Carries packets until nobody has anything to say.
fn settle(one: &mut Shards, other: &mut Shards) {
    loop {
        let (to_other, to_one) = (one.drain(), other.drain());
        if to_other.is_empty() && to_one.is_empty() {
            return;
        }
        to_other.iter().for_each(|packet| other.handle(packet));
        to_one.iter().for_each(|packet| one.handle(packet));
    }
}

fn connect(
    host: &mut Host,
    local: Option<SocketAddr>,
    remote: SocketAddr,
) -> Result<SocketAddr, ConnectError> {
    let id = host
        .stack
        .connect(NOW, local, remote, ValidConfig::default())?;
    Ok(host.stack.connection(NOW, id).unwrap().local_addr())
}

#[test]
fn every_connection_is_made_between_its_owners() {
    let mut client = Shards::new(3, &config(client_ip()));
    let mut server = Shards::new(4, &config(server_ip()));
    let listeners: Vec<ListenerId> = server
        .stacks
        .iter_mut()
        .map(|host| host.stack.listen(on_port(PORT), ListenConfig::default()))
        .map(Result::unwrap)
        .collect();
    let mut made = BTreeSet::new();
    for round in 0..30 {
        let local = connect(&mut client.stacks[round % 3], None, server_addr()).unwrap();
        assert!(made.insert(local), "{local} twice");
    }
    settle(&mut client, &mut server);

    let mut accepted = BTreeSet::new();
    for (index, (host, &listener)) in server.stacks.iter_mut().zip(&listeners).enumerate() {
        while let Ok(id) = host.stack.accept(listener) {
            let mut connection = host.stack.connection(NOW, id).unwrap();
            let peer = connection.remote_addr();
            let owner = server.steering.owner(server_addr(), peer);
            assert_eq!(usize::from(owner), index);
            assert_eq!(connection.write(b"x"), Ok(1));
            accepted.insert(peer);
        }
    }
    assert_eq!(accepted, made);
    settle(&mut client, &mut server);
    let resets = |shards: &Shards| -> u64 {
        let counters = shards.stacks.iter().map(|host| host.stack.counters());
        counters.map(|counters| counters.out_rsts).sum()
    };
    assert_eq!((resets(&client), resets(&server)), (0, 0));
}

#[test]
fn the_stacks_share_the_ports_without_sharing_one() {
    let config = StackConfig {
        ephemeral_ports: (50_000, 50_099),
        ..config(client_ip())
    };
    let mut client = Shards::new(4, &config);
    let mut ports = BTreeSet::new();
    for host in &mut client.stacks {
        loop {
            match connect(host, None, server_addr()) {
                Ok(local) => assert!(ports.insert(local.port())),
                Err(error) => {
                    assert_eq!(error, ConnectError::NoFreePort);
                    break;
                }
            }
        }
    }
    assert!(
        ports.into_iter().eq(50_000..=50_099),
        "each port has an owner"
    );
}

#[test]
fn a_port_that_makes_it_another_stack_s_flow_is_refused_with_its_owner() {
    let mut client = Shards::new(4, &config(client_ip()));
    for port in 1..100 {
        let local = SocketAddr::new(client_ip(), port);
        let owner = client.steering.owner(local, server_addr());
        for (index, host) in client.stacks.iter_mut().enumerate() {
            let expected = match index == usize::from(owner) {
                true => Ok(local),
                false => Err(ConnectError::OtherStack { owner }),
            };
            assert_eq!(connect(host, Some(local), server_addr()), expected);
        }
    }
}
