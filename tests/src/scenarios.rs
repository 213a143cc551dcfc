//! Scenarios at random: networks, applications and settings, each part of which shrinks away.

use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tcp_sim::link::config::{
    Aqm, Blackhole, GilbertElliott, LossConfig, MergeConfig, MiddleboxConfig, OptionName,
    QueueLimit, ReorderConfig, Spike, StripFrom, TooBig,
};
use tcp_sim::link::{FaultPlan, LinkConfig};
use tcp_sim::scenario::{
    AppConfig, DuplexConfig, FlowConfig, HostConfig, RouterConfig, Scenario, TcpSettings,
};
use tcp_sim::units::{Bytes, Probability, Rate};
use tcp_sim::world::Family;

use crate::settings::{millis, seldom, tcp};

/// A client and a server, a link with anything that a link may do, and one to three flows, of
/// which every one comes to its end.
pub fn scenario() -> impl Strategy<Value = Scenario> {
    let family = prop_oneof![3 => Just(Family::V4), 1 => Just(Family::V6)];
    let mtu = prop_oneof![4 => Just(1_500u16), 1 => 1_280u16..9_000];
    (
        any::<u32>(),
        family,
        mtu,
        proptest::bool::weighted(0.3),
        tcp(),
        tcp(),
        link(),
        link(),
        vec(app(), 1..4),
    )
        .prop_map(
            |(seed, family, mtu, large_segments, client, server, there, back, apps)| {
                let host = |name: &str, tcp| HostConfig {
                    mtu,
                    large_segments,
                    tcp,
                    ..HostConfig::named(name.into())
                };
                Scenario {
                    seed: seed.into(),
                    time_limit: Duration::from_secs(7 * 86_400),
                    family,
                    host: vec![host("client", client), host("server", server)],
                    router: Vec::new(),
                    link: vec![DuplexConfig::of_client_and_server(there, back)],
                    flow: apps
                        .into_iter()
                        .map(FlowConfig::of_client_and_server)
                        .collect(),
                }
            },
        )
}

/// Two to four clients behind a router, whose link to the server they share.
pub fn shared_bottleneck() -> impl Strategy<Value = Scenario> {
    let clients = vec((link(), link(), tcp(), app(), any::<bool>()), 2..5);
    (any::<u32>(), clients, link(), link(), tcp(), any::<bool>()).prop_map(
        |(seed, clients, there, back, server_tcp, server_large)| {
            let names: Vec<String> = (1..=clients.len())
                .map(|it| format!("client{it}"))
                .collect();
            let host = |name: &str, tcp: &TcpSettings, large_segments| HostConfig {
                tcp: tcp.clone(),
                large_segments,
                ..HostConfig::named(name.into())
            };
            let ends = |first: &str| [first.to_owned(), "router".to_owned()];
            // Damage on two links of a way can escape a checksum of sixteen bits; and an ICMP error
            // quotes numbers that a middlebox has shifted, see above.
            let beyond = |link: LinkConfig| {
                let middlebox = MiddleboxConfig {
                    shift_seq: 0,
                    ..link.middlebox.clone()
                };
                LinkConfig { middlebox, ..link }
            };
            let undamaged = |link: LinkConfig| LinkConfig {
                corrupt: Probability::ZERO,
                faults: FaultPlan::none(),
                ..beyond(link)
            };
            let (there, back) = (undamaged(there), undamaged(back));
            let mut hosts = vec![host("server", &server_tcp, server_large)];
            let mut links = vec![DuplexConfig {
                between: ends("server"),
                there: back,
                back: there,
            }];
            let mut flows = Vec::new();
            for (name, (there, back, tcp, app, large)) in names.iter().zip(clients) {
                hosts.push(host(name, &tcp, large));
                links.push(DuplexConfig {
                    between: ends(name),
                    there: beyond(there),
                    back: beyond(back),
                });
                flows.push(FlowConfig {
                    client: name.clone(),
                    ..FlowConfig::of_client_and_server(app)
                });
            }
            Scenario {
                seed: seed.into(),
                time_limit: Duration::from_secs(7 * 86_400),
                family: Family::V4,
                host: hosts,
                router: vec![RouterConfig {
                    name: "router".into(),
                }],
                link: links,
                flow: flows,
            }
        },
    )
}

/// Probabilities in thousandths: they print short, and shrink to few.
fn per_mille(most: u32) -> impl Strategy<Value = Probability> {
    (1..=most).prop_map(|count| {
        Probability::new(f64::from(count) / 1_000.0).expect("at most a thousand thousandths")
    })
}

fn link() -> impl Strategy<Value = LinkConfig> {
    let time = (millis(0..150), seldom(millis(1..50)));
    let rate = seldom((rate(), queue(), aqm()));
    let wire = (
        loss(),
        option::weighted(0.25, per_mille(50)),
        seldom(reorder()),
        seldom(per_mille(30)),
    );
    let path = (
        seldom(too_big()),
        (seldom(blackholes()), seldom(spikes())),
        seldom(middlebox()),
        faults(),
    );
    (time, rate, wire, path).prop_map(|(time, rate, wire, path)| {
        let (delay, jitter) = time;
        let (loss, duplicate, reorder, corrupt) = wire;
        let (too_big, (blackholes, spikes), middlebox, faults) = path;
        let (rate, queue, aqm) = match rate {
            Some((rate, queue, aqm)) => (Some(rate), queue, aqm),
            None => (None, QueueLimit::default(), Aqm::default()),
        };
        let (mtu, too_big) = too_big.unzip();
        let mut middlebox = middlebox.unwrap_or_default();
        if mtu.is_some() {
            // An ICMP error quotes numbers that its reader has never sent, who must not believe it
            // (RFC 5927 §4.1): a black hole.
            middlebox.shift_seq = 0;
        }
        let plain = LinkConfig {
            rate,
            delay,
            jitter: jitter.unwrap_or_default(),
            queue,
            aqm,
            loss,
            duplicate: duplicate.unwrap_or_default(),
            reorder,
            corrupt: corrupt.unwrap_or_default(),
            mtu,
            too_big: too_big.unwrap_or_default(),
            blackholes: blackholes.unwrap_or_default(),
            spikes: spikes.unwrap_or_default(),
            middlebox,
            ..LinkConfig::default()
        };
        with_faults(plain, &faults)
    })
}

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![1u64..10, 10u64..1_000].prop_map(|megabits| Rate(megabits * 1_000_000))
}

/// Room for a burst at least: a queue that never has room for two packets lets nothing through
/// that is sent in bursts.
fn queue() -> impl Strategy<Value = QueueLimit> {
    prop_oneof![
        (5usize..1_000).prop_map(QueueLimit::Packets),
        (20u64..500).prop_map(|kilobytes| QueueLimit::Bytes(Bytes(kilobytes * 1_000))),
    ]
}

fn aqm() -> impl Strategy<Value = Aqm> {
    let marks = || prop::bool::weighted(0.7);
    let codel = (millis(2..20), marks()).prop_map(|(target, ecn)| Aqm::Codel {
        target,
        interval: target * 20,
        ecn,
    });
    let red = (5u64..50, per_mille(200), marks()).prop_map(|(min, probability, ecn)| Aqm::Red {
        min: Bytes(min * 1_000),
        max: Bytes(min * 3_000),
        probability,
        ecn,
    });
    prop_oneof![3 => Just(Aqm::DropTail), 1 => codel, 1 => red]
}

/// So little that no connection is given up: a segment and its answers are lost eight times in a
/// row once in 10⁹ times.
fn loss() -> impl Strategy<Value = LossConfig> {
    let thousandths =
        |count: u32| Probability::new(f64::from(count) / 1_000.0).expect("at most a thousand");
    // A bad channel changes with each packet that meets it, and a connection that has nothing but
    // timeouts left sends one a minute: so bursts are short, or let most of them through.
    let short = (800u32..1_000).prop_map(move |to_good| (thousandths(to_good), Probability::ONE));
    let thin = (200u32..800, 50u32..300)
        .prop_map(move |(to_good, in_bad)| (thousandths(to_good), thousandths(in_bad)));
    let bursts =
        (per_mille(10), prop_oneof![short, thin]).prop_map(|(to_bad, (to_good, in_bad))| {
            LossConfig::GilbertElliott(GilbertElliott {
                to_bad,
                to_good,
                in_bad,
                in_good: Probability::ZERO,
            })
        });
    prop_oneof![
        2 => Just(LossConfig::default()),
        2 => per_mille(40).prop_map(LossConfig::Independent),
        1 => bursts,
    ]
}

fn reorder() -> impl Strategy<Value = ReorderConfig> {
    (per_mille(300), millis(1..200)).prop_map(|(probability, by)| ReorderConfig { probability, by })
}

fn too_big() -> impl Strategy<Value = (u16, TooBig)> {
    let answers = vec![TooBig::Icmp, TooBig::Silence];
    (1_280u16..1_500, select(answers))
}

fn blackholes() -> impl Strategy<Value = Vec<Blackhole>> {
    vec((0u64..20_000, 1u64..5_000), 1..3).prop_map(|spans| {
        let times = |(from, span)| Blackhole {
            from: Duration::from_millis(from),
            until: Duration::from_millis(from + span),
        };
        spans.into_iter().map(times).collect()
    })
}

fn middlebox() -> impl Strategy<Value = MiddleboxConfig> {
    let all = vec![
        OptionName::Mss,
        OptionName::WindowScale,
        OptionName::SackPermitted,
        OptionName::Sack,
        OptionName::Timestamps,
        OptionName::Unknown,
    ];
    let merge = (500u16..1_400, 1u64..20).prop_map(|(max, hold)| MergeConfig {
        max,
        hold: Duration::from_millis(hold),
    });
    (
        subsequence(all, 0..=6),
        select(vec![StripFrom::Syn, StripFrom::Others, StripFrom::All]),
        seldom(100u16..1_400),
        option::weighted(0.1, any::<u32>()),
        seldom(100u16..1_400),
        seldom(merge),
    )
        .prop_map(
            |(strip, strip_from, clamp_mss, shift_seq, split, merge)| MiddleboxConfig {
                strip,
                strip_from,
                clamp_mss,
                shift_seq: shift_seq.unwrap_or_default(),
                split,
                merge,
                ..MiddleboxConfig::default()
            },
        )
}

/// Faults as they are written, among the first packets; one for each at most.
fn faults() -> impl Strategy<Value = Vec<String>> {
    let kind = select(vec!["packet", "data", "syn", "fin", "ack"]);
    let fault = select(vec!["drop", "duplicate", "delay", "swap", "corrupt"]);
    btree_map((kind, 1u32..20), (fault, 1u32..3_000), 0..4).prop_map(|faults| {
        let written = |((kind, number), (fault, amount))| match fault {
            "delay" | "swap" => format!("{fault} {kind} {number} {amount}ms"),
            "corrupt" => format!("{fault} {kind} {number} {amount}"),
            _ => format!("{fault} {kind} {number}"),
        };
        faults.into_iter().map(written).collect()
    })
}

fn with_faults(link: LinkConfig, faults: &[String]) -> LinkConfig {
    let mut table = toml::Table::try_from(&link).expect("a link can be written");
    if !faults.is_empty() {
        table.insert("faults".into(), faults.to_vec().into());
    }
    table.try_into().expect("the faults are well written")
}

fn spikes() -> impl Strategy<Value = Vec<Spike>> {
    vec((0u64..20_000, 1u64..2_000, 1u64..4_000), 1..3).prop_map(|spikes| {
        let times = |(from, span, extra)| Spike {
            from: Duration::from_millis(from),
            until: Duration::from_millis(from + span),
            extra: Duration::from_millis(extra),
        };
        spikes.into_iter().map(times).collect()
    })
}

fn app() -> impl Strategy<Value = AppConfig> {
    let bytes = |most: u64| (0..most).prop_map(Bytes);
    prop_oneof![
        3 => bytes(300_000).prop_map(|bytes| AppConfig::Bulk { bytes }),
        1 => bytes(150_000).prop_map(|bytes| AppConfig::Duplex { bytes }),
        1 => (bytes(100_000), 500u64..10_000, millis(1..200)).prop_map(|(bytes, piece, every)| {
            AppConfig::SlowReader {
                bytes,
                piece: Bytes(piece),
                every,
            }
        }),
        1 => (1u32..10, bytes(5_000), bytes(30_000), millis(0..500)).prop_map(
            |(requests, request, response, think)| AppConfig::RequestResponse {
                requests,
                request,
                response,
                think,
            }
        ),
        1 => (1u32..10, 1u32..5, bytes(2_000), bytes(10_000)).prop_map(
            |(connections, parallel, request, response)| AppConfig::ManyShort {
                connections,
                parallel,
                request,
                response,
            }
        ),
        1 => (bytes(50_000), bytes(50_000)).prop_map(|(request, response)| AppConfig::HalfClose {
            request,
            response,
        }),
        1 => bytes(100_000).prop_map(|after| AppConfig::Abort { after }),
    ]
}
