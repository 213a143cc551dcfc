//! RFC 8985: RACK-TLP, the repair of losses by time.

use std::time::Duration;

use tcp_core::congestion::Phase;
use tcp_core::{ListenConfig, RecoveryConfig, TcpConfig};
use tcp_sim::script::{LoneStack, Tester, ack, syn};

use crate::transfer::{Transfer, plain};

/// RACK, and no probe of the tail.
fn rack() -> TcpConfig {
    TcpConfig {
        recovery: RecoveryConfig {
            rack: true,
            ..plain().recovery
        },
        ..plain()
    }
}

/// Both.
fn rack_tlp() -> TcpConfig {
    TcpConfig {
        recovery: RecoveryConfig {
            tail_loss_probe: true,
            ..rack().recovery
        },
        nagle: false,
        ..rack()
    }
}

/// Ten segments are outstanding, on a path of 100 ms.
fn ten_sent(config: TcpConfig) -> Transfer {
    let mut transfer = Transfer::with_sack(config);
    assert_eq!(transfer.sent().len(), 10);
    transfer
}

/// A connection on a path of 100 ms that has sent so many segments of 1,000 bytes, and has no more to send.
fn tail(segments: u32) -> Tester<LoneStack> {
    let mut tester = on_path_of(millis(100), rack_tlp());
    for number in 0..segments {
        send(&mut tester, number);
    }
    tester
}

/// A connection whose handshake took so long.
fn on_path_of(rtt: Duration, config: TcpConfig) -> Tester<LoneStack> {
    let mut tester = Tester::stack();
    tester.listen(ListenConfig {
        tcp: config.validate().expect("the configuration is valid"),
        ..ListenConfig::default()
    });
    tester.inject(syn(100).mss(1_000).sack_permitted());
    tester.expect(syn(300).ack(101));
    tester.advance(rtt);
    tester.inject(ack(101, 301));
    tester
}

/// Segment `number` is written, and sent at once.
fn send(tester: &mut Tester<LoneStack>, number: u32) {
    tester.write(&[1; 1_000]);
    tester.expect(ack(at(number), 101).len(1_000));
}

/// Our number of the first byte of a segment.
fn at(number: u32) -> u32 {
    301 + 1_000 * number
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A peer without SACK gets no probe, and three duplicates are what shows a loss, however long ago it was (§4).
#[test]
fn must_1_without_sack_there_is_neither_rack_nor_tlp() {
    let mut transfer = Transfer::without_sack(rack_tlp());
    transfer.sent();
    transfer.wait(150);
    transfer.duplicates(2);
    assert_eq!(transfer.sent(), [10, 11]);
    assert_eq!(transfer.until_sent(), (150, vec![0]), "the timeout");
    let mut transfer = ten_sent(rack_tlp());
    transfer.wait(150);
    transfer.sack(1..2);
    assert_eq!(transfer.sent(), [10]);
    assert_eq!(transfer.until_sent(), (25, vec![0]), "one report is enough");
}

/// On a path of 1 ms, of two segments that were sent 100 µs apart the first is lost a round trip and a quarter after
/// it was sent, to the microsecond (§4).
#[test]
fn must_2_transmissions_are_told_apart_by_microseconds() {
    let micros = Duration::from_micros;
    let mut tester = on_path_of(micros(1_000), rack_tlp());
    send(&mut tester, 0);
    tester.advance(micros(100));
    send(&mut tester, 1);
    tester.advance(micros(1_000));
    tester.inject(ack(101, at(0)).sack(&[(at(1), at(2))]));
    let left = micros(1_250 - 1_100);
    tester.expect_within(left..=left, ack(at(0), 101).len(1_000));
}

/// After a repair that was in vain, as a duplicate report says, what is overtaken has half a round trip to arrive
/// instead of a quarter (§4, §6.2 step 4).
#[test]
fn shld_1_a_reported_duplicate_widens_the_window() {
    let mut transfer = ten_sent(rack());
    transfer.wait(100);
    transfer.sack(1..10);
    assert_eq!(transfer.sent()[0], 0);
    transfer.wait(100);
    let una = transfer.nxt();
    transfer.ack(una);
    // The original had arrived as well.
    transfer.sack(0..1);
    transfer.wait(100);
    let nxt = transfer.nxt();
    transfer.sack(una + 1..nxt);
    transfer.sent();
    assert_eq!(transfer.until_sent(), (50, vec![una]));
}

/// A retransmission is acknowledged after a tenth of the least round trip: it must have been the original, and what was
/// sent between the two is not lost (§6.2 step 2).
#[test]
fn must_3_what_may_be_of_the_original_is_not_the_latest() {
    let mut transfer = ten_sent(rack());
    transfer.wait(100);
    transfer.sack(1..4);
    assert_eq!(transfer.sent()[0], 0);
    transfer.wait(10);
    // Segments 4 to 9 are as old as 0, and may well be on their way.
    transfer.ack(4);
    assert!(transfer.sent().iter().all(|&number| number >= 10));
    assert_eq!(transfer.info().tcpi_lost, 0);
}

/// One report, and the segment before it has 25 of the 100 ms of the path to arrive (§6.2 step 4).
#[test]
fn shld_2_what_is_overtaken_has_a_quarter_of_a_round_trip() {
    let mut transfer = ten_sent(rack());
    transfer.wait(100);
    transfer.sack(1..2);
    assert_eq!(transfer.sent(), [10]);
    assert_eq!(transfer.until_sent(), (25, vec![0]));
}

/// After eight repairs in vain it has a round trip of 100 ms, and not nine quarters of one (§6.2 step 4).
#[test]
fn must_4_what_is_overtaken_has_a_round_trip_at_most() {
    let mut transfer = ten_sent(rack());
    let mut una = 0;
    for _ in 0..8 {
        transfer.wait(100);
        let nxt = transfer.nxt();
        transfer.sack(una + 1..nxt);
        transfer.wait(100);
        assert!(transfer.sent().contains(&una));
        let next = transfer.nxt();
        transfer.ack(next);
        transfer.sack(una..una + 1);
        una = next;
    }
    transfer.wait(100);
    let nxt = transfer.nxt();
    transfer.sack(una + 1..nxt);
    transfer.sent();
    assert_eq!(transfer.info().tcpi_rtt, millis(100));
    assert_eq!(transfer.until_sent(), (100, vec![una]));
}

/// Three reports leave it no time, and once a repair is under way one does (§6.2 step 4).
#[test]
fn shld_3_a_loss_that_is_evident_is_not_waited_for() {
    let mut transfer = ten_sent(rack());
    transfer.wait(100);
    transfer.sack(1..4);
    assert_eq!(transfer.sent()[0], 0);
    transfer.sack_all(&[1..4, 5..10]);
    assert!(transfer.sent().contains(&4));
}

/// Of what is not reported, what was sent before the latest that is; and what was sent again, once something that was
/// sent after it is reported (§6.2 step 5).
#[test]
fn must_5_what_was_sent_before_the_latest_delivery_is_lost() {
    let mut transfer = ten_sent(rack());
    transfer.wait(100);
    transfer.sack_all(&[2..3, 4..5, 6..7]);
    assert_eq!(transfer.sent(), [0, 1]);
    transfer.sack_all(&[2..3, 4..5, 6..10]);
    assert_eq!(transfer.sent(), [3, 5, 10]);
    transfer.wait(100);
    assert_eq!(transfer.sent(), [0; 0]);
    transfer.sack_all(&[2..3, 4..5, 6..11]);
    assert_eq!(transfer.sent(), [0, 1, 3, 5, 11]);
}

/// With no further acknowledgement the lost segment goes when its time is over (§6.2 step 5).
#[test]
fn shld_4_a_timer_looks_again() {
    let mut transfer = ten_sent(rack());
    transfer.wait(110);
    transfer.sack(3..4);
    transfer.sent();
    let (waited, sent) = transfer.until_sent();
    assert_eq!((waited, sent), (25, vec![0]));
    assert_eq!(transfer.info().tcpi_ca_state, Phase::Recovery);
}

/// At a timeout after 300 ms what was sent 10 ms ago is left to arrive, and what was sent a round trip ago is lost
/// (§6.3).
#[test]
fn must_6_a_timeout_loses_what_is_overdue() {
    for (before, again) in [(10, false), (150, true)] {
        let config = TcpConfig {
            nagle: false,
            ..rack()
        };
        let mut tester = on_path_of(millis(100), config);
        send(&mut tester, 0);
        tester.advance(millis(100));
        tester.inject(ack(101, at(1)));
        assert_eq!(tester.info().tcpi_rto, millis(300));
        send(&mut tester, 1);
        tester.advance(millis(300 - before));
        send(&mut tester, 2);
        tester.advance(millis(before));
        tester.expect(ack(at(1), 101).len(1_000));
        tester.inject(ack(101, at(2)));
        if again {
            tester.expect(ack(at(2), 101).len(1_000));
        }
        tester.expect_nothing();
    }
}

/// While nothing is reported, a probe follows what was sent last; while something is, or is repaired, none does (§7.2).
#[test]
fn shld_5_no_probe_goes_while_something_is_reported() {
    let mut tester = tail(3);
    tester.expect_within(millis(200)..=millis(210), ack(at(2), 101).len(1_000));

    let mut tester = tail(3);
    tester.advance(millis(100));
    tester.inject(ack(101, at(0)).sack(&[(at(1), at(2))]));
    // Segment 0 is overdue, and sent again; then nothing goes before the timeout.
    tester.expect_within(millis(25)..=millis(25), ack(at(0), 101).len(1_000));
    tester.expect_nothing_for(millis(250));
    tester.expect_within(millis(0)..=millis(60), ack(at(0), 101).len(1_000));

    // Without RACK one report shows no loss, and no probe goes before the timeout either.
    let config = TcpConfig {
        recovery: RecoveryConfig {
            rack: false,
            ..rack_tlp().recovery
        },
        ..rack_tlp()
    };
    let mut tester = on_path_of(millis(100), config);
    for number in 0..3 {
        send(&mut tester, number);
    }
    tester.inject(ack(101, at(0)).sack(&[(at(1), at(2))]));
    tester.expect_nothing_for(millis(299));
    tester.expect_within(millis(1)..=millis(1), ack(at(0), 101).len(1_000));
}

/// Two segments are probed after two round trips, one after 200 ms more; an acknowledgement begins the time anew
/// (§7.2).
#[test]
fn shld_6_a_probe_comes_after_two_round_trips() {
    let mut tester = tail(2);
    tester.expect_within(millis(200)..=millis(205), ack(at(1), 101).len(1_000));

    let mut tester = tail(3);
    tester.advance(millis(100));
    tester.inject(ack(101, at(1)));
    tester.expect_within(millis(200)..=millis(205), ack(at(2), 101).len(1_000));

    let mut tester = on_path_of(millis(300), rack_tlp());
    send(&mut tester, 0);
    tester.expect_within(millis(800)..=millis(800), ack(at(0), 101).len(1_000));
}

/// One segment on a path of 100 ms would be probed after 400 ms, but the timeout is 300 (§7.2).
#[test]
fn must_7_a_probe_comes_no_later_than_the_timeout() {
    let mut tester = tail(1);
    let rto = tester.info().tcpi_rto;
    assert_eq!(rto, millis(300));
    tester.expect_within(rto..=rto, ack(at(0), 101).len(1_000));
    assert_eq!(tester.info().tcpi_ca_state, Phase::Open, "it is the probe");
}

/// With something to send that the window holds back, the probe is that; with nothing, it is the last segment (§7.3).
#[test]
fn must_8_the_probe_is_new_data_or_the_last_segment() {
    let mut transfer = ten_sent(rack_tlp());
    let (waited, sent) = transfer.until_sent();
    assert_eq!(sent, [10]);
    assert!((200..=205).contains(&waited), "{waited}");

    let mut tester = tail(5);
    tester.expect_within(millis(200)..=millis(205), ack(at(4), 101).len(1_000));
}

/// A probe that is not answered either is followed by the timeout, counted from it, which sends the first segment (§7.3).
#[test]
fn must_9_after_a_probe_comes_the_timeout() {
    let mut tester = tail(3);
    let rto = tester.info().tcpi_rto;
    tester.expect_within(millis(200)..=millis(205), ack(at(2), 101).len(1_000));
    tester.expect_within(rto..=rto, ack(at(0), 101).len(1_000));
    assert_eq!(tester.info().tcpi_ca_state, Phase::Loss);
}

/// What is sent while a probe is outstanding does not bring another (§7.3).
#[test]
fn must_10_one_probe_at_a_time() {
    let mut tester = tail(3);
    tester.expect_within(millis(200)..=millis(205), ack(at(2), 101).len(1_000));
    tester.advance(millis(50));
    tester.write(&[1; 1_000]);
    tester.expect(ack(at(3), 101).len(1_000));
    tester.expect_within(millis(210)..=millis(310), ack(at(0), 101).len(1_000));
}

/// A probe that sent the last segment again and is acknowledged with it, without a report that it came twice, has
/// repaired a loss: the window is cut. With the report, or where two acknowledgements come, it is not (§7.4).
#[test]
fn must_11_a_loss_that_the_probe_repaired_cuts_the_window() {
    let probed = || {
        let mut tester = tail(4);
        tester.expect_within(millis(200)..=millis(205), ack(at(3), 101).len(1_000));
        tester.advance(millis(100));
        tester
    };
    let mut tester = probed();
    tester.inject(ack(101, at(4)));
    assert_eq!(tester.info().tcpi_snd_ssthresh, u32::MAX);
    tester.write(&[1; 1_000]);
    tester.expect(ack(at(4), 101).len(1_000));
    tester.advance(millis(100));
    tester.inject(ack(101, at(5)));
    assert_ne!(
        tester.info().tcpi_snd_ssthresh,
        u32::MAX,
        "it was not reported"
    );
    assert!(tester.info().tcpi_snd_cwnd < 10_000);

    let mut tester = probed();
    tester.inject(ack(101, at(4)).sack(&[(at(3), at(4))]));
    tester.write(&[1; 1_000]);
    tester.expect(ack(at(4), 101).len(1_000));
    tester.advance(millis(100));
    tester.inject(ack(101, at(5)));
    assert_eq!(tester.info().tcpi_snd_ssthresh, u32::MAX);
}
