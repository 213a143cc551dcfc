//! TCP Fast Open (RFC 7413): data in the SYN, and connections that are of use before their handshake is complete.
//!
//! A client's SYN brings as much of what was written as fits; what the SYN-ACK does not acknowledge of it goes again
//! at once, as what is lost. A server's connection exists from the SYN on, in SYN-RECEIVED: it may be read from,
//! and what is written goes out, while its SYN-ACK has a timer of its own.

use alloc::boxed::Box;
use core::ops::Range;

use super::agreed::announced_mss;
use super::decision::Shape;
use super::fast_open_state::{
    Asked, FastOpen, FastOpenLesson, FastOpenMarks, FastOpenOffer, Stage,
};
use super::half_open::HalfOpen;
use super::machine::{Connection, NetworkError, Origin};
use super::setup::Setup;
use crate::config::ValidConfig;
use crate::error::ConnectionError;
use crate::send::scoreboard::{Delivered, Pieces};
use crate::seq::SeqNumber;
use crate::state::{FastOpenFail, State};
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Cookie, FastOpenOption, Header, Segment};

/// Room that data leaves in a SYN for options, those included that others may add (Linux's
/// `MAX_TCP_OPTION_SPACE`).
const OPTION_SPACE: u16 = 40;

/// The client.
impl Connection {
    /// Active open with this offer. A SYN that may bring data waits for it.
    pub(crate) fn connect_fast(
        now: Instant,
        config: ValidConfig,
        setup: Setup,
        offer: FastOpenOffer,
    ) -> Connection {
        let mut connection = Connection::connect(now, config, setup);
        let waits = offer.takes_data();
        connection.pending.syn = !waits;
        if !waits {
            let fail = FastOpenFail::CookieUnavailable;
            connection.fast_open_marks.fail(fail);
        }
        connection.fast_open = Some(Box::new(FastOpen {
            stage: if waits {
                Stage::Deferred(offer)
            } else {
                Stage::Armed(offer)
            },
            lesson: None,
        }));
        connection
    }

    /// Whether the SYN waits for data to bring along: the first write lets it go, or
    /// [`release_syn`](Connection::release_syn).
    pub fn is_syn_deferred(&self) -> bool {
        matches!(self.stage(), Some(Stage::Deferred(_)))
    }

    /// Bytes that a SYN which waits for data may bring along; 0 where none does.
    pub fn syn_room(&self) -> usize {
        match self.stage() {
            Some(Stage::Deferred(offer)) => self.syn_room_of(&offer).into(),
            _ => 0,
        }
    }

    /// Lets go a SYN that waits for data, with what has been written.
    pub fn release_syn(&mut self) {
        if let Some(fast_open) = &mut self.fast_open
            && let Stage::Deferred(offer) = fast_open.stage
        {
            fast_open.stage = Stage::Armed(offer);
            self.pending.syn = true;
        }
    }

    /// Lets it go without data: it asks for a cookie, as Linux's does where what is to be sent cannot be read.
    pub fn release_syn_without_data(&mut self) {
        if let Some(Stage::Deferred(mut offer)) = self.stage() {
            if let Some(option) = &mut offer.option {
                option.cookie = Cookie::REQUEST;
            }
            self.set_stage(Stage::Deferred(offer));
            self.release_syn();
        }
    }

    fn syn_room_of(&self, offer: &FastOpenOffer) -> u16 {
        let mss = announced_mss(&self.config, &self.setup);
        let mss = offer.mss.map_or(mss, |cached| cached.min(mss));
        mss.saturating_sub(OPTION_SPACE)
    }

    /// What fast open adds to a SYN or SYN-ACK: the option, and the data that goes with it.
    pub(super) fn commit_fast_open(
        &mut self,
        now: Instant,
        shape: &Shape,
        syn: &mut Header,
    ) -> Range<u64> {
        let nothing = 1..1;
        match self.stage() {
            Some(Stage::Armed(offer)) => {
                let data = if offer.takes_data() {
                    let room = u64::from(self.syn_room_of(&offer));
                    1..self.snd.buffer.end().min(1 + room)
                } else {
                    nothing
                };
                syn.options.fast_open = offer.option;
                self.note_asked(&offer, !data.is_empty());
                self.snd.stalled_since = Some(now);
                self.commit_syn_data(now, shape, data.clone());
                data
            }
            Some(Stage::Early { option, sent_at }) => {
                syn.options.fast_open = option;
                self.set_stage(Stage::Early {
                    option: None,
                    sent_at: sent_at.or(Some(now)),
                });
                nothing
            }
            _ => nothing,
        }
    }

    fn note_asked(&mut self, offer: &FastOpenOffer, data: bool) {
        let option = offer.option;
        if option.is_some() || data {
            self.fast_open_marks.set(FastOpenMarks::USED);
        }
        if offer.probes {
            self.fast_open_marks.set(FastOpenMarks::PROBES);
        }
        self.set_stage(Stage::Asked(Asked { option, data }));
    }

    fn commit_syn_data(&mut self, now: Instant, shape: &Shape, data: Range<u64>) {
        if data.is_empty() {
            return;
        }
        // As Linux: where it goes again, it goes with PSH.
        if let Some(chunks) = &mut self.snd.chunks {
            chunks.on_pushed(data.end);
        }
        let len = data.end - data.start;
        let pieces = Pieces::of(len, shape.piece);
        let stamp = self.stamp_data(now, len, shape);
        (self.snd.scoreboard).push(data.clone(), pieces, now, stamp);
        self.snd.nxt = data.end;
        if let Some(chunks) = &mut self.snd.chunks {
            chunks.on_sent(data.end);
        }
        self.tally.on_data_sent(len, pieces.count());
        self.tally.last_data_sent = Some(now);
    }

    /// The handshake of a client is complete, by an acknowledgement up to offset `ack` in `answer`, the peer's
    /// SYN-ACK, or what stands for it where both opened at once; the SYN was sent again so many times.
    pub(super) fn settle_syn_data(
        &mut self,
        now: Instant,
        answer: &Segment<'_>,
        ack: u64,
        retries: u8,
        counters: &mut Counters,
    ) {
        let Some(Stage::Asked(asked)) = self.stage() else {
            return;
        };
        let lesson = lesson_of(&asked, answer, retries, self.setup.default_mss);
        self.fast_open = Some(Box::new(FastOpen {
            stage: Stage::Over,
            lesson: Some(lesson),
        }));
        if !asked.data {
            return;
        }
        // No measure of the rate: the handshake's time is the peer's as well, and as Linux, SYN and data are one delivery.
        self.advance_una(ack.max(1), &mut Delivered::default());
        if self.snd.scoreboard.is_empty() {
            counters.fast_open_active += 1;
            self.fast_open_marks.set(FastOpenMarks::SYN_DATA);
            self.after_syn_data();
            return;
        }
        counters.fast_open_active_fail += 1;
        self.fast_open_marks.fail(match retries {
            0 => FastOpenFail::DataNotAcknowledged,
            _ => FastOpenFail::SynRetransmitted,
        });
        self.send_outstanding_again(now);
    }

    /// Whoever flushes or waits for room has it.
    fn after_syn_data(&mut self) {
        self.note_room();
        if self.user.wants_flush && self.is_flushed() {
            self.user.wants_flush = false;
            self.events.flushed = true;
        }
    }

    /// The path carries less than was thought: a SYN with data is taken for lost, as Linux does, and goes again
    /// without.
    pub(super) fn take_data_off_syn(&mut self) {
        if let Some(Stage::Asked(Asked { data: true, .. })) = self.stage()
            && self.snd.retries == 0
        {
            self.snd.retries = 1;
            self.pending.syn = true;
        }
    }

    /// Broken middleboxes swallow a connection that was opened fast, in the handshake or after it: the third timeout
    /// in a row, or the last, is taken for a sign (Linux's `tcp_fastopen_active_detect_blackhole`).
    pub(super) fn suspect_blackhole(&mut self, gives_up: bool, counters: &mut Counters) {
        let timeouts = self.snd.retries;
        let used = self.origin == Origin::Active && self.fast_open_marks.has(FastOpenMarks::USED);
        if used && (timeouts == 2 || (timeouts < 2 && gives_up)) {
            counters.fast_open_active_fail += 1;
            self.teach(FastOpenLesson::Swallowed);
        }
    }

    /// A connection that was opened fast ends: what came of it. A FIN without the data before it is what
    /// remains where the network swallows (Linux's `tcp_fastopen_active_disable_ofo_check`).
    pub(super) fn judge_fast_open(&mut self) {
        let marks = self.fast_open_marks;
        if self.origin != Origin::Active || !marks.has(FastOpenMarks::USED) {
            return;
        }
        let lone_fin = self.rcv.fin.is_some_and(|fin| fin > self.rcv.nxt());
        if self.tally.data_segs_in == 0 {
            if lone_fin {
                self.teach(FastOpenLesson::Swallowed);
            }
        } else if marks.has(FastOpenMarks::PROBES) {
            self.teach(FastOpenLesson::Passed);
        }
    }
}

fn lesson_of(asked: &Asked, answer: &Segment<'_>, retries: u8, default_mss: u16) -> FastOpenLesson {
    let options = &answer.header.options;
    // A cookie that was not asked for is ignored.
    let cookie = options
        .fast_open
        .filter(|given| asked.option.is_some() && !given.cookie.is_request());
    let refuses = cookie.is_none() && retries == 0 && !asked.data;
    FastOpenLesson::Answered {
        mss: options.mss.unwrap_or(default_mss),
        cookie,
        refused: asked.option.filter(|_| refuses).map(|option| option.form),
    }
}

/// The server.
impl Connection {
    /// A connection for a SYN whose data is taken before the handshake is complete; `option` is for its SYN-ACK.
    pub(crate) fn open_early(
        now: Instant,
        config: ValidConfig,
        half: &HalfOpen,
        syn: &Segment<'_>,
        option: Option<FastOpenOption>,
        counters: &mut Counters,
    ) -> Connection {
        let mut connection = Connection::from_half_open(now, config, half);
        connection.fast_open = Some(Box::new(FastOpen {
            stage: Stage::Early {
                option,
                sent_at: None,
            },
            lesson: None,
        }));
        connection.begin_congestion();
        connection.tally.segs_in += 1;
        if !syn.payload.is_empty() {
            connection.tally.data_segs_in += 1;
            connection.tally.last_data_received = Some(now);
            connection.fast_open_marks.set(FastOpenMarks::SYN_DATA);
        }
        connection.receive_text(now, syn, 0, counters);
        connection.pending.ack = false;
        connection.pending.syn = true;
        connection
    }

    /// Whether this is a server's connection whose handshake is not complete, and which is of use already.
    pub fn is_early(&self) -> bool {
        self.state == State::SynReceived && matches!(self.stage(), Some(Stage::Early { .. }))
    }

    /// As [`handle_network_error`](Connection::handle_network_error), for one of use already that nobody has
    /// accepted: as Linux, it ends by soft errors too.
    pub(crate) fn handle_early_error(
        &mut self,
        error: NetworkError,
        seq: SeqNumber,
        counters: &mut Counters,
    ) {
        let offset = seq.offset_near(self.snd.isn, self.snd.una);
        let outstanding = self.snd.una..self.snd.nxt;
        if !offset.is_some_and(|at| outstanding.contains(&at)) {
            counters.icmp_out_of_window += 1;
            return;
        }
        match error {
            NetworkError::Soft(error) => {
                self.soft_error = Some(error);
                self.die(Some(ConnectionError::Unreachable), counters);
            }
            NetworkError::Hard => self.die(Some(ConnectionError::Prohibited), counters),
            NetworkError::TooBig { .. } => {}
        }
    }

    /// Whether data of ours, or our FIN, may be sent for the first time.
    pub(super) fn may_transmit(&self) -> bool {
        self.state.may_transmit() || self.is_early()
    }

    /// Whether the peer's stream may bring data.
    pub(super) fn may_receive(&self) -> bool {
        self.state.may_receive() || self.is_early()
    }

    /// When the SYN-ACK of a connection that is of use already was first sent.
    pub(super) fn early_since(&self) -> Option<Instant> {
        match self.stage() {
            Some(Stage::Early { sent_at, .. }) => sent_at,
            _ => None,
        }
    }

    /// The handshake of a connection that is of use already is over.
    pub(super) fn end_early(&mut self, lesson: FastOpenLesson) {
        self.fast_open = Some(Box::new(FastOpen {
            stage: Stage::Over,
            lesson: Some(lesson),
        }));
    }
}

/// Both.
impl Connection {
    /// What has been learnt since it was last asked for.
    #[inline]
    pub(crate) fn take_fast_open_lesson(&mut self) -> Option<FastOpenLesson> {
        let fast_open = self.fast_open.as_mut()?;
        let lesson = fast_open.lesson.take();
        if fast_open.stage == Stage::Over {
            self.fast_open = None;
        }
        lesson
    }

    fn teach(&mut self, lesson: FastOpenLesson) {
        let stage = self.stage().unwrap_or(Stage::Over);
        let lesson = Some(lesson);
        self.fast_open = Some(Box::new(FastOpen { stage, lesson }));
    }

    fn stage(&self) -> Option<Stage> {
        Some(self.fast_open.as_ref()?.stage)
    }

    fn set_stage(&mut self, stage: Stage) {
        if let Some(fast_open) = &mut self.fast_open {
            fast_open.stage = stage;
        }
    }
}
