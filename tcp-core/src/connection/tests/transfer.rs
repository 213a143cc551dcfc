//! Whole transfers between two connections.

use super::*;

#[test]
fn a_transfer_without_loss_sends_nothing_twice() {
    for from in [0, 1] {
        let mut pair = Pair::established(TcpConfig::default(), never);
        pair.transfer(from, 3_000_000);
        assert_eq!(pair.counters[from].retrans_segs, 0);
        assert_eq!(pair.counters[1 - from].retrans_segs, 0);
        assert_eq!(pair.counters[from].time_wait, 1, "who closes first waits");
    }
}

#[test]
fn a_transfer_survives_loss_with_and_without_options() {
    for bits in 0..8 {
        let config = TcpConfig {
            sack: bits & 1 != 0,
            timestamps: bits & 2 != 0,
            window_scaling: if bits & 4 != 0 {
                crate::WindowScaling::Auto
            } else {
                crate::WindowScaling::Off
            },
            ..TcpConfig::default()
        };
        for from in [0, 1] {
            let mut pair = Pair::established(config.clone(), |n| n % 29 == 3);
            pair.transfer(from, 500_000);
        }
    }
}

#[test]
fn a_tiny_buffer_still_moves_the_stream() {
    let config = TcpConfig {
        recv_buffer: 100.into(),
        send_buffer: 150.into(),
        ..TcpConfig::default()
    };
    let mut pair = Pair::established(config, never);
    pair.transfer(0, 5_000);
}

#[test]
fn fast_retransmit_repairs_without_a_timeout() {
    for sack in [true, false] {
        let config = TcpConfig {
            sack,
            ..TcpConfig::default()
        };
        let mut pair = Pair::established(config, |n| (100..106).contains(&n));
        let took = pair.transfer(0, 400_000);
        let sent_again = pair.counters[0].retrans_segs;
        assert!((1..=6).contains(&sent_again), "{sent_again}");
        assert_eq!(pair.counters[0].timeouts, 0);
        assert!(took < Duration::from_millis(400), "{took:?}");
    }
}

#[test]
fn equal_histories_give_equal_connections() {
    let run = || {
        let mut pair = Pair::established(TcpConfig::default(), |n| n % 10 == 0);
        pair.ends[0].write(pair.now, &[7; 30_000]).unwrap();
        (0..5).for_each(|_| assert!(pair.step()));
        pair.ends
    };
    assert!(run() == run());
}
