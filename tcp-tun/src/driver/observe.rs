//! Who watches packets sees them as they would be on a wire.

use std::sync::Arc;
use std::time::SystemTime;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use parking_lot::Mutex;
use tcp_core::{PacketMeta, ReceiveChecksum, Transmit, TransmitChecksum};

/// Which way an observed packet went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// The device handed it to us.
    Received,
    /// The device took it from us.
    Sent,
}

/// Sees every packet that passes.
pub(crate) type Observer = Box<dyn FnMut(Direction, SystemTime, &[u8]) + Send>;

/// An observer for each of so many queues, by which the one sees what passes at all of them: in the order
/// of time, as far as the times of packets go that pass at once.
pub(super) fn share(observer: Observer, queues: usize) -> Vec<Observer> {
    if queues == 1 {
        return vec![observer];
    }
    let shared = Arc::new(Mutex::new((observer, SystemTime::UNIX_EPOCH)));
    let part = |shared: &Arc<Mutex<(Observer, SystemTime)>>| {
        let shared = Arc::clone(shared);
        let observe = move |direction, time: SystemTime, packet: &[u8]| {
            let (observer, last) = &mut *shared.lock();
            // Who has been overtaken on the way to the lock is late by that.
            *last = time.max(*last);
            observer(direction, *last, packet);
        };
        Box::new(observe) as Observer
    };
    (0..queues).map(|_| part(&shared)).collect()
}

/// What a packet's checksum field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TcpChecksum {
    /// The checksum.
    Whole,
    /// Perhaps the pseudo-header's sum alone, as where a device is to complete it.
    Partial,
}

impl TcpChecksum {
    /// A device that has verified a packet may have done so by knowing that it never left the machine.
    pub(super) fn received(meta: &PacketMeta) -> TcpChecksum {
        match meta.checksum {
            ReceiveChecksum::Verified => TcpChecksum::Partial,
            ReceiveChecksum::Unchecked => TcpChecksum::Whole,
        }
    }

    pub(super) fn sent(transmit: &Transmit) -> TcpChecksum {
        match transmit.checksum {
            TransmitChecksum::Partial { .. } => TcpChecksum::Partial,
            TransmitChecksum::Complete => TcpChecksum::Whole,
        }
    }
}

/// An observer, and room for a copy of a packet.
pub(super) struct Watcher {
    observe: Observer,
    copy: Vec<u8>,
}

impl Watcher {
    pub(super) fn new(observe: Observer) -> Watcher {
        let copy = Vec::new();
        Watcher { observe, copy }
    }

    /// Shows a packet; where its checksum is partial, a copy with a whole one, lest a capture is full
    /// of errors that are none. A large packet is shown as one, as a capture at a network card with
    /// TSO has it.
    pub(super) fn show(&mut self, direction: Direction, packet: &[u8], checksum: TcpChecksum) {
        let now = SystemTime::now();
        let whole = match checksum {
            TcpChecksum::Partial => tcp_checksum(packet),
            TcpChecksum::Whole => None,
        };
        let Some((at, sum)) = whole else {
            return (self.observe)(direction, now, packet);
        };
        self.copy.clear();
        self.copy.extend(packet);
        self.copy[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        (self.observe)(direction, now, &self.copy);
    }

    pub(super) fn into_observer(self) -> Observer {
        self.observe
    }
}

/// Where the checksum field of a TCP packet is, and what belongs there.
fn tcp_checksum(packet: &[u8]) -> Option<(usize, u16)> {
    let sliced = SlicedPacket::from_ip(packet).ok()?;
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
        return None;
    };
    let sum = match sliced.net? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            tcp.calc_checksum_ipv4(header.source(), header.destination())
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            tcp.calc_checksum_ipv6(header.source(), header.destination())
        }
        NetSlice::Arp(_) => return None,
    };
    // Both slices are of the same bytes.
    let start = tcp.slice().as_ptr().addr() - packet.as_ptr().addr();
    Some((start + CHECKSUM_OFFSET, sum.ok()?))
}

/// Where the checksum is in a TCP header.
const CHECKSUM_OFFSET: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tcp_core::wire::{self, Incoming};
    use tcp_core::{Instant, Stack, StackConfig, ValidConfig};

    /// A SYN between addresses of one family.
    fn syn(ours: &str, theirs: &str) -> Vec<u8> {
        let config = StackConfig {
            addresses: vec![ours.parse().unwrap()],
            ..StackConfig::default()
        };
        let mut stack = Stack::new(config, [7; 32]);
        let remote = theirs.parse().unwrap();
        let connected = stack.connect(Instant::ZERO, None, remote, ValidConfig::default());
        assert!(connected.is_ok());
        let mut packet = vec![0; 1_500];
        let transmit = stack.poll_transmit(Instant::ZERO, &mut packet).unwrap();
        packet.truncate(transmit.len);
        packet
    }

    #[test]
    fn a_partial_checksum_is_completed_in_the_copy_alone() {
        for (ours, theirs) in [("10.0.0.2", "10.0.0.1:80"), ("fd00::2", "[fd00::1]:80")] {
            let whole = syn(ours, theirs);
            let seen = Arc::new(Mutex::new(Vec::new()));
            let packets = Arc::clone(&seen);
            let mut watcher = Watcher::new(Box::new(move |_, _, packet| {
                packets.lock().unwrap().push(packet.to_vec());
            }));
            let at = whole.len() - wire_tcp_len(&whole) + CHECKSUM_OFFSET;
            let mut partial = whole.clone();
            partial[at] ^= 0xff;
            watcher.show(Direction::Sent, &partial, TcpChecksum::Partial);
            watcher.show(Direction::Sent, &partial, TcpChecksum::Whole);
            assert_eq!(*seen.lock().unwrap(), [whole, partial]);
        }
    }

    /// The length of the TCP header of a packet without data.
    fn wire_tcp_len(packet: &[u8]) -> usize {
        let parsed = wire::parse(packet, ReceiveChecksum::Unchecked).unwrap();
        let Incoming::Tcp(tcp) = parsed else {
            panic!("not TCP");
        };
        20 + wire::options_len(&tcp.segment.header.options)
    }

    #[test]
    fn what_is_not_tcp_is_shown_as_it_is() {
        let mut icmp = syn("10.0.0.2", "10.0.0.1:80");
        icmp[9] = 1;
        assert_eq!(tcp_checksum(&icmp), None);
        assert_eq!(tcp_checksum(&[]), None);
        assert_eq!(tcp_checksum(&[0x45; 19]), None);
    }
}
