//! What is printed reads as what it was.

use proptest::prelude::*;
use std::net::IpAddr;

use super::*;
use crate::drill::ast::{Code, Command};
use crate::drill::packet::{
    AccEcnCounter, Body, Cookie, Direction, Echoed, EcnMark, Flags, IcmpBody, IcmpVersion, IpInfo,
    OptionsSpec, Outer, Packet, SeqRange, TcpBody, TcpOption,
};
use crate::drill::parse::parse;
use crate::drill::span::Span;

/// Every form of the language at least once, as scripts in the field write them.
const SAMPLE: &str = include_str!("sample.pkt");

/// Found by fuzzing: a value that begins with a quotation mark is a quoted one, whichever way it is given.
#[test]
fn values_may_be_quoted_everywhere() {
    assert!(parse("-D\"").is_err());
    for text in [
        "-D\"a b\"\n",
        "-D a=b\n",
        "-D\n",
        "--x=\"\"\n",
        "--x=a\"b\n",
    ] {
        let script = parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parse(&script.to_string()), Ok(script), "{text}");
    }
}

#[test]
fn a_script_with_everything_reads_the_same_again() {
    let script = parse(SAMPLE).unwrap_or_else(|error| panic!("{error}"));
    let printed = script.to_string();
    let again = parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(again, script);
    assert_eq!(script.options.len(), 4);
    assert_eq!(script.init.len(), 1);
    assert!(script.events.len() > 40);
}

#[test]
fn a_packet_is_printed_as_scripts_write_it() {
    let lines = [
        "+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 8>",
        "+0.1 < P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 1 ecr 2>",
        "0.2 > [ect0] FP. 1:1(0) ack 1 <...>",
        "+0~+0.01 > 80 > 1234: R 5:5(0)",
        "+0...0.25 read(4, ..., 1000) = -1 ECONNRESET (Connection reset by peer)",
        "* < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]",
    ];
    for line in lines {
        let script = parse(line).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(script.to_string().trim_end(), line);
    }
}

fn span() -> Span {
    Span::default()
}

fn any_time() -> impl Strategy<Value = Time> {
    let time = (0u64..100_000, 0u32..1_000_000_000).prop_map(|(s, ns)| Duration::new(s, ns));
    (0..5, time.clone(), time).prop_map(|(kind, a, b)| match kind {
        0 => Time::Absolute(a),
        1 => Time::Relative(a),
        2 => Time::Any,
        3 => Time::AbsoluteRange(a.min(b), a.max(b)),
        _ => Time::RelativeRange(a.min(b), a.max(b)),
    })
}

fn any_word() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_]{0,8}"
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let integer =
        (any::<i64>(), any::<u64>(), any::<bool>()).prop_map(|(signed, unsigned, is_signed)| {
            ExprKind::Integer(match is_signed {
                true => signed.into(),
                false => unsigned.into(),
            })
        });
    let leaf = prop_oneof![
        Just(ExprKind::Ellipsis),
        integer,
        any_word().prop_map(ExprKind::Word),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(ExprKind::Text),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(ExprKind::Prefix),
    ];
    let leaf = leaf.prop_map(into_expr);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..4);
        let field = (
            prop::option::of((any_word(), prop::option::of(inner.clone()))),
            inner,
        )
            .prop_map(|(name, value)| {
                let (name, size) = name.unzip();
                Field {
                    name,
                    size: size.flatten(),
                    value,
                }
            });
        prop_oneof![
            items.clone().prop_map(ExprKind::List),
            prop::collection::vec(field, 0..4).prop_map(ExprKind::Struct),
            prop::collection::vec(any_word(), 2..4).prop_map(|words| {
                ExprKind::Or(
                    words
                        .into_iter()
                        .map(ExprKind::Word)
                        .map(into_expr)
                        .collect(),
                )
            }),
            (any_word(), items).prop_map(|(name, args)| ExprKind::Function { name, args }),
        ]
        .prop_map(into_expr)
    })
}

fn into_expr(kind: ExprKind) -> Expr {
    Expr { kind, span: span() }
}

fn any_call() -> impl Strategy<Value = Call> {
    let end = prop::option::of((0u64..1_000_000_000).prop_map(Duration::from_micros));
    let errno = prop::option::of("E[A-Z]{2,8}");
    let note = prop::option::of("[a-zA-Z][a-zA-Z ]{0,10}[a-z]");
    let args = prop::collection::vec(any_expr(), 0..4);
    let result = prop_oneof![
        Just(ExprKind::Ellipsis),
        any::<i64>().prop_map(|value| ExprKind::Integer(value.into())),
        any_word().prop_map(ExprKind::Word),
    ];
    let result = result.prop_map(into_expr);
    (end, any_word(), args, result, errno, note).prop_map(
        |(end, name, args, result, errno, note)| Call {
            end,
            name,
            args,
            result,
            errno,
            note,
            span: span(),
        },
    )
}

fn any_range() -> impl Strategy<Value = SeqRange> {
    any::<(u32, u32)>().prop_map(|(start, end)| SeqRange { start, end })
}

fn any_cookie() -> impl Strategy<Value = Cookie> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..17).prop_map(Cookie::Bytes),
        // A name that could be digits would be taken for digits.
        "[A-Z_]{0,4}_[A-Z_]{0,4}".prop_map(Cookie::Named),
    ]
}

fn any_option() -> impl Strategy<Value = TcpOption> {
    let bytes = prop::collection::vec(any::<u8>(), 0..17);
    let counter = prop_oneof![
        Just(AccEcnCounter::Ect0),
        Just(AccEcnCounter::Ce),
        Just(AccEcnCounter::Ect1)
    ];
    prop_oneof![
        Just(TcpOption::End),
        Just(TcpOption::Nop),
        any::<u16>().prop_map(TcpOption::Mss),
        any::<u8>().prop_map(TcpOption::WindowScale),
        Just(TcpOption::SackPermitted),
        prop::collection::vec(any::<(u32, u32)>(), 0..4).prop_map(TcpOption::Sack),
        any::<(u32, u32)>().prop_map(|(value, echo)| TcpOption::Timestamps { value, echo }),
        any_cookie().prop_map(TcpOption::FastOpen),
        any_cookie().prop_map(TcpOption::FastOpenExperimental),
        bytes.clone().prop_map(TcpOption::Md5),
        prop::collection::vec((counter, any::<u32>()), 0..4).prop_map(TcpOption::AccEcn),
        (any::<u8>(), bytes).prop_map(|(kind, data)| TcpOption::Unknown { kind, data }),
    ]
}

fn any_tcp() -> impl Strategy<Value = TcpBody> {
    let options = prop_oneof![
        Just(OptionsSpec::Any),
        prop::collection::vec(any_option(), 0..5).prop_map(OptionsSpec::List),
    ];
    let numbers = any::<(u32, Option<u16>, Option<u16>)>();
    (0u16..512, any_range(), numbers, options).prop_map(
        |(bits, seq, (ack, window, urgent), options)| {
            let flags = Flags::from_bits(bits);
            TcpBody {
                flags,
                seq,
                ack: flags.contains(Flags::ACK).then_some(ack),
                window,
                urgent,
                options,
            }
        },
    )
}

fn any_icmp() -> impl Strategy<Value = IcmpBody> {
    let names = prop_oneof![
        Just((IcmpVersion::V4, "unreachable", Some("frag_needed"))),
        Just((IcmpVersion::V4, "time_exceeded", None)),
        Just((IcmpVersion::V6, "packet_too_big", None)),
    ];
    let echoed = prop_oneof![
        any_range().prop_map(Echoed::Tcp),
        any::<u16>().prop_map(Echoed::Udp)
    ];
    (names, any::<Option<u32>>(), prop::option::of(echoed)).prop_map(
        |((version, kind, code), mtu, echoed)| IcmpBody {
            version,
            kind: kind.to_owned(),
            code: code.map(str::to_owned),
            mtu,
            echoed,
        },
    )
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let address = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from)
    ];
    let outer = prop_oneof![
        (address.clone(), address).prop_map(|(src, dst)| Outer::Ip { src, dst }),
        Just(Outer::Gre(String::new())),
        Just(Outer::Mpls("(label 1, tc 0, ttl 64)".to_owned())),
    ];
    let mark = prop_oneof![
        Just(EcnMark::NotEct),
        Just(EcnMark::Ect0),
        Just(EcnMark::Ect1),
        Just(EcnMark::Ect01),
        Just(EcnMark::Ce)
    ];
    let numbers = any::<(Option<u8>, Option<u8>)>();
    let ip = (
        prop::option::of(mark),
        numbers,
        prop::option::of(0u32..1 << 20),
    )
        .prop_map(|(ecn, (tos, ttl), flow_label)| IpInfo {
            ecn,
            tos,
            ttl,
            flow_label,
        });
    let body = prop_oneof![
        4 => any_tcp().prop_map(Body::Tcp),
        1 => any_icmp().prop_map(Body::Icmp),
        1 => any::<u16>().prop_map(|len| Body::Udp { len }),
    ];
    let direction = prop_oneof![Just(Direction::Inbound), Just(Direction::Outbound)];
    let outers = prop::collection::vec(outer, 0..3);
    let ports = any::<Option<(u16, u16)>>();
    (direction, outers, ip, ports, body).prop_map(|(direction, outer, ip, ports, body)| Packet {
        direction,
        outer,
        ip,
        ports,
        body,
        span: span(),
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = "[a-z =\n]{0,12}";
    let action = prop_oneof![
        any_call().prop_map(Action::Call),
        any_packet().prop_map(Action::Packet),
        text.prop_map(|text| Action::Command(Command { text, span: span() })),
        text.prop_map(|text| Action::Code(Code { text, span: span() })),
    ];
    (any_time(), action).prop_map(|(time, action)| Event {
        time,
        action,
        span: span(),
    })
}

fn any_script() -> impl Strategy<Value = Script> {
    let option =
        (any_word(), prop::option::of("[a-z0-9:.= ]{0,10}")).prop_map(|(name, value)| OptionLine {
            name,
            value,
            span: span(),
        });
    let command = "[a-z =\n]{0,12}".prop_map(|text| Command { text, span: span() });
    (
        prop::collection::vec(option, 0..3),
        prop::collection::vec(command, 0..2),
        prop::collection::vec(any_event(), 0..4),
    )
        .prop_map(|(options, init, events)| Script {
            options,
            init,
            events,
        })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_it_was(script in any_script()) {
        let printed = script.to_string();
        match parse(&printed) {
            Ok(again) => prop_assert_eq!(again, script, "{}", printed),
            Err(error) => prop_assert!(false, "{}\n{}", error, printed),
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[-0-9+.~*<>(){}\\[\\],|=:\"\\\\`%#/ A-Za-z\n\u{e9}]{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.to_string().contains('^'));
        }
    }

    #[test]
    fn a_script_cut_anywhere_is_read_or_refused(at in 0..SAMPLE.len(), junk in any::<char>()) {
        let cut: String = SAMPLE.chars().take(at).chain([junk]).collect();
        if let Err(error) = parse(&cut) {
            prop_assert!(error.line <= cut.lines().count() + 1);
        }
    }
}
