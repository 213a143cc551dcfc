//! One connection under fire, and everything that is known of it from outside.

use std::time::Duration;

use tcp_core::connection::NetworkError;
use tcp_core::seq::{SeqNumber, SeqRange};
use tcp_core::wire::{Control, Header, Options, SackBlocks, Timestamps, WindowScale, WireWindow};
use tcp_core::{
    Connection, ConnectionEvent, Counters, Instant, ReadError, Shutdown, SoftError, State,
};
use tcp_sim::oracle::{Conduct, InfoHistory, check_health, check_info};
use tcp_sim::script::{Endpoint, LoneConnection, Stage};

use crate::plan::{Knob, Opening, PeerOffer, Shot, Spot, Start, Step, Trouble};

/// A connection, the rules that it must obey, and where its peer believes that both stand.
pub struct Rig {
    end: LoneConnection,
    now: Instant,
    conduct: Conduct,
    history: InfoHistory,
    view: View,
    counters: Counters,
    /// Bytes of the peer's stream that the user has read, and of ours that it has written.
    read: u32,
    written: u32,
    /// Whether the user has given the connection up: no more calls then.
    given_up: bool,
    has_ended: bool,
}

/// What a peer can know: the numbers that it has seen and sent.
pub struct View {
    pub isn: SeqNumber,
    pub peer_isn: SeqNumber,
    /// The number after the last that we sent, and the last that the peer acknowledged.
    pub snd_max: SeqNumber,
    pub snd_una: SeqNumber,
    /// What we acknowledged last, and the right edge that went with it.
    pub rcv_nxt: SeqNumber,
    pub right_edge: SeqNumber,
    pub scale: WindowScale,
    /// The last timestamp of ours, and the peer's clock.
    pub stamped: u32,
    pub peer_clock: u32,
}

impl View {
    pub fn new(isn: SeqNumber, peer_isn: SeqNumber) -> View {
        View {
            isn,
            peer_isn,
            snd_max: isn,
            snd_una: isn,
            rcv_nxt: peer_isn,
            right_edge: peer_isn.advanced_by(1),
            scale: WindowScale::ZERO,
            stamped: 0,
            peer_clock: 1_000,
        }
    }

    /// Takes note of a segment of ours.
    pub fn note(&mut self, header: &Header, len: u32) {
        if header.control == Control::Rst {
            return;
        }
        if header.control == Control::Syn {
            self.isn = header.seq;
            self.scale = header.options.window_scale.unwrap_or_default();
        }
        let end = header.seq.advanced_by(len);
        if header.control == Control::Syn || end.distance_from(self.snd_max) > 0 {
            self.snd_max = end;
        }
        if let Some(ack) = header.ack {
            self.rcv_nxt = ack;
            self.right_edge = ack.advanced_by(header.window.bytes(self.scale));
        }
        if let Some(timestamps) = header.options.timestamps {
            self.stamped = timestamps.value;
        }
    }

    /// The header that a shot means now.
    pub fn header_of(&self, shot: &Shot) -> Header {
        let mut sack = SackBlocks::NONE;
        for (start, end) in &shot.sack {
            sack.push(SeqRange {
                start: self.ack_at(*start),
                end: self.ack_at(*end),
            });
        }
        let timestamps = shot.timestamps.map(|(value, echo)| Timestamps {
            value: self.peer_clock.wrapping_add_signed(value),
            echo: self.stamped.wrapping_add_signed(echo),
        });
        Header {
            control: shot.control,
            ack: shot.ack.map(|spot| self.ack_at(spot)),
            push: shot.push,
            urgent: shot.urgent,
            window: WireWindow::new(shot.window),
            ece: shot.ece,
            cwr: shot.cwr,
            ecn: shot.ecn,
            options: Options {
                mss: shot.mss,
                window_scale: shot.window_scale.map(WindowScale::clamped),
                sack_permitted: shot.sack_permitted,
                timestamps,
                sack,
                ..Options::NONE
            },
            ..Header::new(self.seq_at(shot.seq))
        }
    }

    fn seq_at(&self, spot: Spot) -> SeqNumber {
        match spot {
            Spot::Next(by) => self.rcv_nxt.advanced_by(by as u32),
            Spot::Edge(by) => self.right_edge.advanced_by(by as u32),
            Spot::Initial(by) => self.peer_isn.advanced_by(by as u32),
            Spot::Anywhere(number) => SeqNumber::new(number),
        }
    }

    pub fn ack_at(&self, spot: Spot) -> SeqNumber {
        match spot {
            Spot::Next(by) => self.snd_max.advanced_by(by as u32),
            Spot::Edge(by) => self.snd_una.advanced_by(by as u32),
            Spot::Initial(by) => self.isn.advanced_by(by as u32),
            Spot::Anywhere(number) => SeqNumber::new(number),
        }
    }

    /// The bytes of the peer's stream from this number on.
    pub fn payload(&self, seq: SeqNumber, len: usize) -> Vec<u8> {
        (0..len as u32)
            .map(|index| byte_at(seq.advanced_by(index)))
            .collect()
    }
}

/// The byte of either stream at this sequence number.
pub fn byte_at(seq: SeqNumber) -> u8 {
    (seq.get().wrapping_mul(0x9e37_79b1) >> 24) as u8
}

impl Rig {
    /// A connection that has been led into the state where the run begins.
    pub fn new(start: &Start) -> Rig {
        let setup = LoneConnection::setup(start.isn);
        let active = matches!(start.state, Opening::SynSent | Opening::CrossedSyn);
        let end = if active {
            LoneConnection::connect(Instant::ZERO, start.tcp.clone(), setup)
        } else {
            LoneConnection::listen(start.tcp.clone(), setup)
        };
        let (isn, peer_isn) = (SeqNumber::new(start.isn), SeqNumber::new(start.peer_isn));
        let mut rig = Rig {
            end,
            now: Instant::ZERO,
            conduct: Conduct::default(),
            history: InfoHistory::default(),
            view: View::new(isn, peer_isn),
            counters: Counters::default(),
            read: 0,
            written: 0,
            given_up: false,
            has_ended: false,
        };
        rig.settle();
        rig.lead_to(start);
        rig
    }

    fn lead_to(&mut self, start: &Start) {
        let stamped = start.peer.timestamps;
        if start.state != Opening::SynSent {
            self.peer_sends(syn_of(&start.peer, self.view.peer_isn), 0);
        }
        if matches!(
            start.state,
            Opening::SynSent | Opening::CrossedSyn | Opening::HalfOpen
        ) {
            return;
        }
        self.peer_acknowledges(Control::None, stamped);
        match start.state {
            Opening::CloseWait | Opening::LastAck => {
                self.peer_acknowledges(Control::Fin, stamped);
            }
            Opening::Closed => self.peer_acknowledges(Control::Rst, stamped),
            _ => {}
        }
        if matches!(
            start.state,
            Opening::FinWait1
                | Opening::FinWait2
                | Opening::Closing
                | Opening::LastAck
                | Opening::TimeWait
        ) {
            self.end.shutdown(self.now, Shutdown::Write);
            self.settle();
        }
        match start.state {
            Opening::Closing => {
                // It closes before it has seen our FIN.
                let mut header = Header::new(self.view.rcv_nxt);
                header.control = Control::Fin;
                header.ack = Some(self.view.isn.advanced_by(1));
                header.window = WireWindow::new(u16::MAX);
                header.options.timestamps = self.stamp(stamped);
                self.peer_sends(header, 0);
            }
            Opening::FinWait2 => self.peer_acknowledges(Control::None, stamped),
            Opening::TimeWait => self.peer_acknowledges(Control::Fin, stamped),
            _ => {}
        }
    }

    /// The peer acknowledges everything, as it should.
    fn peer_acknowledges(&mut self, control: Control, stamped: bool) {
        let mut header = Header::new(self.view.rcv_nxt);
        header.control = control;
        header.ack = Some(self.view.snd_max);
        header.window = WireWindow::new(u16::MAX);
        header.options.timestamps = self.stamp(stamped);
        self.peer_sends(header, 0);
    }

    fn stamp(&self, stamped: bool) -> Option<Timestamps> {
        stamped.then_some(Timestamps {
            value: self.view.peer_clock,
            echo: self.view.stamped,
        })
    }

    fn peer_sends(&mut self, header: Header, len: usize) {
        let data = u32::from(header.control == Control::Syn);
        let payload = self.view.payload(header.seq.advanced_by(data), len);
        if let Some(ack) = header.ack {
            let forward = ack.distance_from(self.view.snd_una) > 0;
            if forward && self.view.snd_max.distance_from(ack) >= 0 {
                self.view.snd_una = ack;
            }
        }
        self.conduct.handed(&header, len);
        self.end.handle(self.now, &header, &payload);
        self.settle();
    }

    /// Does one step, and checks everything afterwards.
    pub fn take(&mut self, step: &Step) {
        if let Step::Segment(shot) = step {
            return self.take_shot(shot);
        }
        match step {
            Step::Wait(span) => return self.wait(*span),
            Step::Oversleep(span) => {
                self.now += *span;
                self.end.handle_timeout(self.now);
            }
            Step::NextDeadline => {
                if let Some(deadline) = self.end.poll_timeout() {
                    self.now = self.now.max(deadline);
                    self.end.handle_timeout(self.now);
                }
            }
            _ if matches!(self.end.stage(), Stage::Open(_)) && !self.given_up => self.call(step),
            _ => {}
        }
        self.settle();
    }

    fn take_shot(&mut self, shot: &Shot) {
        let header = self.view.header_of(shot);
        let takes_syn_only = matches!(self.end.stage(), Stage::Listen);
        if takes_syn_only && (header.control != Control::Syn || header.ack.is_some()) {
            return;
        }
        if takes_syn_only {
            // Another connection begins.
            self.conduct = Conduct::default();
            self.view.peer_isn = header.seq;
        }
        self.peer_sends(header, shot.len);
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        let (mut runs, mut stuck) = (0, 0);
        while let Some(deadline) = self.end.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(deadline);
            self.end.handle_timeout(self.now);
            self.settle();
            // What a timer sends may start another that is due at once, but not for ever.
            stuck = match self.end.poll_timeout() {
                Some(next) if next <= self.now => stuck + 1,
                _ => 0,
            };
            assert!(stuck < 5, "time stands still at {:?}", self.now);
            runs += 1;
            // A keep-alive each second for days is not worth the time.
            if runs > 1_000 {
                return;
            }
        }
        self.now = until;
        self.settle();
    }

    fn call(&mut self, step: &Step) {
        let now = self.now;
        match step {
            Step::Write(len) => {
                let data: Vec<u8> = (0..*len as u32)
                    .map(|index| byte_at(self.view.isn.advanced_by(self.written + 1 + index)))
                    .collect();
                if let Ok(count) = self.end.write(now, &data) {
                    assert!(0 < count && count <= *len);
                    self.written += count as u32;
                }
            }
            Step::Read(len) => self.read(*len),
            Step::Shutdown(how) => {
                self.end.shutdown(now, *how);
                // What is thrown away is not read.
                self.has_ended |= *how != Shutdown::Write;
            }
            Step::Close => {
                self.end.close(now);
                self.given_up = true;
            }
            Step::Abort => self.end.abort(now),
            Step::NoDelay(on) => self.end.connection().set_nodelay(*on),
            Step::Cork(on) => self.end.connection().set_cork(*on),
            Step::Knob(knob) => turn(self.end.connection(), *knob),
            Step::KeepAlive(keep_alive) => {
                self.end.connection().set_keep_alive(now, *keep_alive);
            }
            Step::UserTimeout(limit) => self.end.connection().set_user_timeout(*limit),
            Step::Linger(linger) => self.end.connection().set_linger(*linger),
            Step::NetworkError(trouble, spot) => {
                let error = match trouble {
                    Trouble::Soft => NetworkError::Soft(SoftError::HostUnreachable),
                    Trouble::Hard => NetworkError::Hard,
                    Trouble::TooBig(mss) => NetworkError::TooBig { mss: *mss },
                };
                let seq = self.view.ack_at(*spot);
                let connection = self.end.connection();
                connection.handle_network_error(now, error, seq, &mut self.counters);
            }
            _ => unreachable!("not a call: {step:?}"),
        }
    }

    /// What is read is the next of the peer's stream, and nothing comes after its end.
    fn read(&mut self, len: usize) {
        let mut buf = vec![0; len];
        let mut peeked = vec![0; len];
        let peek = self.end.connection().peek(&mut peeked);
        let result = self.end.read(self.now, &mut buf);
        assert_eq!(peek, result, "peek and read");
        match result {
            Ok(0) => self.has_ended |= len > 0,
            Ok(count) => {
                assert!(!self.has_ended, "data after the end of the stream");
                assert_eq!(peeked[..count], buf[..count]);
                let isn = self
                    .conduct
                    .peer_isn()
                    .expect("data follows an acknowledged SYN");
                for byte in &buf[..count] {
                    self.read += 1;
                    let right = byte_at(isn.advanced_by(self.read));
                    assert_eq!(*byte, right, "byte {} of the stream", self.read);
                }
            }
            Err(ReadError::WouldBlock) => assert!(!self.has_ended),
            Err(ReadError::Connection(_)) => {}
        }
    }

    /// Drains the connection, and checks what it sent and how it stands.
    fn settle(&mut self) {
        let mut sent = 0;
        while let Some((header, payload)) = self.end.poll(self.now) {
            if let Err(violation) = self.conduct.sent(&header, &payload) {
                panic!("{violation}: {header:?}");
            }
            let len = payload.len() as u32 + header.control.sequence_len();
            self.view.note(&header, len);
            sent += 1;
            assert!(sent < 100_000, "poll_segment never ends");
        }
        for event in self.end.take_events() {
            assert!(!self.given_up, "an orphan has no events: {event:?}");
            if let ConnectionEvent::Closed(_) = event {
                assert!(matches!(
                    self.end.state(),
                    Some(State::Closed | State::TimeWait)
                ));
            }
        }
        // Timestamps tick, so that segments of the next step are newer.
        self.view.peer_clock = self.view.peer_clock.wrapping_add(1);
        if let Stage::Open(connection) = self.end.stage() {
            connection.assert_invariants();
            let info = connection.info(self.now);
            let judgement = check_info(&info, u16::MAX)
                .and_then(|()| self.history.check(&info))
                .and_then(|()| check_health(connection, &info));
            if let Err(violation) = judgement {
                panic!("{violation}: {info:?}");
            }
        }
    }

    /// The peer falls silent, and the user gives the connection up: it must come to an end.
    pub fn finish(&mut self) {
        if !matches!(self.end.stage(), Stage::Open(_)) {
            return;
        }
        if !self.given_up {
            self.call(&Step::Close);
            self.settle();
        }
        // A keep-alive each second beside a user timeout of days makes many of them.
        for _ in 0..1_000_000 {
            if self.end.connection().is_finished() {
                return;
            }
            assert!(
                self.end.poll_timeout().is_some(),
                "a connection that never ends"
            );
            self.take(&Step::NextDeadline);
        }
        panic!("still in {:?} after a million deadlines", self.end.state());
    }
}

/// The SYN of a peer that makes this offer.
pub fn syn_of(offer: &PeerOffer, seq: SeqNumber) -> Header {
    Header {
        control: Control::Syn,
        window: WireWindow::new(offer.window),
        ece: offer.ecn,
        cwr: offer.ecn,
        options: Options {
            mss: offer.mss,
            window_scale: offer.window_scale.map(WindowScale::clamped),
            sack_permitted: offer.sack,
            timestamps: offer.timestamps.then_some(Timestamps {
                value: 1_000,
                echo: 0,
            }),
            ..Options::NONE
        },
        ..Header::new(seq)
    }
}

fn turn(connection: &mut Connection, knob: Knob) {
    match knob {
        Knob::More => connection.expect_more(),
        Knob::EndRecord => connection.end_record(),
        Knob::MarkUrgent => connection.mark_urgent(),
        Knob::TakeUrgent => {
            let urgent = connection.urgent();
            let octet = connection.take_urgent();
            assert!(urgent.is_some() || octet.is_none());
        }
        Knob::QuickAck(quick) => connection.set_quick_ack(quick),
        Knob::NotsentLowat(bytes) => connection.set_notsent_lowat(bytes),
        Knob::FinTimeout(timeout) => connection.set_fin_timeout(timeout),
    }
}

/// Takes all steps one after the other, then ends the connection: nothing panics, and what can be seen from outside
/// obeys the rules of the sequence spaces after every step.
pub fn survive(start: &Start, steps: &[Step]) {
    let mut rig = Rig::new(start);
    for step in steps {
        rig.take(step);
    }
    rig.finish();
}
