//! A test that plays one end of a connection, segment by segment.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header};
use tcp_core::{
    ConnectionEvent, Counters, Instant, ListenConfig, ReadError, Setup, Shutdown, State, TcpConfig,
    TcpInfo, ValidConfig,
};

use super::{Endpoint, LoneConnection, LoneStack, Numbering, Seg, ack, syn};
use crate::Side;
use crate::oracle::Conduct;
use crate::world::Family;

/// One end of a connection, against segments written by hand.
///
/// The test is the peer. Its sequence numbers stand on the wire as they are written; those of the
/// end under test are bound to the script's when its SYN is expected, see [`Numbering`]. By
/// custom the peer's SYN is 100 and the other 300, as in RFC 9293's figures.
///
/// Whatever the end sends is collected in order, with its time; `expect` looks at the first of it.
/// Every segment also passes the [`Conduct`] oracle. A panicking test prints what went to and fro.
///
/// ```no_run
/// use tcp_sim::script::{Tester, ack, syn};
/// use tcp_core::{ListenConfig, State};
///
/// let mut tester = Tester::stack();
/// tester.listen(ListenConfig::default());
/// tester.inject(syn(100).mss(1_460));
/// tester.expect(syn(300).ack(101));
/// tester.inject(ack(101, 301));
/// tester.expect_state(State::Established);
/// ```
#[derive(Debug)]
pub struct Tester<E: Endpoint> {
    /// The end under test. After calls on it that this type does not offer, use
    /// [`call`](Tester::call).
    pub end: E,
    now: Instant,
    outbox: VecDeque<Sent>,
    numbering: Numbering,
    conduct: Conduct,
    log: Vec<String>,
}

/// A segment that the end under test sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// The header on the wire.
    pub header: Header,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// The end under test counts as A, the test as B.
const UNDER_TEST: Side = Side::A;
const TEST: Side = Side::B;

impl Tester<LoneStack> {
    /// A stack with nothing open.
    pub fn stack() -> Self {
        Tester::new(LoneStack::new(Family::V4))
    }

    /// A stack with an established connection that the peer opened: the peer's next number is
    /// 101, the stack's 301.
    pub fn established(tcp: TcpConfig) -> Self {
        Tester::established_by(tcp, syn(100).mss(1_460))
    }

    /// The same, where the peer's SYN is this one.
    pub fn established_by(tcp: TcpConfig, first: Seg) -> Self {
        let mut tester = Tester::stack();
        tester.listen(ListenConfig {
            tcp: tcp.validate().expect("the configuration is valid"),
            ..ListenConfig::default()
        });
        tester.shake_hands(first);
        tester
    }

    /// Listens.
    pub fn listen(&mut self, config: ListenConfig) {
        self.call(|end, _| end.listen(config));
    }

    /// Opens actively: the stack's SYN can be expected.
    pub fn connect(&mut self, tcp: TcpConfig) {
        let tcp: ValidConfig = tcp.validate().expect("the configuration is valid");
        self.call(|end, now| end.connect(now, tcp));
    }

    /// Takes the same part of the handshake as any client: `first` is its SYN.
    #[track_caller]
    pub fn shake_hands(&mut self, first: Seg) {
        let seq = first.seq;
        let has_timestamps = first.options.timestamps.flatten();
        self.inject(first);
        let reply = self.expect(syn(300).ack(seq.wrapping_add(1)));
        let mut last = ack(seq.wrapping_add(1), 301);
        if let (Some((value, _)), Some(theirs)) = (has_timestamps, reply.header.options.timestamps)
        {
            last = last.timestamps(value, theirs.value);
        }
        self.inject(last);
        self.expect_state(State::Established);
    }
}

impl Tester<LoneConnection> {
    /// An active open with this initial sequence number, bound to the script's 300.
    pub fn connecting(tcp: TcpConfig, setup: Setup) -> Self {
        Tester::new(LoneConnection::connect(Instant::ZERO, tcp, setup))
    }

    /// A passive open with this initial sequence number.
    pub fn listening(tcp: TcpConfig, setup: Setup) -> Self {
        Tester::new(LoneConnection::listen(tcp, setup))
    }
}

impl<E: Endpoint> Tester<E> {
    /// A tester at time zero.
    pub fn new(end: E) -> Self {
        let mut tester = Tester {
            end,
            now: Instant::ZERO,
            outbox: VecDeque::new(),
            numbering: Numbering::default(),
            conduct: Conduct::default(),
            log: Vec::new(),
        };
        tester.collect();
        tester
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The peer sends a segment, which arrives at once.
    #[track_caller]
    pub fn inject(&mut self, seg: Seg) {
        let (header, payload) = seg.to_wire(TEST, &self.numbering);
        self.inject_header(&header, &payload);
    }

    /// The same for a header that says what a [`Seg`] leaves out, as the flags of ECN, its numbers as they stand on the
    /// wire.
    #[track_caller]
    pub fn inject_header(&mut self, header: &Header, payload: &[u8]) {
        let seg = Seg::from_wire(header, payload, TEST, &self.numbering);
        self.log.push(format!("{:?}  peer  --> {seg}", self.now));
        self.conduct.handed(header, payload.len());
        self.end.handle(self.now, header, payload);
        self.collect();
    }

    /// The end has sent this segment next.
    #[track_caller]
    pub fn expect(&mut self, expected: Seg) -> Sent {
        let Some(sent) = self.outbox.pop_front() else {
            let deadline = self.end.poll_timeout();
            panic!("expected {expected}, but nothing was sent (the next deadline: {deadline:?})");
        };
        let both_syn = (expected.control, sent.header.control) == (Control::Syn, Control::Syn);
        if both_syn && !self.numbering.is_bound(UNDER_TEST, expected.seq) {
            self.numbering
                .bind(UNDER_TEST, expected.seq, sent.header.seq);
        }
        let actual = Seg::from_wire(&sent.header, &sent.payload, UNDER_TEST, &self.numbering);
        assert!(
            expected.admits(&actual),
            "at {:?}\n  expected {expected}\n  sent     {}\n  in full  {actual}",
            sent.at,
            actual.restricted_to(&expected)
        );
        sent
    }

    /// Whatever the end has sent next.
    pub fn take_sent(&mut self) -> Option<Sent> {
        self.outbox.pop_front()
    }

    /// The end has sent nothing that was not expected.
    #[track_caller]
    pub fn expect_nothing(&self) {
        if let Some(sent) = self.outbox.front() {
            let seg = Seg::from_wire(&sent.header, &sent.payload, UNDER_TEST, &self.numbering);
            panic!("expected nothing, but {seg} was sent at {:?}", sent.at);
        }
    }

    /// Lets `span` pass; the end sends nothing.
    #[track_caller]
    pub fn expect_nothing_for(&mut self, span: Duration) {
        self.expect_nothing();
        self.advance(span);
        self.expect_nothing();
    }

    /// Waits until the end sends something: it is this segment, after a time within `wait`.
    #[track_caller]
    pub fn expect_within(&mut self, wait: RangeInclusive<Duration>, expected: Seg) -> Sent {
        self.expect_nothing();
        let start = self.now;
        let limit = start + *wait.end();
        while self.outbox.is_empty() && self.end.poll_timeout().is_some_and(|at| at <= limit) {
            self.run_next_deadline();
        }
        let sent = self.expect(expected);
        let waited = sent.at.saturating_duration_since(start);
        assert!(
            wait.contains(&waited),
            "sent after {waited:?}, not within {wait:?}"
        );
        sent
    }

    /// What a number of the end under test is on the wire.
    pub fn to_wire(&self, script: u32) -> SeqNumber {
        self.numbering.to_wire(UNDER_TEST, script)
    }

    /// The state is this one.
    #[track_caller]
    pub fn expect_state(&self, state: State) {
        assert_eq!(self.end.state(), Some(state));
    }

    /// There is no connection any more.
    #[track_caller]
    pub fn expect_no_connection(&self) {
        assert_eq!(self.end.state(), None);
    }

    /// The connection's events since they were last taken.
    pub fn take_events(&mut self) -> Vec<ConnectionEvent> {
        self.end.take_events()
    }

    /// Lets `span` pass; timers run when they are due.
    pub fn advance(&mut self, span: Duration) {
        let until = self.now + span;
        while self.end.poll_timeout().is_some_and(|at| at <= until) {
            self.run_next_deadline();
        }
        self.now = until;
    }

    /// Goes to the next deadline and runs it.
    ///
    /// # Panics
    ///
    /// When there is none, or more run than a virtual age has room for.
    pub fn run_next_deadline(&mut self) {
        let deadline = self.end.poll_timeout().expect("a timer runs");
        self.now = self.now.max(deadline);
        self.end.handle_timeout(self.now);
        self.collect();
        let next = self.end.poll_timeout();
        assert!(
            next.is_none_or(|next| next > deadline),
            "the deadline {deadline:?} is still there after it has run"
        );
    }

    /// Makes any call, and collects what is sent because of it.
    pub fn call<T>(&mut self, call: impl FnOnce(&mut E, Instant) -> T) -> T {
        let result = call(&mut self.end, self.now);
        self.collect();
        result
    }

    /// Writes, and all of it fits.
    #[track_caller]
    pub fn write(&mut self, data: &[u8]) {
        let written = self.call(|end, now| end.write(now, data));
        assert_eq!(written, Ok(data.len()));
    }

    /// Reads up to 64 KiB.
    pub fn try_read(&mut self) -> Result<Vec<u8>, ReadError> {
        self.call(|end, now| {
            let mut buf = vec![0; 65_536];
            let count = end.read(now, &mut buf)?;
            buf.truncate(count);
            Ok(buf)
        })
    }

    /// Reads, and exactly this is there.
    #[track_caller]
    pub fn read(&mut self, expected: &[u8]) {
        assert_eq!(self.try_read().as_deref(), Ok(expected));
    }

    /// Closes one or both directions.
    pub fn shutdown(&mut self, how: Shutdown) {
        self.call(|end, now| end.shutdown(now, how));
    }

    /// Gives the connection up.
    pub fn close(&mut self) {
        self.call(|end, now| end.close(now));
    }

    /// Ends the connection at once.
    pub fn abort(&mut self) {
        self.call(|end, now| end.abort(now));
    }

    /// Everything worth knowing.
    pub fn info(&mut self) -> TcpInfo {
        self.end.info(self.now)
    }

    /// What has been counted.
    pub fn counters(&self) -> &Counters {
        self.end.counters()
    }

    fn collect(&mut self) {
        while let Some((header, payload)) = self.end.poll(self.now) {
            let seg = Seg::from_wire(&header, &payload, UNDER_TEST, &self.numbering);
            self.log.push(format!("{:?}  peer <--  {seg}", self.now));
            if self.conduct.is_reborn_by(&header) {
                self.conduct = std::mem::take(&mut self.conduct).reborn();
            }
            if let Err(violation) = self.conduct.sent(&header, &payload) {
                panic!("at {:?}: {violation}", self.now);
            }
            self.outbox.push_back(Sent {
                at: self.now,
                header,
                payload,
            });
        }
    }
}

/// A failing test shows what went to and fro.
impl<E: Endpoint> Drop for Tester<E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log.join("\n"));
        }
    }
}
