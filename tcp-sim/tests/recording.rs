//! What observers write down of a run.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::Path;
use std::rc::Rc;

use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use tcp_sim::record::{CsvTables, LinkCaptures, Observer, Series};
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::{Outcome, Simulation};

const LOSSY: &str = r#"
    seed = 3
    host = [{ name = "a" }, { name = "b/c" }]
    router = [{ name = "r" }]
    link = [
        { between = ["a", "r"], there = { rate = "100M", delay = "1ms" }, back = { delay = "1ms" } },
        { between = ["r", "b/c"], there = { rate = "10M", delay = "10ms", loss = 0.005, queue = { packets = 10 } }, back = { delay = "10ms" } },
    ]
    flow = [{ client = "a", server = "b/c", app = { kind = "bulk", bytes = "600k" } }]
"#;

/// Runs the scenario before the eyes of an observer that is made for it.
fn watched<O: Observer + 'static>(make: impl FnOnce(&Simulation) -> O) -> (Outcome, O) {
    let scenario: Scenario = toml::from_str(LOSSY).unwrap();
    let mut simulation = Simulation::new(&scenario).unwrap();
    let observer = Rc::new(RefCell::new(make(&simulation)));
    simulation.add_observer(Box::new(Rc::clone(&observer)));
    let outcome = simulation.run(&mut |_| {});
    assert!(outcome.complete, "{:?}", outcome.violations);
    let observer = Rc::into_inner(observer).expect("the run has let go of it");
    (outcome, observer.into_inner())
}

/// Time in nanoseconds, interface and comment of each packet of a capture.
fn packets(path: &Path) -> Vec<(u128, u32, Option<String>)> {
    let mut reader = PcapNgReader::new(File::open(path).unwrap()).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            let comment = packet.options.iter().find_map(|option| match option {
                EnhancedPacketOption::Comment(text) => Some(text.to_string()),
                _ => None,
            });
            packets.push((packet.timestamp.as_nanos(), packet.interface_id, comment));
        }
    }
    packets
}

#[test]
fn each_link_has_its_capture_with_the_drops_in_it() {
    let scratch = tempfile::tempdir().unwrap();
    let (outcome, mut captures) =
        watched(|simulation| LinkCaptures::create(scratch.path(), &simulation.map()).unwrap());
    captures.finish().unwrap();

    for (index, name) in ["a-r.pcapng", "r-b_c.pcapng"].into_iter().enumerate() {
        let packets = packets(&scratch.path().join(name));
        assert!(packets.is_sorted_by_key(|(at, ..)| *at), "{name}");
        for direction in 0..2 {
            let stats = &outcome.links[2 * index + direction].stats;
            let sent = packets.iter().filter(|it| it.1 == direction as u32);
            assert_eq!(sent.clone().count() as u64, stats.sent, "{name}");
            let dropped = sent.filter(|it| it.2.is_some()).count();
            assert_eq!(dropped as u64, stats.dropped.total(), "{name}");
        }
    }
    let bottleneck = packets(&scratch.path().join("r-b_c.pcapng"));
    let full = Some("dropped, queue full".to_owned());
    assert!(bottleneck.iter().any(|it| it.2 == full));
    // The SYN of 60 bytes takes 4.8 us at 100 Mbit/s and 1 ms on its way to the router.
    assert_eq!(bottleneck[0].0, 1_004_800);
}

#[test]
fn tables_have_a_row_for_each_packet() {
    let scratch = tempfile::tempdir().unwrap();
    let (outcome, mut tables) =
        watched(|simulation| CsvTables::create(scratch.path(), &simulation.map()).unwrap());
    tables.finish().unwrap();
    let read = |name: &str| fs::read_to_string(scratch.path().join(name)).unwrap();

    let packets = read("packets.csv");
    let rows: Vec<&str> = packets.lines().skip(1).collect();
    assert_eq!(rows.len() as u64, outcome.packets);
    assert!(rows[0].starts_with("0.000000000,sent,0,a,r,10.0.0.1:"));
    assert!(rows[0].contains(",SYN,") && rows[0].contains("mss 1460"));
    let lost = rows.iter().filter(|row| row.ends_with(",lost")).count() as u64;
    assert_eq!(lost, outcome.links[2].stats.dropped.loss);
    assert!(rows.iter().any(|row| row.contains("; sack ")));

    let connections = read("connections.csv");
    for state in ["SYN-SENT", "SYN-RECV", "ESTAB", "FIN-WAIT-1"] {
        // A half-open connection has no record that could be asked.
        let expected = state != "SYN-RECV";
        let found = connections.contains(&format!(",{state},"));
        assert_eq!(found, expected, "{state}");
    }
    let queues = read("queues.csv");
    let longest = queues.lines().skip(1).map(|row| {
        let packets = row.split(',').nth(4).unwrap();
        packets.parse::<usize>().unwrap()
    });
    assert_eq!(longest.max(), Some(10));
}

#[test]
fn a_series_agrees_with_the_counters() {
    let (outcome, series) = watched(|simulation| Series::new(&simulation.map()));
    let [there, back] = series.streams() else {
        panic!("{} streams", series.streams().len());
    };
    assert_eq!(there.totals.bytes, 600_000);
    assert_eq!(back.totals.bytes, 0);
    let again = there.totals.segments_again + back.totals.segments_again;
    assert!(again > 0);
    assert_eq!(again, outcome.retransmitted_segments);
    assert_eq!(there.again.points().len() as u64, again);

    let dropped = outcome.links[2].stats.dropped.total();
    assert_eq!(there.totals.dropped, dropped);
    assert_eq!(there.drops.points().len() as u64, dropped);
    assert!(!there.sacks.points().is_empty());

    // SYN, data and FIN, all acknowledged, and never beyond what was allowed.
    assert_eq!(there.snd_max(), 600_002);
    assert_eq!(there.acked.last(), Some(600_002));
    assert!(there.right_edge.greatest() >= 600_002);
    let least_rtt = there
        .rtt
        .samples()
        .into_iter()
        .map(|(_, nanos)| nanos)
        .min();
    assert!(least_rtt.is_some_and(|nanos| nanos >= 22_000_000));
    assert_eq!(series.queues()[2].greatest(), 10);
    assert_eq!(series.home(there.src.ip()), Some("a"));
}
