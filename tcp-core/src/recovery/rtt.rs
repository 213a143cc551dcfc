//! Round-trip time and the retransmission timeout (RFC 6298).

use core::time::Duration;

use crate::config::TcpConfig;
use crate::pack::packs;

/// The estimator of RFC 6298 §2, in nanoseconds, with Linux's floor: the variance term, not the
/// whole timeout, is at least `min_rto`, so that the timeout of a short path is not cut to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RttEstimator {
    /// `None` before the first measurement.
    srtt: Option<Duration>,
    rttvar: Duration,
    min_rtt: Duration,
    /// The timeout before backoff.
    rto: Duration,
    /// How often the timeout has been doubled.
    backoff: u8,
    bounds: (Duration, Duration),
}

packs!(RttEstimator {
    srtt,
    rttvar,
    min_rtt,
    rto,
    backoff,
    bounds
});

impl RttEstimator {
    /// As configured.
    pub(crate) fn of(config: &TcpConfig) -> Self {
        RttEstimator::new(config.initial_rto, config.min_rto, config.max_rto)
    }

    /// Before any measurement: `initial` (RFC 6298 §2.1).
    pub(crate) fn new(initial: Duration, min: Duration, max: Duration) -> Self {
        RttEstimator {
            srtt: None,
            rttvar: Duration::ZERO,
            min_rtt: Duration::MAX,
            rto: initial,
            backoff: 0,
            bounds: (min, max),
        }
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.srtt
    }

    pub(crate) fn rttvar(&self) -> Duration {
        self.rttvar
    }

    /// How often the timeout has been doubled.
    pub(crate) fn backoff(&self) -> u8 {
        self.backoff
    }

    /// The least measurement, `None` before the first.
    pub(crate) fn min_rtt(&self) -> Option<Duration> {
        self.srtt.map(|_| self.min_rtt)
    }

    /// The timeout, backoff included.
    #[inline]
    pub(crate) fn rto(&self) -> Duration {
        if self.backoff == 0 {
            return self.rto.min(self.bounds.1);
        }
        let doubled = 2u32
            .checked_pow(u32::from(self.backoff))
            .unwrap_or(u32::MAX);
        self.rto.saturating_mul(doubled).min(self.bounds.1)
    }

    /// RFC 6298 §2.2 and §2.3; a fresh measurement also ends the backoff (§5.7).
    pub(crate) fn on_measurement(&mut self, rtt: Duration) {
        match self.srtt {
            None => {
                self.srtt = Some(rtt);
                self.rttvar = rtt / 2;
            }
            Some(srtt) => {
                let deviation = srtt.abs_diff(rtt);
                self.rttvar = mean::<4>(self.rttvar, deviation);
                self.srtt = Some(mean::<8>(srtt, rtt));
            }
        }
        self.min_rtt = self.min_rtt.min(rtt);
        self.backoff = 0;
        let (min, max) = self.bounds;
        let srtt = self.srtt.unwrap_or(rtt);
        self.rto = srtt.saturating_add((self.rttvar * 4).max(min)).min(max);
    }

    /// RFC 6298 §5.5: the timer expired.
    pub(crate) fn on_timeout(&mut self) {
        self.backoff = self.backoff.saturating_add(1).min(16);
    }

    /// A closed window opened: what was backed off was probing, and no loss.
    pub(crate) fn end_probing(&mut self) {
        self.backoff = 0;
    }

    /// RFC 6298 §5.7: the SYN was lost and the initial timeout was below three seconds.
    pub(crate) fn on_syn_timeout_recovered(&mut self) {
        if self.srtt.is_none() {
            self.rto = Duration::from_secs(3).min(self.bounds.1);
            self.backoff = 0;
        }
    }
}

/// The mean of `before`, which counts `N - 1` times, and `new`. In nanoseconds: seconds beside a fraction of one are
/// slow to multiply and to divide.
fn mean<const N: u128>(before: Duration, new: Duration) -> Duration {
    let nanos = (before.as_nanos() * (N - 1) + new.as_nanos()) / N;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimator() -> RttEstimator {
        RttEstimator::new(
            Duration::from_secs(1),
            Duration::from_millis(200),
            Duration::from_secs(120),
        )
    }

    #[test]
    fn the_first_measurement_sets_everything() {
        let mut rtt = estimator();
        assert_eq!(rtt.rto(), Duration::from_secs(1));
        rtt.on_measurement(Duration::from_millis(100));
        assert_eq!(rtt.srtt(), Some(Duration::from_millis(100)));
        assert_eq!(rtt.rttvar(), Duration::from_millis(50));
        assert_eq!(rtt.rto(), Duration::from_millis(300));
    }

    #[test]
    fn a_steady_path_settles_at_srtt_plus_the_floor() {
        let mut rtt = estimator();
        for _ in 0..100 {
            rtt.on_measurement(Duration::from_millis(10));
        }
        assert_eq!(rtt.rto(), Duration::from_millis(210));
    }

    #[test]
    fn backoff_doubles_to_the_bound_and_ends_with_a_measurement() {
        let mut rtt = estimator();
        rtt.on_timeout();
        assert_eq!(rtt.rto(), Duration::from_secs(2));
        for _ in 0..200 {
            rtt.on_timeout();
        }
        assert_eq!(rtt.rto(), Duration::from_secs(120));
        rtt.on_measurement(Duration::from_millis(100));
        assert_eq!(rtt.rto(), Duration::from_millis(300));
    }

    #[test]
    fn a_lost_syn_makes_the_first_timeout_three_seconds() {
        let mut rtt = estimator();
        rtt.on_timeout();
        rtt.on_syn_timeout_recovered();
        assert_eq!(rtt.rto(), Duration::from_secs(3));
    }
}
