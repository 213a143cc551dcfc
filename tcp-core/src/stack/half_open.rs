//! From SYN to connection: what a listener has been asked for and not got yet.

use core::time::Duration;

use super::connections::Origin;
use super::deadlines::Alarm;
use super::demux::Record;
use super::listener::Full;
use super::reply::Marking;
use super::tuple::FourTuple;
use super::{Stack, syn_cookies};
use crate::config::{Admission, Overflow, TcpConfig, ValidConfig};
use crate::connection::{HalfOpen, HalfOpenOutcome, HalfOpenTimeout};
use crate::event::SynDecision;
use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::{Control, FastOpenOption, Header, Segment};

/// A half-open connection and what the stack knows about it.
#[derive(Clone, Debug)]
pub(super) struct Embryo {
    pub(super) tuple: FourTuple,
    /// The slot of its listener, which outlives it.
    pub(super) listener: u32,
    pub(super) isn: SeqNumber,
    config: ValidConfig,
    record: HalfOpen,
    stage: Stage,
    pub(super) alarm: Option<Alarm>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The user has not decided about the SYN, which has not been answered.
    Undecided(Undecided),
    /// The SYN-ACK was sent: SYN-RECEIVED.
    Answered,
}

#[derive(Clone, Copy, Debug)]
struct Undecided {
    /// The SYN's sequence number, and its length in sequence space.
    syn: SeqNumber,
    syn_len: u32,
    expires_at: Instant,
}

/// A connection in TIME-WAIT that gives way to a SYN (RFC 6191).
#[derive(Clone, Copy, Debug)]
pub(super) struct Predecessor {
    /// Its slot.
    pub(super) slot: u32,
    /// Where the new connection's sequence numbers may begin.
    pub(super) isn_floor: SeqNumber,
}

impl Embryo {
    pub(super) const fn is_undecided(&self) -> bool {
        matches!(self.stage, Stage::Undecided(_))
    }

    fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Undecided(undecided) => Some(undecided.expires_at),
            Stage::Answered => self.record.poll_timeout(),
        }
    }
}

impl Stack {
    /// A SYN, with neither ACK nor RST, for a listener (RFC 9293 §3.10.7.2, third).
    pub(super) fn handle_syn(
        &mut self,
        now: Instant,
        listener: u32,
        tuple: FourTuple,
        segment: &Segment<'_>,
        predecessor: Option<Predecessor>,
    ) {
        if !self.admits_connection() {
            self.counters.listen_drops += 1;
            return;
        }
        let too_many = self.has_too_many_half_open();
        let Some(parent) = self.listeners.get(listener) else {
            return;
        };
        let room = match parent.admits_syn() {
            Ok(()) if too_many => Err(Full::SynQueue),
            room => room,
        };
        if predecessor.is_none() && syn_cookies::answers(&parent.config, room) {
            self.answer_by_cookie(now, listener, tuple, segment, room);
            return;
        }
        if let Err(full) = room {
            self.count_listen_drop(full);
            return;
        }
        let (config, admission) = (parent.config.tcp.clone(), parent.config.admission);
        let mut setup = self.setup(now, &tuple);
        if let Some(Predecessor { slot, isn_floor }) = predecessor {
            self.end_time_wait(slot);
            self.counters.time_wait_recycled += 1;
            if setup.isn.distance_from(isn_floor) < 0 {
                setup.isn = isn_floor;
            }
        }
        let stage = match admission {
            Admission::Accept => Stage::Answered,
            Admission::Ask => Stage::Undecided(Undecided {
                syn: segment.header.seq,
                syn_len: segment.sequence_len(),
                expires_at: now + handshake_time(&config),
            }),
        };
        let record = HalfOpen::new(now, &config, setup, segment);
        let mut fast_open = None;
        if matches!(stage, Stage::Answered) {
            match self.try_fast_open(now, listener, tuple, &record, segment) {
                Ok(()) => return,
                Err(option) => fast_open = option,
            }
        }
        let slot = self
            .half_opens
            .insert(Embryo {
                tuple,
                listener,
                isn: setup.isn,
                record,
                config,
                stage,
                alarm: None,
            })
            .index;
        if let Some(parent) = self.listeners.get_mut(listener) {
            parent.add_half_open(slot);
        }
        self.demux.insert(tuple, None, Record::HalfOpen(slot));
        match stage {
            Stage::Answered => self.answer_syn(now, slot, fast_open),
            Stage::Undecided(_) => {
                self.events.syns.push_back(slot);
                self.rearm_half_open(slot);
            }
        }
    }

    pub(super) fn decide_syn(&mut self, now: Instant, slot: u32, decision: SynDecision) {
        match decision {
            SynDecision::Accept => {
                self.events.syns.remove(slot);
                self.answer_syn(now, slot, None);
            }
            SynDecision::Defer => {}
            SynDecision::Refuse => {
                if let Some(embryo) = self.forget_half_open(slot)
                    && let Stage::Undecided(undecided) = embryo.stage
                {
                    self.refuse_syn(now, embryo.tuple, undecided.syn, undecided.syn_len);
                }
            }
            SynDecision::Drop => drop(self.forget_half_open(slot)),
        }
    }

    /// The first SYN-ACK, and it alone, gives a cookie.
    fn answer_syn(&mut self, now: Instant, slot: u32, fast_open: Option<FastOpenOption>) {
        if let Some(embryo) = self.half_opens.get_mut(slot) {
            embryo.stage = Stage::Answered;
            let mut syn_ack = embryo.record.syn_ack(now, &embryo.config);
            syn_ack.options.fast_open = fast_open;
            self.reply_half_open(slot, syn_ack);
            self.rearm_half_open(slot);
        }
    }

    pub(super) fn handle_half_open_segment(
        &mut self,
        now: Instant,
        slot: u32,
        segment: &Segment<'_>,
    ) {
        let Some(embryo) = self.half_opens.get_mut(slot) else {
            return;
        };
        if let Stage::Undecided(undecided) = embryo.stage {
            let tuple = embryo.tuple;
            return self.handle_undecided_segment(now, slot, tuple, undecided, segment);
        }
        let Embryo { record, config, .. } = embryo;
        match record.handle_segment(now, config, segment, &mut self.counters) {
            HalfOpenOutcome::Ignore => {}
            HalfOpenOutcome::Reply(header) => self.reply_half_open(slot, header),
            HalfOpenOutcome::Drop(header) => {
                if let Some(header) = header {
                    self.reply_half_open(slot, header);
                }
                self.forget_half_open(slot);
            }
            HalfOpenOutcome::Complete => self.complete_handshake(now, slot, segment),
        }
        self.rearm_half_open(slot);
    }

    /// An unanswered SYN is still before LISTEN: its repetitions are absorbed, a different SYN
    /// takes its place, and the rest is treated as LISTEN does (RFC 9293 §3.10.7.2).
    fn handle_undecided_segment(
        &mut self,
        now: Instant,
        slot: u32,
        tuple: FourTuple,
        undecided: Undecided,
        segment: &Segment<'_>,
    ) {
        let header = &segment.header;
        match (header.control, header.ack) {
            (Control::Syn, None) if header.seq == undecided.syn => {
                if let Some(embryo) = self.half_opens.get_mut(slot) {
                    embryo.record.hear_syn_again(header);
                }
            }
            (Control::Syn, None) => {
                if let Some(embryo) = self.forget_half_open(slot) {
                    self.handle_syn(now, embryo.listener, tuple, segment, None);
                }
            }
            // The peer has given up; it can name no other sequence number than the SYN's end.
            (Control::Rst, _) => {
                if header.seq == undecided.syn.advanced_by(undecided.syn_len) {
                    self.forget_half_open(slot);
                }
            }
            (_, Some(_)) => self.refuse(now, tuple, segment),
            (_, None) => {}
        }
    }

    /// The final ACK. Where the accept queue is full it is ignored, since the SYN-ACK is sent again and
    /// the peer's next answer to it may find room, or answered with RST (`tcp_abort_on_overflow`).
    fn complete_handshake(&mut self, now: Instant, slot: u32, segment: &Segment<'_>) {
        if !self.admits_connection() {
            self.counters.listen_drops += 1;
            return;
        }
        let Some(embryo) = self.half_opens.get(slot) else {
            return;
        };
        let (tuple, listener) = (embryo.tuple, embryo.listener);
        let Some(parent) = self.listeners.get(listener) else {
            return;
        };
        if let Err(full) = parent.admits_connection() {
            let overflow = parent.config.overflow;
            self.count_listen_drop(full);
            if overflow == Overflow::Reset {
                self.refuse(now, tuple, segment);
                self.fail_half_open(slot);
            }
            return;
        }
        // Its route becomes that of the connection.
        let Some(Embryo { record, config, .. }) = self.take_half_open(slot) else {
            return;
        };
        let connection = self.spares.promote(now, config, &record);
        let index = self
            .insert_connection(
                connection,
                tuple,
                Origin::AcceptQueue,
                Some(Record::HalfOpen(slot)),
            )
            .index;
        self.join_accept_queue(now, listener, index, segment);
    }

    /// Gives a connection in SYN-RECEIVED the segment that completes its handshake, and its place in the
    /// accept queue.
    pub(super) fn join_accept_queue(
        &mut self,
        now: Instant,
        listener: u32,
        index: u32,
        segment: &Segment<'_>,
    ) {
        self.handle_connection_segment(now, now, index, segment);
        if let Some(parent) = self.listeners.get_mut(listener) {
            parent.add_established(index);
        }
        self.events.incoming.push_back(listener);
    }

    pub(super) fn handle_half_open_timeout(&mut self, now: Instant, slot: u32) {
        let Some(embryo) = self.half_opens.get_mut(slot) else {
            return;
        };
        embryo.alarm = None;
        let Embryo { record, config, .. } = embryo;
        match embryo.stage {
            Stage::Undecided(undecided) if undecided.expires_at <= now => {
                self.forget_half_open(slot);
            }
            Stage::Undecided(_) => {}
            Stage::Answered => match record.handle_timeout(now, config, &mut self.counters) {
                HalfOpenTimeout::NotDue => {}
                HalfOpenTimeout::Retransmit(header) => self.reply_half_open(slot, header),
                HalfOpenTimeout::Expired => drop(self.forget_half_open(slot)),
            },
        }
        self.rearm_half_open(slot);
    }

    fn reply_half_open(&mut self, slot: u32, header: Header) {
        if let Some(embryo) = self.half_opens.get(slot) {
            let marking = Marking::from(&*embryo.config);
            self.reply(embryo.tuple, header, marking);
        }
    }

    fn rearm_half_open(&mut self, slot: u32) {
        if let Some(embryo) = self.half_opens.get_mut(slot) {
            let deadline = embryo.deadline();
            self.deadlines
                .update(&mut embryo.alarm, Record::HalfOpen(slot), deadline);
        }
    }

    /// Ends a handshake from outside; those that fail by themselves count themselves.
    pub(super) fn fail_half_open(&mut self, slot: u32) {
        if let Some(embryo) = self.forget_half_open(slot)
            && !embryo.is_undecided()
        {
            self.counters.attempt_fails += 1;
        }
    }

    fn forget_half_open(&mut self, slot: u32) -> Option<Embryo> {
        let embryo = self.take_half_open(slot)?;
        self.demux.remove(&embryo.tuple, Record::HalfOpen(slot));
        Some(embryo)
    }

    /// Takes it out of every table but the demultiplexer.
    fn take_half_open(&mut self, slot: u32) -> Option<Embryo> {
        let embryo = self.half_opens.remove(slot)?;
        if let Some(listener) = self.listeners.get_mut(embryo.listener) {
            listener.remove_half_open(slot);
        }
        self.events.syns.remove(slot);
        self.deadlines.cancel(embryo.alarm);
        Some(embryo)
    }
}

/// How long a handshake may take: the time of every SYN-ACK and its backoff.
fn handshake_time(config: &TcpConfig) -> Duration {
    let mut wait = config.initial_rto;
    let mut total = Duration::ZERO;
    for _ in 0..=config.synack_retries {
        total = total.saturating_add(wait);
        wait = wait.saturating_mul(2).min(config.max_rto);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_handshake_may_take_a_minute() {
        let config = TcpConfig::default();
        assert_eq!(handshake_time(&config), Duration::from_secs(63));
    }

    #[test]
    fn the_backoff_is_bounded() {
        let config = TcpConfig {
            synack_retries: 3,
            max_rto: Duration::from_secs(2),
            ..TcpConfig::default()
        };
        assert_eq!(handshake_time(&config), Duration::from_secs(1 + 2 + 2 + 2));
    }
}
