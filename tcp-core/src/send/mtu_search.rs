//! The search for the largest segment that the path carries (RFC 4821 §7, RFC 8899 §5.3; Linux's `icsk_mtup`).

use core::ops::Range;

use crate::config::MtuProbingConfig;
use crate::pack::packs;
use crate::time::Instant;

/// What is known of the path, and the probe that is under way. Sizes are bytes of payload and options of one segment.
///
/// ```text
///      passes                 unknown                 does not pass
///   ------------+--------------------------------+--------------------+
///              low              ^               high              ceiling
///                          the next probe
/// ```
///
/// `low <= high <= ceiling`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct MtuSearch {
    /// What both ends agreed on.
    ceiling: u16,
    low: u16,
    high: u16,
    /// How many probes of `high + 1` were lost; 0 where that is known in another way, or not at all.
    lost: u8,
    /// When the search began.
    since: Instant,
    probe: Option<MtuProbe>,
}

/// A segment larger than those that are known to pass.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct MtuProbe {
    /// Its data, in offsets.
    data: Range<u64>,
    size: u16,
}

packs!(MtuSearch {
    ceiling,
    low,
    high,
    lost,
    since,
    probe
});

packs!(MtuProbe { data, size });

impl MtuSearch {
    /// Between `low` and what both ends agreed on, `ceiling`.
    pub(crate) fn new(now: Instant, low: u16, ceiling: u16) -> MtuSearch {
        MtuSearch {
            ceiling,
            low: low.min(ceiling),
            high: ceiling,
            lost: 0,
            since: now,
            probe: None,
        }
    }

    /// The largest size that is known to pass.
    pub(crate) fn low(&self) -> u16 {
        self.low
    }

    /// What both ends agreed on.
    pub(crate) fn ceiling(&self) -> u16 {
        self.ceiling
    }

    /// The largest size that may pass.
    pub(crate) fn high(&self) -> u16 {
        self.high
    }

    /// The offset of the probe that is under way.
    pub(crate) fn probe_start(&self) -> Option<u64> {
        self.probe.as_ref().map(|probe| probe.data.start)
    }

    /// The size to try next: in the middle, or, at the end of the search, what was lost too few times to be sure.
    /// `None` while a probe is under way, and when all is known.
    pub(crate) fn next_size(&self, config: &MtuProbingConfig) -> Option<u16> {
        let unknown = self.high - self.low;
        if self.probe.is_some() {
            None
        } else if unknown >= config.probe_threshold.max(2) {
            Some(self.low + unknown / 2)
        } else if (1..config.max_probes).contains(&self.lost) {
            Some(self.high + 1)
        } else {
            None
        }
    }

    /// Whether the search is complete, and so long ago that the path may carry more by now.
    pub(crate) fn is_stale(&self, now: Instant, config: &MtuProbingConfig) -> bool {
        self.is_complete(config)
            && now.saturating_duration_since(self.since) >= config.probe_interval
    }

    /// Searches again, from `low`, which passes now.
    pub(crate) fn begin_anew(&mut self, now: Instant, low: u16) {
        *self = MtuSearch::new(now, low, self.ceiling);
    }

    /// `data` goes out in one segment of `size` bytes.
    pub(crate) fn on_sent(&mut self, data: Range<u64>, size: u16) {
        debug_assert!(self.low < size && size <= self.ceiling, "worth a probe");
        self.probe = Some(MtuProbe { data, size });
    }

    /// Something is sent again: whether the probe arrives or not would say nothing of its size (RFC 4821 §7.6.3).
    pub(crate) fn on_retransmit(&mut self) {
        self.probe = None;
    }

    /// Everything before `una` was acknowledged. Says whether that is the probe: then more passes than before.
    pub(crate) fn on_acked(&mut self, una: u64) -> bool {
        let Some(probe) = self.probe.take_if(|probe| probe.data.end <= una) else {
            return false;
        };
        self.low = probe.size;
        if probe.size > self.high {
            // It was lost by chance before, and what is above it may pass as well.
            self.high = self.ceiling;
            self.lost = 0;
        }
        true
    }

    /// The probe was lost, and nothing else.
    pub(crate) fn on_lost(&mut self) {
        if let Some(probe) = self.probe.take() {
            let again = probe.size == self.high + 1;
            self.lost = if again {
                self.lost.saturating_add(1)
            } else {
                1
            };
            self.high = probe.size - 1;
        }
    }

    /// ICMP told that no more than `size` bytes pass. Gives the offset of a probe that was too large, and is to be sent
    /// again in smaller segments.
    pub(crate) fn on_too_big(&mut self, now: Instant, size: u16) -> Option<u64> {
        if size < self.high {
            self.high = size;
            self.lost = 0;
            self.since = now;
        }
        self.low = self.low.min(self.high);
        let probe = self.probe.take_if(|probe| probe.size > size)?;
        Some(probe.data.start)
    }

    /// What it is after timeouts in a row: not even `low` seems to pass. Half of the payload that it leaves beside `options`
    /// bytes is next (Linux's `tcp_mtu_probing`).
    pub(crate) fn after_black_hole(&self, options: u16, config: &MtuProbingConfig) -> MtuSearch {
        let payload = (self.low.saturating_sub(options) / 2)
            .min(config.base_mss)
            .max(config.probe_floor)
            .max(config.min_snd_mss);
        MtuSearch {
            low: payload.saturating_add(options).min(self.high),
            ..self.clone()
        }
    }

    fn is_complete(&self, config: &MtuProbingConfig) -> bool {
        self.probe.is_none() && self.next_size(config).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::time::Duration;
    use proptest::prelude::*;

    const CONFIG: MtuProbingConfig = MtuProbingConfig {
        mode: crate::config::MtuProbing::Always,
        base_mss: 1_024,
        probe_floor: 48,
        min_snd_mss: 48,
        probe_threshold: 8,
        probe_interval: Duration::from_secs(600),
        max_probes: 3,
    };

    /// Sends the next probe, and lets it arrive or not; its size.
    fn probe(search: &mut MtuSearch, arrives: impl Fn(u16) -> bool) -> Option<u16> {
        let size = search.next_size(&CONFIG)?;
        search.on_sent(100..200, size);
        if arrives(size) {
            assert!(!search.on_acked(199), "not the whole probe");
            assert!(search.on_acked(200));
        } else {
            search.on_lost();
        }
        Some(size)
    }

    fn probes(search: &mut MtuSearch, arrives: impl Fn(u16) -> bool) -> Vec<u16> {
        core::iter::from_fn(|| probe(search, &arrives)).collect()
    }

    /// The first is in the middle, as Linux's; what was lost at the end is tried twice more.
    #[test]
    fn it_halves_what_is_unknown_and_makes_sure_at_the_end() {
        let mut search = MtuSearch::new(Instant::ZERO, 1_024, 1_460);
        let sizes = probes(&mut search, |size| size <= 1_360);
        assert_eq!(
            sizes,
            [1_242, 1_351, 1_405, 1_377, 1_363, 1_356, 1_363, 1_363]
        );
        assert_eq!((search.low(), search.high()), (1_356, 1_362));
        let mut search = MtuSearch::new(Instant::ZERO, 1_024, 1_460);
        assert_eq!(probes(&mut search, |_| true).last(), Some(&1_453));
    }

    #[test]
    fn a_size_that_was_lost_by_chance_is_found_to_pass_at_the_end() {
        let mut search = MtuSearch::new(Instant::ZERO, 1_024, 1_460);
        assert_eq!(probe(&mut search, |_| false), Some(1_242));
        let sizes = probes(&mut search, |size| size <= 1_360);
        assert!(sizes.contains(&1_242));
        assert!((1_353..=1_360).contains(&search.low()), "{}", search.low());
    }

    #[test]
    fn what_is_sent_again_tells_nothing_of_its_size() {
        let mut search = MtuSearch::new(Instant::ZERO, 1_024, 1_460);
        search.on_sent(100..200, 1_242);
        assert_eq!(search.next_size(&CONFIG), None, "one at a time");
        search.on_retransmit();
        assert!(!search.on_acked(200));
        assert_eq!(search.next_size(&CONFIG), Some(1_242));
    }

    #[test]
    fn icmp_bounds_it_and_ends_a_probe_that_is_too_large() {
        let mut search = MtuSearch::new(Instant::ZERO, 1_024, 1_460);
        search.on_sent(100..200, 1_242);
        assert_eq!(search.on_too_big(Instant::ZERO, 1_300), None);
        assert_eq!(search.on_too_big(Instant::ZERO, 1_200), Some(100));
        assert_eq!((search.low(), search.high()), (1_024, 1_200));
        assert_eq!(search.on_too_big(Instant::ZERO, 500), None);
        assert_eq!((search.low(), search.high()), (500, 500));
        assert_eq!(search.next_size(&CONFIG), None, "it is known");
    }

    /// The steps of Linux's `tcp_mtu_probing`: the base, and halves down to the floor.
    #[test]
    fn timeouts_take_half_of_the_payload_down_to_the_floor() {
        let mut search = MtuSearch::new(Instant::ZERO, 1_036, 1_460);
        let mut lows = Vec::new();
        for _ in 0..6 {
            search = search.after_black_hole(12, &CONFIG);
            lows.push(search.low());
        }
        assert_eq!(lows, [524, 268, 140, 76, 60, 60]);
        let jumbo = MtuSearch::new(Instant::ZERO, 8_000, 8_960);
        assert_eq!(jumbo.after_black_hole(0, &CONFIG).low(), 1_024);
    }

    #[test]
    fn it_begins_anew_an_interval_after_it_began_if_it_is_complete() {
        let mut search = MtuSearch::new(Instant::ZERO, 1_024, 1_460);
        let later = Instant::ZERO + CONFIG.probe_interval;
        assert!(!search.is_stale(later, &CONFIG), "there is more to try");
        probes(&mut search, |size| size <= 1_360);
        assert!(!search.is_stale(later - Duration::from_nanos(1), &CONFIG));
        assert!(search.is_stale(later, &CONFIG));
        search.begin_anew(later, 1_357);
        probes(&mut search, |_| true);
        assert_eq!(search.low(), 1_453);
        assert!(!search.is_stale(later, &CONFIG));
    }

    proptest! {
        /// Whatever the path carries is found, but for less than the threshold; and soon.
        #[test]
        fn any_path_is_found(ceiling in 600u16..=9_000, low in 48u16..=1_036, part in 0u32..=1_000) {
            let mut search = MtuSearch::new(Instant::ZERO, low, ceiling);
            let low = search.low();
            let path = low + (u32::from(ceiling - low) * part / 1_000) as u16;
            let sizes = probes(&mut search, |size| size <= path);
            prop_assert!(sizes.len() <= 14 + 2, "{sizes:?}");
            prop_assert!(search.low() <= path && path - search.low() < CONFIG.probe_threshold);
        }
    }
}
