//! What the machine's processors have done.

use std::fs;
use std::time::Duration;

use anyhow::{Context, anyhow};
use nix::unistd::{SysconfVar, sysconf};

/// The time that all processors together have spent on anything, interrupts included, since the machine
/// was started (`/proc/stat`, proc_stat(5)). Other programs' time is in it.
pub fn busy() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let ticks =
        busy_ticks(&stat).ok_or_else(|| anyhow!("/proc/stat has no line for the processors"))?;
    let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// The sum of `user nice system - - irq softirq`, of the line of all processors.
fn busy_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, ..] = fields[..] else {
        return None;
    };
    Some(user + nice + system + irq + softirq)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_work() {
        let stat = "cpu  1 20 300 4000 50000 600000 7000000 8 0 0\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        assert_eq!(busy_ticks(stat), Some(7_600_321));
        assert_eq!(busy_ticks("intr 1 2"), None);
        assert_eq!(busy_ticks("cpu  1 2 3"), None);
    }

    #[test]
    fn the_machine_has_worked() {
        assert!(busy().unwrap() > Duration::ZERO);
    }
}
