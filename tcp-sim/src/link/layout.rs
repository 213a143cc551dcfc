//! Where things are in an IP packet that holds a TCP segment.

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;
pub(super) const URG: u8 = 0x20;

const TCP: u8 = 6;

/// Offsets into a packet, which has all the bytes that they promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// Where the TCP header begins.
    pub(super) tcp: usize,
    /// Where the payload begins.
    pub(super) payload: usize,
    /// Where the packet ends by its IP header's account.
    pub(super) end: usize,
}

impl Layout {
    /// `None` where there is no whole TCP segment: other protocols, fragments, IPv6 extension
    /// headers, bytes that contradict each other.
    pub(super) fn of(packet: &[u8]) -> Option<Layout> {
        let (tcp, end) = match packet.first()? >> 4 {
            4 => {
                let header = packet.get(..20)?;
                let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
                if header[9] != TCP || fragment != 0 {
                    return None;
                }
                let end = u16::from_be_bytes([header[2], header[3]]);
                (usize::from(header[0] & 0x0f) * 4, usize::from(end))
            }
            6 => {
                let header = packet.get(..40)?;
                if header[6] != TCP {
                    return None;
                }
                let len = u16::from_be_bytes([header[4], header[5]]);
                (40, 40 + usize::from(len))
            }
            _ => return None,
        };
        let segment = packet.get(tcp..end).filter(|_| tcp >= 20)?;
        let header_len = usize::from(segment.get(12)? >> 4) * 4;
        let fits = header_len >= 20 && header_len <= segment.len();
        fits.then_some(Layout {
            tcp,
            payload: tcp + header_len,
            end,
        })
    }

    pub(super) fn payload_len(&self) -> usize {
        self.end - self.payload
    }

    pub(super) fn flags(&self, packet: &[u8]) -> u8 {
        packet[self.tcp + 13]
    }
}

/// Bytes of the IP header, options included; all of what is no IP packet, or is cut short.
pub(super) fn ip_header_len(packet: &[u8]) -> usize {
    let len = match packet.first().map(|byte| byte >> 4) {
        Some(4) => usize::from(packet[0] & 0x0f) * 4,
        _ => 40,
    };
    len.min(packet.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::sample::{segment, segment_v6};

    #[test]
    fn segments_of_both_families_are_found() {
        for (packet, tcp) in [(segment(ACK, b"data"), 20), (segment_v6(ACK, b"data"), 40)] {
            let mut packet = packet;
            packet.extend(b"trailing");
            let layout = Layout::of(&packet).unwrap();
            assert_eq!(layout.tcp, tcp);
            assert_eq!(&packet[layout.payload..layout.end], b"data");
            assert_eq!(layout.payload_len(), 4);
            assert_eq!(layout.flags(&packet), ACK);
            assert_eq!(ip_header_len(&packet), tcp);
        }
    }

    #[test]
    fn what_is_cut_short_is_no_segment() {
        for packet in [segment(ACK, b"data"), segment_v6(ACK, b"data")] {
            for len in 0..packet.len() {
                assert_eq!(Layout::of(&packet[..len]), None);
                assert!(ip_header_len(&packet[..len]) <= len);
            }
        }
    }

    #[test]
    fn other_protocols_and_fragments_are_no_segments() {
        let good = segment(ACK, b"data");
        let with = |index: usize, value: u8| {
            let mut packet = good.clone();
            packet[index] = value;
            Layout::of(&packet)
        };
        assert_eq!(with(0, 0x44), None);
        assert_eq!(with(0, 0x4f), None);
        assert_eq!(with(0, 0x55), None);
        assert_eq!(with(6, 0x20), None);
        assert_eq!(with(7, 1), None);
        assert_eq!(with(9, 17), None);
        assert_eq!(with(32, 0x40), None);
        assert_eq!(with(32, 0xf0), None);
        assert!(with(6, 0x40).is_some(), "DF");
    }
}
