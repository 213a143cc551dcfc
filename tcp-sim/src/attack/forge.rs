//! Forged packets by the million: one that is ready, of which a number is changed.

/// A TCP segment over IPv4 without IP options, of which words may be changed; the checksum follows.
#[derive(Clone, Debug)]
pub(super) struct Forged {
    packet: Vec<u8>,
}

/// Where the sequence number is.
pub(super) const SEQ: usize = 24;
/// Where the acknowledgement number is.
pub(super) const ACK: usize = 28;
/// Where the timestamp is, behind two bytes of padding, where it is the first option.
pub(super) const TIMESTAMP: usize = 44;
const CHECKSUM: usize = 36;

impl Forged {
    pub(super) fn new(packet: Vec<u8>) -> Forged {
        debug_assert_eq!(packet[0], 0x45, "IPv4 without options");
        Forged { packet }
    }

    /// Writes a number into the TCP header (RFC 1624, equation 3).
    #[inline]
    pub(super) fn set(&mut self, at: usize, value: u32) {
        let was = self.word(at);
        let [high, low] = [self.packet[CHECKSUM], self.packet[CHECKSUM + 1]];
        let sum = !u16::from_be_bytes([high, low]);
        let mut sum = u32::from(sum) + halves(!was) + halves(value);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        self.packet[at..at + 4].copy_from_slice(&value.to_be_bytes());
        self.packet[CHECKSUM..CHECKSUM + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }

    fn word(&self, at: usize) -> u32 {
        let bytes: [u8; 4] = self.packet[at..at + 4].try_into().unwrap_or_default();
        u32::from_be_bytes(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.packet
    }
}

fn halves(word: u32) -> u32 {
    (word >> 16) + (word & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;
    use crate::pattern::words;
    use crate::world::{Family, TcpPacket, write_packet};
    use tcp_core::seq::SeqNumber;
    use tcp_core::wire::{Header, Timestamps};

    #[test]
    fn what_is_changed_is_read_again() {
        let mut header = Header::new(SeqNumber::new(7));
        header.ack = Some(SeqNumber::new(8));
        header.options.timestamps = Some(Timestamps { value: 9, echo: 10 });
        let [src, dst] = [Side::A, Side::B].map(|side| side.addr(Family::V4, 80));
        let mut forged = Forged::new(write_packet(src, dst, &header, b"data"));
        for (word, at) in words(1)
            .zip([SEQ, ACK, TIMESTAMP].into_iter().cycle())
            .take(3_000)
        {
            forged.set(at, word as u32);
            let read = TcpPacket::parse(forged.bytes()).expect("the checksum is right");
            let numbers = [
                read.header.seq.get(),
                read.header.ack.expect("it has one").get(),
                read.header.options.timestamps.expect("it has them").value,
            ];
            assert!(numbers.contains(&(word as u32)));
        }
    }
}
