//! One side of a conversation: its machine, its application, and what can be seen of them.

use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header};
use tcp_core::{Connection, Instant, State};

use super::app::App;
use super::forgery::Numbers;
use super::machine::{Machine, Packet};
use super::scenario::Step;

/// What one side is.
#[derive(Clone, Hash)]
pub(super) struct End<M> {
    pub(super) machine: M,
    pub(super) app: App,
    /// The sequence number after the furthest one that it has sent.
    pub(super) sent: Option<SeqNumber>,
    /// The last acknowledgement that it has sent.
    acked: Option<SeqNumber>,
    pub(super) view: View,
}

/// What the search asks of an end over and over again, told once. All of it follows from the rest.
#[derive(Clone, Copy, Hash)]
pub(super) struct View {
    /// The connection's state, while there is a connection.
    pub(super) state: Option<State>,
    /// How many connections there have been.
    pub(super) incarnation: u8,
    /// Bytes that the peer has acknowledged, on this connection.
    pub(super) acknowledged: u64,
    /// Bytes that have arrived in order, on this connection.
    pub(super) received: u64,
    /// The earliest deadline.
    pub(super) deadline: Option<Instant>,
    /// Whether the application can take its next step.
    pub(super) is_ready: bool,
    /// Whether a segment of an earlier connection could reach it: not before it has spoken, and
    /// not once it has ended.
    pub(super) may_meet_stranger: bool,
    /// What an attacker's segments to it are made around, where one could reach it: as for strangers.
    pub(super) numbers: Option<Numbers>,
}

impl<M: Machine> End<M> {
    pub(super) fn new(machine: M) -> End<M> {
        End {
            machine,
            app: App::default(),
            sent: None,
            acked: None,
            view: View {
                state: None,
                incarnation: 0,
                acknowledged: 0,
                received: 0,
                deadline: None,
                is_ready: false,
                may_meet_stranger: false,
                numbers: None,
            },
        }
    }

    /// A segment of an earlier connection: a SYN-ACK for who has not heard from its peer yet, else
    /// a byte that was never written on this one.
    ///
    /// Its sequence number is the one that this side has acknowledged everything before; its
    /// acknowledgement is one beyond all that this side has sent, on any connection.
    pub(super) fn stranger(&self) -> Packet {
        let (control, payload) = match self.acked {
            None => (Control::Syn, Vec::new()),
            Some(_) => (Control::None, vec![0]),
        };
        let header = Header {
            control,
            ack: self.sent.map(|sent| sent.advanced_by(1)),
            ..Header::new(self.acked.unwrap_or_default())
        };
        Packet { header, payload }
    }

    /// Notes what can be seen of it, at rest.
    pub(super) fn look(&mut self, now: Instant, script: &[Step]) {
        let connection = self.machine.connection();
        let state = connection.map(|it| it.state());
        let info = connection.map(|it| it.info(now));
        let deadline = self.machine.poll_timeout();
        let reachable = self.sent.filter(|_| state != Some(State::Closed));
        // A listener has neither connection nor deadline: whatever comes opens one, or is refused.
        let engaged = reachable.filter(|_| connection.is_some() || deadline.is_some());
        let numbers = engaged.map(|sent| {
            let known = info.as_ref().zip(connection.map(Connection::rcv_nxt));
            Numbers::of(sent, self.acked, known)
        });
        if let Some(info) = info {
            self.view.acknowledged = info.tcpi_bytes_acked;
            self.view.received = info.tcpi_bytes_received;
        }
        self.view = View {
            state,
            incarnation: self.machine.incarnation(),
            deadline,
            is_ready: self.app.ready(script, &self.machine).is_some(),
            may_meet_stranger: reachable.is_some(),
            numbers,
            ..self.view
        };
    }

    pub(super) fn note_sent(&mut self, packet: &Packet) {
        self.acked = packet.header.ack.or(self.acked);
        if packet.header.control == Control::Rst {
            // It may answer a segment that was never this side's business, in numbers of its own.
            return;
        }
        let end = packet.header.seq.advanced_by(packet.sequence_len());
        if self.sent.is_none_or(|sent| end.distance_from(sent) > 0) {
            self.sent = Some(end);
        }
    }
}
