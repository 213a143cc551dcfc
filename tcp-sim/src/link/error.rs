//! Configurations of a link that cannot be.

use std::time::Duration;

use thiserror::Error;

use super::config::{Aqm, LinkConfig, QueueLimit};

/// Why a link cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LinkError {
    /// No bit would ever leave.
    #[error("a rate of 0 lets nothing pass; leave it out for no limit")]
    RateZero,
    /// Nothing could ever wait.
    #[error("a queue of 0 holds nothing; the least is 1")]
    QueueZero,
    /// RED needs room between its marks.
    #[error("RED's `min` of {min} bytes must be below its `max` of {max} bytes")]
    RedOrder {
        /// The lower mark.
        min: u64,
        /// The upper mark.
        max: u64,
    },
    /// CoDel counts in intervals.
    #[error("CoDel's `interval` must be above 0")]
    CodelIntervalZero,
    /// Below what IPv4 guarantees (RFC 791).
    #[error("an MTU of {0} is below the 68 bytes that every link must carry")]
    MtuTooSmall(u16),
    /// A time that does not begin before its end.
    #[error("a {what} must begin before it ends, not at {from} for an end at {until}")]
    NeverBegins {
        /// A blackhole or a spike.
        what: &'static str,
        /// Its beginning.
        from: String,
        /// Its end.
        until: String,
    },
    /// RFC 7323 §2.3.
    #[error("a window scale of {0} is above 14")]
    WindowScale(u8),
    /// A segment that carries nothing gets nowhere.
    #[error("segments cannot be split into parts of 0 bytes")]
    SplitZero,
    /// A segment that carries nothing gets nowhere.
    #[error("segments cannot be merged up to 0 bytes")]
    MergeZero,
}

/// Says what is wrong with a configuration.
pub(super) fn check(config: &LinkConfig) -> Result<(), LinkError> {
    if config.rate.is_some_and(|rate| rate.0 == 0) {
        return Err(LinkError::RateZero);
    }
    if matches!(config.queue, QueueLimit::Packets(0))
        || matches!(config.queue, QueueLimit::Bytes(bytes) if bytes.0 == 0)
    {
        return Err(LinkError::QueueZero);
    }
    match config.aqm {
        Aqm::Red { min, max, .. } if min >= max => {
            return Err(LinkError::RedOrder {
                min: min.0,
                max: max.0,
            });
        }
        Aqm::Codel { interval, .. } if interval.is_zero() => {
            return Err(LinkError::CodelIntervalZero);
        }
        _ => {}
    }
    let changed = config.mtu_changes.iter().map(|change| change.mtu);
    if let Some(mtu) = config.mtu.into_iter().chain(changed).find(|mtu| *mtu < 68) {
        return Err(LinkError::MtuTooSmall(mtu));
    }
    for hole in &config.blackholes {
        check_times("blackhole", hole.from, hole.until)?;
    }
    for spike in &config.spikes {
        check_times("spike", spike.from, spike.until)?;
    }
    let middlebox = &config.middlebox;
    if let Some(scale) = middlebox.window_scale.filter(|scale| *scale > 14) {
        return Err(LinkError::WindowScale(scale));
    }
    if middlebox.split == Some(0) {
        return Err(LinkError::SplitZero);
    }
    if middlebox.merge.is_some_and(|merge| merge.max == 0) {
        return Err(LinkError::MergeZero);
    }
    Ok(())
}

fn check_times(what: &'static str, from: Duration, until: Duration) -> Result<(), LinkError> {
    if from < until {
        return Ok(());
    }
    let write = |time| humantime::format_duration(time).to_string();
    Err(LinkError::NeverBegins {
        what,
        from: write(from),
        until: write(until),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(toml: &str) -> Option<LinkError> {
        let config: LinkConfig = toml::from_str(toml).expect("it is well formed");
        check(&config).err()
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(error("delay = '10ms'\nrate = '100M'"), None);
        assert_eq!(error("queue = {packets = 0}"), Some(LinkError::QueueZero));
        assert_eq!(error("queue = {bytes = 0}"), Some(LinkError::QueueZero));
        let red = "aqm = {kind = 'red', min = 5000, max = 5000, probability = 0.1}";
        let order = LinkError::RedOrder {
            min: 5_000,
            max: 5_000,
        };
        assert_eq!(error(red), Some(order));
        let codel = "aqm = {kind = 'codel', interval = '0s'}";
        assert_eq!(error(codel), Some(LinkError::CodelIntervalZero));
        assert_eq!(error("mtu = 67"), Some(LinkError::MtuTooSmall(67)));
        assert_eq!(error("mtu = 68"), None);
        let hole = error("blackholes = [{from = '2s', until = '2s'}]").expect("it is empty");
        let text = "a blackhole must begin before it ends, not at 2s for an end at 2s";
        assert_eq!(hole.to_string(), text);
        let spike =
            error("spikes = [{from = '2s', until = '1s', extra = '1s'}]").expect("so is this");
        let text = "a spike must begin before it ends, not at 2s for an end at 1s";
        assert_eq!(spike.to_string(), text);
        let middlebox = |text: &str| error(&format!("middlebox = {{{text}}}"));
        let scale = LinkError::WindowScale(15);
        assert_eq!(middlebox("window_scale = 15"), Some(scale));
        assert_eq!(middlebox("window_scale = 14"), None);
        assert_eq!(middlebox("split = 0"), Some(LinkError::SplitZero));
        let merge = "merge = {max = 0, hold = '1ms'}";
        assert_eq!(middlebox(merge), Some(LinkError::MergeZero));
        let zero = LinkConfig {
            rate: Some(crate::units::Rate(0)),
            ..LinkConfig::default()
        };
        assert_eq!(check(&zero), Err(LinkError::RateZero));
    }
}
