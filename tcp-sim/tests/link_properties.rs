//! What holds for every link and every packet, whatever is configured.

use std::time::Duration;

use proptest::prelude::*;
use tcp_core::Instant;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Ecn, Header, Timestamps};
use tcp_sim::link::config::{
    Aqm, Blackhole, GilbertElliott, LossConfig, MergeConfig, MiddleboxConfig, OptionName,
    QueueLimit, ReorderConfig, Spike, StripFrom,
};
use tcp_sim::link::{Fate, Fault, FaultPlan, Link, LinkConfig, LinkEvent, LinkStats, Target};
use tcp_sim::units::{Bytes, Probability, Rate};
use tcp_sim::world::{TcpPacket, write_packet};

fn probability() -> impl Strategy<Value = Probability> {
    prop_oneof![3 => Just(0.0), 2 => 0.0..1.0, 1 => Just(1.0)]
        .prop_map(|it| Probability::new(it).unwrap())
}

fn micros(most: u64) -> impl Strategy<Value = Duration> {
    (0..=most).prop_map(Duration::from_micros)
}

fn aqm() -> impl Strategy<Value = Aqm> {
    let codel = (0u64..200, 1u64..500, any::<bool>());
    let red = (0u64..2_000, 1u64..5_000, probability(), any::<bool>());
    prop_oneof![
        Just(Aqm::DropTail),
        codel.prop_map(|(target, interval, ecn)| Aqm::Codel {
            target: Duration::from_micros(target),
            interval: Duration::from_micros(interval),
            ecn,
        }),
        red.prop_map(|(min, more, probability, ecn)| Aqm::Red {
            min: Bytes(min),
            max: Bytes(min + more),
            probability,
            ecn,
        }),
    ]
}

fn loss() -> impl Strategy<Value = LossConfig> {
    let states = [probability(), probability(), probability(), probability()];
    prop_oneof![
        probability().prop_map(LossConfig::Independent),
        states.prop_map(|[to_bad, to_good, in_bad, in_good]| {
            LossConfig::GilbertElliott(GilbertElliott {
                to_bad,
                to_good,
                in_bad,
                in_good,
            })
        }),
    ]
}

fn faults() -> impl Strategy<Value = FaultPlan> {
    let fault = prop_oneof![
        Just(Fault::Drop),
        Just(Fault::Duplicate),
        micros(500).prop_map(Fault::Delay),
        micros(500).prop_map(Fault::PastNext),
        any::<usize>().prop_map(Fault::Corrupt),
    ];
    let target = prop::sample::select(vec![
        Target::Packet,
        Target::Data,
        Target::Syn,
        Target::Fin,
        Target::Ack,
        Target::Rst,
    ]);
    prop::collection::vec((target, 1u64..20, fault), 0..8).prop_map(|faults| {
        let and = |plan: FaultPlan, (target, nth, fault)| plan.and_nth(target, nth, fault);
        faults.into_iter().fold(FaultPlan::none(), and)
    })
}

fn middlebox() -> impl Strategy<Value = MiddleboxConfig> {
    let kinds = vec![
        OptionName::Mss,
        OptionName::WindowScale,
        OptionName::Timestamps,
        OptionName::Unknown,
    ];
    let from = vec![StripFrom::Syn, StripFrom::Others, StripFrom::All];
    let merge = (1u16..1_000, micros(300)).prop_map(|(max, hold)| MergeConfig { max, hold });
    let boxed = (
        prop::sample::subsequence(kinds, 0..=4),
        prop::sample::select(from),
        prop::option::of(any::<u16>()),
        prop::option::of(0u8..=14),
        prop_oneof![Just(0), any::<u32>()],
        prop::option::of(1u16..500),
        prop::option::of(merge),
    )
        .prop_map(
            |(strip, strip_from, clamp_mss, window_scale, shift_seq, split, merge)| {
                MiddleboxConfig {
                    strip,
                    strip_from,
                    clamp_mss,
                    window_scale,
                    shift_seq,
                    split,
                    merge,
                }
            },
        );
    prop_oneof![Just(MiddleboxConfig::default()), boxed]
}

fn config() -> impl Strategy<Value = LinkConfig> {
    let queue = prop_oneof![
        (1usize..40).prop_map(QueueLimit::Packets),
        (1u64..20_000).prop_map(|it| QueueLimit::Bytes(Bytes(it))),
    ];
    // Mostly too slow for the packets, so that queues grow.
    let rate = prop_oneof![
        3 => 2_000_000u64..20_000_000,
        1 => 20_000_000u64..200_000_000,
    ]
    .prop_map(Rate);
    let reorder = (probability(), micros(300))
        .prop_map(|(probability, by)| ReorderConfig { probability, by });
    let hole = (0u64..1_000, 1u64..500).prop_map(|(from, len)| Blackhole {
        from: Duration::from_micros(from),
        until: Duration::from_micros(from + len),
    });
    let spike = (0u64..1_000, 1u64..500, 1u64..1_000).prop_map(|(from, len, extra)| Spike {
        from: Duration::from_micros(from),
        until: Duration::from_micros(from + len),
        extra: Duration::from_micros(extra),
    });
    (
        (
            prop::option::of(rate),
            micros(300),
            micros(100),
            queue,
            aqm(),
        ),
        (loss(), faults(), probability(), probability()),
        prop::option::of(reorder),
        prop::option::of(68u16..1_500),
        (
            prop::collection::vec(hole, 0..3),
            prop::collection::vec(spike, 0..3),
        ),
        middlebox(),
    )
        .prop_map(|(path, chance, reorder, mtu, times, middlebox)| {
            let (blackholes, spikes) = times;
            let (rate, delay, jitter, queue, aqm) = path;
            let (loss, faults, duplicate, corrupt) = chance;
            LinkConfig {
                rate,
                delay,
                jitter,
                queue,
                aqm,
                loss,
                faults,
                duplicate,
                reorder,
                corrupt,
                mtu,
                blackholes,
                spikes,
                middlebox,
                ..LinkConfig::default()
            }
        })
}

/// Mostly segments of one connection, in order.
fn packets() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let control = prop_oneof![
        8 => Just(Control::None),
        1 => Just(Control::Syn),
        1 => Just(Control::Fin),
        1 => Just(Control::Rst),
    ];
    let segment = (control, 0usize..600, any::<bool>(), 0u8..4, any::<bool>());
    let noise = prop::collection::vec(any::<u8>(), 0..100);
    let kind = prop_oneof![9 => segment.prop_map(Ok), 1 => noise.prop_map(Err)];
    prop::collection::vec(kind, 1..40).prop_map(|kinds| {
        let ends = [
            ["10.0.0.1:1000", "10.0.0.2:80"],
            ["[fd00::1]:1000", "[fd00::2]:80"],
        ];
        let mut seq = 0;
        let write = |kind| match kind {
            Ok((control, len, second, ecn, push)) => {
                let mut header = Header {
                    control,
                    ack: Some(SeqNumber::new(1)),
                    push,
                    ecn: Ecn::from_bits(ecn),
                    ..Header::new(SeqNumber::new(seq))
                };
                header.options.timestamps = Some(Timestamps {
                    value: seq,
                    echo: 0,
                });
                seq += len as u32;
                let [src, dst] = ends[usize::from(second && push)].map(|it| it.parse().unwrap());
                write_packet(src, dst, &header, &vec![7; len])
            }
            Err(noise) => noise,
        };
        kinds.into_iter().map(write).collect()
    })
}

/// Everything that can be seen of a run.
#[derive(Clone, PartialEq, Debug)]
struct Seen {
    fates: Vec<Fate>,
    events: Vec<(Instant, LinkEvent)>,
    replies: Vec<Vec<u8>>,
    stats: LinkStats,
}

/// When a run looks at its link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// When the link says that there is something to see.
    WhenDue,
    /// Every ten microseconds besides.
    Often,
}

fn run(config: &LinkConfig, seed: u64, packets: &[(u64, Vec<u8>)], looks: Looks) -> Seen {
    let mut link = Link::with_config(config, seed).expect("it can be");
    let mut seen = Seen {
        fates: Vec::new(),
        events: Vec::new(),
        replies: Vec::new(),
        stats: LinkStats::default(),
    };
    let mut now = Instant::ZERO;
    let mut packets = packets.iter().peekable();
    loop {
        let next_send = packets.peek().map(|(at, _)| Instant::from_micros(*at));
        let next_event = link.next_event().map(|at| at.max(now));
        let Some(due) = next_send.into_iter().chain(next_event).min() else {
            break;
        };
        let soon = now + Duration::from_micros(10);
        if looks == Looks::Often && soon < due {
            now = soon;
            assert_eq!(link.poll(now), None, "before its time");
            continue;
        }
        now = due;
        while let Some(event) = link.poll(now) {
            seen.events.push((now, event));
        }
        if let Some((_, packet)) = packets.next_if(|_| next_send == Some(now)) {
            seen.fates.push(link.send(now, packet.clone()));
            seen.replies.extend(link.take_reply());
        }
        seen.replies
            .extend(std::iter::from_fn(|| link.take_reply()));
    }
    assert!(link.is_empty());
    seen.stats = *link.stats();
    seen
}

proptest! {
    #[test]
    fn a_link_is_exact_and_loses_count_of_nothing(
        config in config(),
        packets in packets(),
        gaps in prop::collection::vec(0u64..100, 40),
        seed in any::<u64>(),
    ) {
        let mut at = 0;
        let timed: Vec<(u64, Vec<u8>)> = packets
            .iter()
            .zip(gaps)
            .map(|(packet, gap)| {
                at += gap;
                (at, packet.clone())
            })
            .collect();
        let seen = run(&config, seed, &timed, Looks::WhenDue);
        prop_assert_eq!(&run(&config, seed, &timed, Looks::Often), &seen);

        let stats = seen.stats;
        let arrived = |event: &&(Instant, LinkEvent)| matches!(event.1, LinkEvent::Arrived(_));
        let delivered = seen.events.iter().filter(arrived).count() as u64;
        prop_assert_eq!(stats.delivered, delivered);
        let told = seen.fates.iter().filter(|fate| fate.dropped.is_some()).count() as u64;
        let events = seen.events.len() as u64 - delivered;
        prop_assert_eq!(stats.dropped.total(), told + events);
        prop_assert_eq!(stats.sent, packets.len() as u64);
        if config.middlebox.split.is_none() {
            prop_assert_eq!(
                stats.sent + stats.duplicated,
                stats.delivered + stats.dropped.total() + stats.merged
            );
        }
        // Corruption aside, what was a segment is one at the end.
        if stats.corrupted == 0 {
            let noise = packets.iter().filter(|it| TcpPacket::parse(it).is_none()).count() as u64;
            let broken = seen.events.iter().filter(arrived).filter(|(_, event)| {
                matches!(event, LinkEvent::Arrived(packet) if TcpPacket::parse(packet).is_none())
            });
            prop_assert!(broken.count() as u64 <= noise + stats.duplicated);
        }
    }

    #[test]
    fn a_configuration_reads_as_it_was_written(config in config()) {
        let text = toml::to_string(&config).expect("it can be written");
        let read: LinkConfig = toml::from_str(&text).expect("it can be read");
        prop_assert_eq!(read, config);
    }
}

/// Bytes that a middlebox was not made for.
#[test]
fn damaged_packets_pass_a_middlebox_untouched() {
    let config: LinkConfig = toml::from_str(
        "middlebox = {strip = ['timestamps'], strip_from = 'all', clamp_mss = 500, shift_seq = 7, \
         split = 10, merge = {max = 100, hold = '0s'}}",
    )
    .unwrap();
    let mut link = Link::with_config(&config, 1).unwrap();
    let [src, dst] = ["10.0.0.1:1000", "10.0.0.2:80"].map(|it| it.parse().unwrap());
    let good = write_packet(src, dst, &Header::new(SeqNumber::new(1)), &[9; 30]);
    for bit in 20 * 8..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        link.send(Instant::ZERO, bad.clone());
        assert_eq!(link.receive(Instant::ZERO), Some(bad));
    }
    assert_eq!(link.stats().rewritten, 0);
}
