//! Figures of RFC 9293 that play themselves.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tcp_core::seq::SeqNumber;
use tcp_core::wire::Control;
use tcp_core::{
    ConnectionError, ConnectionEvent, ConnectionId, ConnectionMut, Event, Instant, ListenConfig,
    ListenerId, Shutdown, State, TcpConfig, ValidConfig,
};

use super::line::{Arrow, Line, Note, StateName};
use super::{Numbering, Seg};
use crate::Side;
use crate::world::{Family, Host, TcpPacket, write_packet};

/// Two stacks that act out a figure of RFC 9293, line by line.
///
/// A line in the RFC's layout says who sends what, whether it arrives or is still under way, and
/// in which state that leaves both sides:
///
/// ```text
///   2.  SYN-SENT     --> <SEQ=100><CTL=SYN>              ...
///   3.  SYN-RECEIVED <-- <SEQ=300><CTL=SYN>              <-- SYN-SENT
///   4.               ... <SEQ=100><CTL=SYN>              --> SYN-RECEIVED
/// ```
///
/// Line 2 takes the next segment that A sends, which must be this one, and holds it back; line 3
/// hands B's SYN to A; line 4 hands over what was held back. What arrives without having been
/// sent is an old duplicate. After each line both states must be what it says.
///
/// The users do what a figure implies: the first line's LISTEN listens, and its ESTABLISHED has
/// been through a handshake; a SYN that a side without a connection sends was an active open,
/// `<DATA>` was written, `(Close)` closes, `(REBOOT)` forgets everything, `(2 MSL)` lets the time
/// pass; `(Abort!!)` and `(refused)` ask what the user was told. A segment that is not there yet is waited for, as an acknowledgement may be delayed. One
/// that no line shows is an error.
#[derive(Debug)]
pub struct Figure {
    now: Instant,
    ends: [End; 2],
    config: ValidConfig,
    numbering: Numbering,
    has_begun: bool,
}

/// One side of a figure.
#[derive(Debug)]
struct End {
    host: Host,
    addr: SocketAddr,
    listener: Option<ListenerId>,
    id: Option<ConnectionId>,
    /// What was sent and no line has shown yet.
    outbox: VecDeque<TcpPacket>,
    /// What a line has shown as sent and not as arrived.
    under_way: Vec<(Seg, TcpPacket)>,
    /// After a handshake that the figure does not show: what the side sends next.
    next: Option<SeqNumber>,
    reboots: u8,
}

impl Figure {
    /// Plays a figure from its first line to its last.
    #[track_caller]
    pub fn play(text: &str) -> Figure {
        Figure::play_with(TcpConfig::default(), text)
    }

    /// Plays a figure with connections of this configuration.
    #[track_caller]
    pub fn play_with(tcp: TcpConfig, text: &str) -> Figure {
        let mut figure = Figure {
            now: Instant::ZERO,
            ends: Side::BOTH.map(|side| End::new(side, 0)),
            config: tcp.validate().expect("the configuration is valid"),
            numbering: Numbering::default(),
            has_begun: false,
        };
        figure.go_on(text);
        figure
    }

    /// Plays more lines.
    #[track_caller]
    pub fn go_on(&mut self, text: &str) {
        for line in text.lines().filter(|line| !is_blank(line)) {
            let parsed = Line::parse(line).unwrap_or_else(|error| panic!("{line}\n{error}"));
            if let Err(error) = self.play_line(&parsed) {
                panic!("{line}\n{error}");
            }
        }
        for side in Side::BOTH {
            if let Some(packet) = self.ends[side.index()].outbox.front() {
                let seg = Seg::from_wire(&packet.header, &packet.payload, side, &self.numbering);
                panic!("the figure does not show {seg}, which {side:?} sent");
            }
        }
    }

    fn play_line(&mut self, line: &Line) -> Result<(), String> {
        if !self.has_begun {
            self.has_begun = true;
            self.set_up(line)?;
        }
        for side in Side::BOTH {
            match line.notes[side.index()] {
                Some(Note::Close) => self.close(side),
                Some(Note::Reboot) => self.reboot(side),
                Some(Note::TwoMsl) => self.pass(self.config.time_wait),
                Some(Note::SendReceive { send, receive }) => {
                    self.expect_number(side, send);
                    self.expect_number(side.other(), receive);
                }
                _ => {}
            }
        }
        if let Some((arrow, seg)) = &line.segment {
            self.play_segment(*arrow, seg)?;
        }
        for side in Side::BOTH {
            if let Some(expected) = line.states[side.index()] {
                self.check_state(side, expected)?;
            }
            match line.notes[side.index()] {
                Some(Note::Abort) => self.check_told(side, ConnectionError::Reset)?,
                Some(Note::Refused) => self.check_told(side, ConnectionError::Refused)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn play_segment(&mut self, arrow: Arrow, seg: &Seg) -> Result<(), String> {
        match arrow {
            Arrow::Through(sender) => {
                let packet = self.sent(sender, seg)?;
                self.deliver(sender, &packet);
            }
            Arrow::Leaves(sender) => {
                let packet = self.sent(sender, seg)?;
                self.end(sender).under_way.push((seg.clone(), packet));
            }
            Arrow::Arrives(sender) => {
                let under_way = &mut self.end(sender).under_way;
                let held = under_way.iter().position(|(held, _)| held == seg);
                let packet = match held {
                    Some(index) => under_way.remove(index).1,
                    None => self.old_duplicate(sender, seg),
                };
                self.deliver(sender, &packet);
            }
        }
        Ok(())
    }

    /// Brings both sides into the states of the first line.
    fn set_up(&mut self, line: &Line) -> Result<(), String> {
        let established = line
            .states
            .contains(&Some(StateName::Of(State::Established)))
            || line
                .notes
                .iter()
                .any(|note| matches!(note, Some(Note::SendReceive { .. })));
        if established {
            self.shake_hands();
            return Ok(());
        }
        for side in Side::BOTH {
            match line.states[side.index()] {
                Some(StateName::Listen) => self.listen(side),
                Some(StateName::Closed) => {}
                _ => return Err("a figure begins with CLOSED, LISTEN or ESTABLISHED".into()),
            }
        }
        Ok(())
    }

    /// The handshake that a figure which begins in ESTABLISHED does not show. B was listening, and
    /// no more so.
    fn shake_hands(&mut self) {
        self.listen(Side::B);
        self.open(Side::A);
        for sender in [Side::A, Side::B, Side::A] {
            let packet = self
                .end(sender)
                .outbox
                .pop_front()
                .expect("a handshake goes on");
            self.end(sender).next = Some(packet.header.seq.advanced_by(1));
            self.deliver(sender, &packet);
            if packet.header.control == Control::None {
                self.end(sender).next = Some(packet.header.seq);
            }
        }
        let now = self.now;
        let end = self.end(Side::B);
        let listener = end.listener.take().expect("B listens");
        end.id = Some(
            end.host
                .stack
                .accept(listener)
                .expect("the handshake is complete"),
        );
        end.host.stack.close_listener(now, listener);
        for side in Side::BOTH {
            self.collect(side);
            let _ = self.end(side).host.take_events();
        }
    }

    fn listen(&mut self, side: Side) {
        let config = ListenConfig {
            tcp: self.config.clone(),
            ..ListenConfig::default()
        };
        let end = self.end(side);
        end.listener = Some(
            end.host
                .stack
                .listen(end.addr, config)
                .expect("nothing listens yet"),
        );
    }

    fn open(&mut self, side: Side) {
        let (now, config) = (self.now, self.config.clone());
        let remote = self.end(side.other()).addr;
        let end = self.end(side);
        let id = end.host.stack.connect(now, Some(end.addr), remote, config);
        end.id = Some(id.expect("there is no connection yet"));
        self.collect(side);
    }

    fn write(&mut self, side: Side, count: usize) {
        let data = vec![b'.'; count];
        let written = self.on(side, |connection| connection.write(&data));
        assert_eq!(written, Ok(count), "{side:?} writes");
    }

    /// The user says CLOSE, and stays to read what still comes.
    fn close(&mut self, side: Side) {
        self.end(side).accept();
        self.on(side, |connection| connection.shutdown(Shutdown::Write));
    }

    /// Makes a call on the connection of a side.
    fn on<T>(&mut self, side: Side, call: impl FnOnce(&mut ConnectionMut<'_>) -> T) -> T {
        let now = self.now;
        let end = self.end(side);
        let id = end.id.expect("a connection is open");
        let result = {
            let connection = end.host.stack.connection(now, id);
            call(&mut connection.expect("the connection is there"))
        };
        self.collect(side);
        result
    }

    fn reboot(&mut self, side: Side) {
        let end = self.end(side);
        let (next, reboots) = (end.next, end.reboots + 1);
        *end = End::new(side, reboots);
        end.next = next;
    }

    /// Takes the next segment that `sender` sends, which must be `expected`.
    fn sent(&mut self, sender: Side, expected: &Seg) -> Result<TcpPacket, String> {
        let is_open = self.end(sender).id.is_some();
        if expected.control == Control::Syn && expected.ack.is_none() && !is_open {
            self.open(sender);
        }
        if !expected.data.is_empty() && self.end(sender).outbox.is_empty() {
            self.write(sender, expected.data.len());
        }
        self.wait_for(sender);
        let Some(packet) = self.end(sender).outbox.pop_front() else {
            return Err(format!("{sender:?} sends nothing"));
        };
        self.expect_number(sender, expected.seq);
        if let Some(ack) = expected.ack {
            self.expect_number(sender.other(), ack);
        }
        let both_syn = (expected.control, packet.header.control) == (Control::Syn, Control::Syn);
        if both_syn && !self.numbering.is_bound(sender, expected.seq) {
            self.numbering.bind(sender, expected.seq, packet.header.seq);
        }
        let mut actual = Seg::from_wire(&packet.header, &packet.payload, sender, &self.numbering);
        // A reset of what has no connection and no ACK begins at zero (RFC 9293 §3.5.2).
        if expected.control == Control::Rst && expected.seq == 0 {
            actual.seq = packet.header.seq.get();
        }
        if expected.admits(&actual) {
            Ok(packet)
        } else {
            Err(format!(
                "{sender:?} sends {}",
                actual.restricted_to(expected)
            ))
        }
    }

    /// Lets time pass until `sender` has something to say, or has been silent for long.
    fn wait_for(&mut self, sender: Side) {
        let limit = self.now + PATIENCE;
        while self.end(sender).outbox.is_empty() {
            let deadlines = self
                .ends
                .iter()
                .filter_map(|end| end.host.stack.poll_timeout());
            match deadlines.min() {
                Some(deadline) if deadline <= limit => self.run_until(deadline),
                _ => return,
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(deadline) = self
            .ends
            .iter()
            .filter_map(|end| end.host.stack.poll_timeout())
            .filter(|deadline| *deadline <= until)
            .min()
        {
            self.run_until(deadline);
        }
        self.now = until;
    }

    fn run_until(&mut self, deadline: Instant) {
        self.now = self.now.max(deadline);
        for side in Side::BOTH {
            let now = self.now;
            self.end(side).host.stack.handle_timeout(now);
            self.collect(side);
        }
    }

    /// Binds a number that a figure which began in ESTABLISHED names for the first time.
    fn expect_number(&mut self, side: Side, script: u32) {
        if let Some(next) = self.end(side).next.take() {
            self.numbering.bind(side, script, next);
        }
    }

    /// A segment that `sender` sent long ago, in another life.
    fn old_duplicate(&mut self, sender: Side, seg: &Seg) -> TcpPacket {
        let (header, payload) = seg.to_wire(sender, &self.numbering);
        let (src, dst) = (self.end(sender).addr, self.end(sender.other()).addr);
        let packet = write_packet(src, dst, &header, &payload);
        TcpPacket::parse(&packet).expect("a packet that was just written")
    }

    fn deliver(&mut self, sender: Side, packet: &TcpPacket) {
        self.pass(TRANSIT);
        let bytes = write_packet(packet.src, packet.dst, &packet.header, &packet.payload);
        let now = self.now;
        self.end(sender.other()).host.receive(now, &bytes);
        self.collect(sender.other());
    }

    fn collect(&mut self, side: Side) {
        let now = self.now;
        let end = self.end(side);
        for packet in end.host.drain(now) {
            let packet = TcpPacket::parse(&packet).expect("a packet that we can read");
            end.outbox.push_back(packet);
        }
    }

    fn check_state(&mut self, side: Side, expected: StateName) -> Result<(), String> {
        let remote = self.end(side.other()).addr;
        let end = self.end(side);
        let actual = match end.host.state_of(end.addr, remote) {
            Some(State::Closed) | None if end.listener.is_some() => StateName::Listen,
            Some(State::Closed) | None => StateName::Closed,
            Some(state) => StateName::Of(state),
        };
        if actual == expected {
            Ok(())
        } else {
            Err(format!("{side:?} is in {actual:?}, not in {expected:?}"))
        }
    }

    /// The user of `side` was told that, and why, the connection is no more.
    fn check_told(&mut self, side: Side, why: ConnectionError) -> Result<(), String> {
        let end = self.end(side);
        let was_told = end.host.take_events().into_iter().any(|event| match event {
            Event::Connection { id, event } => {
                Some(id) == end.id && event == ConnectionEvent::Closed(Some(why))
            }
            _ => false,
        });
        if was_told {
            self.check_state(side, StateName::Closed)
        } else {
            Err(format!("the user of {side:?} was not told: {why}"))
        }
    }

    fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side.index()]
    }
}

impl End {
    fn new(side: Side, reboots: u8) -> End {
        End {
            host: Host::new(side, 1_500, [side.index() as u8 + 1 + reboots * 2; 32]),
            addr: side.addr(Family::V4, 1_000),
            listener: None,
            id: None,
            outbox: VecDeque::new(),
            under_way: Vec::new(),
            next: None,
            reboots,
        }
    }

    /// The user of a listener takes the connection.
    fn accept(&mut self) {
        if let (None, Some(listener)) = (self.id, self.listener) {
            self.id = self.host.stack.accept(listener).ok();
        }
    }
}

/// How long a segment takes from one side to the other.
const TRANSIT: Duration = Duration::from_millis(1);

/// An empty line, or a rule.
fn is_blank(line: &str) -> bool {
    line.trim().trim_matches('-').is_empty()
}

/// How long a line waits for its segment: longer than an acknowledgement or the first SYN's
/// retransmission, shorter than anything that would change the figure.
const PATIENCE: Duration = Duration::from_secs(2);
