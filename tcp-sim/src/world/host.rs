//! One host: a stack, its addresses, and what it said of itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use tcp_core::{
    ConnectionEvent, ConnectionId, Event, Instant, PacketMeta, Stack, StackConfig, State,
};

use crate::Side;

/// Which version of IP a test runs over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// 10.0.0.1 and 10.0.0.2.
    #[default]
    V4,
    /// fd00::1 and fd00::2.
    V6,
}

impl Side {
    /// The address of this side's host.
    pub fn ip(self, family: Family) -> IpAddr {
        let last = self.index() as u8 + 1;
        match family {
            Family::V4 => Ipv4Addr::new(10, 0, 0, last).into(),
            Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
        }
    }

    /// A port on this side's host.
    pub fn addr(self, family: Family, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip(family), port)
    }
}

/// A host: its stack, and the events that nobody has asked for yet.
#[derive(Clone, Debug)]
pub struct Host {
    /// The stack. Whoever calls it drains it afterwards, with [`Host::drain`].
    pub stack: Stack,
    events: Vec<Event>,
    /// How many of them came before the last drain.
    stale: usize,
}

impl Host {
    /// The host of `side`, with both of its addresses.
    pub fn new(side: Side, mtu: u16, secret: [u8; 32]) -> Host {
        let config = StackConfig {
            addresses: vec![side.ip(Family::V4), side.ip(Family::V6)],
            mtu,
            ..StackConfig::default()
        };
        Host::with_config(config, secret)
    }

    /// A host with this stack configuration.
    pub fn with_config(config: StackConfig, secret: [u8; 32]) -> Host {
        Host {
            stack: Stack::new(config, secret),
            events: Vec::new(),
            stale: 0,
        }
    }

    /// Hands a packet to the stack.
    pub fn receive(&mut self, now: Instant, packet: &[u8]) {
        self.stack.handle_packet(now, packet, PacketMeta::default());
    }

    /// Drains the stack as its contract asks: every packet, then every event. Gives the packets.
    ///
    /// # Panics
    ///
    /// When a packet is larger than the MTU, or the stack does not come to an end.
    pub fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mtu = usize::from(self.stack.config().mtu);
        let mut buffer = vec![0; mtu];
        let mut packets = Vec::new();
        while let Some(transmit) = self.stack.poll_transmit(now, &mut buffer) {
            assert!(
                transmit.len <= mtu,
                "{} bytes on an MTU of {mtu}",
                transmit.len
            );
            packets.push(buffer[..transmit.len].to_vec());
            assert!(packets.len() < PACKETS_AT_ONCE, "poll_transmit never ends");
        }
        self.stale = self.events.len();
        while let Some(event) = self.stack.poll_event() {
            self.events.push(event);
        }
        packets
    }

    /// The events that came with the last drain and that nobody has taken yet.
    pub fn fresh_events(&self) -> &[Event] {
        self.events.get(self.stale..).unwrap_or(&[])
    }

    /// Every event since they were last taken.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.stale = 0;
        std::mem::take(&mut self.events)
    }

    /// The events of one connection since they were last taken; those of others stay.
    pub fn take_events_of(&mut self, wanted: ConnectionId) -> Vec<ConnectionEvent> {
        let mut taken = Vec::new();
        self.stale = self.events.len();
        self.events.retain(|event| match event {
            Event::Connection { id, event } if *id == wanted => {
                taken.push(*event);
                false
            }
            _ => true,
        });
        taken
    }

    /// The state of the connection between these addresses, half-open and TIME-WAIT included.
    pub fn state_of(&self, local: SocketAddr, remote: SocketAddr) -> Option<State> {
        let mut sockets = self.stack.sockets();
        let found = sockets.find(|(_, here, there, _)| (*here, *there) == (local, remote));
        found.map(|(_, _, _, state)| state)
    }
}

/// More packets than any window of a test holds.
const PACKETS_AT_ONCE: usize = 100_000;
