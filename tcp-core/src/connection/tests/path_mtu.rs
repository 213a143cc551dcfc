//! Probes of the path's MTU (RFC 4821, as Linux): when they go, and what follows from them.

use super::*;
use crate::config::{MtuDiscovery, MtuProbing, MtuProbingConfig};

/// Payload of what the search begins with, and of the first probe: half-way between 1036 and 1460, less the
/// timestamps.
const BASE: usize = 1_024;
const FIRST: usize = 1_248 - 12;

fn config(mode: MtuProbing) -> TcpConfig {
    TcpConfig {
        mtu_probing: MtuProbingConfig {
            mode,
            ..MtuProbingConfig::default()
        },
        pacing: false,
        ..TcpConfig::default()
    }
}

/// A pair whose first end has sent and been acknowledged an initial window, and has more to send.
fn probing() -> Pair {
    let mut pair = quiet_pair(config(MtuProbing::Always));
    pair.write(0, 15_000);
    assert_eq!(lens(&pair.drain(0)), [BASE; 10]);
    pair.wait(20);
    let ack = pair.ack_of_all(0, u16::MAX);
    pair.give(0, ack, &[]);
    pair
}

fn lens(said: &[Said]) -> Vec<usize> {
    said.iter().map(|said| said.payload.len()).collect()
}

fn start_of(pair: &Pair, said: &Said) -> u64 {
    let snd = &pair.ends[0].snd;
    said.header.seq.offset_near(snd.isn, snd.una).unwrap()
}

fn search(pair: &Pair) -> Option<(u16, u16)> {
    pair.ends[0].info(pair.now).mtu_search
}

fn mss(pair: &Pair) -> usize {
    pair.ends[0].info(pair.now).tcpi_snd_mss as usize
}

/// Everything that `pair` said is acknowledged by SACK but for the first segment.
fn lose_the_first(pair: &mut Pair, said: &[Said]) {
    let (from, to) = (start_of(pair, &said[1]), pair.ends[0].snd.nxt);
    pair.wait(20);
    let sack = pair.sack_of(0, Some(from..to));
    pair.give(0, sack, &[]);
}

#[test]
fn a_probe_goes_first_once_the_window_has_eleven_segments() {
    let mut pair = probing();
    pair.write(0, 20_000);
    let said = pair.drain(0);
    assert_eq!(said[0].payload.len(), FIRST);
    assert!(
        lens(&said[1..]).iter().all(|&len| len <= BASE),
        "one at a time"
    );
    assert!(said.len() > 10);
}

#[test]
fn a_probe_waits_for_data_that_can_follow_it() {
    for (more, goes) in [
        (FIRST + 4 * BASE - 4_761, true),
        (FIRST + 4 * BASE - 4_762, false),
    ] {
        let mut pair = probing();
        // Of the first 15,000 bytes 4,760 are left.
        pair.write(0, more + 1);
        let first = pair.drain(0)[0].payload.len();
        assert_eq!(first == FIRST, goes, "{more}");
        assert!(goes || first == BASE);
    }
}

#[test]
fn a_probe_waits_for_a_window_that_takes_what_follows_it() {
    let mut pair = quiet_pair(config(MtuProbing::Always));
    pair.write(0, 60_000);
    assert_eq!(pair.drain(0).len(), 10);
    pair.wait(20);
    let unit = 1 << pair.ends[0].agreed.send_scale().shift();
    let needed = (FIRST + 4 * BASE) as u64;
    // Some of the flight is still under way, and the window ends a little too early.
    let part = pair.ends[0].snd.nxt - 2 * BASE as u64;
    let narrow = (2 * BASE as u64 + needed) / unit - 1;
    let ack = pair.ack_up_to(0, part, narrow as u16);
    pair.give(0, ack, &[]);
    assert_eq!(
        lens(&pair.drain(0)),
        [],
        "it is better to wait than to send less"
    );
    let wider = pair.ack_up_to(0, part, narrow as u16 + 2);
    pair.give(0, wider, &[]);
    assert_eq!(pair.drain(0)[0].payload.len(), FIRST);
}

#[test]
fn a_probe_that_arrives_makes_segments_larger_and_the_window_no_larger() {
    let mut pair = probing();
    pair.write(0, 20_000);
    let said = pair.drain(0);
    let before = pair.ends[0].info(pair.now);
    let after_probe = start_of(&pair, &said[1]);
    pair.wait(20);
    let ack = pair.ack_up_to(0, after_probe, u16::MAX);
    pair.give(0, ack, &[]);
    let info = pair.ends[0].info(pair.now);
    assert_eq!(mss(&pair), FIRST);
    assert_eq!(search(&pair), Some((1_248, 1_460)));
    let grown = info.tcpi_snd_cwnd - before.tcpi_snd_cwnd;
    assert!(grown as usize <= FIRST, "slow start, and no more: {grown}");
    assert_eq!(pair.counters[0].mtup_success, 1);
}

/// RFC 4821 §7.6.2.
#[test]
fn a_probe_that_alone_is_lost_cuts_no_window_and_goes_again_in_parts() {
    for sack in [true, false] {
        let mut pair = quiet_pair(TcpConfig {
            sack,
            ..config(MtuProbing::Always)
        });
        pair.write(0, 15_000);
        pair.drain(0);
        pair.wait(20);
        let ack = pair.ack_of_all(0, u16::MAX);
        pair.give(0, ack, &[]);
        pair.write(0, 20_000);
        let said = pair.drain(0);
        assert_eq!(said[0].payload.len(), FIRST);
        let before = pair.ends[0].info(pair.now);
        if sack {
            lose_the_first(&mut pair, &said);
        } else {
            pair.wait(20);
            for _ in 0..3 {
                let duplicate = pair.ack_up_to(0, start_of(&pair, &said[0]), u16::MAX);
                pair.give(0, duplicate, &[]);
            }
        }
        let info = pair.ends[0].info(pair.now);
        assert!(info.tcpi_snd_cwnd >= before.tcpi_snd_cwnd);
        assert_eq!(info.tcpi_snd_ssthresh, before.tcpi_snd_ssthresh);
        assert_eq!(info.lost_total_bytes, 0, "no controller hears of it");
        assert_eq!(search(&pair), Some((1_036, 1_247)));
        let again = pair.drain(0);
        assert_eq!(lens(&again)[..2], [BASE, FIRST - BASE]);
        assert_eq!(again[0].header.seq, said[0].header.seq);
        let counters = &pair.counters[0];
        assert_eq!((counters.mtup_fail, counters.mtup_success), (1, 0));
        assert_eq!(counters.sack_recovery + counters.reno_recovery, 0);
    }
}

/// RFC 4821 §7.6.3: with other losses beside it, it is a loss as any, and the probe tells nothing.
#[test]
fn a_probe_that_is_lost_with_others_is_congestion_and_tells_nothing() {
    let mut pair = probing();
    pair.write(0, 20_000);
    let said = pair.drain(0);
    let before = pair.ends[0].info(pair.now);
    let offset = |index: usize| start_of(&pair, &said[index]);
    let blocks = [offset(1)..offset(2), offset(3)..offset(9)];
    pair.wait(20);
    let sack = pair.sack_of(0, blocks);
    pair.give(0, sack, &[]);
    pair.drain(0);
    let info = pair.ends[0].info(pair.now);
    assert!(info.tcpi_snd_ssthresh < before.tcpi_snd_cwnd);
    assert_eq!(search(&pair), Some((1_036, 1_460)));
    assert_eq!(pair.counters[0].mtup_fail, 0);
    assert_eq!(pair.counters[0].sack_recovery, 1);
}

#[test]
fn icmp_about_a_probe_ends_it_at_once() {
    let mut pair = probing();
    pair.write(0, 20_000);
    let said = pair.drain(0);
    let cwnd = pair.ends[0].info(pair.now).tcpi_snd_cwnd;
    let error = NetworkError::TooBig { mss: 1_200 };
    pair.ends[0].handle_network_error(pair.now, error, said[0].header.seq, &mut pair.counters[0]);
    assert_eq!(search(&pair), Some((1_036, 1_200)));
    assert_eq!(
        (mss(&pair), pair.ends[0].info(pair.now).tcpi_snd_cwnd),
        (BASE, cwnd)
    );
    assert_eq!(lens(&pair.drain(0))[..2], [BASE, FIRST - BASE]);
}

/// Four timeouts in a row, as Linux: what may be outstanding is halved from the base on.
#[test]
fn timeouts_in_a_row_make_segments_smaller_where_they_are_large() {
    let mut pair = quiet_pair(config(MtuProbing::OnBlackHole));
    pair.write(0, 15_000);
    assert_eq!(lens(&pair.drain(0)), [1_448; 10]);
    let mut sent = Vec::new();
    while sent.len() < 7 {
        pair.fire(0);
        sent.extend(lens(&pair.drain(0)));
    }
    // The first is the tail loss probe.
    assert_eq!(sent, [520, 1_448, 1_448, 1_448, BASE, BASE / 2, BASE / 4]);
    assert_eq!(search(&pair), Some((256 + 12, 1_460)));
    pair.wait(20);
    let ack = pair.ack_up_to(0, 1 + 256, u16::MAX);
    pair.give(0, ack, &[]);
    assert!(lens(&pair.drain(0)).iter().all(|&len| len <= 256));
}

#[test]
fn timeouts_of_what_is_small_tell_nothing_of_the_path() {
    let mut pair = quiet_pair(config(MtuProbing::OnBlackHole));
    pair.write(0, BASE);
    assert_eq!(pair.drain(0).len(), 1);
    for _ in 0..8 {
        pair.fire(0);
        pair.drain(0);
    }
    assert_eq!((search(&pair), mss(&pair)), (None, 1_448));
}

#[test]
fn nothing_is_searched_where_it_is_turned_off() {
    let mut pair = quiet_pair(config(MtuProbing::Off));
    pair.write(0, 15_000);
    pair.drain(0);
    for _ in 0..8 {
        pair.fire(0);
        assert!(pair.drain(0).len() <= 1);
    }
    let seq = pair.ends[0].snd.isn.at_offset(1);
    let error = NetworkError::TooBig { mss: 1_000 };
    pair.ends[0].handle_network_error(pair.now, error, seq, &mut pair.counters[0]);
    assert_eq!((search(&pair), mss(&pair)), (None, 1_000 - 12));
}

/// `IP_PMTUDISC_DONT`: what is sent from then on is smaller, and nothing goes again. Else both segments do, each cut in two.
#[test]
fn who_ignores_complaints_sends_nothing_again_for_one() {
    for (mtu_discovery, again) in [(MtuDiscovery::Ignore, 0), (MtuDiscovery::Allow, 4)] {
        let mut pair = quiet_pair(config(MtuProbing::Off));
        pair.ends[0].set_mtu_discovery(mtu_discovery);
        pair.write(0, 2_800);
        pair.drain(0);
        let seq = pair.ends[0].snd.isn.at_offset(1);
        let error = NetworkError::TooBig { mss: 1_000 };
        pair.ends[0].handle_network_error(pair.now, error, seq, &mut pair.counters[0]);
        assert_eq!(pair.drain(0).len(), again, "{mtu_discovery:?}");
        assert_eq!(mss(&pair), 1_000 - 12);
    }
}

/// RFC 1191 §6.3: what ICMP told holds for ten minutes.
#[test]
fn what_icmp_told_is_doubted_after_an_interval() {
    let mut pair = quiet_pair(config(MtuProbing::OnBlackHole));
    pair.write(0, 15_000);
    pair.drain(0);
    let seq = pair.ends[0].snd.isn.at_offset(1);
    let error = NetworkError::TooBig { mss: 1_360 };
    pair.ends[0].handle_network_error(pair.now, error, seq, &mut pair.counters[0]);
    assert_eq!(search(&pair), Some((1_360, 1_360)));
    let mut growing = |millis| {
        pair.wait(millis);
        for _ in 0..40 {
            let ack = pair.ack_of_all(0, u16::MAX);
            pair.give(0, ack, &[]);
            let _ = pair.ends[0].write(pair.now, &[0; 40_000]);
            pair.drain(0);
            pair.wait(20);
        }
        mss(&pair)
    };
    assert_eq!(growing(20), 1_348);
    assert_eq!(growing(598_000), 1_348);
    assert!(growing(1_000) > 1_440);
}

#[test]
fn a_search_outlives_the_rest_of_its_connection() {
    let mut pair = probing();
    pair.write(0, 10_000);
    pair.drain(0);
    pair.wait(20);
    let ack = pair.ack_of_all(0, u16::MAX);
    pair.give(0, ack, &[]);
    pair.drain(0);
    pair.wait(20);
    let ack = pair.ack_of_all(0, u16::MAX);
    pair.give(0, ack, &[]);
    while pair.last_event(0).is_some() {}
    assert!(pair.drain(0).is_empty() && pair.ends[0].is_at_rest());
    let (before, known) = (pair.ends[0].clone(), search(&pair));
    pair.ends[0] = pair.ends.remove(0).lull().wake();
    assert_eq!(pair.ends[0], before);
    assert_eq!(known, Some((1_248, 1_460)));
}

/// What a device cuts is cut at the new size, what is outstanding too.
#[test]
fn large_segments_are_cut_at_the_size_that_passes() {
    let mut pair = quiet_pair(config(MtuProbing::OnBlackHole));
    pair.ends[0].setup.gso_max_size = 60_000;
    pair.write(0, 40_000);
    let connection = &mut pair.ends[0];
    let first = connection
        .poll_segment(pair.now, &mut pair.counters[0])
        .unwrap();
    assert_eq!(first.segment_size.map(u16::from), Some(1_448));
    pair.drain(0);
    for _ in 0..5 {
        pair.fire(0);
        pair.drain(0);
    }
    assert_eq!(mss(&pair), BASE);
    pair.wait(20);
    let ack = pair.ack_up_to(0, 1 + BASE as u64, u16::MAX);
    pair.give(0, ack, &[]);
    let connection = &mut pair.ends[0];
    while let Some(segment) = connection.poll_segment(pair.now, &mut pair.counters[0]) {
        let largest = segment
            .segment_size
            .map_or(segment.payload.len(), |size| size.get().into());
        assert!(largest <= BASE, "{largest}");
    }
}
