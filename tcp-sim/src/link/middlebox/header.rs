//! What a middlebox changes in headers: options, and sequence numbers.

use super::edit::{Edit, options};
use crate::link::config::{MiddleboxConfig, OptionName, StripFrom};
use crate::link::layout::{ACK, SYN};

const NO_OPERATION: u8 = 1;

/// Changes to the header of each segment.
#[derive(Clone, Debug)]
pub(super) struct Header {
    strip: Vec<OptionName>,
    strip_from: StripFrom,
    clamp_mss: Option<u16>,
    window_scale: Option<u8>,
    shift_seq: u32,
    /// What the other direction adds to the sequence numbers that are acknowledged here.
    pub(super) shift_ack: u32,
}

impl Header {
    pub(super) fn new(config: &MiddleboxConfig) -> Header {
        Header {
            strip: config.strip.clone(),
            strip_from: config.strip_from,
            clamp_mss: config.clamp_mss,
            window_scale: config.window_scale,
            shift_seq: config.shift_seq,
            shift_ack: 0,
        }
    }

    /// Changes a segment, and says whether there was something to change. SACK blocks, and what
    /// ICMP errors quote, keep the sequence numbers of the other side.
    pub(super) fn rewrite(&self, edit: &mut Edit) -> bool {
        let flags = edit.flags();
        let is_syn = flags & SYN != 0;
        let mut changed = self.strip_options(edit, is_syn);
        if is_syn {
            changed |= self.rewrite_offers(edit);
        }
        if self.shift_seq != 0 {
            edit.set_seq(edit.seq().wrapping_add(self.shift_seq));
            changed = true;
        }
        if self.shift_ack != 0 && flags & ACK != 0 {
            edit.set_ack(edit.ack().wrapping_sub(self.shift_ack));
            changed = true;
        }
        changed
    }

    fn strip_options(&self, edit: &mut Edit, is_syn: bool) -> bool {
        let concerned = match self.strip_from {
            StripFrom::Syn => is_syn,
            StripFrom::Others => !is_syn,
            StripFrom::All => true,
        };
        let mut changed = false;
        if concerned && !self.strip.is_empty() {
            for (kind, range) in options(edit.options()) {
                if self.strip.contains(&name(kind)) {
                    edit.options_mut()[range].fill(NO_OPERATION);
                    changed = true;
                }
            }
        }
        changed
    }

    /// Lowers the MSS and replaces the window scale of a SYN.
    fn rewrite_offers(&self, edit: &mut Edit) -> bool {
        if self.clamp_mss.is_none() && self.window_scale.is_none() {
            return false;
        }
        let mut after = edit.options().to_vec();
        for (kind, range) in options(edit.options()) {
            let after = &mut after[range];
            match (name(kind), after, self.clamp_mss, self.window_scale) {
                (OptionName::Mss, [_, _, high, low], Some(most), _) => {
                    let mss = u16::from_be_bytes([*high, *low]).min(most);
                    [*high, *low] = mss.to_be_bytes();
                }
                (OptionName::WindowScale, [_, _, shift], _, Some(scale)) => *shift = scale,
                _ => {}
            }
        }
        let is_changed = after != edit.options();
        if is_changed {
            edit.options_mut().copy_from_slice(&after);
        }
        is_changed
    }
}

fn name(kind: u8) -> OptionName {
    match kind {
        2 => OptionName::Mss,
        3 => OptionName::WindowScale,
        4 => OptionName::SackPermitted,
        5 => OptionName::Sack,
        8 => OptionName::Timestamps,
        _ => OptionName::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::sample::{header, packet, packet_v6};
    use crate::world::TcpPacket;
    use tcp_core::seq::{SeqNumber, SeqRange};
    use tcp_core::wire::{self, Options, Timestamps, WindowScale};

    const TIMESTAMPS: Timestamps = Timestamps {
        value: 77,
        echo: 88,
    };

    fn syn() -> wire::Header {
        wire::Header {
            options: Options {
                mss: Some(1_460),
                window_scale: Some(WindowScale::clamped(7)),
                sack_permitted: true,
                timestamps: Some(TIMESTAMPS),
                ..Options::NONE
            },
            ..header(SYN)
        }
    }

    /// An acknowledgement with timestamps and a SACK block.
    fn ack() -> wire::Header {
        let mut header = header(ACK);
        header.options.timestamps = Some(TIMESTAMPS);
        let [start, end] = [6_000, 7_000].map(SeqNumber::new);
        header.options.sack.push(SeqRange { start, end });
        header
    }

    /// The header behind a middlebox, in both families, and whether it was changed.
    fn behind(toml: &str, shift_ack: u32, before: &wire::Header) -> (wire::Header, bool) {
        let mut rewriter = Header::new(&toml::from_str(toml).unwrap());
        rewriter.shift_ack = shift_ack;
        let through = |packet: Vec<u8>| {
            let mut edit = Edit::of(packet).unwrap();
            let changed = rewriter.rewrite(&mut edit);
            let read = TcpPacket::parse(&edit.finish()).expect("it is right again");
            assert_eq!(read.payload, b"data");
            (read.header, changed)
        };
        let v4 = through(packet(before, b"data"));
        assert_eq!(through(packet_v6(before, b"data")), v4);
        v4
    }

    #[test]
    fn options_are_stripped_from_where_they_should_be() {
        let all = "strip = ['timestamps', 'sack', 'sack_permitted', 'mss', 'window_scale']\n";
        let bare = |before: &wire::Header| wire::Header {
            options: Options::NONE,
            ..*before
        };
        let from = |which: &str| format!("{all}strip_from = '{which}'");
        assert_eq!(behind(all, 0, &syn()), (bare(&syn()), true));
        assert_eq!(behind(all, 0, &ack()), (ack(), false));
        assert_eq!(behind(&from("others"), 0, &syn()), (syn(), false));
        assert_eq!(behind(&from("others"), 0, &ack()), (bare(&ack()), true));
        assert_eq!(behind(&from("all"), 0, &syn()), (bare(&syn()), true));
        assert_eq!(behind(&from("all"), 0, &ack()), (bare(&ack()), true));
        let mut without_sack = syn();
        without_sack.options.sack_permitted = false;
        assert_eq!(
            behind("strip = ['sack_permitted']", 0, &syn()),
            (without_sack, true)
        );
        assert_eq!(behind("strip = ['unknown']", 0, &syn()), (syn(), false));
    }

    #[test]
    fn the_mss_is_only_lowered() {
        let mut lower = syn();
        lower.options.mss = Some(1_300);
        assert_eq!(behind("clamp_mss = 1300", 0, &syn()), (lower, true));
        assert_eq!(behind("clamp_mss = 9000", 0, &syn()), (syn(), false));
        assert_eq!(behind("clamp_mss = 100", 0, &ack()), (ack(), false));
    }

    #[test]
    fn the_window_scale_is_replaced() {
        let mut other = syn();
        other.options.window_scale = Some(WindowScale::clamped(2));
        assert_eq!(behind("window_scale = 2", 0, &syn()), (other, true));
        assert_eq!(behind("window_scale = 2", 0, &ack()), (ack(), false));
    }

    #[test]
    fn numbers_are_shifted_but_for_sack_blocks() {
        let mut shifted = ack();
        shifted.seq = SeqNumber::new(999);
        assert_eq!(behind("shift_seq = 4294967295", 0, &ack()), (shifted, true));
        let mut shifted = ack();
        shifted.ack = Some(SeqNumber::new(4_990));
        assert_eq!(behind("", 10, &ack()), (shifted, true));
        // A SYN acknowledges nothing.
        assert_eq!(behind("", 10, &syn()), (syn(), false));
    }
}
