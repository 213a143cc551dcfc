//! Bits that turn over on the wire.

use super::layout::ip_header_len;

/// Bits behind the IP header, where TCP's checksum must notice.
pub(super) fn bits(packet: &[u8]) -> usize {
    (packet.len() - ip_header_len(packet)) * 8
}

/// Inverts one of these [`bits`], counted round and round.
pub(super) fn invert_bit(packet: &mut [u8], bit: usize) {
    let bits = bits(packet);
    if bits > 0 {
        let bit = (packet.len() * 8 - bits) + bit % bits;
        packet[bit / 8] ^= 0x80 >> (bit % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corruption_spares_the_ip_header() {
        let mut packet = vec![0u8; 41];
        packet[0] = 0x45;
        let before = packet.clone();
        invert_bit(&mut packet, 21 * 8 * 3 + 9);
        assert_eq!(packet[21], 0x40);
        packet[21] = 0;
        assert_eq!(packet, before);
    }

    #[test]
    fn a_packet_without_payload_stays_as_it_is() {
        for mut packet in [vec![], vec![0x45; 20], vec![0x60; 40], vec![0x4f; 21]] {
            let before = packet.clone();
            invert_bit(&mut packet, 5);
            assert_eq!(packet, before);
        }
    }
}
