//! What one end of a connection may send, judged from outside.

use std::collections::VecDeque;

use tcp_core::config::MIN_MSS;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header, WindowScale};

use super::ecn::EcnConduct;
use super::peer::Peer;
use super::{Violation, rule};

/// Watches one end of a connection: every segment that it sends, and every segment that it is
/// handed. Offsets count as in [`tcp_core::seq`]: the SYN owns 0, the first byte 1.
///
/// ```text
///     sent by this end                          offered by this end
///
///   0 1      acked        snd_max             0 1      ack        right edge
///   +-+--------+-----------+ . . . +          +-+--------+----------+
///   |S|  kept to compare   |       |          |S| handed |  room    |
///   +-+--------+-----------+ . . . +          +-+--------+----------+
///                          ^       ^                     never goes back, never beyond what
///               nothing sent yet   granted by the peer   was handed in without a hole
/// ```
///
/// Segments that this end was handed count whether or not it accepted them: that can only hide a
/// fault behind another segment, and never finds one where there is none.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Conduct {
    /// Our initial sequence number, and the shift count that our SYN offered.
    isn: Option<(SeqNumber, Option<WindowScale>)>,
    /// The offset after the last one sent.
    snd_max: u64,
    /// The offset of our FIN, once it was sent.
    fin: Option<u64>,
    /// The payload from offset `kept_from` to `snd_max`.
    kept: VecDeque<u8>,
    kept_from: u64,
    /// The highest offset that we acknowledged, and the highest right edge that we offered.
    ack: u64,
    right_edge: u64,
    /// The SYNs that we were handed; which of them we took is known when we acknowledge it.
    syns: Vec<Handed>,
    /// What else we were handed before that.
    unplaced: Vec<Handed>,
    peer: Option<Peer>,
    ecn: EcnConduct,
    /// The same, had the peer opened by another of the SYNs that it may have opened by: several with the same number, say,
    /// and other options. A segment breaks a rule only where it does whichever it was; none of these has doubts itself.
    doubts: Vec<Conduct>,
}

/// What matters of a segment that this end was handed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Handed {
    header: Header,
    payload_len: u32,
}

impl Conduct {
    /// Whether `header` opens another connection than the one watched: a SYN with a number of its
    /// own, or one that acknowledges another SYN.
    pub fn is_reborn_by(&self, header: &Header) -> bool {
        let other_isn = self.isn.is_some_and(|(isn, _)| isn != header.seq);
        let other_peer = |conduct: &Conduct| match (header.ack, &conduct.peer) {
            (Some(ack), Some(peer)) => !peer.has_sent_before(ack),
            _ => false,
        };
        let other_peer = || other_peer(self) && self.doubts.iter().all(other_peer);
        header.control == Control::Syn && (other_isn || other_peer())
    }

    /// Forgets the connection but not the SYNs that were handed in, one of which may have opened
    /// the next.
    pub fn reborn(self) -> Conduct {
        Conduct {
            syns: self.syns,
            ecn: self.ecn.reborn(),
            ..Conduct::default()
        }
    }

    /// The initial sequence number of the peer's SYN that this end took, once it has acknowledged
    /// one.
    pub fn peer_isn(&self) -> Option<SeqNumber> {
        self.peer.as_ref().map(|peer| peer.isn)
    }

    /// Whether a segment takes sequence numbers that this end has used already: it is sent again.
    pub fn is_repeat(&self, header: &Header, payload_len: usize) -> bool {
        let len = payload_len as u64 + u64::from(header.control.sequence_len());
        let start = self
            .isn
            .and_then(|(isn, _)| header.seq.offset_near(isn, self.snd_max));
        len > 0 && start.is_some_and(|start| start < self.snd_max)
    }

    /// This end was handed a segment.
    pub fn handed(&mut self, header: &Header, payload_len: usize) {
        for doubt in &mut self.doubts {
            doubt.handed(header, payload_len);
        }
        let handed = Handed {
            header: *header,
            payload_len: payload_len as u32,
        };
        self.ecn.handed(header, payload_len);
        let is_syn = header.control == Control::Syn;
        if is_syn && !self.syns.contains(&handed) {
            self.syns.push(handed);
        }
        if self.peer.is_some() {
            self.place(handed);
        } else if !is_syn {
            self.unplaced.push(handed);
        }
    }

    /// This end sent a segment.
    pub fn sent(&mut self, header: &Header, payload: &[u8]) -> Result<(), Violation> {
        // A reset takes its numbers from what it answers (RFC 9293 §3.10.7.1).
        if header.control == Control::Rst {
            rule!(payload.is_empty(), "a RST with data");
            return Ok(());
        }
        let verdict = self.judge(header, payload);
        let mut doubts = std::mem::take(&mut self.doubts);
        doubts.retain_mut(|doubt| doubt.judge(header, payload).is_ok());
        if verdict.is_err() && !doubts.is_empty() {
            *self = doubts.remove(0);
            self.doubts = doubts;
            return Ok(());
        }
        self.doubts = doubts;
        verdict
    }

    fn judge(&mut self, header: &Header, payload: &[u8]) -> Result<(), Violation> {
        self.check_acknowledgement(header)?;
        self.check_stream(header, payload)
    }

    fn check_stream(&mut self, header: &Header, payload: &[u8]) -> Result<(), Violation> {
        if self.isn.is_none() {
            rule!(
                header.control == Control::Syn,
                "the first segment is no SYN"
            );
            self.isn = Some((header.seq, header.options.window_scale));
            self.kept_from = 1;
        }
        let (isn, _) = self.isn.expect("it was just set");
        let start = header.seq.offset_near(isn, self.snd_max);
        rule!(
            start.is_some(),
            "sequence number {:?} is before our SYN",
            header.seq
        );
        let start = start.unwrap_or_default();
        let is_syn = header.control == Control::Syn;
        rule!(!is_syn || start == 0, "a SYN at offset {start}");
        rule!(
            is_syn || start > 0 || payload.is_empty(),
            "data at offset 0"
        );
        rule!(
            start <= self.snd_max,
            "sent from offset {start}, but nothing from {} on yet",
            self.snd_max
        );
        self.ecn.sent(header, payload.len(), start < self.snd_max)?;
        let data = start + u64::from(is_syn);
        let end = data + payload.len() as u64;
        if header.control == Control::Fin {
            let fin = *self.fin.get_or_insert(end);
            rule!(fin == end, "the FIN moved from offset {fin} to {end}");
        }
        if let Some(fin) = self.fin
            && !payload.is_empty()
        {
            rule!(end <= fin, "data up to offset {end}, past the FIN at {fin}");
        }
        self.check_bytes(data, payload)?;
        self.check_limits(end, payload.len(), header.control)?;
        let end = end + u64::from(header.control == Control::Fin);
        self.snd_max = self.snd_max.max(end);
        Ok(())
    }

    /// The same offset always carries the same byte.
    fn check_bytes(&mut self, data: u64, payload: &[u8]) -> Result<(), Violation> {
        // What is acknowledged is not kept, and cannot be compared.
        let forgotten = self
            .kept_from
            .saturating_sub(data)
            .min(payload.len() as u64);
        let known = &payload[forgotten as usize..];
        let from = (data + forgotten).saturating_sub(self.kept_from) as usize;
        let again = known.len().min(self.kept.len().saturating_sub(from));
        let (again, fresh) = known.split_at(again);
        if !again.is_empty() && !holds_at(&self.kept, from, again) {
            let mut kept = self.kept.iter().skip(from).zip(again);
            let index = kept.position(|(kept, byte)| kept != byte);
            let offset = data + forgotten + index.unwrap_or(0) as u64;
            return Err(Violation(format!(
                "another byte at offset {offset} than before"
            )));
        }
        self.kept.extend(fresh);
        Ok(())
    }

    /// The peer's window and MSS. Beyond the window goes nothing but a probe: one byte, by itself,
    /// when all that was granted is used up (RFC 9293 §3.8.6.1).
    fn check_limits(
        &self,
        end: u64,
        payload_len: usize,
        control: Control,
    ) -> Result<(), Violation> {
        if payload_len == 0 {
            return Ok(());
        }
        let Some(peer) = &self.peer else {
            rule!(
                control == Control::Syn,
                "data before the peer's SYN, and not with ours"
            );
            return Ok(());
        };
        let is_probe = payload_len == 1 && end == peer.granted + 1;
        rule!(
            end <= peer.granted || is_probe,
            "data up to offset {end}, but the window ends at {}",
            peer.granted
        );
        // MUST-15: 536 or 1220 bytes where the peer announces nothing.
        let mss = peer.mss.map_or(1_220, |mss| mss.max(MIN_MSS));
        rule!(
            payload_len <= usize::from(mss),
            "{payload_len} bytes in a segment, the peer's MSS is {mss}"
        );
        Ok(())
    }

    /// The acknowledgement and the window.
    fn check_acknowledgement(&mut self, header: &Header) -> Result<(), Violation> {
        let Some(number) = header.ack else {
            rule!(
                header.control == Control::Syn,
                "only a SYN or a RST goes without ACK"
            );
            return Ok(());
        };
        if self.peer.is_none() {
            self.take_syn(number)?;
        }
        let (our_scale, peer) = match (&self.isn, &self.peer) {
            (isn, Some(peer)) => (isn.and_then(|(_, scale)| scale), peer),
            (_, None) => return Ok(()),
        };
        let ack = number.offset_near(peer.isn, self.ack).unwrap_or(0);
        let handed = peer.handed_without_hole();
        rule!(
            ack >= self.ack,
            "the acknowledgement went from {} back to {ack}",
            self.ack
        );
        rule!(
            ack <= handed,
            "acknowledged up to {ack}, but was handed {handed}"
        );
        self.ack = ack;

        // Both scale or neither does (RFC 7323 §2.2); the window of a SYN is never scaled.
        let scale = match (our_scale, peer.scale) {
            (Some(scale), Some(_)) if header.control != Control::Syn => scale,
            _ => WindowScale::ZERO,
        };
        let edge = ack + u64::from(header.window.bytes(scale));
        // A SYN that is sent again can say no more than 65,535, whatever other segments said.
        rule!(
            edge + u64::from(scale.unit()) > self.right_edge || header.control == Control::Syn,
            "the window's right edge went from {} back to {edge}",
            self.right_edge
        );
        self.right_edge = self.right_edge.max(edge);
        Ok(())
    }

    /// Finds the SYN that `number` acknowledges, and places what was handed in before. The nearest is the likeliest; others
    /// may be it, since data may have come with them (RFC 7413).
    fn take_syn(&mut self, number: SeqNumber) -> Result<(), Violation> {
        // A SYN that acknowledges anything but our SYN opens nothing.
        let is_ours = |ack: SeqNumber| {
            let offset = ack.offset_near(self.isn?.0, self.snd_max)?;
            Some((1..=self.snd_max).contains(&offset))
        };
        let believable =
            |syn: &&Handed| syn.header.ack.is_none_or(|ack| is_ours(ack) == Some(true));
        let distance = |syn: &Handed| number.distance_from(syn.header.seq);
        let mut candidates: Vec<Handed> = self.syns.iter().filter(believable).copied().collect();
        candidates.retain(|syn| distance(syn) > 0);
        candidates.sort_by_key(distance);
        let unplaced = std::mem::take(&mut self.unplaced);
        let mut trials: Vec<Conduct> = Vec::new();
        for opening in &candidates {
            let mut trial = self.clone();
            trial.open_by(opening, &candidates, &unplaced);
            if !trials.contains(&trial) {
                trials.push(trial);
            }
        }
        if trials.is_empty() {
            return Err(Violation(format!(
                "acknowledges {number:?}, but was handed no such SYN"
            )));
        }
        *self = trials.remove(0);
        self.doubts = trials;
        Ok(())
    }

    /// Takes `opening` as the peer's SYN, and notes all that was handed in before.
    fn open_by(&mut self, opening: &Handed, syns: &[Handed], unplaced: &[Handed]) {
        self.peer = Some(Peer::new(&opening.header));
        // What others with its number brought may have been taken as well: data, for one (RFC 7413).
        let same_number = |syn: &&Handed| syn.header.seq == opening.header.seq;
        for handed in syns.iter().filter(same_number).chain(unplaced) {
            self.place(*handed);
        }
    }

    /// Notes what a segment that was handed in brought: offsets, an acknowledgement, a window.
    fn place(&mut self, segment: Handed) {
        let Some(peer) = &mut self.peer else { return };
        let header = &segment.header;
        let near = peer.handed_without_hole();
        if let Some(start) = header.seq.offset_near(peer.isn, near) {
            let len = segment.payload_len + header.control.sequence_len();
            peer.note(start, start + u64::from(len));
        }
        let our_scale = self.isn.and_then(|(_, scale)| scale);
        // A SYN without ACK grants its window from our first byte on. Before our own SYN is out,
        // our shift count is unknown; only the peer's matters here.
        let ack = match (header.ack, self.isn) {
            (Some(ack), Some((isn, _))) => ack.offset_near(isn, self.snd_max).unwrap_or(0),
            _ => 1,
        };
        let scale = match (our_scale, peer.scale) {
            (Some(_), Some(scale)) if header.control != Control::Syn => scale,
            _ => WindowScale::ZERO,
        };
        if header.control != Control::Rst && ack <= self.snd_max.max(1) {
            let granted = ack + u64::from(header.window.bytes(scale));
            peer.granted = peer.granted.max(granted);
            let acknowledged = ack.saturating_sub(self.kept_from);
            let acknowledged = acknowledged.min(self.kept.len() as u64);
            self.kept.drain(..acknowledged as usize);
            self.kept_from += acknowledged;
        }
    }
}

/// Whether `kept` has `bytes` at `index`, where it is long enough.
fn holds_at(kept: &VecDeque<u8>, index: usize, bytes: &[u8]) -> bool {
    let (first, second) = kept.as_slices();
    match index.checked_sub(first.len()) {
        Some(index) => second[index..].starts_with(bytes),
        None => {
            let (head, tail) = bytes.split_at(bytes.len().min(first.len() - index));
            first[index..].starts_with(head) && second.starts_with(tail)
        }
    }
}

#[cfg(test)]
mod tests;
