//! The peer's window: closed, probed and opened again (RFC 9293 §3.8.6).

use super::*;
use crate::config::{BufferSize, RecoveryConfig, WindowScaling};
use crate::connection::timers::Timer;

/// A pair whose first end meets a closed window with 5,000 bytes to send.
fn shut_out(config: TcpConfig) -> Pair {
    let mut pair = quiet_pair(config);
    let header = pair.ack_of_all(0, 0);
    pair.give(0, header, &[]);
    pair.write(0, 5_000);
    assert_eq!(pair.drain(0).len(), 0);
    pair
}

/// The first end probes, and is told `window`.
fn probe_and_answer(pair: &mut Pair, window: u16) -> Duration {
    let waited = pair.fire(0);
    let probe = pair.drain(0);
    assert_eq!((probe.len(), probe[0].payload.len()), (1, 0));
    let header = pair.ack_of_all(0, window);
    pair.give(0, header, &[]);
    waited
}

/// RFC 9293 MUST-37 and SHLD-30: probes become rarer, and go on for as long as they are answered.
#[test]
fn a_closed_window_is_probed_for_ever_while_it_answers() {
    let mut pair = shut_out(TcpConfig::default());
    let mut waited = Duration::ZERO;
    for _ in 0..100 {
        let next = probe_and_answer(&mut pair, 0);
        assert!(next >= waited);
        waited = next;
        pair.drain(0);
    }
    assert_eq!(waited, TcpConfig::default().max_rto);
    assert_eq!(pair.counters[0].win_probes, 100);
}

/// What is not acknowledged waits for its timeout.
fn without_tail_probe() -> TcpConfig {
    TcpConfig {
        recovery: RecoveryConfig {
            tail_loss_probe: false,
            ..RecoveryConfig::default()
        },
        ..TcpConfig::default()
    }
}

/// RFC 9293 §3.8.6.1 backs off the probes, not the path.
#[test]
fn a_window_that_opens_ends_the_backoff_of_its_probes() {
    let mut pair = shut_out(without_tail_probe());
    let before = pair.ends[0].info(pair.now).tcpi_rto;
    for _ in 0..12 {
        probe_and_answer(&mut pair, 0);
        assert_eq!(pair.drain(0).len(), 0);
    }
    assert_eq!(
        pair.ends[0].info(pair.now).tcpi_rto,
        Duration::from_secs(120)
    );
    let header = pair.ack_of_all(0, 1_000);
    pair.give(0, header, &[]);
    assert_eq!(pair.drain(0).len(), 4);
    assert_eq!(pair.ends[0].info(pair.now).tcpi_rto, before);
    assert_eq!(pair.fire(0), before, "a loss is noticed as soon as ever");
    assert_eq!(pair.counters[0].timeouts, 1);
}

/// RFC 9293 §3.8.6.2.1 (4): what avoids the silly window is overridden after 0.1 to 1 second.
#[test]
fn a_window_that_opens_too_little_is_filled_without_the_backoff_of_its_probes() {
    let mut pair = shut_out(TcpConfig::default());
    for _ in 0..12 {
        probe_and_answer(&mut pair, 0);
        pair.drain(0);
    }
    let header = pair.ack_of_all(0, 1);
    pair.give(0, header, &[]);
    assert_eq!(pair.drain(0).len(), 0, "one unit is not worth a segment");
    assert!(pair.fire(0) <= Duration::from_secs(1));
    let sent = pair.drain(0);
    let unit = pair.ends[0].agreed.send_scale().unit() as usize;
    assert_eq!((sent.len(), sent[0].payload.len()), (1, unit));
}

/// RFC 5482 and `TCP_USER_TIMEOUT` count from when data waits for an acknowledgement; while the
/// window was closed it was not even sent.
#[test]
fn a_window_that_opens_starts_the_user_timeout_anew() {
    let limit = Duration::from_secs(5);
    let mut pair = shut_out(TcpConfig {
        user_timeout: Some(limit),
        ..TcpConfig::default()
    });
    let began = pair.now;
    while pair.now + Duration::from_secs(2) < began + limit {
        probe_and_answer(&mut pair, 0);
        pair.drain(0);
    }
    pair.now = began + limit - Duration::from_millis(10);
    let opened = pair.now;
    let header = pair.ack_of_all(0, 1_000);
    pair.give(0, header, &[]);
    while pair.ends[0].state() == State::Established {
        pair.drain(0);
        pair.fire(0);
    }
    assert!(pair.counters[0].retrans_segs > 1, "it was tried again");
    assert_eq!(pair.now.saturating_duration_since(opened), limit);
}

/// A probe lies before the peer's window, so the peer does not take its acknowledgement.
#[test]
fn a_probe_leaves_an_acknowledgement_due() {
    let mut pair = shut_out(TcpConfig::default());
    let una = pair.ends[0].snd.una;
    pair.fire(0);
    let header = pair.ack_of_all(0, 0);
    pair.give(0, header, &[9; 100]);
    let said = pair.drain(0);
    let isn = pair.ends[0].snd.isn;
    let seqs: Vec<_> = said.iter().map(|said| said.header.seq).collect();
    assert_eq!(seqs, [isn.at_offset(una - 1), isn.at_offset(una)]);
    assert_eq!(said[1].header.ack, Some(header.seq.advanced_by(100)));
}

#[test]
fn a_probe_leaves_a_delayed_acknowledgement_delayed() {
    let mut pair = shut_out(TcpConfig::default());
    let probe_at = pair.ends[0].poll_timeout().unwrap();
    pair.now = probe_at - Duration::from_millis(10);
    // A connection acknowledges at once for a while, and then no longer.
    let received = (1..100u32).find(|_| {
        let header = pair.ack_of_all(0, 0);
        pair.give(0, header, &[9]);
        pair.drain(0).is_empty()
    });
    assert!(received.is_some() && pair.ends[0].timers.is_armed(Timer::DelayedAck));
    pair.fire(0);
    assert_eq!(pair.now, probe_at);
    assert_eq!(pair.drain(0).len(), 1, "the probe");
    pair.fire(0);
    let said = pair.drain(0);
    assert_eq!(said.len(), 1, "the acknowledgement");
    assert_eq!(said[0].header.seq, pair.ends[0].snd.isn.at_offset(1));
    assert_eq!(pair.counters[0].delayed_acks, 1);
}

/// RFC 7323 §2.3: a window below the unit of the scale cannot be told.
#[test]
fn a_buffer_below_the_unit_of_a_fixed_scale_is_refused() {
    let config = |shift, recv_buffer| TcpConfig {
        window_scaling: WindowScaling::Fixed(shift),
        recv_buffer: BufferSize::Fixed(recv_buffer),
        ..TcpConfig::default()
    };
    for shift in [1, 7, 14] {
        let unit = 1 << shift;
        let error = config(shift, unit - 1).validate().unwrap_err();
        assert_eq!(error.field, "window_scaling");
        assert!(config(shift, unit).validate().is_ok());
    }
    assert!(config(0, 1).validate().is_ok());
}

#[test]
fn a_buffer_of_one_unit_of_a_fixed_scale_moves_the_stream() {
    for (shift, recv_buffer) in [(14, 16_384), (14, 20_000), (14, 40_000), (7, 128), (7, 200)] {
        let config = TcpConfig {
            window_scaling: WindowScaling::Fixed(shift),
            recv_buffer: recv_buffer.into(),
            ..TcpConfig::default()
        };
        let mut pair = Pair::established(config, never);
        let took = pair.transfer(0, 20 * recv_buffer);
        assert!(
            took < Duration::from_secs(20),
            "{shift} {recv_buffer}: {took:?}"
        );
    }
}

/// As Linux: who reads all that there is acknowledges its end at once, so that a sender whose buffer
/// is small never waits for a delayed acknowledgement.
#[test]
fn the_end_of_a_small_buffer_is_acknowledged_when_it_is_read() {
    let config = TcpConfig {
        recv_buffer: 2_000.into(),
        send_buffer: 2_000.into(),
        ..TcpConfig::default()
    };
    let mut pair = quiet_pair(config);
    for round in 0..50 {
        pair.write(0, 2_000);
        let sent = pair.drain(0);
        assert_eq!(sent.len(), 2, "a full segment and the rest");
        for said in &sent {
            pair.give(1, said.header, &said.payload);
            pair.ends[1].read(pair.now, &mut [0; 2_000]).unwrap();
            let answers = pair.drain(1);
            assert_eq!(answers.len(), 1, "round {round}");
            pair.give_all(0, &answers);
        }
        pair.wait(100);
    }
}

/// RFC 5681 §4.1: the first text after a pause of more than a timeout starts slowly, where nothing is outstanding.
#[test]
fn a_pause_of_more_than_a_timeout_lets_the_window_begin_anew() {
    for (enabled, nanos, outstanding, restarts) in [
        (true, 0, false, false),
        (true, 1, false, true),
        (true, 1, true, false),
        (false, 1, false, false),
    ] {
        let mut pair = quiet_pair(TcpConfig {
            slow_start_after_idle: enabled,
            pacing: false,
            ..TcpConfig::default()
        });
        pair.write(0, 10 * 1_448);
        pair.drain(0);
        pair.wait(20);
        let header = pair.ack_of_all(0, 60_000);
        pair.give(0, header, &[]);
        let grown = pair.ends[0].info(pair.now).tcpi_snd_cwnd;
        assert!(grown > 15 * 1_448, "{grown}");
        if outstanding {
            pair.write(0, 1);
            pair.drain(0);
        }
        let last = pair.ends[0].snd.last_sent.unwrap();
        let rto = pair.ends[0].info(pair.now).tcpi_rto;
        pair.now = last + rto + Duration::from_nanos(nanos);
        pair.write(0, 1);
        let window = pair.ends[0].info(pair.now).tcpi_snd_cwnd;
        assert_eq!(window < grown, restarts, "{enabled} {nanos} {outstanding}");
    }
}
