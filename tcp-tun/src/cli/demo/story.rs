//! The states that our ends of connections pass, told from the packets alone.
//!
//! Who sees every packet can follow figure 5 of RFC 9293 without asking the stack. That makes the
//! story a witness of its own: it tells what the peer was shown, not what the stack believes.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde::Serialize;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{self, Control, Incoming, TcpPacket};
use tcp_core::{ReceiveChecksum, State};
use tcp_tun::Direction;

/// A state that was entered, and the packet that led there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// The state.
    #[serde(serialize_with = "serialize_state")]
    pub state: State,
    /// What was sent or received, as a newcomer would say it.
    pub cause: String,
}

/// What happened to each connection, by our port and the peer's address.
#[derive(Debug, Default)]
pub struct Story {
    lives: HashMap<(SocketAddr, SocketAddr), Life>,
}

/// One connection so far.
#[derive(Debug, Default)]
struct Life {
    steps: Vec<Step>,
    /// The sequence number after our FIN, once it was sent: what acknowledges it.
    after_fin: Option<SeqNumber>,
}

impl Story {
    /// Takes note of a packet.
    pub fn observe(&mut self, direction: Direction, packet: &[u8]) {
        // Whether the checksum is right is for the stack to say, which the packet goes to as well.
        let Ok(Incoming::Tcp(packet)) = wire::parse(packet, ReceiveChecksum::Verified) else {
            return;
        };
        let (local, remote) = match direction {
            Direction::Received => (packet.dst, packet.src),
            Direction::Sent => (packet.src, packet.dst),
        };
        let life = self.lives.entry((local, remote)).or_default();
        life.observe(direction, &packet);
    }

    /// The states that the connection between these addresses has passed.
    pub fn steps(&self, local: SocketAddr, remote: SocketAddr) -> Vec<Step> {
        let life = self.lives.get(&(local, remote));
        life.map_or_else(Vec::new, |life| life.steps.clone())
    }
}

impl Life {
    fn state(&self) -> Option<State> {
        self.steps.last().map(|step| step.state)
    }

    fn observe(&mut self, direction: Direction, packet: &TcpPacket<'_>) {
        let segment = &packet.segment;
        let header = &segment.header;
        let cause = describe(direction, packet);
        match direction {
            Direction::Sent => {
                let next = after_sending(self.state(), header.control);
                if header.control == Control::Fin {
                    self.after_fin = Some(header.seq.advanced_by(segment.sequence_len()));
                }
                self.enter(next, &cause);
            }
            Direction::Received => {
                // One segment can do both: acknowledge our FIN, and bring the peer's.
                let ack = header.ack;
                let acks_fin = ack.is_some() && ack == self.after_fin;
                let next = after_ack(self.state(), header.control, ack.is_some(), acks_fin);
                self.enter(next, &cause);
                let next = after_receiving(self.state(), header.control);
                self.enter(next, &cause);
            }
        }
    }

    fn enter(&mut self, next: Option<State>, cause: &str) {
        if let Some(state) = next.filter(|next| Some(*next) != self.state()) {
            let cause = cause.to_owned();
            self.steps.push(Step { state, cause });
        }
    }
}

/// The state after we sent a segment with this control flag.
fn after_sending(state: Option<State>, control: Control) -> Option<State> {
    match (control, state) {
        (Control::Syn, None) => Some(State::SynSent),
        (Control::Fin, Some(State::Established)) => Some(State::FinWait1),
        (Control::Fin, Some(State::CloseWait)) => Some(State::LastAck),
        (Control::Rst, Some(_)) => Some(State::Closed),
        _ => state,
    }
}

/// The state after the acknowledgement of a received segment was looked at.
fn after_ack(
    state: Option<State>,
    control: Control,
    has_ack: bool,
    acks_fin: bool,
) -> Option<State> {
    match state? {
        State::SynSent if has_ack && control == Control::Syn => Some(State::Established),
        State::SynReceived if has_ack => Some(State::Established),
        State::FinWait1 if acks_fin => Some(State::FinWait2),
        State::Closing if acks_fin => Some(State::TimeWait),
        State::LastAck if acks_fin => Some(State::Closed),
        state => Some(state),
    }
}

/// The state after the control flag of a received segment was looked at.
fn after_receiving(state: Option<State>, control: Control) -> Option<State> {
    match (control, state) {
        (Control::Syn, None | Some(State::SynSent)) => Some(State::SynReceived),
        (Control::Fin, Some(State::Established)) => Some(State::CloseWait),
        (Control::Fin, Some(State::FinWait1)) => Some(State::Closing),
        (Control::Fin, Some(State::FinWait2)) => Some(State::TimeWait),
        (Control::Rst, Some(_)) => Some(State::Closed),
        _ => state,
    }
}

fn describe(direction: Direction, packet: &TcpPacket<'_>) -> String {
    let header = &packet.segment.header;
    let flag = match header.control {
        Control::Syn => Some("SYN"),
        Control::Fin => Some("FIN"),
        Control::Rst => Some("RST"),
        Control::None => None,
    };
    let ack = header.ack.map(|_| "ACK");
    let flags: Vec<&str> = [flag, ack].into_iter().flatten().collect();
    let verb = match direction {
        Direction::Received => "received",
        Direction::Sent => "sent",
    };
    format!("{verb} {}", flags.join("+"))
}

fn serialize_state<S: serde::Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name(*state))
}

/// The state's name; the end is what RFC 9293 calls CLOSED, and `ss` UNCONN.
pub fn name(state: State) -> String {
    match state {
        State::Closed => "CLOSED".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Received, Sent};
    use tcp_core::wire::{Fragments, Header, IpFields, Segment};

    const OURS: &str = "10.7.0.2:80";
    const THEIRS: &str = "10.7.0.1:40000";

    /// The story of these segments: direction, control flag, sequence and acknowledgement number.
    fn story(segments: &[(Direction, Control, u32, Option<u32>)]) -> Vec<String> {
        let (ours, theirs) = (OURS.parse().unwrap(), THEIRS.parse().unwrap());
        let mut story = Story::default();
        for &(direction, control, seq, ack) in segments {
            let (src, dst) = match direction {
                Sent => (ours, theirs),
                Received => (theirs, ours),
            };
            let header = Header {
                control,
                ack: ack.map(SeqNumber::new),
                ..Header::new(SeqNumber::new(seq))
            };
            let segment = Segment::bare(header);
            let fields = IpFields {
                src,
                dst,
                dscp: 0,
                hop_limit: 64,
                identification: 0,
                fragments: Fragments::Forbidden,
            };
            let mut buf = [0; 128];
            let transmit = wire::emit(&fields, &segment, &mut buf).unwrap();
            story.observe(direction, &buf[..transmit.len]);
        }
        let steps = story.steps(ours, theirs);
        steps.iter().map(|step| name(step.state)).collect()
    }

    #[test]
    fn a_server_whose_client_closes_first() {
        let states = story(&[
            (Received, Control::Syn, 100, None),
            (Sent, Control::Syn, 500, Some(101)),
            (Received, Control::None, 101, Some(501)),
            (Received, Control::Fin, 101, Some(501)),
            (Sent, Control::None, 501, Some(102)),
            (Sent, Control::Fin, 501, Some(102)),
            (Received, Control::None, 102, Some(502)),
        ]);
        assert_eq!(
            states,
            ["SYN-RECV", "ESTAB", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
        );
    }

    #[test]
    fn a_client_that_closes_first() {
        let states = story(&[
            (Sent, Control::Syn, 500, None),
            (Received, Control::Syn, 100, Some(501)),
            (Sent, Control::None, 501, Some(101)),
            (Sent, Control::Fin, 501, Some(101)),
            // Acknowledges our FIN and brings the peer's at once.
            (Received, Control::Fin, 101, Some(502)),
            (Sent, Control::None, 502, Some(102)),
        ]);
        assert_eq!(
            states,
            ["SYN-SENT", "ESTAB", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
        );
    }

    #[test]
    fn both_close_at_once() {
        let states = story(&[
            (Sent, Control::Syn, 500, None),
            (Received, Control::Syn, 100, Some(501)),
            (Sent, Control::Fin, 501, Some(101)),
            (Received, Control::Fin, 101, Some(501)),
            (Received, Control::None, 102, Some(502)),
        ]);
        assert_eq!(
            states,
            ["SYN-SENT", "ESTAB", "FIN-WAIT-1", "CLOSING", "TIME-WAIT"]
        );
    }

    #[test]
    fn a_reset_ends_it() {
        let states = story(&[
            (Sent, Control::Syn, 500, None),
            (Received, Control::Rst, 0, Some(501)),
        ]);
        assert_eq!(states, ["SYN-SENT", "CLOSED"]);
    }
}
