//! One segment becomes several, as TCP segmentation offload makes them.

use super::edit::Edit;
use crate::link::layout::{FIN, PSH, RST, SYN, URG};

const CWR: u8 = 0x80;

/// The segments of at most `most` bytes of payload that a segment becomes, in their order. SYN and
/// RST stay whole, and so does what has urgent data, since a part could not point at its end.
pub(super) fn split(segment: Edit, most: u16) -> Vec<Edit> {
    let most = usize::from(most);
    let flags = segment.flags();
    let len = segment.payload().len();
    if len <= most || flags & (SYN | RST | URG) != 0 {
        return vec![segment];
    }
    let starts = (0..len).step_by(most);
    let part = |(index, start): (usize, usize)| {
        let end = (start + most).min(len);
        let mut part = segment.part(start..end);
        part.set_seq(segment.seq().wrapping_add(start as u32));
        part.advance_identification(index as u16);
        let mut flags = flags;
        if end < len {
            flags &= !(PSH | FIN);
        }
        // CWR answers one ECE: said once, in the first (RFC 3168 §6.1.2).
        if start > 0 {
            flags &= !CWR;
        }
        part.set_flags(flags);
        part
    };
    starts.enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::ACK;
    use crate::link::sample::{segment, segment_v6};
    use crate::world::TcpPacket;

    fn parts(packet: Vec<u8>, most: u16) -> Vec<TcpPacket> {
        let parts = split(Edit::of(packet).unwrap(), most);
        let read = |part: Edit| TcpPacket::parse(&part.finish()).expect("it is right");
        parts.into_iter().map(read).collect()
    }

    #[test]
    fn the_parts_make_the_whole() {
        let payload: Vec<u8> = (0..=250).collect();
        for write in [segment, segment_v6] {
            for most in [1, 7, 100, 250, 251, 252] {
                let parts = parts(write(ACK | PSH | FIN, &payload), most);
                assert_eq!(parts.len(), 251usize.div_ceil(most.into()));
                let mut whole: Vec<u8> = Vec::new();
                for part in &parts {
                    assert_eq!(part.header.seq.get(), 1_000 + whole.len() as u32);
                    assert!(part.payload.len() <= most.into());
                    whole.extend(&part.payload);
                    let is_last = whole.len() == payload.len();
                    assert_eq!(part.header.push, is_last);
                    let fin = part.header.control == tcp_core::wire::Control::Fin;
                    assert_eq!(fin, is_last);
                }
                assert_eq!(whole, payload);
            }
        }
    }

    #[test]
    fn identification_counts_up() {
        let parts = split(Edit::of(segment(ACK, &[0; 30])).unwrap(), 10);
        let ids = parts.into_iter().map(|part| part.finish()[5]);
        assert_eq!(ids.collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn a_syn_and_a_reset_stay_whole() {
        for flags in [SYN, RST | ACK] {
            assert_eq!(parts(segment(flags, &[0; 30]), 10).len(), 1);
        }
        let mut urgent = crate::link::sample::header(ACK);
        urgent.urgent = Some(20);
        let packet = crate::link::sample::packet(&urgent, &[0; 30]);
        assert_eq!(parts(packet, 10).len(), 1);
    }

    #[test]
    fn the_window_reduction_is_said_once() {
        let mut header = crate::link::sample::header(ACK);
        header.cwr = true;
        let parts = parts(crate::link::sample::packet(&header, &[0; 30]), 10);
        let said = parts.iter().map(|part| part.header.cwr);
        assert_eq!(said.collect::<Vec<_>>(), [true, false, false]);
    }
}
