//! A whole stack under fire, in bytes: segments of several flows, damaged ones, ICMP, and garbage.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use proptest::prelude::*;
use tcp_core::seq::SeqNumber;
use tcp_core::{
    Admission, ConnectionId, Event, Instant, ListenAddr, ListenConfig, ListenerId, Offload,
    PacketMeta, StackConfig, SynDecision, SynId, TcpConfig, ValidConfig,
};
use tcp_sim::Side;
use tcp_sim::oracle::{Conduct, check_health, check_info};
use tcp_sim::world::{Family, Host, TcpPacket, write_packet};

use crate::connection::View;
use crate::plan::{Shot, shot};

const MTU: u16 = 1_500;

/// One step of a run.
#[derive(Clone, Debug)]
pub enum Act {
    /// A segment of a flow, damaged or not.
    Packet(usize, Shot, Damage),
    Garbage(Vec<u8>),
    /// An ICMP error of this type and code about a flow.
    Icmp(usize, u8, u8, u16),
    Connect(usize),
    Accept,
    Decide(SynDecision),
    /// A call on one of the connections that are held.
    Call(usize, Call),
    Wait(Duration),
    CloseListeners,
}

#[derive(Clone, Copy, Debug)]
pub enum Call {
    Write(usize),
    Read,
    Close,
    Abort,
}

#[derive(Clone, Debug)]
pub enum Damage {
    None,
    Bits(Vec<usize>),
    Cut(usize),
    Extend(usize),
    /// The device says, truly or not, that it is several segments of this size.
    Coalesced(u16),
}

impl Arbitrary for Act {
    type Parameters = ();
    type Strategy = BoxedStrategy<Act>;

    fn arbitrary_with(_: ()) -> BoxedStrategy<Act> {
        let shot = shot().prop_map(|shot| Shot {
            len: shot.len.min(1_400),
            ..shot
        });
        let damage = prop_oneof![
            6 => Just(Damage::None),
            1 => prop::collection::vec(0usize..20_000, 1..4).prop_map(Damage::Bits),
            1 => (0usize..100).prop_map(Damage::Cut),
            1 => (1usize..50).prop_map(Damage::Extend),
            2 => prop_oneof![1u16..200, any::<u16>()].prop_map(Damage::Coalesced),
        ];
        let call = prop_oneof![
            3 => (1usize..5_000).prop_map(Call::Write),
            3 => Just(Call::Read),
            1 => Just(Call::Close),
            1 => Just(Call::Abort),
        ];
        let decision = prop_oneof![
            Just(SynDecision::Accept),
            Just(SynDecision::Defer),
            Just(SynDecision::Refuse),
            Just(SynDecision::Drop),
        ];
        prop_oneof![
            20 => (0..FLOWS, shot, damage).prop_map(|(flow, shot, damage)| Act::Packet(flow, shot, damage)),
            2 => prop::collection::vec(any::<u8>(), 0..120).prop_map(Act::Garbage),
            2 => (0..FLOWS, prop_oneof![Just(3u8), Just(11), Just(4), any::<u8>()], 0u8..16, any::<u16>())
                .prop_map(|(flow, kind, code, mtu)| Act::Icmp(flow, kind, code, mtu)),
            1 => (0..FLOWS).prop_map(Act::Connect),
            4 => Just(Act::Accept),
            2 => decision.prop_map(Act::Decide),
            6 => (0usize..8, call).prop_map(|(index, call)| Act::Call(index, call)),
            3 => (1u64..3_000).prop_map(|millis| Act::Wait(Duration::from_millis(millis))),
            1 => Just(Act::Wait(Duration::from_secs(120))),
            1 => prop::bool::weighted(0.1)
                .prop_map(|it| if it { Act::CloseListeners } else { Act::Accept }),
        ]
        .boxed()
    }
}

/// What happens to a stack behind which device.
#[derive(Clone, Debug)]
pub struct Raid {
    acts: Vec<Act>,
    offload: Offload,
}

impl Raid {
    /// What the acts are, and the device.
    pub fn new(acts: Vec<Act>, offload: Offload) -> Raid {
        Raid { acts, offload }
    }

    /// Any raid of fewer acts than this.
    pub fn any(most: usize) -> impl Strategy<Value = Raid> {
        let acts = prop::collection::vec(any::<Act>(), 1..most);
        (acts, Raid::offloads()).prop_map(|(acts, offload)| Raid { acts, offload })
    }

    /// A device that cuts nothing, or a card that does.
    pub fn offloads() -> impl Strategy<Value = Offload> {
        prop::sample::select(vec![Offload::NONE, Host::CARD])
    }

    /// Nothing panics, every packet is well-formed and well-behaved, nobody's connection goes
    /// missing, and in the end all memory is returned.
    pub fn survive(&self) {
        let tcp = TcpConfig::default()
            .validate()
            .expect("the defaults are valid");
        let mut bench = Bench::new(&tcp, self.offload);
        for act in &self.acts {
            bench.take(act, &tcp);
        }
        bench.finish();
    }
}

/// How many pairs of endpoints there are: over IPv4 and IPv6 in turn, to an ordinary listener, to
/// one that asks, and to ports of the catch-all.
const FLOWS: usize = 8;

fn flow(index: usize) -> (SocketAddr, SocketAddr) {
    let family = [Family::V4, Family::V6][index % 2];
    let local = [80, 81, 5_000, 5_001][index / 2];
    (Side::A.addr(family, local), Side::B.addr(family, 1_000))
}

/// A stack with three listeners, and where the peers of its flows believe to stand.
struct Bench {
    host: Host,
    now: Instant,
    listeners: Vec<ListenerId>,
    held: Vec<ConnectionId>,
    asked: Vec<SynId>,
    conducts: BTreeMap<(SocketAddr, SocketAddr), Conduct>,
    views: BTreeMap<(SocketAddr, SocketAddr), View>,
}

impl Bench {
    fn new(tcp: &ValidConfig, offload: Offload) -> Bench {
        let stack = StackConfig {
            mtu: MTU,
            offload,
            ..Host::stack_config(0)
        };
        let mut host = Host::with_config(stack, [7; 32]);
        let config = |admission| ListenConfig {
            backlog: 1,
            syn_backlog: 3,
            admission,
            tcp: tcp.clone(),
            ..ListenConfig::default()
        };
        let any_ip = |port| ListenAddr {
            ip: None,
            port: Some(port),
        };
        let listeners = [
            host.stack.listen(any_ip(80), config(Admission::Accept)),
            host.stack.listen(any_ip(81), config(Admission::Ask)),
            host.stack
                .listen(ListenAddr::ANY, config(Admission::Accept)),
        ];
        let views = (0..FLOWS).map(|index| {
            let peer_isn = SeqNumber::new(1_000 * index as u32);
            (flow(index), View::new(SeqNumber::new(0), peer_isn))
        });
        Bench {
            host,
            now: Instant::ZERO,
            listeners: listeners.map(|it| it.expect("three addresses")).to_vec(),
            held: Vec::new(),
            asked: Vec::new(),
            conducts: BTreeMap::new(),
            views: views.collect(),
        }
    }

    fn take(&mut self, act: &Act, tcp: &ValidConfig) {
        // A new connection between the same endpoints shows by its initial sequence number, which
        // moves with time.
        self.now += Duration::from_millis(1);
        match act {
            Act::Packet(index, shot, damage) => self.send(flow(*index), shot, damage),
            Act::Garbage(bytes) => self.hand_in(bytes),
            Act::Icmp(index, kind, code, mtu) => {
                let view = &self.views[&flow(*index)];
                let packet = icmp_error(flow(*index), view.snd_una, *kind, *code, *mtu);
                self.hand_in(&packet);
            }
            Act::Connect(index) => {
                let (local, remote) = flow(*index);
                let made = self
                    .host
                    .stack
                    .connect(self.now, Some(local), remote, tcp.clone());
                self.held.extend(made.ok());
            }
            Act::Accept => {
                for listener in &self.listeners {
                    self.held.extend(self.host.stack.accept(*listener).ok());
                }
            }
            Act::Decide(decision) => {
                if let Some(syn) = self.asked.pop() {
                    self.host.stack.decide(self.now, syn, *decision);
                    if *decision == SynDecision::Defer {
                        self.asked.push(syn);
                    }
                }
            }
            Act::Call(index, call) => self.call(*index, *call),
            Act::Wait(span) => self.wait(*span),
            Act::CloseListeners => {
                for listener in std::mem::take(&mut self.listeners) {
                    self.host.stack.close_listener(self.now, listener);
                }
            }
        }
        self.settle();
    }

    fn send(&mut self, (local, remote): (SocketAddr, SocketAddr), shot: &Shot, damage: &Damage) {
        let view = self
            .views
            .get_mut(&(local, remote))
            .expect("one of the flows");
        let header = view.header_of(shot);
        if let Some(ack) = header.ack
            && view.snd_max.distance_from(ack) >= 0
            && ack.distance_from(view.snd_una) > 0
        {
            view.snd_una = ack;
        }
        view.peer_clock = view.peer_clock.wrapping_add(1);
        let payload = view.payload(header.seq, shot.len);
        let mut packet = write_packet(remote, local, &header, &payload);
        match damage {
            Damage::None | Damage::Coalesced(_) => {}
            Damage::Bits(bits) => {
                for bit in bits {
                    let bit = bit % (packet.len() * 8);
                    packet[bit / 8] ^= 1 << (bit % 8);
                }
            }
            Damage::Cut(by) => packet.truncate(packet.len() - by.min(&packet.len())),
            Damage::Extend(by) => packet.resize(packet.len() + by, 0xee),
        }
        let segment_size = match damage {
            Damage::Coalesced(size) => NonZeroU16::new(*size),
            _ => None,
        };
        self.hand_in_as(&packet, segment_size);
    }

    fn hand_in(&mut self, packet: &[u8]) {
        self.hand_in_as(packet, None);
    }

    fn hand_in_as(&mut self, packet: &[u8], segment_size: Option<NonZeroU16>) {
        if let Some(tcp) = TcpPacket::parse(packet) {
            let conduct = self.conducts.entry((tcp.dst, tcp.src)).or_default();
            conduct.handed(&tcp.header, tcp.payload.len());
        }
        let meta = PacketMeta {
            segment_size,
            ..PacketMeta::default()
        };
        let stack = &mut self.host.stack;
        stack.handle_packet(self.now, packet, meta);
    }

    fn call(&mut self, index: usize, call: Call) {
        let Some(id) = self.held.get(index).copied() else {
            return;
        };
        let Some(mut connection) = self.host.stack.connection(self.now, id) else {
            panic!("a connection is there until its user closes it");
        };
        match call {
            Call::Write(len) => {
                let _ = connection.write(&vec![b'w'; len]);
            }
            Call::Read => {
                let _ = connection.read(&mut [0; 3_000]);
            }
            Call::Close => {
                connection.close();
                self.held.remove(index);
                assert!(
                    self.host.stack.connection(self.now, id).is_none(),
                    "a stale id"
                );
            }
            Call::Abort => connection.abort(),
        }
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        let mut runs = 0;
        while let Some(deadline) = self.host.stack.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(deadline);
            self.host.stack.handle_timeout(self.now);
            self.settle();
            runs += 1;
            assert!(runs < 100_000, "time stands still at {:?}", self.now);
        }
        self.now = until;
    }

    /// Drains the stack; whatever it sends can be read and obeys the rules.
    fn settle(&mut self) {
        for packet in self.host.drain(self.now) {
            let tcp = TcpPacket::parse(&packet).expect("a stack sends only what it can read");
            let conduct = self.conducts.entry((tcp.src, tcp.dst)).or_default();
            if conduct.is_reborn_by(&tcp.header) {
                *conduct = std::mem::take(conduct).reborn();
            }
            if let Err(violation) = conduct.sent(&tcp.header, &tcp.payload) {
                panic!("{violation}: {tcp:?}");
            }
            if let Some(view) = self.views.get_mut(&(tcp.src, tcp.dst)) {
                let len = tcp.payload.len() as u32 + tcp.header.control.sequence_len();
                view.note(&tcp.header, len);
            }
        }
        for event in self.host.take_events() {
            if let Event::Syn { id, .. } = event {
                self.asked.push(id);
            }
        }
        for id in &self.held {
            let connection = self.host.stack.connection(self.now, *id);
            let connection = connection.expect("a connection is there until its user closes it");
            connection.assert_invariants();
            let info = connection.info();
            let judgement = check_info(&info, MTU).and_then(|()| check_health(&connection, &info));
            if let Err(violation) = judgement {
                panic!("{violation}: {info:?}");
            }
        }
    }

    /// The peers fall silent and everything is closed: nothing may be left.
    fn finish(mut self) {
        while !self.held.is_empty() {
            self.call(0, Call::Close);
            self.settle();
        }
        for listener in std::mem::take(&mut self.listeners) {
            self.host.stack.close_listener(self.now, listener);
        }
        self.settle();
        self.wait(Duration::from_secs(7 * 86_400));
        assert_eq!(
            self.host.stack.sockets().next(),
            None,
            "a connection is left"
        );
        assert_eq!(self.host.stack.poll_timeout(), None, "a timer is left");
        assert_eq!(self.host.stack.counters().curr_estab, 0);
    }
}

/// An ICMP error of a router about a segment of ours; `mtu` stands where type 3, code 4 has it.
fn icmp_error(
    (local, remote): (SocketAddr, SocketAddr),
    seq: SeqNumber,
    kind: u8,
    code: u8,
    mtu: u16,
) -> Vec<u8> {
    let header = tcp_core::wire::Header::new(seq);
    let offending = write_packet(local, remote, &header, &[]);
    let mut message = vec![kind, code, 0, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(&offending[..offending.len().min(60)]);
    // ICMPv6's checksum covers a pseudo-header; the one over IPv4 is enough for both to be tried,
    // the one sometimes right, the other always wrong.
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (local, remote) else {
        return message;
    };
    let total = (20 + message.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 1, 0, 0]);
    packet.extend(remote.ip().octets());
    packet.extend(local.ip().octets());
    let sum = checksum(&packet).to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
    packet.extend(message);
    packet
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
