//! The network card of a host that is given large segments.

use tcp_core::{Transmit, TransmitChecksum};

use crate::link::offload::{complete, cut};

/// The packets that go over the wire for one that a stack has written.
///
/// # Panics
///
/// When one of them is larger than the MTU.
pub(super) fn on_the_wire(mut packet: Vec<u8>, transmit: &Transmit, mtu: u16) -> Vec<Vec<u8>> {
    if let TransmitChecksum::Partial { start, offset } = transmit.checksum {
        complete(&mut packet, start, offset);
    }
    let packets = match transmit.segment_size {
        Some(size) => cut(packet, size),
        None => vec![packet],
    };
    for packet in &packets {
        let len = packet.len();
        assert!(len <= usize::from(mtu), "{len} bytes on an MTU of {mtu}");
    }
    packets
}
