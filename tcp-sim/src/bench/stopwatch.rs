//! How long something took.

use std::fs;
use std::time::{Duration, Instant};

use serde::Serialize;

/// What a [`Stopwatch`] counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The time that the thread has run: other work on the machine does not count.
    Thread,
    /// The time that has passed, where the system does not tell more.
    Wall,
}

/// Measures how long the thread that started it has run.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    start: Instant,
    ran_before: Option<Duration>,
}

impl Clock {
    /// What is counted on this system.
    pub fn here() -> Clock {
        match time_on_processor() {
            Some(_) => Clock::Thread,
            None => Clock::Wall,
        }
    }
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Stopwatch {
        Stopwatch {
            start: Instant::now(),
            ran_before: time_on_processor(),
        }
    }

    /// What the thread has run since the start, or what has passed where the system does not tell.
    pub fn elapsed(&self) -> Duration {
        match (self.ran_before, time_on_processor()) {
            (Some(before), Some(now)) if now > before => now - before,
            _ => self.start.elapsed(),
        }
    }

    /// What has passed since the start: cheap enough to be asked often.
    pub fn passed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// As Linux counts it, in the first number of this file.
fn time_on_processor() -> Option<Duration> {
    let counts = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = counts.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_not_work() {
        let watch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(200));
        assert!(watch.passed() >= Duration::from_millis(200));
        if Clock::here() == Clock::Thread {
            assert!(watch.elapsed() < Duration::from_millis(100));
        }
    }
}
