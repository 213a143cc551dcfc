//! The headers of a train: packets that differ in their payload, their sequence number and little else.

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader};

use super::checksum::{Sum, whole};
use super::tcp::{self, Summed};
use super::{Control, IpFields, Payload};
use crate::event::Transmit;
use crate::seq::SeqNumber;

/// Bytes that IP and TCP headers take at most, as we write them.
const MAX_LEN: usize = Ipv6Header::LEN + TcpHeader::MAX_LEN;

/// The headers of a packet, to be written before other payloads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    /// Both headers, without what changes: lengths, sequence number, flags that the last alone has, checksums.
    bytes: [u8; MAX_LEN],
    /// Bytes of the IP header.
    ip_len: usize,
    /// Bytes of both.
    len: usize,
    /// The flags of every packet.
    flags: u8,
    /// The sum of an IPv4 header.
    ip_sum: Sum,
    /// The sum of pseudo-header and TCP header.
    sum: Sum,
    summed: Summed,
}

/// What is its own of a packet of a train.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wagon<'a> {
    pub(crate) seq: SeqNumber,
    /// FIN or nothing.
    pub(crate) control: Control,
    pub(crate) push: bool,
    pub(crate) payload: Payload<'a>,
}

/// Where the fields are, from the start of their header.
const IPV4_LEN_AT: usize = 2;
const IPV4_CHECKSUM_AT: usize = 10;
const IPV6_LEN_AT: usize = 4;
const SEQ_AT: usize = 4;
const FLAGS_AT: usize = 13;
const CHECKSUM_AT: usize = tcp::CHECKSUM_AT as usize;

impl Template {
    /// Of the `packet` that was written for these fields as the first of a train. CWR, FIN and PSH are not its
    /// followers'.
    pub(crate) fn of(fields: &IpFields, packet: &[u8], summed: Summed) -> Option<Template> {
        let ip_len = match fields.src.is_ipv4() {
            true => Ipv4Header::MIN_LEN,
            false => Ipv6Header::LEN,
        };
        let offset = packet.get(ip_len + FLAGS_AT - 1)? >> 4;
        let len = ip_len + usize::from(offset) * 4;
        let mut bytes = [0; MAX_LEN];
        bytes.get_mut(..len)?.copy_from_slice(packet.get(..len)?);
        let mut clear = |at: usize, count| bytes[at..at + count].fill(0);
        match fields.src.is_ipv4() {
            true => {
                clear(IPV4_LEN_AT, 2);
                clear(IPV4_CHECKSUM_AT, 2);
            }
            false => clear(IPV6_LEN_AT, 2),
        }
        clear(ip_len + SEQ_AT, 4);
        clear(ip_len + FLAGS_AT, 1);
        clear(ip_len + CHECKSUM_AT, 2);
        let flags = packet[ip_len + FLAGS_AT] & !tcp::ONCE;
        let pseudo = Sum::pseudo_header(fields.src.ip(), fields.dst.ip(), IpNumber::TCP.0, 0);
        Some(Template {
            bytes,
            ip_len,
            len,
            flags,
            ip_sum: Sum::default().add(&bytes[..ip_len]),
            sum: match summed {
                Summed::All => pseudo.add(&bytes[ip_len..len]),
                Summed::PseudoHeader | Summed::PseudoHeaderAlone => pseudo,
            },
            summed,
        })
    }

    /// Writes the next packet to the start of `buf`; `None` where it does not fit.
    pub(crate) fn write(&self, wagon: &Wagon<'_>, buf: &mut [u8]) -> Option<Transmit> {
        let [first, second] = wagon.payload.parts();
        let total = self.len + wagon.payload.len();
        // All of them are copied, which is less work than to copy as many as there are.
        match buf.first_chunk_mut() {
            Some(start) => *start = self.bytes,
            None => buf
                .get_mut(..self.len)?
                .copy_from_slice(&self.bytes[..self.len]),
        }
        let (headers, rest) = buf.get_mut(..total)?.split_at_mut(self.len);
        let (ip, header) = headers.split_at_mut(self.ip_len);
        let tcp_len = total - self.ip_len;
        self.write_length(ip, tcp_len, total)?;

        let flags = self.flags | tcp::once(wagon.control, wagon.push);
        let seq = wagon.seq.get().to_be_bytes();
        header[SEQ_AT..SEQ_AT + 4].copy_from_slice(&seq);
        header[FLAGS_AT] = flags;
        let len_word = whole(&(tcp_len as u32).to_be_bytes());
        let (first_out, second_out) = rest.split_at_mut(first.len());
        let checksum = match self.summed {
            Summed::All => {
                let own = len_word + whole(&seq) + whole(&[0, flags, 0, 0]);
                let sum = self.sum.add_words(own).add_copied(first_out, first);
                let sum = match second {
                    [] => sum,
                    _ => sum.add_copied(second_out, second),
                };
                sum.checksum()
            }
            // Those of a train are too small to be worth leaving where they are.
            Summed::PseudoHeader | Summed::PseudoHeaderAlone => {
                first_out.copy_from_slice(first);
                second_out.copy_from_slice(second);
                self.sum.add_words(len_word).partial()
            }
        };
        header[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum);
        Some(Transmit {
            len: total,
            segment_size: None,
            checksum: self.summed.transmit(self.ip_len),
        })
    }

    fn write_length(&self, ip: &mut [u8], tcp_len: usize, total: usize) -> Option<()> {
        if self.ip_len == Ipv4Header::MIN_LEN {
            let len = u16::try_from(total).ok()?.to_be_bytes();
            let sum = self.ip_sum.add_words(whole(&[0, 0, len[0], len[1]]));
            ip[IPV4_LEN_AT..IPV4_LEN_AT + 2].copy_from_slice(&len);
            ip[IPV4_CHECKSUM_AT..IPV4_CHECKSUM_AT + 2].copy_from_slice(&sum.checksum());
        } else {
            let len = u16::try_from(tcp_len).ok()?.to_be_bytes();
            ip[IPV6_LEN_AT..IPV6_LEN_AT + 2].copy_from_slice(&len);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::wire::{self, Ecn, Fragments, Header, Options, Segment, Timestamps, WireWindow};
    use proptest::prelude::*;

    proptest! {
        /// Each packet is to the byte what it would be if it were written by itself.
        #[test]
        fn a_train_is_what_its_packets_would_be(
            (v6, timestamps, partial, cwr, fin) in any::<(bool, bool, bool, bool, bool)>(),
            seq in any::<u32>(),
            payload in prop::collection::vec(any::<u8>(), 2..1_000),
            (cut, break_at) in (1usize..999, 0usize..1_000),
            room in 1_100usize..2_000,
        ) {
            let ends = match v6 {
                false => ("10.0.0.1:80", "10.0.0.2:4000"),
                true => ("[fd00::1]:80", "[fd00::2]:4000"),
            };
            let fields = IpFields {
                src: ends.0.parse().unwrap(),
                dst: ends.1.parse().unwrap(),
                dscp: 11,
                hop_limit: 64,
                identification: 0,
                fragments: Fragments::Forbidden,
            };
            let stamp = Timestamps { value: 7, echo: 9 };
            let header = Header {
                ack: Some(SeqNumber::new(11)),
                ece: true,
                cwr,
                window: WireWindow::new(13),
                ecn: Ecn::Capable0,
                options: Options {
                    timestamps: timestamps.then_some(stamp),
                    ..Options::NONE
                },
                ..Header::new(SeqNumber::new(seq))
            };
            let summed = if partial { Summed::PseudoHeader } else { Summed::All };
            let cut = cut.min(payload.len() - 1);
            let written = |segment: &Segment<'_>| -> (Transmit, Vec<u8>) {
                let mut buf = vec![0xa5; 2_000];
                let transmit = wire::write(&fields, segment, summed, &mut buf).expect("it fits");
                buf.truncate(transmit.len);
                (transmit, buf)
            };
            let (_, first) = written(&Segment::new(header, payload[..cut].into()));
            let template = Template::of(&fields, &first, summed).expect("it is one of ours");

            let rest = &payload[cut..];
            let (left, right) = rest.split_at(break_at.min(rest.len()));
            let wagon = Wagon {
                seq: header.seq.advanced_by(cut as u32),
                control: if fin { Control::Fin } else { Control::None },
                push: true,
                payload: Payload::new(left, right),
            };
            let mut buf = vec![0xa5; room];
            let transmit = template.write(&wagon, &mut buf).expect("it fits");
            buf.truncate(transmit.len);
            let by_itself = Header {
                seq: wagon.seq,
                control: wagon.control,
                push: true,
                cwr: false,
                ..header
            };
            let expected = written(&Segment::new(by_itself, wagon.payload));
            let short = &mut vec![0; expected.0.len - 1];
            prop_assert_eq!((transmit, buf), expected);
            prop_assert_eq!(template.write(&wagon, short), None);
        }
    }
}
