//! A packet that the script expects beside one that the stack sent.

use super::packet::{EcnMark, IpInfo, OptionsSpec, TcpBody, TcpOption};
use super::wire::Live;

/// What of a timestamp's value counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampRule {
    /// Nothing: a value is what the script calls it.
    Named,
    /// It differs from the script's by no more than this.
    Within(u32),
}

/// The parts in which `live`, whose numbers are the script's, differs from what is expected.
pub fn differences(
    ip: IpInfo,
    expected: &TcpBody,
    live: &Live,
    rule: TimestampRule,
) -> Vec<&'static str> {
    let actual = &live.tcp;
    let checks = [
        ("ECN mark", is_mark(ip.ecn, live.ip.ecn)),
        ("type of service", is_said(ip.tos, live.ip.tos)),
        ("TTL", is_said(ip.ttl, live.ip.ttl)),
        ("flow label", is_said(ip.flow_label, live.ip.flow_label)),
        ("flags", expected.flags == actual.flags),
        ("sequence number", expected.seq.start == actual.seq.start),
        ("length", expected.seq.len() == actual.seq.len()),
        ("acknowledgement", is_said(expected.ack, actual.ack)),
        ("window", is_said(expected.window, actual.window)),
        (
            "urgent pointer",
            expected.urgent.unwrap_or(0) == actual.urgent.unwrap_or(0),
        ),
        (
            "options",
            are_options(&expected.options, &actual.options, rule),
        ),
    ];
    let differing = checks.into_iter().filter(|(_, same)| !same);
    differing.map(|(part, _)| part).collect()
}

/// What there was, with as much of it as the script speaks of.
pub fn shown(ip: IpInfo, expected: &TcpBody, live: &Live) -> Live {
    let mut shown = live.clone();
    let all = live.ip;
    shown.ip = IpInfo {
        ecn: all.ecn.filter(|_| ip.ecn.is_some()),
        tos: all.tos.filter(|_| ip.tos.is_some()),
        ttl: all.ttl.filter(|_| ip.ttl.is_some()),
        flow_label: all.flow_label.filter(|_| ip.flow_label.is_some()),
    };
    shown.tcp.window = live.tcp.window.filter(|_| expected.window.is_some());
    shown
}

fn is_said<T: PartialEq>(expected: Option<T>, actual: Option<T>) -> bool {
    expected.is_none() || expected == actual
}

fn is_mark(expected: Option<EcnMark>, actual: Option<EcnMark>) -> bool {
    match expected {
        Some(EcnMark::Ect01) => matches!(actual, Some(EcnMark::Ect0 | EcnMark::Ect1)),
        _ => is_said(expected, actual),
    }
}

fn are_options(expected: &OptionsSpec, actual: &OptionsSpec, rule: TimestampRule) -> bool {
    let (OptionsSpec::List(expected), OptionsSpec::List(actual)) = (expected, actual) else {
        return true;
    };
    let same = |(expected, actual): (&TcpOption, &TcpOption)| match (expected, actual) {
        (
            TcpOption::Timestamps { value, echo },
            TcpOption::Timestamps {
                value: live_value,
                echo: live_echo,
            },
        ) => {
            let off = (live_value.wrapping_sub(*value) as i32).unsigned_abs();
            let within = match rule {
                TimestampRule::Named => true,
                TimestampRule::Within(most) => off <= most,
            };
            echo == live_echo && within
        }
        _ => expected == actual,
    };
    expected.len() == actual.len() && expected.iter().zip(actual).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::ast::Action;
    use crate::drill::packet::Body;
    use crate::drill::parse::parse;
    use crate::drill::wire::Ends;

    fn read(text: &str) -> (IpInfo, TcpBody) {
        let mut script = parse(&format!("+0 {text}")).unwrap();
        match script.events.remove(0).action {
            Action::Packet(packet) => match packet.body {
                Body::Tcp(tcp) => (packet.ip, tcp),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn compared(expected: &str, actual: &str, rule: TimestampRule) -> Vec<&'static str> {
        let (ip, expected) = read(expected);
        let (live_ip, tcp) = read(actual);
        let address = "192.0.2.1:1".parse().unwrap();
        let live = Live {
            ends: Ends {
                src: address,
                dst: address,
            },
            ip: live_ip,
            tcp,
        };
        differences(ip, &expected, &live, rule)
    }

    #[test]
    fn each_part_is_compared() {
        let live = "> [ect0, ttl 64] P. 1:11(10) ack 5 win 9 urg 2 <nop,nop,sack 1:2>";
        let cases = [
            ("> P. 1:11(10) ack 5 urg 2 <...>", vec![]),
            ("> [ect01] P. 1:11(10) ack 5 win 9 urg 2 <...>", vec![]),
            ("> [ce] P. 1:11(10) ack 5 urg 2 <...>", vec!["ECN mark"]),
            ("> [ttl 1] P. 1:11(10) ack 5 urg 2 <...>", vec!["TTL"]),
            ("> . 1:11(10) ack 5 urg 2 <...>", vec!["flags"]),
            (
                "> P. 2:11(9) ack 4 urg 2 <...>",
                vec!["sequence number", "length", "acknowledgement"],
            ),
            (
                "> P. 1:11(10) ack 5 win 8 <nop>",
                vec!["window", "urgent pointer", "options"],
            ),
            (
                "> P. 1:11(10) ack 5 urg 2 <nop,nop,sack 1:3>",
                vec!["options"],
            ),
            ("> P. 1:11(10) ack 5 urg 2", vec!["options"]),
        ];
        for (expected, parts) in cases {
            assert_eq!(
                compared(expected, live, TimestampRule::Named),
                parts,
                "{expected}"
            );
        }
    }

    #[test]
    fn a_timestamp_counts_by_its_echo_and_as_close_as_asked_for() {
        let line = |value, echo| format!("> . 1:1(0) ack 1 <TS val {value} ecr {echo}>");
        let (expected, live) = (line(100, 5), line(110, 5));
        let with = |rule| compared(&expected, &live, rule);
        assert!(with(TimestampRule::Named).is_empty());
        assert!(with(TimestampRule::Within(10)).is_empty());
        assert_eq!(with(TimestampRule::Within(9)), ["options"]);
        assert_eq!(
            compared(&expected, &line(100, 6), TimestampRule::Named),
            ["options"]
        );
    }
}
