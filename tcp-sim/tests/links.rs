//! Links as a network uses them: packets in, events out, each at its time.

use tcp_core::Instant;
use tcp_core::ReceiveChecksum;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{self, Control, Ecn, Header, Incoming};
use tcp_sim::link::{DropReason, Fate, Handling, Link, LinkConfig, LinkEvent};
use tcp_sim::world::{TcpPacket, write_packet};

fn link(toml: &str) -> Link {
    seeded(toml, 1)
}

fn seeded(toml: &str, seed: u64) -> Link {
    let config: LinkConfig = toml::from_str(toml).expect("it is well formed");
    Link::with_config(&config, seed).expect("it can be")
}

/// A packet of this many bytes that only its first one tells from others.
fn noise(first: u8, len: usize) -> Vec<u8> {
    let mut packet = vec![0; len];
    packet[0] = first;
    packet
}

fn data(seq: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        ack: Some(SeqNumber::new(1)),
        ..Header::new(SeqNumber::new(seq))
    };
    write(&header, payload)
}

fn write(header: &Header, payload: &[u8]) -> Vec<u8> {
    let [src, dst] = ["10.0.0.1:1000", "10.0.0.2:80"].map(|it| it.parse().unwrap());
    write_packet(src, dst, header, payload)
}

/// All that happens from now on, with its times in nanoseconds; nothing happens before.
fn drain(link: &mut Link) -> Vec<(u64, LinkEvent)> {
    let mut events = Vec::new();
    while let Some(at) = link.next_event() {
        let before = Instant::from_nanos(at.as_nanos().saturating_sub(1));
        if before < at
            && events
                .last()
                .is_none_or(|(last, _)| *last < before.as_nanos())
        {
            assert_eq!(link.poll(before), None);
        }
        while let Some(event) = link.poll(at) {
            events.push((at.as_nanos(), event));
        }
    }
    assert!(link.is_empty());
    events
}

/// Times in microseconds and first bytes of what arrives.
fn arrivals(link: &mut Link) -> Vec<(u64, u8)> {
    let arrived = |(at, event)| match event {
        LinkEvent::Arrived(packet) => Some((at / 1_000, packet[0])),
        LinkEvent::Dropped(..) => None,
    };
    drain(link).into_iter().filter_map(arrived).collect()
}

#[test]
fn packets_take_turns_at_the_rate() {
    // A byte takes a microsecond.
    let mut link = link("rate = '8M'\ndelay = '10ms'");
    for first in 1..=3 {
        let fate = link.send(Instant::ZERO, noise(first, 1_000));
        assert_eq!(fate, Fate::unharmed(first.into()));
    }
    let len = link.queue_len();
    assert_eq!((len.packets, len.bytes), (2, 2_000));
    assert_eq!(arrivals(&mut link), [(11_000, 1), (12_000, 2), (13_000, 3)]);
    link.send(Instant::from_millis(20), noise(4, 500));
    assert_eq!(arrivals(&mut link), [(30_500, 4)]);
    let stats = link.stats();
    assert_eq!((stats.sent, stats.sent_bytes), (4, 3_500));
    assert_eq!((stats.delivered, stats.delivered_bytes), (4, 3_500));
    assert_eq!((stats.max_queue_packets, stats.max_queue_bytes), (2, 2_000));
}

#[test]
fn a_queue_that_moved_on_unseen_tells_when_it_did() {
    let mut link = link("rate = 8000\ndelay = '1s'");
    for first in 1..=3 {
        let _ = link.send(Instant::ZERO, noise(first, 100));
    }
    assert_eq!(link.queue_len().packets, 2);
    let at = link.next_event().unwrap();
    assert_eq!(at, Instant::from_millis(1_100));
    assert!(link.poll(at).is_some());
    let changes = link.queue_changes().iter();
    let changes: Vec<_> = changes
        .map(|(at, len)| (at.as_millis(), len.packets))
        .collect();
    assert_eq!(changes, [(100, 1), (200, 0)]);
    assert!(link.poll(at).is_none());
    assert!(link.queue_changes().is_empty());
}

#[test]
fn a_full_queue_drops_at_its_tail() {
    let dropped = |queue: &str, lens: &[usize]| -> Vec<bool> {
        let mut link = link(&format!("rate = '8M'\nqueue = {queue}"));
        let mut send = |len: &usize| link.send(Instant::ZERO, noise(1, *len));
        let fates: Vec<Fate> = lens.iter().map(&mut send).collect();
        let reasons = fates.iter().filter_map(|fate| fate.dropped);
        assert!(
            reasons
                .clone()
                .all(|reason| reason == DropReason::QueueFull)
        );
        assert_eq!(link.stats().dropped.queue_full, reasons.count() as u64);
        fates.iter().map(|fate| fate.dropped.is_some()).collect()
    };
    // The first one is being sent and does not count.
    assert_eq!(
        dropped("{packets = 2}", &[100; 5]),
        [false, false, false, true, true]
    );
    assert_eq!(
        dropped("{bytes = 250}", &[1_000, 200, 100, 50, 1]),
        [false, false, true, false, true]
    );
}

#[test]
fn nothing_else_befalls_a_packet_that_the_queue_drops() {
    let mut link = link("rate = '8M'\nqueue = {packets = 1}\nduplicate = 1");
    let send = |_| link.send(Instant::ZERO, noise(1, 100));
    let fates: Vec<Fate> = (1..=3).map(send).collect();
    assert_eq!((fates[1].copies, fates[1].dropped), (1, None));
    let lost = Fate {
        dropped: Some(DropReason::QueueFull),
        ..Fate::unharmed(3)
    };
    assert_eq!(fates[2], lost);
    assert_eq!(arrivals(&mut link).len(), 4);
}

#[test]
fn jitter_keeps_the_order_and_reordering_does_not() {
    let run = |toml: &str| {
        let mut link = link(toml);
        for first in 0..100 {
            link.send(
                Instant::from_micros(u64::from(first) * 10),
                noise(first, 40),
            );
        }
        arrivals(&mut link)
    };
    let jittered = run("delay = '1ms'\njitter = '500us'");
    assert!(jittered.is_sorted_by_key(|(_, first)| *first));
    let takes = jittered
        .iter()
        .map(|(at, first)| at - u64::from(*first) * 10);
    assert!(takes.clone().all(|it| (1_000..=1_500).contains(&it)));
    assert!(takes.max() > Some(1_400));
    let late = run("delay = '1ms'\nreorder = {probability = 0.1, by = '500us'}");
    assert!(!late.is_sorted_by_key(|(_, first)| *first));
    assert_eq!(late.len(), 100);
    let on_time = late
        .iter()
        .filter(|(at, first)| at - u64::from(*first) * 10 == 1_000);
    assert!((80..97).contains(&on_time.count()));
}

#[test]
fn a_spike_makes_packets_late_and_keeps_their_order() {
    let mut link = link(
        "delay = '10ms'
         spikes = [
             { from = '3ms', until = '5ms', extra = '2s' },
             { from = '4ms', until = '9ms', extra = '1ms' },
         ]",
    );
    for sent in [2, 3, 4, 5, 8, 2_100] {
        link.send(Instant::from_millis(sent), noise(sent as u8, 100));
    }
    let expected = [
        (12_000, 2),
        (2_013_000, 3),
        (2_014_000, 4),
        (2_014_000, 5),
        (2_014_000, 8),
        (2_110_000, 2_100u64 as u8),
    ];
    assert_eq!(arrivals(&mut link), expected);
}

#[test]
fn duplicates_and_corruption_are_told_and_counted() {
    let mut link = link("duplicate = 1\ncorrupt = 1");
    let packet = data(1, b"data");
    let fate = link.send(Instant::ZERO, packet.clone());
    assert_eq!((fate.copies, fate.dropped), (1, None));
    assert!(fate.corrupted.is_some_and(|bit| bit < 24 * 8));
    let LinkEvent::Arrived(first) = link.poll(Instant::ZERO).unwrap() else {
        panic!("it was not dropped");
    };
    assert_eq!(TcpPacket::parse(&first), None);
    let differing = first.iter().zip(&packet).filter(|(a, b)| a != b);
    assert_eq!(differing.count(), 1);
    assert_eq!(link.poll(Instant::ZERO), Some(LinkEvent::Arrived(first)));
    assert_eq!(link.poll(Instant::ZERO), None);
    assert_eq!((link.stats().duplicated, link.stats().corrupted), (1, 1));
}

#[test]
fn a_packet_lost_on_the_wire_has_used_the_rate() {
    let mut link = link("rate = '8M'\nfaults = ['drop packet 1']");
    let fate = link.send(Instant::ZERO, noise(1, 1_000));
    assert_eq!(fate.dropped, Some(DropReason::Script));
    link.send(Instant::ZERO, noise(2, 1_000));
    assert_eq!(arrivals(&mut link), [(2_000, 2)]);
}

#[test]
fn what_is_too_big_is_answered() {
    let mut link = link("mtu = 1300\ndelay = '1ms'");
    let fate = link.send(Instant::ZERO, data(77, &[0; 1_400]));
    assert_eq!(fate.dropped, Some(DropReason::TooBig));
    let reply = link.take_reply().unwrap();
    let Ok(Incoming::IcmpError(error)) = wire::parse(&reply, ReceiveChecksum::Unchecked) else {
        panic!("it is an ICMP error");
    };
    assert_eq!(error.kind, wire::IcmpErrorKind::TooBig { mtu: 1_300 });
    assert_eq!(error.seq, SeqNumber::new(77));
    assert_eq!(link.take_reply(), None);
    assert!(link.is_empty());
}

#[test]
fn codel_tells_what_it_drops_by_events() {
    let toml = "rate = '8M'\naqm = {kind = 'codel', ecn = true}";
    for (ecn, marks) in [(Ecn::NotCapable, false), (Ecn::Capable0, true)] {
        let mut link = link(toml);
        let header = Header {
            ecn,
            ..Header::new(SeqNumber::new(1))
        };
        let packet = write(&header, &[0; 960]);
        let (mut dropped, mut marked, mut delivered) = (0, 0, 0);
        for milli in 0..1_000 {
            // Twice what the rate carries.
            for _ in 0..2 {
                assert_eq!(
                    link.send(Instant::from_millis(milli), packet.clone())
                        .dropped,
                    None
                );
            }
            while let Some(event) = link.poll(Instant::from_millis(milli)) {
                match event {
                    LinkEvent::Dropped(lost, reason) => {
                        assert_eq!((&lost, reason), (&packet, DropReason::Aqm));
                        dropped += 1;
                    }
                    LinkEvent::Arrived(packet) => {
                        delivered += 1;
                        let ecn = TcpPacket::parse(&packet).unwrap().header.ecn;
                        marked += u64::from(ecn == Ecn::CongestionExperienced);
                    }
                }
            }
        }
        let stats = *link.stats();
        assert_eq!((stats.delivered, stats.dropped.aqm), (delivered, dropped));
        assert_eq!(stats.dropped.total(), dropped);
        // The n-th one comes about 110 + 200 (√n - 0.73) ms after the beginning.
        let punished = if marks { marked } else { dropped };
        assert!((26..=28).contains(&punished), "{stats:?}");
        assert_eq!(if marks { dropped } else { marked }, 0);
        assert!(stats.marked >= marked);
    }
}

#[test]
fn what_codel_drops_is_not_lost_again_on_the_wire() {
    let mut link = link("rate = '8M'\naqm = {kind = 'codel'}\nloss = 1");
    for milli in 0..1_000 {
        for _ in 0..2 {
            let fate = link.send(Instant::from_millis(milli), noise(1, 1_000));
            assert_eq!(fate.dropped, Some(DropReason::Loss));
        }
    }
    assert_eq!(drain(&mut link), []);
    assert_eq!(
        (link.stats().dropped.loss, link.stats().dropped.aqm),
        (2_000, 0)
    );
}

#[test]
fn a_segment_let_go_late_finds_the_queue_of_its_time() {
    // The first one that waits begins to be sent at 1 ms, and the held one comes at 2 ms.
    let mut link = link(
        "rate = '8M'\nqueue = {packets = 1}\n\
         middlebox = {merge = {max = 100, hold = '2ms'}}",
    );
    for (first, len) in [(1, 1_000), (2, 1_000)] {
        link.send(Instant::ZERO, noise(first, len));
    }
    link.send(Instant::ZERO, data(1, b"held"));
    // Nobody looks before it is over.
    let at = Instant::from_millis(10);
    let events = std::iter::from_fn(|| link.poll(at));
    assert!(
        events
            .into_iter()
            .all(|event| matches!(event, LinkEvent::Arrived(_)))
    );
    assert_eq!(link.stats().delivered, 3);
}

#[test]
fn red_holds_the_queue_between_its_marks() {
    let run = |ecn: Ecn| {
        let mut link = link(
            "rate = '8M'\n\
             aqm = {kind = 'red', min = 20000, max = 60000, probability = 0.1, ecn = true}",
        );
        let header = Header {
            ecn,
            ..Header::new(SeqNumber::new(1))
        };
        let packet = write(&header, &[0; 960]);
        let (mut marked, mut dropped) = (0, 0);
        // A twentieth more than the rate carries.
        for index in 0..20_000u64 {
            let fate = link.send(Instant::from_micros(index * 952), packet.clone());
            marked += u64::from(fate.marked);
            dropped += u64::from(fate.dropped == Some(DropReason::Aqm));
        }
        assert_eq!(
            (link.stats().marked, link.stats().dropped.aqm),
            (marked, dropped)
        );
        let arrived = drain(&mut link).into_iter().filter(|(_, event)| {
            matches!(event, LinkEvent::Arrived(packet)
                if TcpPacket::parse(packet).unwrap().header.ecn == Ecn::CongestionExperienced)
        });
        assert_eq!(arrived.count() as u64, marked);
        (marked, dropped, link.stats().max_queue_bytes)
    };
    let (marked, dropped, most) = run(Ecn::NotCapable);
    assert_eq!(marked, 0);
    // Five percent of the packets are too many, less what the queue holds.
    assert!((800..1_100).contains(&dropped), "{dropped}");
    assert!((20_000..60_000).contains(&most), "{most}");
    // Marks alone slow nobody down here, so the queue grows until all is dropped.
    let (marked, dropped, _) = run(Ecn::Capable1);
    assert!(marked > 100 && dropped > 100, "{marked} {dropped}");
}

#[test]
fn a_held_segment_leaves_when_its_time_is_up() {
    let mut link = link("delay = '1ms'\nmiddlebox = {merge = {max = 100, hold = '300us'}}");
    let fate = link.send(Instant::ZERO, data(1, b"one"));
    assert_eq!(fate.handling, Handling::Held);
    assert_eq!(link.next_event(), Some(Instant::from_micros(300)));
    assert!(!link.is_empty());
    let fate = link.send(Instant::from_micros(200), data(4, b"two"));
    assert_eq!(fate.handling, Handling::Held);
    let events = drain(&mut link);
    let [(at, LinkEvent::Arrived(packet))] = &events[..] else {
        panic!("one packet arrives: {events:?}");
    };
    assert_eq!(*at, 1_300_000);
    assert_eq!(TcpPacket::parse(packet).unwrap().payload, b"onetwo");
    assert_eq!((link.stats().merged, link.stats().delivered), (1, 1));
}

#[test]
fn parts_have_fates_of_their_own() {
    let mut link = link("middlebox = {split = 2}\nfaults = ['drop data 2']");
    let fate = link.send(Instant::ZERO, data(1, b"abcdef"));
    assert_eq!((fate.handling, fate.dropped), (Handling::Split(3), None));
    let payloads = drain(&mut link).into_iter().map(|(_, event)| match event {
        LinkEvent::Arrived(packet) => (TcpPacket::parse(&packet).unwrap().payload, None),
        LinkEvent::Dropped(packet, reason) => {
            (TcpPacket::parse(&packet).unwrap().payload, Some(reason))
        }
    });
    let expected = [
        (b"cd".to_vec(), Some(DropReason::Script)),
        (b"ab".to_vec(), None),
        (b"ef".to_vec(), None),
    ];
    assert_eq!(payloads.collect::<Vec<_>>(), expected);
}

#[test]
fn both_directions_agree_on_shifted_numbers() {
    let mut there = link("middlebox = {shift_seq = 1000}");
    let mut back = link("");
    back.set_shift_ack(1_000);
    there.send(Instant::ZERO, data(1, b"data"));
    let arrived = TcpPacket::parse(&there.receive(Instant::ZERO).unwrap()).unwrap();
    assert_eq!(arrived.header.seq, SeqNumber::new(1_001));
    let reset = Header {
        control: Control::Rst,
        ack: Some(SeqNumber::new(1_005)),
        ..Header::new(SeqNumber::new(1))
    };
    back.send(Instant::ZERO, write(&reset, b""));
    let arrived = TcpPacket::parse(&back.receive(Instant::ZERO).unwrap()).unwrap();
    assert_eq!(arrived.header.ack, Some(SeqNumber::new(5)));
    assert_eq!(arrived.header.seq, SeqNumber::new(1));
}
