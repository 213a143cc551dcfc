//! What happens to packets by chance, drawn as they are sent: the same for the n-th packet of a
//! link, whatever a queue makes of those before it.

use std::time::Duration;

use super::config::{LinkConfig, ReorderConfig};
use super::corrupt;
use super::fate::DropReason;
use super::fault::Fault;
use super::loss::Loss;
use super::passage::{Passage, Trouble};
use super::random::{Feature, Random};
use crate::units::Probability;

/// Everything random about a wire.
#[derive(Clone, Debug)]
pub(super) struct Impairments {
    loss: Loss,
    duplicate: Option<(Probability, Random)>,
    reorder: Option<(ReorderConfig, Random)>,
    corrupt: Option<(Probability, Random)>,
    jitter: Option<(Duration, Random)>,
}

impl Impairments {
    pub(super) fn new(config: &LinkConfig, seed: u64) -> Impairments {
        let chance = |probability: Probability, feature| {
            probability
                .is_possible()
                .then(|| (probability, Random::new(seed, feature)))
        };
        let jitter = Some(config.jitter).filter(|jitter| !jitter.is_zero());
        Impairments {
            loss: Loss::new(config.loss, seed),
            duplicate: chance(config.duplicate, Feature::Duplicate),
            reorder: config
                .reorder
                .map(|reorder| (reorder, Random::new(seed, Feature::Reorder))),
            corrupt: chance(config.corrupt, Feature::Corrupt),
            jitter: jitter.map(|jitter| (jitter, Random::new(seed, Feature::Jitter))),
        }
    }

    /// How the next packet passes, to which a plan does `fault`.
    pub(super) fn draw(&mut self, packet: &[u8], fault: Option<Fault>) -> Passage {
        let by_chance = self.loss.next().then_some(DropReason::Loss);
        let by_plan = (fault == Some(Fault::Drop)).then_some(DropReason::Script);
        let mut trouble = Trouble {
            fault,
            lost: by_plan.or(by_chance),
            ..Trouble::default()
        };
        let mut jitter = 0;
        if let Some((probability, random)) = &mut self.duplicate {
            trouble.copies = u8::from(random.happens(*probability));
        }
        if let Some((config, random)) = &mut self.reorder
            && random.happens(config.probability)
        {
            // From one nanosecond to the whole.
            let by = random.below(nanos(config.by)).saturating_add(1);
            trouble.late = Some(Duration::from_nanos(by));
        }
        if let Some((probability, random)) = &mut self.corrupt
            && random.happens(*probability)
        {
            let bit = random.below(corrupt::bits(packet) as u64);
            // Two bits of one packet may hide each other from a checksum of sixteen.
            let is_damaged = matches!(fault, Some(Fault::Corrupt(_)));
            trouble.corrupted = (!is_damaged).then_some(bit as usize);
        }
        if let Some((most, random)) = &mut self.jitter {
            jitter = random.below(nanos(*most).saturating_add(1));
        }
        Passage {
            jitter,
            trouble: (trouble != Trouble::default()).then(|| Box::new(trouble)),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::ACK;
    use crate::link::sample::segment;

    fn draws(toml: &str, seed: u64) -> Vec<Passage> {
        let config: LinkConfig = toml::from_str(toml).unwrap();
        let mut impairments = Impairments::new(&config, seed);
        let packet = segment(ACK, &[0; 60]);
        (0..100_000)
            .map(|_| impairments.draw(&packet, None))
            .collect()
    }

    fn troubles(draws: &[Passage]) -> impl Iterator<Item = &Trouble> + Clone {
        draws.iter().filter_map(|it| it.trouble.as_deref())
    }

    fn count(draws: &[Passage], wanted: impl Fn(&Trouble) -> bool) -> usize {
        troubles(draws).filter(|trouble| wanted(trouble)).count()
    }

    #[test]
    fn each_happens_as_often_as_said() {
        let draws = draws(
            "duplicate = 0.01\ncorrupt = 0.02\nreorder = {probability = 0.03, by = '1us'}\n\
             jitter = '2us'",
            1,
        );
        // Within four standard deviations.
        assert!(count(&draws, |it| it.copies == 1).abs_diff(1_000) < 126);
        assert!(count(&draws, |it| it.corrupted.is_some()).abs_diff(2_000) < 177);
        assert!(count(&draws, |it| it.late.is_some()).abs_diff(3_000) < 216);
        let late = troubles(&draws).filter_map(|it| it.late);
        assert_eq!(late.clone().min(), Some(Duration::from_nanos(1)));
        assert_eq!(late.max(), Some(Duration::from_micros(1)));
        let jitter = draws.iter().map(|it| Duration::from_nanos(it.jitter));
        assert_eq!(jitter.clone().min(), Some(Duration::ZERO));
        assert_eq!(jitter.clone().max(), Some(Duration::from_micros(2)));
        let mean = jitter.sum::<Duration>() / 100_000;
        assert!(mean.abs_diff(Duration::from_micros(1)) < Duration::from_nanos(8));
        // Eighty bytes of TCP: each bit is hit about three times.
        let bits = troubles(&draws).filter_map(|it| it.corrupted);
        assert!(bits.clone().all(|bit| bit < 640));
        assert!(bits.collect::<std::collections::BTreeSet<_>>().len() > 580);
    }

    #[test]
    fn one_feature_does_not_change_what_another_draws() {
        let lost = |toml: &str, seed| -> Vec<bool> {
            draws(toml, seed)
                .iter()
                .map(|it| it.lost().is_some())
                .collect()
        };
        let alone = lost("loss = 0.1", 1);
        let others = "loss = 0.1\nduplicate = 0.5\ncorrupt = 0.5\njitter = '1ms'\n\
                      reorder = {probability = 0.5, by = '1s'}";
        assert_eq!(lost(others, 1), alone);
        assert_ne!(lost("loss = 0.1", 2), alone);
    }

    #[test]
    fn a_perfect_wire_does_nothing() {
        assert!(draws("", 1).iter().all(|it| *it == Passage::default()));
    }
}
