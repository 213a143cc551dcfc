//! Losses, their repair, and what is learnt of the path meanwhile.

use super::*;
use crate::config::{CongestionAlgorithm, RecoveryConfig};

/// Neither SACK nor timestamps: duplicates are counted, and segments carry 1,460 bytes. RFC 6582 alone:
/// nothing is probed, tested or spread.
pub(super) fn plain() -> TcpConfig {
    TcpConfig {
        sack: false,
        timestamps: false,
        congestion: CongestionAlgorithm::Reno,
        pacing: false,
        recovery: RecoveryConfig {
            tail_loss_probe: false,
            forward_rto: false,
            proportional_rate_reduction: false,
            ..RecoveryConfig::default()
        },
        ..TcpConfig::default()
    }
}

fn rto(pair: &Pair) -> Duration {
    pair.ends[0].info(pair.now).tcpi_rto
}

/// RFC 6298 §3 and §5.5: an acknowledgement of what was sent twice is no measurement, so the
/// backed-off timeout serves the next segment too.
#[test]
fn backoff_lasts_until_a_segment_sent_once_is_acknowledged() {
    for sack in [true, false] {
        let mut pair = quiet_pair(TcpConfig { sack, ..plain() });
        let before = rto(&pair);
        pair.write(0, 1);
        pair.drain(0);
        for _ in 0..2 {
            pair.fire(0);
            assert_eq!(pair.drain(0).len(), 1);
        }
        let header = pair.ack_of_all(0, 1_000);
        pair.give(0, header, &[]);
        assert_eq!(rto(&pair), 4 * before);

        pair.write(0, 1);
        assert_eq!(pair.drain(0).len(), 1);
        let deadline = pair.ends[0].poll_timeout();
        assert_eq!(deadline, Some(pair.now + 4 * before));
        pair.wait(20);
        let header = pair.ack_of_all(0, 1_000);
        pair.give(0, header, &[]);
        assert!(rto(&pair) <= before);
    }
}

/// What that is for: on a path that became slower than the timeout, Karn's rule alone would have
/// every segment sent twice for ever.
#[test]
fn a_path_that_became_slow_is_measured_in_the_end() {
    let mut pair = quiet_pair(plain());
    let second = Duration::from_secs(1);
    assert!(rto(&pair) < second);
    for _ in 0..40 {
        pair.write(0, 1);
        pair.drain(0);
        let arrival = pair.now + second;
        while pair.ends[0].poll_timeout().is_some_and(|at| at < arrival) {
            pair.fire(0);
            pair.drain(0);
        }
        pair.now = arrival;
        let header = pair.ack_of_all(0, 1_000);
        pair.give(0, header, &[]);
    }
    assert!(rto(&pair) > second);
    let resent = pair.counters[0].retrans_segs;
    assert!(resent <= 8, "{resent} of 40");
}

/// RFC 6298 §5.4: a timeout sends one segment again, however small, and an acknowledgement of it the others.
#[test]
fn a_timeout_sends_one_small_segment_again() {
    let mut pair = quiet_pair(TcpConfig {
        nagle: false,
        ..plain()
    });
    for _ in 0..3 {
        pair.write(0, 10);
        assert_eq!(pair.drain(0).len(), 1);
    }
    for _ in 0..2 {
        pair.fire(0);
        assert_eq!(pair.drain(0).len(), 1);
    }
    let mut header = pair.ack_of_all(0, 1_000);
    header.ack = header.ack.map(|ack| ack.retreated_by(20));
    pair.give(0, header, &[]);
    assert_eq!(pair.drain(0).len(), 2);
}

/// RFC 6298 §3: without SACK, the segments that a repair uncovers may have arrived long before it.
#[test]
fn a_repair_without_sack_does_not_inflate_the_round_trip_time() {
    for timestamps in [true, false] {
        let mut pair = quiet_pair(TcpConfig {
            timestamps,
            ..plain()
        });
        let before = pair.ends[0].info(pair.now);
        pair.write(0, 2_000);
        assert_eq!(pair.drain(0).len(), 2);
        pair.fire(0);
        let resent = pair.drain(0);
        assert_eq!(resent.len(), 1);
        pair.wait(20);
        let mut header = pair.ack_of_all(0, 1_000);
        if let Some(ours) = resent[0].header.options.timestamps {
            // RFC 7323 §4.3 (C): the echo is of the segment that filled the hole.
            header.options.timestamps.as_mut().unwrap().echo = ours.value;
        }
        pair.give(0, header, &[]);
        let after = pair.ends[0].info(pair.now);
        assert_eq!(after.unacked_bytes, 0);
        assert_eq!(after.tcpi_rtt, before.tcpi_rtt, "20 ms before and after");
        let backed_off = after.tcpi_rto > before.tcpi_rto;
        assert_eq!(backed_off, !timestamps, "only the echo is a measurement");
    }
}

/// RFC 7323 §4.3: when the acknowledgement is what was lost, the echo is that of the data that came
/// again, or the time that the sender waited would count as a round trip.
#[test]
fn a_lost_acknowledgement_does_not_inflate_the_round_trip_time() {
    let mut pair = quiet_pair(TcpConfig::default());
    let before = pair.ends[0].info(pair.now).tcpi_rto;
    for _ in 0..5 {
        pair.write(0, 100);
        let sent = pair.drain(0);
        pair.wait(10);
        pair.give_all(1, &sent);
        let _ = pair.ends[1].read(pair.now, &mut [0; 200]);
        let lost = pair.drain(1);
        assert_eq!(lost.len(), 1);
        pair.fire(0);
        let again = pair.drain(0);
        pair.wait(10);
        pair.give_all(1, &again);
        let answer = pair.drain(1);
        pair.wait(10);
        pair.give_all(0, &answer);
    }
    let info = pair.ends[0].info(pair.now);
    assert_eq!(info.unacked_bytes, 0);
    assert!(info.tcpi_rto <= before, "{:?}", info.tcpi_rto);
}

/// After a timeout everything is lost until it is sent again: no duplicate stands for a departure.
#[test]
fn duplicates_after_a_timeout_without_sack_release_nothing() {
    let mut pair = quiet_pair(plain());
    pair.write(0, 14_600);
    assert_eq!(pair.drain(0).len(), 10);
    pair.fire(0);
    assert_eq!(pair.drain(0).len(), 1, "RFC 5681 §3.1: one segment");
    let window_update = pair.ack_up_to(0, 1, 20_000);
    for _ in 0..9 {
        pair.give(0, window_update, &[]);
        assert_eq!(pair.drain(0).len(), 0);
    }
    assert_eq!(pair.counters[0].retrans_segs, 1);
    assert_eq!(pair.counters[0].reno_recovery, 0);
}

/// RFC 5681 §3.2 step 4: a duplicate means that a segment has left the network, of the size that was
/// sent and not of the largest.
#[test]
fn duplicates_release_as_many_bytes_as_have_left() {
    let mut pair = quiet_pair(TcpConfig {
        nagle: false,
        congestion: crate::CongestionAlgorithm::Reno,
        ..plain()
    });
    for _ in 0..100 {
        pair.write(0, 146);
        assert_eq!(pair.drain(0).len(), 1);
    }
    pair.write(0, 100_000);
    assert_eq!(pair.drain(0).len(), 0, "the congestion window is full");
    let duplicate = pair.ack_up_to(0, 1, u16::MAX);
    let mut released = 0;
    for _ in 0..100 {
        pair.give(0, duplicate, &[]);
        let said = pair.drain(0);
        released += said.iter().map(|said| said.payload.len()).sum::<usize>();
    }
    assert_eq!(pair.counters[0].fast_retrans, 1);
    let cwnd = pair.ends[0].info(pair.now).tcpi_snd_cwnd as usize;
    assert_eq!(cwnd, 7_300, "RFC 5681 equation 4");
    let new = released - 146;
    assert!((cwnd - 1_460..=cwnd).contains(&new), "{new}");
}

/// RFC 1191 §6.4: what was too large is lost, and no sign of congestion; the window still holds.
#[test]
fn a_smaller_path_mtu_during_a_repair_releases_no_more_than_the_window() {
    let mut pair = quiet_pair(plain());
    pair.write(0, 14_600);
    assert_eq!(pair.drain(0).len(), 10);
    let duplicate = pair.ack_up_to(0, 1, u16::MAX);
    for _ in 0..10 {
        pair.give(0, duplicate, &[]);
    }
    assert_eq!(pair.drain(0).len(), 1, "the fast retransmit");
    let error = NetworkError::TooBig { mss: 500 };
    let seq = pair.ends[0].snd.isn.at_offset(1);
    let now = pair.now;
    pair.ends[0].handle_network_error(now, error, seq, &mut pair.counters[0]);
    let released: usize = pair.drain(0).iter().map(|said| said.payload.len()).sum();
    let info = pair.ends[0].info(pair.now);
    assert_eq!(info.in_flight_bytes, released as u64);
    assert!(released > 0 && released <= info.tcpi_snd_cwnd as usize);
}

/// A sender that went back after a timeout, and all of whose segments had arrived but for the first:
/// with new data under way, SND.UNA stands at "recover", and the peer answers the needless copies.
fn gone_back() -> (Pair, Header) {
    let mut pair = quiet_pair(plain());
    pair.write(0, 14_600);
    assert_eq!(pair.drain(0).len(), 10);
    pair.fire(0);
    assert_eq!(pair.drain(0).len(), 1);
    let first = pair.ack_up_to(0, 1_461, 20_000);
    pair.give(0, first, &[]);
    assert_eq!(pair.drain(0).len(), 2, "slow start");
    pair.write(0, 50_000);
    let all = pair.ack_up_to(0, 14_601, 20_000);
    pair.give(0, all, &[]);
    assert!(pair.drain(0).len() > 3, "new data");
    (pair, all)
}

/// RFC 6582 §3.2 step 1: three duplicates are a loss only beyond "recover".
#[test]
fn duplicates_at_recover_start_no_fast_retransmit() {
    let (mut pair, duplicate) = gone_back();
    let resent = pair.counters[0].retrans_segs;
    for _ in 0..9 {
        pair.give(0, duplicate, &[]);
        pair.drain(0);
    }
    assert_eq!(pair.counters[0].reno_recovery, 0);
    assert_eq!(pair.counters[0].retrans_segs, resent);
}

/// RFC 3042 §2: the first two duplicates may each release a segment; that is all while no loss is
/// known.
#[test]
fn duplicates_at_recover_release_two_segments_at_most() {
    let (mut pair, duplicate) = gone_back();
    let mut released = 0;
    for _ in 0..9 {
        pair.give(0, duplicate, &[]);
        released += pair.drain(0).len();
    }
    assert!(released <= 2, "{released}");
}

#[test]
fn duplicates_beyond_recover_are_a_loss_again() {
    let (mut pair, all) = gone_back();
    let ack = all.ack.map(|ack| ack.advanced_by(1_460));
    for _ in 0..4 {
        pair.give(0, Header { ack, ..all }, &[]);
    }
    assert_eq!(pair.counters[0].reno_recovery, 1);
    assert_eq!(pair.ends[0].info(pair.now).lost_bytes, 1_460);
}

/// A retransmission that is due ignores the congestion window once; when what it was for has arrived,
/// it is not due any more.
#[test]
fn an_acknowledgement_of_everything_calls_a_due_retransmission_off() {
    for sack in [true, false] {
        let mut pair = quiet_pair(TcpConfig {
            sack,
            ..TcpConfig::default()
        });
        pair.write(0, 14_480);
        pair.drain(0);
        pair.fire(0);
        let header = pair.ack_of_all(0, 20_000);
        pair.give(0, header, &[]);
        assert_eq!(pair.drain(0).len(), 0);
        assert!(!pair.ends[0].pending.retransmit);
        assert_eq!(pair.counters[0].retrans_segs, 0);
    }
}

/// RFC 9937 §6: without SACK a duplicate stands for a segment delivered, and a part of what is delivered
/// may be sent.
#[test]
fn duplicates_release_new_data_in_proportion() {
    let recovery = RecoveryConfig {
        proportional_rate_reduction: true,
        ..plain().recovery
    };
    let mut pair = quiet_pair(TcpConfig {
        recovery,
        ..plain()
    });
    pair.write(0, 50_000);
    assert_eq!(pair.drain(0).len(), 10);
    let duplicate = pair.ack_up_to(0, 1, u16::MAX);
    let mut released = 0;
    for _ in 0..9 {
        pair.give(0, duplicate, &[]);
        released += pair.drain(0).len();
    }
    // By limited transmit two, and of 5 / 12 of a segment for each of seven the retransmission and one.
    assert_eq!(released, 2 + 2);
    assert_eq!(pair.counters[0].retrans_segs, 1);
}

/// RFC 5682 §2.1 step 2: where no new data can go, what is lost goes again; the cork is not waited for.
#[test]
fn a_test_of_a_timeout_does_not_wait_for_data_that_is_held_back() {
    let mut pair = quiet_pair(TcpConfig {
        recovery: RecoveryConfig {
            forward_rto: true,
            ..plain().recovery
        },
        sack: true,
        ..plain()
    });
    pair.write(0, 1_460);
    pair.drain(0);
    pair.wait(20);
    let ack = pair.ack_of_all(0, u16::MAX);
    pair.give(0, ack, &[]);
    pair.write(0, 4 * 1_460);
    assert_eq!(pair.drain(0).len(), 4);
    let before = rto(&pair).as_millis() as u64 - 10;
    pair.wait(before);
    pair.write(0, 1_460);
    assert_eq!(pair.drain(0).len(), 1);
    pair.fire(0);
    assert_eq!(pair.drain(0).len(), 1, "the first again");
    pair.ends[0].options.corked = true;
    pair.write(0, 100);
    let ack = pair.ack_up_to(0, 1 + 2 * 1_460, u16::MAX);
    pair.give(0, ack, &[]);
    assert_eq!(pair.drain(0).len(), 1, "the second again");
}

/// Where a middlebox takes our timestamps away, the peer echoes the one of our SYN for ever.
#[test]
fn an_echo_from_before_all_that_is_outstanding_tells_nothing() {
    let mut pair = quiet_pair(TcpConfig::default());
    let before = pair.ends[0].info(pair.now).tcpi_rtt;
    let echo = pair.ack_of_all(0, 1_000).options.timestamps;
    pair.wait(60_000);
    pair.write(0, 2_000);
    assert_eq!(pair.drain(0).len(), 2);
    while pair.ends[0].info(pair.now).tcpi_total_rto == 0 {
        pair.fire(0);
        pair.drain(0);
    }
    pair.wait(20);
    let mut header = pair.ack_of_all(0, 1_000);
    header.options.timestamps = echo;
    pair.give(0, header, &[]);
    assert_eq!(pair.ends[0].info(pair.now).unacked_bytes, 0);
    assert_eq!(pair.ends[0].info(pair.now).tcpi_rtt, before);
    assert_eq!(pair.counters[0].loss_undo, 0);
}

/// What waits for its pace is not held back by the peer's window: there is nothing to probe, and no
/// answer to miss.
#[test]
fn what_is_paced_does_not_probe_the_window() {
    let mut pair = quiet_pair(TcpConfig::default());
    let end = &mut pair.ends[0];
    let (bytes, rate) = (100_000, 1_000);
    end.snd.pacer.on_sent(pair.now, bytes, rate, 0);
    pair.write(0, 100);
    assert_eq!(pair.drain(0).len(), 0);
    pair.fire(0);
    let sent = pair.drain(0);
    assert_eq!((sent.len(), sent[0].payload.len()), (1, 100));
    assert_eq!(pair.counters[0].win_probes, 0);
    assert_eq!(pair.ends[0].snd.probes, 0);
}

/// FIN is no part of the payload: it goes again with the full segment that it went with.
#[test]
fn a_full_segment_with_fin_goes_again_as_it_went() {
    let mut pair = quiet_pair(plain());
    pair.write(0, 2 * 1_460);
    pair.close(0);
    let sent = pair.drain(0);
    let shape = |it: &Said| (it.header.control, it.payload.len());
    let expected = [(Control::None, 1_460), (Control::Fin, 1_460)];
    assert_eq!(sent.iter().map(shape).collect::<Vec<_>>(), expected);
    let header = pair.ack_up_to(0, pair.ends[0].snd.una + 1_460, 60_000);
    pair.give(0, header, &[]);
    pair.fire(0);
    let again = pair.drain(0);
    assert_eq!(again.iter().map(shape).collect::<Vec<_>>(), expected[1..]);
}
