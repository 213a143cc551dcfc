//! The connections of a script, and which of them a packet is of.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::drill::flow::{Flow, Opening};
use crate::drill::packet::{Flags, TcpBody};
use crate::drill::wire::{Ends, Live};

/// The script's side opens its first connection from this port, and each other from the next.
const FIRST_REMOTE_PORT: u16 = 40_000;

/// The connections of a script.
#[derive(Clone, Debug)]
pub struct Flows {
    all: Vec<Flow>,
    /// Of which packets are that do not say their ports.
    current: Option<usize>,
    /// Descriptors that listen, and where.
    listening: BTreeMap<i64, u16>,
    local: IpAddr,
    remote: IpAddr,
    /// Where a SYN goes while nobody listens.
    bind_port: u16,
    next_remote_port: u16,
}

impl Flows {
    /// None yet, between these addresses.
    pub fn new(local: IpAddr, remote: IpAddr, bind_port: u16) -> Flows {
        Flows {
            all: Vec::new(),
            current: None,
            listening: BTreeMap::new(),
            local,
            remote,
            bind_port,
            next_remote_port: FIRST_REMOTE_PORT,
        }
    }

    /// The connection of this index.
    pub fn get(&mut self, index: usize) -> &mut Flow {
        &mut self.all[index]
    }

    /// The connection of which packets are that do not say their ports.
    pub fn current(&self) -> Option<&Flow> {
        self.current.map(|index| &self.all[index])
    }

    /// Its index.
    pub fn current_index(&self) -> Option<usize> {
        self.current
    }

    /// The connection of a packet that the stack sent; a SYN opens one. `None` where it is of none.
    pub fn of_outbound(&mut self, live: &Live) -> Option<usize> {
        let known = self.all.iter().rposition(|flow| flow.ends == live.ends);
        let opens = live.tcp.flags.contains(Flags::SYN) && !live.tcp.flags.contains(Flags::ACK);
        // A tuple that was used before opens anew with another first number.
        let is_anew = opens && known.is_some_and(|index| self.all[index].is_over);
        match (known, opens) {
            (Some(index), _) if !is_anew => Some(index),
            (_, true) => Some(self.open(Flow::new(live.ends, Opening::Active))),
            (_, false) => known,
        }
    }

    /// The connection of a packet that the script sends; `ports` are its source and destination.
    pub fn of_inbound(&mut self, ports: Option<(u16, u16)>, body: &TcpBody) -> usize {
        let opens = body.flags.contains(Flags::SYN) && !body.flags.contains(Flags::ACK);
        if let Some((remote, local)) = ports {
            return self.of_ports(local, remote, opens);
        }
        let current = self.current.map(|index| (index, &self.all[index]));
        match current {
            // What opens while a connection is there is the SYN again, or a test of that connection.
            Some((index, flow))
                if !opens
                    || !flow.is_over
                    || flow.opened_with(body) && self.listening.is_empty() =>
            {
                index
            }
            _ => {
                let port = self.next_remote_port;
                self.next_remote_port += 1;
                let ends = self.ends(self.listening_port(), port);
                self.open(Flow::new(ends, Opening::Passive))
            }
        }
    }

    fn of_ports(&mut self, local: u16, remote: u16, opens: bool) -> usize {
        let is_named = |flow: &Flow| flow.script_ports == Some((local, remote));
        let named = self.all.iter().rposition(is_named);
        let named = named.filter(|&index| !(opens && self.all[index].is_over));
        // A connection of the stack's has a port that the script did not choose.
        let unnamed = self.current.filter(|&index| {
            let flow = &self.all[index];
            flow.script_ports.is_none() && flow.opening == Opening::Active
        });
        let index = named.or(unnamed).unwrap_or_else(|| {
            let ends = self.ends(local, remote);
            self.open(Flow::new(ends, Opening::Passive))
        });
        self.all[index].script_ports = Some((local, remote));
        self.current = Some(index);
        index
    }

    /// A descriptor listens at this port.
    pub fn listens(&mut self, fd: i64, port: u16) {
        self.listening.insert(fd, port);
    }

    /// A descriptor was accepted for the connection with this peer.
    pub fn accepted(&mut self, fd: i64, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let flow = self.all.iter_mut().rfind(|flow| flow.ends.dst == peer);
        if let Some(flow) = flow {
            flow.fd = Some(fd);
        }
    }

    /// A descriptor has begun to connect; its SYN is the newest, if there was one.
    pub fn connects(&mut self, fd: i64, local: SocketAddr) {
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        let flow = self.all.iter_mut().rfind(|flow| flow.ends.src == local);
        if let Some(flow) = flow {
            flow.fd = Some(fd);
        }
    }

    /// A descriptor was closed.
    pub fn closed(&mut self, fd: i64) {
        self.listening.remove(&fd);
        for flow in self.all.iter_mut().filter(|flow| flow.fd == Some(fd)) {
            flow.fd = None;
            flow.is_over = true;
        }
    }

    fn open(&mut self, flow: Flow) -> usize {
        self.all.push(flow);
        let index = self.all.len() - 1;
        self.current = Some(index);
        index
    }

    fn listening_port(&self) -> u16 {
        let newest = self.listening.last_key_value();
        newest.map_or(self.bind_port, |(_, &port)| port)
    }

    fn ends(&self, local: u16, remote: u16) -> Ends {
        Ends {
            src: SocketAddr::new(self.local, local),
            dst: SocketAddr::new(self.remote, remote),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::packet::{IpInfo, OptionsSpec, SeqRange};

    fn body(flags: Flags) -> TcpBody {
        TcpBody {
            flags,
            seq: SeqRange { start: 0, end: 0 },
            ack: flags.contains(Flags::ACK).then_some(1),
            window: None,
            urgent: None,
            options: OptionsSpec::Any,
        }
    }

    fn flows() -> Flows {
        let address = |text: &str| text.parse().unwrap();
        let mut flows = Flows::new(address("192.168.0.1"), address("192.0.2.1"), 8_080);
        flows.listens(3, 8_080);
        flows
    }

    #[test]
    fn a_syn_opens_where_no_connection_is_there() {
        let mut flows = flows();
        let first = flows.of_inbound(None, &body(Flags::SYN));
        flows.get(first).send(&body(Flags::SYN));
        assert_eq!(flows.of_inbound(None, &body(Flags::ACK)), first);
        assert_eq!(flows.of_inbound(None, &body(Flags::SYN)), first);
        let peer = flows.get(first).ends.dst;
        flows.accepted(4, peer);
        flows.closed(4);
        assert_eq!(flows.of_inbound(None, &body(Flags::ACK)), first);
        let second = flows.of_inbound(None, &body(Flags::SYN));
        assert_ne!(second, first);
        let ends = [first, second].map(|index| flows.get(index).ends);
        assert_ne!(ends[0], ends[1]);
    }

    #[test]
    fn ports_name_connections() {
        let mut flows = flows();
        let a = flows.of_inbound(Some((1_001, 8_080)), &body(Flags::SYN));
        let b = flows.of_inbound(Some((1_002, 8_080)), &body(Flags::SYN));
        assert_ne!(a, b);
        assert_eq!(flows.of_inbound(Some((1_001, 8_080)), &body(Flags::ACK)), a);
        assert_eq!(flows.get(b).ends.dst.port(), 1_002);
    }

    #[test]
    fn the_stacks_own_syn_opens_and_other_packets_of_strangers_do_not() {
        let mut flows = flows();
        let live = |flags| Live {
            ends: Ends {
                src: "192.168.0.1:55555".parse().unwrap(),
                dst: "192.0.2.1:8080".parse().unwrap(),
            },
            ip: IpInfo::default(),
            tcp: body(flags),
        };
        assert_eq!(flows.of_outbound(&live(Flags::RST)), None);
        let opened = flows.of_outbound(&live(Flags::SYN));
        assert_eq!(opened, Some(0));
        assert_eq!(flows.of_outbound(&live(Flags::ACK)), opened);
        flows.connects(5, "[::ffff:192.168.0.1]:55555".parse().unwrap());
        assert_eq!(flows.current().and_then(|flow| flow.fd), Some(5));
        // What the script calls its port is not what it is.
        assert_eq!(
            flows.of_inbound(Some((8_080, 32_768)), &body(Flags::ACK)),
            0
        );
    }
}
