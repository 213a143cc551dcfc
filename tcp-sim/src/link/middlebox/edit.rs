//! A TCP segment in its IP packet, whose fields can be changed.

use std::ops::Range;

use etherparse::checksum::Sum16BitWords;

use crate::link::layout::Layout;

/// An intact segment, and after changes one that [`finish`](Edit::finish) makes intact again.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    packet: Vec<u8>,
    layout: Layout,
    is_changed: bool,
}

impl Edit {
    /// Gives the packet back where it is no segment with a right checksum: with a new one, what was
    /// damaged on an earlier link would pass for whole.
    pub(super) fn of(packet: Vec<u8>) -> Result<Edit, Vec<u8>> {
        match Layout::of(&packet) {
            Some(layout) if tcp_checksum(&packet, &layout) == 0 => Ok(Edit {
                packet,
                layout,
                is_changed: false,
            }),
            _ => Err(packet),
        }
    }

    /// The packet: as it came, or else with its lengths and checksums right.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if !self.is_changed {
            return self.packet;
        }
        self.packet.truncate(self.layout.end);
        let len = self.layout.end as u16;
        if self.is_v4() {
            self.packet[2..4].copy_from_slice(&len.to_be_bytes());
            self.packet[10..12].fill(0);
            let sum = Sum16BitWords::new().add_slice(&self.packet[..self.layout.tcp]);
            let checksum = sum.ones_complement().to_be();
            self.packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        } else {
            self.packet[4..6].copy_from_slice(&(len - 40).to_be_bytes());
        }
        let at = self.layout.tcp + 16;
        self.packet[at..at + 2].fill(0);
        let checksum = tcp_checksum(&self.packet, &self.layout);
        self.packet[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
        self.packet
    }

    pub(super) fn seq(&self) -> u32 {
        self.u32_at(4)
    }

    pub(super) fn set_seq(&mut self, seq: u32) {
        self.set_u32_at(4, seq);
    }

    pub(super) fn ack(&self) -> u32 {
        self.u32_at(8)
    }

    pub(super) fn set_ack(&mut self, ack: u32) {
        self.set_u32_at(8, ack);
    }

    pub(super) fn flags(&self) -> u8 {
        self.layout.flags(&self.packet)
    }

    pub(super) fn set_flags(&mut self, flags: u8) {
        self.is_changed |= flags != self.flags();
        self.packet[self.layout.tcp + 13] = flags;
    }

    /// The receive window, as it is written.
    pub(super) fn window(&self) -> &[u8] {
        &self.packet[self.layout.tcp + 14..][..2]
    }

    /// Source and destination port.
    pub(super) fn ports(&self) -> &[u8] {
        &self.packet[self.layout.tcp..][..4]
    }

    /// The IP header, options included.
    pub(super) fn ip_header(&self) -> &[u8] {
        &self.packet[..self.layout.tcp]
    }

    pub(super) fn is_v4(&self) -> bool {
        self.packet[0] >> 4 == 4
    }

    /// Adds to the identification of an IPv4 packet.
    pub(super) fn advance_identification(&mut self, by: u16) {
        if self.is_v4() {
            let id = u16::from_be_bytes([self.packet[4], self.packet[5]]);
            self.packet[4..6].copy_from_slice(&id.wrapping_add(by).to_be_bytes());
            self.is_changed |= by != 0;
        }
    }

    /// The bytes of the options.
    pub(super) fn options(&self) -> &[u8] {
        &self.packet[self.layout.tcp + 20..self.layout.payload]
    }

    /// The bytes of the options, to be changed.
    pub(super) fn options_mut(&mut self) -> &mut [u8] {
        self.is_changed = true;
        &mut self.packet[self.layout.tcp + 20..self.layout.payload]
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.packet[self.layout.payload..self.layout.end]
    }

    /// Adds to the end of the payload.
    pub(super) fn append(&mut self, payload: &[u8]) {
        self.packet.truncate(self.layout.end);
        self.packet.extend_from_slice(payload);
        self.layout.end = self.packet.len();
        self.is_changed = true;
    }

    /// Bytes of the packet.
    pub(super) fn len(&self) -> usize {
        self.layout.end
    }

    /// A segment with the same headers and this part of the payload.
    pub(super) fn part(&self, range: Range<usize>) -> Edit {
        let headers = &self.packet[..self.layout.payload];
        let packet = [headers, &self.payload()[range]].concat();
        Edit {
            layout: Layout {
                end: packet.len(),
                ..self.layout
            },
            packet,
            is_changed: true,
        }
    }

    fn u32_at(&self, offset: usize) -> u32 {
        let at = self.layout.tcp + offset;
        let bytes = &self.packet[at..at + 4];
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn set_u32_at(&mut self, offset: usize, value: u32) {
        let at = self.layout.tcp + offset;
        self.packet[at..at + 4].copy_from_slice(&value.to_be_bytes());
        self.is_changed = true;
    }
}

/// The options among these bytes, by kind, up to the first that is malformed; padding left out.
pub(super) fn options(bytes: &[u8]) -> Vec<(u8, Range<usize>)> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(kind) = bytes.get(at) {
        let len = match *kind {
            END => break,
            NO_OPERATION => {
                at += 1;
                continue;
            }
            _ => bytes.get(at + 1).copied().map_or(0, usize::from),
        };
        if len < 2 || at + len > bytes.len() {
            break;
        }
        found.push((*kind, at..at + len));
        at += len;
    }
    found
}

/// The checksum of the TCP segment, pseudo-header included; 0 where the field is right.
fn tcp_checksum(packet: &[u8], layout: &Layout) -> u16 {
    let segment = &packet[layout.tcp..layout.end];
    // Both addresses; they are all that follows in an IPv6 header.
    let addresses = if packet[0] >> 4 == 4 { 12..20 } else { 8..40 };
    let sum = Sum16BitWords::new()
        .add_slice(&packet[addresses])
        .add_2bytes([0, 6])
        .add_2bytes((segment.len() as u16).to_be_bytes())
        .add_slice(segment);
    sum.ones_complement().to_be()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::ACK;
    use crate::link::sample::{segment, segment_v6};
    use crate::world::TcpPacket;

    #[test]
    fn changed_fields_are_read_with_right_checksums() {
        for write in [segment, segment_v6] {
            for len in [0, 1, 2, 999] {
                let mut packet = write(ACK, &vec![0xa5; len]);
                packet.extend(b"trailing");
                let mut edit = Edit::of(packet).expect("it is intact");
                edit.set_seq(7);
                edit.set_ack(u32::MAX);
                edit.advance_identification(3);
                edit.append(b"more");
                let read = TcpPacket::parse(&edit.finish()).expect("it is right");
                assert_eq!(read.header.seq.get(), 7);
                assert_eq!(read.header.ack.unwrap().get(), u32::MAX);
                assert_eq!(read.payload.len(), len + 4);
                assert!(read.payload.ends_with(b"more"));
            }
        }
    }

    #[test]
    fn each_change_is_noticed() {
        let changes: [fn(&mut Edit); 6] = [
            |it| it.set_seq(7),
            |it| it.set_ack(7),
            |it| it.set_flags(ACK | 0x40),
            |it| it.advance_identification(1),
            |it| it.append(b"x"),
            |it| it.options_mut().fill(1),
        ];
        let mut header = crate::link::sample::header(ACK);
        header.options.mss = Some(7);
        let packet = crate::link::sample::packet(&header, b"data");
        for change in changes {
            let mut edit = Edit::of(packet.clone()).expect("it is intact");
            change(&mut edit);
            let after = edit.finish();
            assert_ne!(after, packet);
            assert!(TcpPacket::parse(&after).is_some(), "it is right");
        }
        assert_eq!(Edit::of(packet.clone()).unwrap().finish(), packet);
    }

    #[test]
    fn damaged_segments_are_given_back() {
        for good in [segment(ACK, b"data"), segment_v6(ACK, b"data")] {
            let tcp = good.len() - 24;
            for bit in tcp * 8..good.len() * 8 {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Edit::of(bad.clone()).unwrap_err(), bad);
            }
        }
    }

    #[test]
    fn malformed_options_end_the_list() {
        assert_eq!(options(&[2, 4, 5, 180, 1, 3, 3, 7]), [(2, 0..4), (3, 5..8)]);
        assert_eq!(options(&[4, 2, 0, 3, 3, 7]), [(4, 0..2)]);
        for malformed in [&[2][..], &[2, 0], &[2, 1, 1, 1], &[2, 5, 1, 1], &[]] {
            assert_eq!(options(malformed), []);
        }
    }
}
