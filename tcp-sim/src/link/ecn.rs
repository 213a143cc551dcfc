//! The ECN field of an IP header (RFC 3168 §5).

/// Marks a packet 'congestion experienced' if its sender can be told so that way, and says whether
/// it is marked now.
pub(super) fn mark(packet: &mut [u8]) -> bool {
    match packet {
        [0x40..=0x4f, tos, ..] => {
            let before = *tos;
            if before & 0b11 == 0 {
                return false;
            }
            *tos = before | 0b11;
            let after = *tos;
            repair_checksum(packet, before, after);
            true
        }
        // The traffic class begins in the lower half of the first byte.
        [0x60..=0x6f, class, ..] if *class & 0x30 != 0 => {
            *class |= 0x30;
            true
        }
        _ => false,
    }
}

/// RFC 1624: HC' = ~(~HC + ~m + m'), where the changed byte is the lower half of its word.
fn repair_checksum(packet: &mut [u8], before: u8, after: u8) {
    let Some([high, low]) = packet.get_mut(10..12) else {
        return;
    };
    let old = u16::from_be_bytes([*high, *low]);
    let sum = u32::from(!old) + u32::from(!u16::from(before)) + u32::from(after);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    [*high, *low] = (!(sum as u16)).to_be_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::ACK;
    use crate::link::sample::{header, packet, packet_v6};
    use crate::world::TcpPacket;
    use tcp_core::wire::{Ecn, Header};

    fn with(ecn: Ecn) -> Header {
        Header { ecn, ..header(ACK) }
    }

    #[test]
    fn capable_packets_are_marked_and_stay_valid() {
        for payload_len in 0..300 {
            let payload = vec![0x5a; payload_len];
            for ecn in [Ecn::Capable0, Ecn::Capable1, Ecn::CongestionExperienced] {
                for write in [packet, packet_v6] {
                    let mut packet = write(&with(ecn), &payload);
                    assert!(mark(&mut packet));
                    let read = TcpPacket::parse(&packet).expect("checksums are right");
                    assert_eq!(read.header, with(Ecn::CongestionExperienced));
                }
            }
        }
    }

    #[test]
    fn others_are_left_alone() {
        for mut packet in [
            packet(&with(Ecn::NotCapable), b"data"),
            packet_v6(&with(Ecn::NotCapable), b"data"),
            vec![],
            vec![0x45],
        ] {
            let before = packet.clone();
            assert!(!mark(&mut packet));
            assert_eq!(packet, before);
        }
        // Cut short, but no reason to panic.
        mark(&mut [0x45, 0x01]);
    }
}
