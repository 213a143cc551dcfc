//! One connection as the script sees it: sequence numbers that begin at 0, ports and timestamps of its
//! own, in place of those on the wire.

use std::collections::BTreeMap;

use super::packet::{Flags, OptionsSpec, TcpBody, TcpOption};
use super::wire::Ends;

/// Which end sent the first SYN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    /// The stack did.
    Active,
    /// The script did.
    Passive,
}

/// One connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// From us to the script's side.
    pub ends: Ends,
    /// Our port and the other, where the script names them otherwise.
    pub script_ports: Option<(u16, u16)>,
    /// Which end sent the first SYN.
    pub opening: Opening,
    /// The script's descriptor of the socket, once there is one.
    pub fd: Option<i64>,
    /// Whether an RST was seen, or the descriptor closed.
    pub is_over: bool,
    /// The first sequence number of the stack, on the wire, once it is known.
    local_isn: Option<u32>,
    /// What the script calls it, once it has.
    script_isn: Option<u32>,
    /// The first sequence number of the script's side, which is the same on the wire.
    remote_isn: Option<u32>,
    /// TSval of the stack by what the script calls it.
    timestamps: BTreeMap<u32, u32>,
    /// The first TSval: as the script calls it, and on the wire.
    first_timestamp: Option<(u32, u32)>,
}

impl Flow {
    /// A connection of which nothing was sent yet.
    pub fn new(ends: Ends, opening: Opening) -> Flow {
        Flow {
            ends,
            script_ports: None,
            opening,
            fd: None,
            is_over: false,
            local_isn: None,
            script_isn: None,
            remote_isn: None,
            timestamps: BTreeMap::new(),
            first_timestamp: None,
        }
    }

    /// Takes note of a segment of the stack, when it is sent.
    pub fn saw_outbound(&mut self, live: &TcpBody) {
        if live.flags.contains(Flags::SYN) && self.local_isn.is_none() {
            self.local_isn = Some(live.seq.start);
        }
        self.is_over |= live.flags.contains(Flags::RST);
    }

    /// A segment of the stack in the script's numbers.
    pub fn to_script(&self, live: &TcpBody) -> TcpBody {
        let mut body = live.clone();
        let isn = self.local_isn.unwrap_or(0);
        let offset = match live.flags.contains(Flags::SYN) {
            true => isn.wrapping_sub(self.script_isn.unwrap_or(0)),
            false => isn,
        };
        let remote = self.remote_isn.unwrap_or(0);
        body.seq.start = body.seq.start.wrapping_sub(offset);
        body.seq.end = body.seq.end.wrapping_sub(offset);
        body.ack = body.ack.map(|ack| ack.wrapping_sub(remote));
        for_blocks(&mut body, |edge| edge.wrapping_sub(remote));
        if let (Some((script, first)), Some((value, _))) =
            (self.first_timestamp, timestamps(&mut body))
        {
            *value = value.wrapping_sub(first).wrapping_add(script);
        }
        body
    }

    /// Learns what the script calls the first numbers of the stack, from a segment that it expects and the one
    /// that came.
    pub fn learn_first(&mut self, expected: &TcpBody, live: &TcpBody) {
        let is_syn = |body: &TcpBody| body.flags.contains(Flags::SYN);
        if is_syn(expected) && is_syn(live) {
            self.script_isn.get_or_insert(expected.seq.start);
        }
        if let Some(pair) = values(expected, live) {
            self.first_timestamp.get_or_insert(pair);
        }
    }

    /// Learns what the script calls a timestamp, from a segment that it expects and the one that came.
    pub fn learn_timestamp(&mut self, expected: &TcpBody, live: &TcpBody) {
        self.timestamps.extend(values(expected, live));
    }

    /// A segment of the script in the wire's numbers; the first SYN begins the script's side.
    pub fn send(&mut self, script: &TcpBody) -> TcpBody {
        let mut body = script.clone();
        let has_syn = script.flags.contains(Flags::SYN);
        if has_syn && self.remote_isn.is_none() {
            self.remote_isn = Some(script.seq.start);
        }
        self.is_over |= script.flags.contains(Flags::RST);
        if !has_syn {
            let remote = self.remote_isn.unwrap_or(0);
            body.seq.start = body.seq.start.wrapping_add(remote);
            body.seq.end = body.seq.end.wrapping_add(remote);
        }
        let local = self.local_isn.unwrap_or(0);
        body.ack = body.ack.map(|ack| ack.wrapping_add(local));
        for_blocks(&mut body, |edge| edge.wrapping_add(local));
        let (known, first) = (&self.timestamps, self.first_timestamp);
        if let Some((_, echo)) = timestamps(&mut body) {
            let shifted = first.map(|(script, wire)| echo.wrapping_sub(script).wrapping_add(wire));
            // An echo of 0 stands for none, unless the stack did send it.
            let shifted = shifted.filter(|_| *echo != 0).unwrap_or(*echo);
            *echo = known.get(echo).copied().unwrap_or(shifted);
        }
        body
    }

    /// A segment that the stack sent, by the script's sequence numbers, as an ICMP error quotes it.
    pub fn quoted(&self, script: &TcpBody) -> TcpBody {
        let mut body = script.clone();
        let isn = self.local_isn.unwrap_or(0);
        body.seq.start = body.seq.start.wrapping_add(isn);
        body.seq.end = body.seq.end.wrapping_add(isn);
        body
    }

    /// Whether the script's side opened with this SYN.
    pub fn opened_with(&self, script: &TcpBody) -> bool {
        self.remote_isn == Some(script.seq.start)
    }
}

fn for_blocks(body: &mut TcpBody, edit: impl Fn(u32) -> u32) {
    let OptionsSpec::List(options) = &mut body.options else {
        return;
    };
    for option in options {
        if let TcpOption::Sack(blocks) = option {
            for (left, right) in blocks {
                (*left, *right) = (edit(*left), edit(*right));
            }
        }
    }
}

/// TSval of both.
fn values(script: &TcpBody, wire: &TcpBody) -> Option<(u32, u32)> {
    let (mut script, mut wire) = (script.clone(), wire.clone());
    let (script, _) = timestamps(&mut script)?;
    let (wire, _) = timestamps(&mut wire)?;
    Some((*script, *wire))
}

/// TSval and TSecr.
fn timestamps(body: &mut TcpBody) -> Option<(&mut u32, &mut u32)> {
    let OptionsSpec::List(options) = &mut body.options else {
        return None;
    };
    options.iter_mut().find_map(|option| match option {
        TcpOption::Timestamps { value, echo } => Some((value, echo)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::ast::Action;
    use crate::drill::packet::Body;
    use crate::drill::parse::parse;

    fn body(text: &str) -> TcpBody {
        let mut script = parse(&format!("+0 {text}")).unwrap();
        match script.events.remove(0).action {
            Action::Packet(packet) => match packet.body {
                Body::Tcp(tcp) => tcp,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn flow() -> Flow {
        let ends = Ends {
            src: "192.168.0.1:8080".parse().unwrap(),
            dst: "192.0.2.1:99".parse().unwrap(),
        };
        Flow::new(ends, Opening::Passive)
    }

    #[test]
    fn numbers_are_relative_but_for_a_syn() {
        let mut flow = flow();
        let syn = flow.send(&body("< S 123:123(0) win 9"));
        assert_eq!(syn.seq.start, 123);
        let syn_ack = body("> S. 4294967290:4294967290(0) ack 124");
        flow.saw_outbound(&syn_ack);
        let expected = body("> S. 0:0(0) ack 1");
        assert_eq!(flow.to_script(&syn_ack), expected);
        flow.learn_first(&expected, &syn_ack);
        let data = flow.send(&body("< . 1:11(10) ack 7 win 9 <sack 8:9>"));
        assert_eq!(
            (data.seq.start, data.seq.end, data.ack),
            (124, 134, Some(1))
        );
        let OptionsSpec::List(options) = data.options else {
            panic!("options");
        };
        assert_eq!(options, [TcpOption::Sack(vec![(2, 3)])]);
        let ack = body("> . 1:1(0) ack 134");
        assert_eq!(flow.to_script(&ack).ack, Some(11));
    }

    #[test]
    fn timestamps_are_found_by_what_the_script_called_them() {
        let mut flow = flow();
        let first = body("> S. 5:5(0) ack 1 <TS val 9000 ecr 1>");
        flow.saw_outbound(&first);
        let expected = body("> S. 0:0(0) ack 1 <TS val 100 ecr 1>");
        flow.learn_first(&expected, &first);
        flow.learn_timestamp(&expected, &first);
        let later = body("> . 6:6(0) ack 1 <TS val 9050 ecr 1>");
        let shown = flow.to_script(&later);
        assert_eq!(shown, body("> . 1:1(0) ack 1 <TS val 150 ecr 1>"));
        flow.learn_timestamp(&body("> . 1:1(0) ack 1 <TS val 777 ecr 1>"), &later);
        for (echo, wire) in [(100, 9_000), (777, 9_050), (130, 9_030), (0, 0)] {
            let text = format!("< . 1:1(0) ack 1 <TS val 2 ecr {echo}>");
            let mut sent = flow.send(&body(&text));
            assert_eq!(timestamps(&mut sent).map(|(_, echo)| *echo), Some(wire));
        }
    }
}
