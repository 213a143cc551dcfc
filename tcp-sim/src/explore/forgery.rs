//! Segments that an attacker may inject: one of a finite alphabet around the numbers that matter.

use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header, WireWindow};
use tcp_core::{State, TcpInfo};

use super::machine::Packet;

/// What a side's numbers are, as one who sees everything knows them.
///
/// ```text
///   receives:   L = last acknowledged     R = RCV.NXT     E = right edge
///   sends:      U = SND.UNA              S = SND.NXT
/// ```
#[derive(Clone, Copy, Hash, Debug)]
pub(super) struct Numbers {
    acked: SeqNumber,
    rcv_nxt: SeqNumber,
    edge: SeqNumber,
    snd_una: SeqNumber,
    snd_nxt: SeqNumber,
    stage: Stage,
}

/// How much a side knows of its peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Stage {
    /// Nothing: it is in SYN-SENT.
    Alone,
    /// Both SYNs, and more.
    Met,
    /// Only a record is there: of a handshake that is to end, or of TIME-WAIT.
    Record,
}

/// As many as there are, those included that an attacker must not send.
pub(super) const FORGERIES: u8 = (SEQS * ACKS * KINDS) as u8;

const SEQS: usize = 8;
const ACKS: usize = 6;
const KINDS: usize = 5;

/// What is offered before the handshake is over, and by a record: the receive buffer of the presets.
const OFFERED: u32 = 4_096;
/// Half of the sequence space, and what is behind any window of an exploration.
const FAR: u32 = 1 << 31;
const LONG_AGO: u32 = 100_000;

impl Numbers {
    /// Of a side that has sent up to `sent`, and acknowledged up to `acked`, if anything. `connection` is what is known
    /// of its connection, if it has one, and the next number that this expects.
    pub(super) fn of(
        sent: SeqNumber,
        acked: Option<SeqNumber>,
        connection: Option<(&TcpInfo, SeqNumber)>,
    ) -> Numbers {
        let numbers = |rcv_nxt: SeqNumber, window, unacked, stage| Numbers {
            acked: acked.unwrap_or(rcv_nxt),
            rcv_nxt,
            edge: rcv_nxt.advanced_by(window),
            snd_una: sent.retreated_by(unacked),
            snd_nxt: sent,
            stage,
        };
        match (connection, acked) {
            (Some((info, rcv_nxt)), Some(_)) if info.tcpi_state != State::SynSent => numbers(
                rcv_nxt,
                match info.tcpi_state {
                    State::SynReceived => OFFERED,
                    _ => info.tcpi_rcv_wnd,
                },
                info.unacked_bytes as u32,
                Stage::Met,
            ),
            (None, Some(acked)) => numbers(acked, OFFERED, 1, Stage::Record),
            _ => numbers(SeqNumber::new(0), 0, 1, Stage::Alone),
        }
    }

    /// The segment with this index, which is below [`FORGERIES`]; `None` where it would be a right guess.
    ///
    /// Right guesses are what RFC 5961 and RFC 9293 let through, whoever sends it:
    ///
    /// - RST with exactly R;
    /// - what has a sequence number from R to E and an acknowledgement that is acceptable (of U, or less than a
    ///   window before, up to S): it is as the peer's own;
    /// - what lies from L to R and acknowledges what is between U and S: its text is old, and its ACK counts, as in Linux
    ///   (`tcp_sequence`, from `rcv_wup` on), so that one that was overtaken is not lost;
    /// - to who has not heard from its peer: any SYN without ACK (it crosses ours), and whatever acknowledges
    ///   our SYN;
    /// - the SYN-ACK of a simultaneous open, with both numbers right;
    /// - to who holds only a record, of a handshake or of TIME-WAIT: SYN, which opens the next connection.
    pub(super) fn forgery(&self, index: u8) -> Option<Packet> {
        let index = usize::from(index);
        let (seq, index) = (index % SEQS, index / SEQS);
        let (ack, kind) = (index % ACKS, index / ACKS);
        let (rcv_nxt, edge) = (self.rcv_nxt, self.edge);
        let seqs: [SeqNumber; SEQS] = [
            rcv_nxt,
            rcv_nxt.retreated_by(1),
            rcv_nxt.advanced_by(1),
            edge,
            edge.retreated_by(1),
            edge.advanced_by(1),
            rcv_nxt.advanced_by(FAR),
            rcv_nxt.retreated_by(LONG_AGO),
        ];
        let acks: [Option<SeqNumber>; ACKS] = [
            None,
            Some(self.snd_una),
            Some(self.snd_nxt),
            Some(self.snd_nxt.advanced_by(1)),
            Some(self.snd_nxt.advanced_by(FAR)),
            Some(self.snd_una.retreated_by(LONG_AGO)),
        ];
        let (control, payload): (Control, &[u8]) = [
            (Control::Rst, &[][..]),
            (Control::Syn, &[]),
            (Control::Fin, &[]),
            (Control::None, &[]),
            (Control::None, b"!"),
        ][kind];
        let header = Header {
            control,
            ack: acks[ack],
            window: WireWindow::new(500),
            ..Header::new(seqs[seq])
        };
        let packet = Packet {
            header,
            payload: payload.to_vec(),
        };
        (!self.is_right(&packet)).then_some(packet)
    }

    fn is_right(&self, packet: &Packet) -> bool {
        let header = &packet.header;
        let is_syn = header.control == Control::Syn;
        let from_nxt = header.seq.distance_from(self.rcv_nxt);
        if self.stage == Stage::Alone {
            let acknowledges = header.ack == Some(self.snd_nxt);
            return acknowledges || (is_syn && header.ack.is_none());
        }
        if header.control == Control::Rst {
            return from_nxt == 0;
        }
        if is_syn {
            let crosses = from_nxt == -1 && header.ack == Some(self.snd_nxt);
            return self.stage == Stage::Record || crosses;
        }
        let Some(ack) = header.ack else {
            return false;
        };
        let is_new = ack == self.snd_nxt && ack != self.snd_una;
        let is_acceptable = ack == self.snd_una || ack == self.snd_nxt;
        let in_window = from_nxt >= 0 && header.seq.distance_from(self.edge) <= 0;
        let end = header.seq.advanced_by(packet.sequence_len());
        let is_heard = end.distance_from(self.acked) >= 0 && from_nxt < 0;
        (in_window && is_acceptable) || (is_heard && is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met() -> Numbers {
        let info = TcpInfo {
            tcpi_state: State::Established,
            tcpi_rcv_wnd: 1_000,
            unacked_bytes: 10,
            ..TcpInfo::default()
        };
        let [sent, rcv_nxt] = [5_000, 7_000].map(SeqNumber::new);
        Numbers::of(sent, Some(rcv_nxt), Some((&info, rcv_nxt)))
    }

    fn all(numbers: Numbers) -> impl Iterator<Item = Packet> {
        (0..FORGERIES).filter_map(move |index| numbers.forgery(index))
    }

    #[test]
    fn no_reset_is_exact_and_no_data_is_as_the_peers_own() {
        let mut resets = 0;
        for packet in all(met()) {
            let header = packet.header;
            let seq = header.seq.get();
            match header.control {
                Control::Rst => {
                    assert_ne!(seq, 7_000);
                    resets += 1;
                }
                Control::Syn => {}
                Control::Fin | Control::None => {
                    let in_window = (7_000..=8_000).contains(&seq);
                    let ack = header.ack.map(SeqNumber::get);
                    assert!(!in_window || ack.is_none_or(|ack| ack != 4_990 && ack != 5_000));
                }
            }
        }
        assert_eq!(resets, (SEQS - 1) * ACKS);
    }

    #[test]
    fn who_is_alone_gets_neither_what_crosses_nor_what_acknowledges() {
        let alone = Numbers::of(SeqNumber::new(1_001), None, None);
        let right = |it: &Packet| it.header.ack == Some(SeqNumber::new(1_001));
        assert!(all(alone).all(|it| !right(&it)));
        assert!(all(alone).any(|it| it.header.control == Control::Syn));
    }
}
