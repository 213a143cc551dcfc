//! Which processor the near end's thread runs on.
//!
//! Of two processors one may be much better for the sender, and the other for the receiver: a kernel that hands buffers back to the
//! processor that has made them does so for each as its queues happen to be. To leave the choice to the scheduler is to
//! compare its luck. So two take turns, the same for all paths, and each has a median of its own.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// Two that take turns: the first and the last of those that this program may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Processors([usize; 2]);

impl Processors {
    /// Asks the kernel which there are.
    ///
    /// # Errors
    ///
    /// The kernel's, where it does not tell, or has too many to tell.
    pub fn choose() -> io::Result<Processors> {
        let allowed = sched_getaffinity(SELF)?;
        let is_allowed = |&processor: &usize| allowed.is_set(processor).is_ok_and(|set| set);
        let mut all = (0..CpuSet::count()).filter(is_allowed);
        // Whoever runs does so somewhere.
        let first = all.next().unwrap_or_default();
        Ok(Processors([first, all.next_back().unwrap_or(first)]))
    }

    /// The one whose turn it is in a run, of which the first has the number 1.
    pub fn of_run(&self, run: u32) -> usize {
        let Processors([first, last]) = *self;
        if run % 2 == 1 { first } else { last }
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
    fn two_take_turns() {
        let processors = Processors([3, 9]);
        let turns = [1, 2, 3, 4].map(|run| processors.of_run(run));
        assert_eq!(turns, [3, 9, 3, 9]);
    }

    #[test]
    fn a_thread_stays_where_it_is_told_and_others_do_not() {
        let all = Processors::choose().unwrap();
        let Processors([_, last]) = all;
        thread::scope(|scope| {
            let told = scope.spawn(|| {
                stay_on(last).unwrap();
                Processors::choose().unwrap()
            });
            assert_eq!(told.join().unwrap(), Processors([last, last]));
        });
        assert_eq!(Processors::choose().unwrap(), all);
    }
}
