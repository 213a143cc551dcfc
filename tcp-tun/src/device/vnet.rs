//! The header in front of each packet of an offload device: `struct virtio_net_hdr`.
//!
//! ```text
//!   | flags 1 | gso_type 1 | hdr_len 2 | gso_size 2 | csum_start 2 | csum_offset 2 |
//! ```
//!
//! It says what the packet still lacks, or need not be asked for: a checksum, and a cut into
//! segments (virtio 1.3 §5.1.6). Integers are in the machine's own order, as TUN has them unless told
//! otherwise.

use std::num::NonZeroU16;

use tcp_core::{PacketMeta, ReceiveChecksum, Transmit, TransmitChecksum};

/// Bytes of the header.
pub(super) const HEADER_LEN: usize = 10;

/// The checksum field holds the pseudo-header's sum, and `csum_start` and `csum_offset` say where
/// (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
const NEEDS_CSUM: u8 = 1;

/// The checksum has been checked (`VIRTIO_NET_HDR_F_DATA_VALID`).
const DATA_VALID: u8 = 2;

/// Kinds of large packets (`VIRTIO_NET_HDR_GSO_*`).
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;

/// Beside a kind: CWR is set, and belongs to the first segment alone (`VIRTIO_NET_HDR_GSO_ECN`).
const GSO_ECN: u8 = 0x80;

/// What the header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct VnetHeader {
    flags: u8,
    gso_type: u8,
    /// Bytes of all headers, which each segment gets a copy of.
    hdr_len: u16,
    /// Payload of each segment but the last, in bytes.
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

impl VnetHeader {
    /// The header for a packet that the stack wants sent. `None` where the packet is to be cut and has
    /// no TCP header whole.
    pub(super) fn for_transmit(packet: &[u8], transmit: &Transmit) -> Option<VnetHeader> {
        let mut header = VnetHeader::default();
        if let TransmitChecksum::Partial { start, offset } = transmit.checksum {
            header.flags = NEEDS_CSUM;
            header.csum_start = start;
            header.csum_offset = offset;
        }
        if let Some(size) = transmit.segment_size {
            let (gso_type, ip_len) = match packet.first()? >> 4 {
                4 => (GSO_TCPV4, usize::from(packet[0] & 15) * 4),
                // Our stack writes no extension headers.
                _ => (GSO_TCPV6, IPV6_HEADER_LEN),
            };
            let tcp_len = usize::from(packet.get(ip_len + TCP_DATA_OFFSET)? >> 4) * 4;
            let has_cwr = packet.get(ip_len + TCP_FLAGS)? & TCP_CWR != 0;
            header.gso_type = gso_type | if has_cwr { GSO_ECN } else { GSO_NONE };
            header.hdr_len = u16::try_from(ip_len + tcp_len).ok()?;
            header.gso_size = size.get();
        }
        Some(header)
    }

    /// What a received packet's header tells the stack.
    pub(super) fn meta(&self) -> PacketMeta {
        // A checksum that was never completed belongs to a packet that never left the machine: there
        // was nothing that could have damaged it.
        let checksum = match self.flags & (NEEDS_CSUM | DATA_VALID) {
            0 => ReceiveChecksum::Unchecked,
            _ => ReceiveChecksum::Verified,
        };
        let segment_size = match self.gso_type & !GSO_ECN {
            GSO_TCPV4 | GSO_TCPV6 => NonZeroU16::new(self.gso_size),
            _ => None,
        };
        PacketMeta {
            checksum,
            segment_size,
            ..PacketMeta::default()
        }
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        let words = [
            self.hdr_len,
            self.gso_size,
            self.csum_start,
            self.csum_offset,
        ];
        for (at, word) in bytes[2..].chunks_exact_mut(2).zip(words) {
            at.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; HEADER_LEN]) -> VnetHeader {
        let word = |at| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        VnetHeader {
            flags: bytes[0],
            gso_type: bytes[1],
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        }
    }
}

const IPV6_HEADER_LEN: usize = 40;

/// Where the data offset is in a TCP header, in the upper half of the byte.
const TCP_DATA_OFFSET: usize = 12;

/// Where the flags are in a TCP header, and which of them is CWR.
const TCP_FLAGS: usize = 13;
const TCP_CWR: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    /// The headers of a segment with 32 bytes of TCP header behind `ip_len` bytes of IP.
    fn packet(version: u8, ip_len: usize, flags: u8) -> Vec<u8> {
        let mut packet = vec![0; ip_len + 32 + 3_000];
        packet[0] = version << 4 | if version == 4 { (ip_len / 4) as u8 } else { 0 };
        packet[ip_len + TCP_DATA_OFFSET] = 8 << 4;
        packet[ip_len + TCP_FLAGS] = flags;
        packet
    }

    fn transmit(packet: &[u8], segment_size: u16, start: u16) -> Transmit {
        Transmit {
            len: packet.len(),
            segment_size: NonZeroU16::new(segment_size),
            checksum: TransmitChecksum::Partial { start, offset: 16 },
        }
    }

    #[test]
    fn a_large_packet_says_how_to_cut_it() {
        for (version, ip_len, gso_type) in [(4, 20, 1), (4, 24, 1), (6, 40, 4)] {
            let packet = packet(version, ip_len, 0x10);
            let transmit = transmit(&packet, 1_448, ip_len as u16);
            let header = VnetHeader::for_transmit(&packet, &transmit).unwrap();
            let expected = VnetHeader {
                flags: 1,
                gso_type,
                hdr_len: ip_len as u16 + 32,
                gso_size: 1_448,
                csum_start: ip_len as u16,
                csum_offset: 16,
            };
            assert_eq!(header, expected);
        }
    }

    #[test]
    fn cwr_belongs_to_the_first_segment_alone() {
        let packet = packet(6, 40, 0x90);
        let header = VnetHeader::for_transmit(&packet, &transmit(&packet, 1_428, 40)).unwrap();
        assert_eq!(header.gso_type, 0x84);
    }

    #[test]
    fn a_small_packet_asks_for_its_checksum_alone() {
        let packet = packet(4, 20, 0x10);
        let header = VnetHeader::for_transmit(&packet, &transmit(&packet, 0, 20)).unwrap();
        let mut expected = [0; HEADER_LEN];
        expected[0] = 1;
        expected[6..8].copy_from_slice(&20_u16.to_ne_bytes());
        expected[8..].copy_from_slice(&16_u16.to_ne_bytes());
        assert_eq!(header.to_bytes(), expected);
    }

    #[test]
    fn a_complete_packet_asks_for_nothing() {
        let complete = Transmit {
            len: 40,
            segment_size: None,
            checksum: TransmitChecksum::Complete,
        };
        let header = VnetHeader::for_transmit(&[0x45; 40], &complete).unwrap();
        assert_eq!(header.to_bytes(), [0; HEADER_LEN]);
    }

    #[test]
    fn what_is_cut_short_is_refused_and_no_panic() {
        let packet = packet(6, 40, 0);
        let transmit = transmit(&packet, 1_428, 40);
        for len in 0..40 + TCP_FLAGS {
            assert_eq!(VnetHeader::for_transmit(&packet[..len], &transmit), None);
        }
    }

    #[test]
    fn what_the_kernel_knows_reaches_the_stack() {
        let meta = |flags, gso_type, gso_size| {
            let header = VnetHeader {
                flags,
                gso_type,
                gso_size,
                ..VnetHeader::default()
            };
            let meta = VnetHeader::from_bytes(header.to_bytes()).meta();
            (meta.checksum, meta.segment_size.map(NonZeroU16::get))
        };
        let (unchecked, verified) = (ReceiveChecksum::Unchecked, ReceiveChecksum::Verified);
        assert_eq!(meta(0, GSO_NONE, 0), (unchecked, None));
        assert_eq!(meta(NEEDS_CSUM, GSO_NONE, 0), (verified, None));
        assert_eq!(meta(DATA_VALID, GSO_TCPV4, 1_448), (verified, Some(1_448)));
        let with_cwr = GSO_TCPV6 | GSO_ECN;
        assert_eq!(meta(NEEDS_CSUM, with_cwr, 1_428), (verified, Some(1_428)));
        // UDP's kind of large packet, of which the stack knows nothing.
        assert_eq!(meta(0, 5, 1_200), (unchecked, None));
    }
}
