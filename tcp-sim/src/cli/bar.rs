//! How far a run is, where somebody looks.

use std::time::Instant;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tcp_sim::simulation::Progress;

/// A bar on the standard error; nothing where that is no terminal.
pub struct RunBar {
    bar: ProgressBar,
    began: Instant,
}

impl RunBar {
    /// A bar for a run that begins now.
    pub fn new() -> RunBar {
        let style = "{bar:30} {bytes} of {total_bytes} {msg}";
        let bar = ProgressBar::new(0);
        bar.set_style(ProgressStyle::with_template(style).expect("the template is right"));
        RunBar {
            bar,
            began: Instant::now(),
        }
    }

    /// Shows how far it is.
    pub fn show(&mut self, progress: &Progress) {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-9);
        self.bar.set_length(progress.bytes_total);
        self.bar.set_position(progress.bytes_done);
        self.bar.set_message(format!(
            "at {:.3} s, {} packets, {} a second",
            progress.sim_seconds,
            HumanCount(progress.packets),
            HumanCount((progress.packets as f64 / seconds) as u64),
        ));
    }

    /// Takes it away.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}
