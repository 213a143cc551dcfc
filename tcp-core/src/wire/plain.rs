//! The segment that most are: from the middle of a stream, with nothing to say but where its payload goes.
//!
//! It is read in one look at fixed places, and its payload is not looked at: who copies it sums it. Whatever is
//! not of this form, damaged headers included, is for [`parse`](super::parse) to read and to judge.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader};

use super::checksum::{Sum, whole};
use super::{Ecn, Timestamps, WireWindow};
use crate::event::ReceiveChecksum;
use crate::seq::SeqNumber;

/// A segment with payload, with the flags ACK and perhaps PSH, and with no option but timestamps where those are
/// everywhere (RFC 7323 appendix A), in an IP packet without options or extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a> {
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) ecn: Ecn,
    pub(crate) seq: SeqNumber,
    pub(crate) ack: SeqNumber,
    pub(crate) push: bool,
    pub(crate) window: WireWindow,
    pub(crate) timestamps: Option<Timestamps>,
    /// At least one byte.
    pub(crate) payload: &'a [u8],
    pub(crate) check: Check,
}

/// What is to be verified of a checksum when the payload is copied: the sum of all before it, unless the device
/// has verified it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check(Option<Sum>);

impl Check {
    /// Copies the next bytes of the payload, between slices of equal length.
    #[inline]
    pub(crate) fn copy(self, to: &mut [u8], from: &[u8]) -> Check {
        match self.0 {
            Some(sum) => Check(Some(sum.add_copied(to, from))),
            None => {
                to.copy_from_slice(from);
                self
            }
        }
    }

    /// Whether the checksum is right, all of the payload having been copied.
    pub(crate) fn is_intact(self) -> bool {
        self.0.is_none_or(Sum::is_intact)
    }
}

/// An IP header, as far as it matters.
struct Outside<'a> {
    src: IpAddr,
    dst: IpAddr,
    ecn: Ecn,
    segment: &'a [u8],
}

const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
/// Bytes of the timestamps option with its padding.
const TIMESTAMPS_LEN: usize = 12;

/// Reads a packet, if it holds a plain segment.
#[inline]
pub(crate) fn read(packet: &[u8], checksum: ReceiveChecksum) -> Option<Plain<'_>> {
    let ip = match packet.first()? >> 4 {
        4 => read_v4(packet)?,
        6 => read_v6(packet)?,
        _ => return None,
    };
    let (header, rest) = ip.segment.split_first_chunk::<{ TcpHeader::MIN_LEN }>()?;
    let [
        s0,
        s1,
        d0,
        d1,
        words @ ..,
        offset,
        flags,
        w0,
        w1,
        _,
        _,
        _,
        _,
    ] = *header;
    let [seq0, seq1, seq2, seq3, ack0, ack1, ack2, ack3] = words;
    let (src_port, dst_port) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    if flags & !PSH != ACK || src_port == 0 || dst_port == 0 {
        return None;
    }
    let (timestamps, options_sum, payload) = match offset {
        0x50 => (None, 0, rest),
        0x80 => {
            let (options, payload) = rest.split_first_chunk::<TIMESTAMPS_LEN>()?;
            let [1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3] = *options else {
                return None;
            };
            let timestamps = Timestamps {
                value: u32::from_be_bytes([v0, v1, v2, v3]),
                echo: u32::from_be_bytes([e0, e1, e2, e3]),
            };
            (Some(timestamps), whole(options), payload)
        }
        _ => return None,
    };
    if payload.is_empty() {
        return None;
    }
    let check = match checksum {
        ReceiveChecksum::Verified => None,
        ReceiveChecksum::Unchecked => Some(
            Sum::pseudo_header(ip.src, ip.dst, IpNumber::TCP.0, ip.segment.len())
                .add_words(whole(header) + options_sum),
        ),
    };
    Some(Plain {
        src: SocketAddr::new(ip.src, src_port),
        dst: SocketAddr::new(ip.dst, dst_port),
        ecn: ip.ecn,
        seq: SeqNumber::new(u32::from_be_bytes([seq0, seq1, seq2, seq3])),
        ack: SeqNumber::new(u32::from_be_bytes([ack0, ack1, ack2, ack3])),
        push: flags & PSH != 0,
        window: WireWindow::new(u16::from_be_bytes([w0, w1])),
        timestamps,
        payload,
        check: Check(check),
    })
}

/// Without options, and not a fragment.
#[inline]
fn read_v4(packet: &[u8]) -> Option<Outside<'_>> {
    let header = packet.first_chunk::<{ Ipv4Header::MIN_LEN }>()?;
    let [
        version,
        tos,
        len0,
        len1,
        _,
        _,
        flags,
        fragment,
        _,
        protocol,
        _,
        _,
        ends @ ..,
    ] = *header;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = ends;
    let dont_fragment = 0x40;
    let is_whole = flags & !dont_fragment == 0 && fragment == 0;
    if version != 0x45 || !is_whole || protocol != IpNumber::TCP.0 {
        return None;
    }
    if !Sum::default().add_words(whole(header)).is_intact() {
        return None;
    }
    let end = usize::from(u16::from_be_bytes([len0, len1]));
    Some(Outside {
        src: Ipv4Addr::new(s0, s1, s2, s3).into(),
        dst: Ipv4Addr::new(d0, d1, d2, d3).into(),
        ecn: Ecn::from_bits(tos),
        segment: packet.get(header.len()..end)?,
    })
}

/// Without extension headers.
#[inline]
fn read_v6(packet: &[u8]) -> Option<Outside<'_>> {
    let (header, rest) = packet.split_first_chunk::<{ Ipv6Header::LEN }>()?;
    let [_, class_low, _, _, len0, len1, next, _, ends @ ..] = *header;
    if next != IpNumber::TCP.0 {
        return None;
    }
    let (src, dst) = ends.split_first_chunk::<16>()?;
    let dst: [u8; 16] = dst.try_into().ok()?;
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    Some(Outside {
        src: Ipv6Addr::from(*src).into(),
        dst: Ipv6Addr::from(dst).into(),
        // The traffic class lies across two bytes; its last bits are in the middle of the second.
        ecn: Ecn::from_bits(class_low >> 4),
        segment: rest.get(..len)?,
    })
}

#[cfg(test)]
impl<'a> Plain<'a> {
    /// The same as any segment is told.
    pub(crate) fn segment(&self) -> super::Segment<'a> {
        let header = super::Header {
            ack: Some(self.ack),
            push: self.push,
            window: self.window,
            ecn: self.ecn,
            options: super::Options {
                timestamps: self.timestamps,
                ..super::Options::NONE
            },
            ..super::Header::new(self.seq)
        };
        super::Segment::new(header, self.payload.into())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::wire::{
        Control, Fragments, Header, Incoming, IpFields, Options, Segment, emit, parse,
    };
    use proptest::prelude::*;

    fn packet(v6: bool, header: Header, payload: &[u8]) -> Vec<u8> {
        let (src, dst) = match v6 {
            false => ("10.0.0.1:80", "10.0.0.2:4000"),
            true => ("[fd00::1]:80", "[fd00::2]:4000"),
        };
        let fields = IpFields {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            dscp: 3,
            hop_limit: 64,
            identification: 0,
            fragments: Fragments::Forbidden,
        };
        let mut buf = vec![0; 2_000];
        let segment = Segment::new(header, payload.into());
        let len = emit(&fields, &segment, &mut buf).expect("it fits").len;
        buf.truncate(len);
        buf
    }

    fn header(timestamps: bool) -> Header {
        let stamp = Timestamps { value: 7, echo: 9 };
        Header {
            ack: Some(SeqNumber::new(11)),
            push: true,
            window: WireWindow::new(13),
            ecn: Ecn::Capable0,
            options: Options {
                timestamps: timestamps.then_some(stamp),
                ..Options::NONE
            },
            ..Header::new(SeqNumber::new(u32::MAX))
        }
    }

    /// What `read` finds is what `parse` finds; says whether it found anything.
    fn agrees(packet: &[u8], checksum: ReceiveChecksum) -> bool {
        let Some(plain) = read(packet, checksum) else {
            return false;
        };
        let mut copy = vec![0; plain.payload.len()];
        let (first, second) = copy.split_at_mut(plain.payload.len() / 3);
        let (left, right) = plain.payload.split_at(first.len());
        let intact = plain
            .check
            .copy(first, left)
            .copy(second, right)
            .is_intact();
        assert_eq!(copy, plain.payload);
        let Ok(Incoming::Tcp(parsed)) = parse(packet, checksum) else {
            assert!(!intact, "what cannot be parsed is not intact");
            return true;
        };
        assert!(intact && !parsed.bad_option);
        assert_eq!((parsed.src, parsed.dst), (plain.src, plain.dst));
        assert_eq!(parsed.segment, plain.segment());
        true
    }

    #[test]
    fn plain_segments_are_told_from_others() {
        let unchecked = ReceiveChecksum::Unchecked;
        for (v6, timestamps) in [(false, false), (false, true), (true, false), (true, true)] {
            let plain = header(timestamps);
            assert!(agrees(&packet(v6, plain, b"payload"), unchecked));
            assert!(!agrees(&packet(v6, plain, b""), unchecked));
            let others = [
                Header {
                    control: Control::Fin,
                    ..plain
                },
                Header { ack: None, ..plain },
                Header { ece: true, ..plain },
                Header { cwr: true, ..plain },
                Header {
                    urgent: Some(1),
                    ..plain
                },
                Header {
                    options: Options {
                        mss: Some(1_460),
                        ..plain.options
                    },
                    ..plain
                },
            ];
            for other in others {
                assert!(!agrees(&packet(v6, other, b"payload"), unchecked));
            }
        }
    }

    #[test]
    fn a_verified_checksum_is_not_looked_at() {
        let mut damaged = packet(false, header(true), b"payload");
        *damaged.last_mut().unwrap() ^= 1;
        assert!(agrees(&damaged, ReceiveChecksum::Verified));
        assert!(agrees(&damaged, ReceiveChecksum::Unchecked));
    }

    proptest! {
        /// Whatever is changed in a plain packet, and wherever it is cut.
        #[test]
        fn it_never_disagrees_with_the_parser(
            (v6, timestamps) in any::<(bool, bool)>(),
            payload in prop::collection::vec(any::<u8>(), 0..300),
            changes in prop::collection::vec((0usize..80, any::<u8>()), 0..3),
            cut in 0usize..400,
        ) {
            let mut packet = packet(v6, header(timestamps), &payload);
            for (at, bits) in changes {
                let at = at % packet.len();
                packet[at] ^= bits;
            }
            agrees(&packet, ReceiveChecksum::Unchecked);
            agrees(&packet, ReceiveChecksum::Verified);
            packet.truncate(cut);
            agrees(&packet, ReceiveChecksum::Unchecked);
        }
    }
}
