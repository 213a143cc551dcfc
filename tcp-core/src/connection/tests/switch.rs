//! The congestion control is changed in the middle of a transfer.

use super::*;
use crate::config::CongestionAlgorithm;

/// The second half of the path's life is clean, so that nothing but the change can touch the window.
fn early_loss(n: usize) -> bool {
    (40..44).contains(&n)
}

fn window_and_threshold(pair: &Pair) -> (u32, u32) {
    let info = pair.ends[0].info(pair.now);
    (info.tcpi_snd_cwnd, info.tcpi_snd_ssthresh)
}

/// Keeps the sender busy for a number of steps.
fn pump(pair: &mut Pair, steps: usize) {
    let mut buf = [0; 10_000];
    for _ in 0..steps {
        // A full buffer is as good.
        let _ = pair.ends[0].write(pair.now, &[0; 10_000]);
        pair.step();
        while let Ok(1..) = pair.ends[1].read(pair.now, &mut buf) {}
    }
}

#[test]
fn a_change_keeps_window_and_threshold_and_the_transfer_goes_on() {
    let choices = [
        CongestionAlgorithm::Reno,
        CongestionAlgorithm::CUBIC,
        CongestionAlgorithm::Bbr,
    ];
    for (from, to) in choices
        .iter()
        .flat_map(|from| choices.iter().map(move |to| (from, to)))
    {
        let config = TcpConfig {
            congestion: from.clone(),
            ..TcpConfig::default()
        };
        let mut pair = Pair::established(config, early_loss);
        pump(&mut pair, 500);
        let again = pair.ends[0].info(pair.now).tcpi_total_retrans;
        assert!((1..=4).contains(&again), "{again}");
        let (window, threshold) = window_and_threshold(&pair);

        pair.ends[0].set_congestion(to.clone());
        assert_eq!(pair.ends[0].congestion(), to);
        let info = pair.ends[0].info(pair.now);
        let name = info.congestion;
        assert_eq!(CongestionAlgorithm::by_name(name).as_ref(), Some(to));
        assert_eq!(info.tcpi_snd_cwnd, window, "{from:?} to {name}");
        // BBR has none to keep.
        if *to != CongestionAlgorithm::Bbr {
            assert_eq!(info.tcpi_snd_ssthresh, threshold, "{from:?} to {name}");
        }

        let acked = info.tcpi_bytes_acked;
        pump(&mut pair, 500);
        let info = pair.ends[0].info(pair.now);
        assert!(info.tcpi_bytes_acked > acked + u64::from(window));
        assert_eq!(info.tcpi_total_retrans, again, "{from:?} to {name}");
    }
}

#[test]
fn a_change_during_recovery_leaves_the_repair_alone() {
    for to in [
        CongestionAlgorithm::Reno,
        CongestionAlgorithm::CUBIC,
        CongestionAlgorithm::Bbr,
    ] {
        let mut pair = Pair::established(TcpConfig::default(), early_loss);
        let mut steps = 0;
        while pair.ends[0].info(pair.now).tcpi_ca_state != crate::state::Phase::Recovery {
            pump(&mut pair, 1);
            steps += 1;
            assert!(steps < 1_000, "the loss was not found");
        }
        let (window, _) = window_and_threshold(&pair);
        pair.ends[0].set_congestion(to);
        assert_eq!(window_and_threshold(&pair).0, window);
        pump(&mut pair, 500);
        let info = pair.ends[0].info(pair.now);
        assert_eq!(info.tcpi_ca_state, crate::state::Phase::Open);
        assert!((1..=4).contains(&info.tcpi_total_retrans));
    }
}
