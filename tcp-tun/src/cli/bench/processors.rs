//! Which processor the near end's thread runs on.
//!
//! Of two processors one may be much better for the sender, and the other for the receiver: a kernel that hands buffers back to the
//! processor that has made them does so for each as its queues happen to be. To leave the choice to the scheduler is to
//! compare its luck, so each run has another, and all paths have the same in a run.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// Those that this program may use; at least one.
pub struct Processors(Vec<usize>);

impl Processors {
    /// Asks the kernel for them.
    pub fn allowed() -> io::Result<Processors> {
        let allowed = sched_getaffinity(SELF)?;
        let is_allowed = |&processor: &usize| allowed.is_set(processor).is_ok_and(|set| set);
        Ok(Processors(
            (0..CpuSet::count()).filter(is_allowed).collect(),
        ))
    }

    /// The one whose turn it is, in a run counted from 1.
    pub fn of_run(&self, run: u32) -> usize {
        self.0[(run as usize - 1) % self.0.len()]
    }
}

/// Has the calling thread run on this processor only.
pub fn stay_on(processor: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(processor)?;
    Ok(sched_setaffinity(SELF, &only)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn every_processor_has_its_turn() {
        let processors = Processors::allowed().unwrap();
        let count = u32::try_from(processors.0.len()).unwrap();
        let turns: Vec<usize> = (1..=count).map(|run| processors.of_run(run)).collect();
        assert_eq!(turns, processors.0);
        assert_eq!(processors.of_run(1 + count), turns[0]);
    }

    #[test]
    fn a_thread_stays_where_it_is_told_and_others_do_not() {
        let all = Processors::allowed().unwrap();
        let last = *all.0.last().unwrap();
        thread::scope(|scope| {
            let told = scope.spawn(|| {
                stay_on(last).unwrap();
                Processors::allowed().unwrap().0
            });
            assert_eq!(told.join().unwrap(), [last]);
        });
        assert_eq!(Processors::allowed().unwrap().0, all.0);
    }
}
