//! Ours and the peer in turn.

use serde::Serialize;

use super::host::Host;
use super::ours::Ours;
#[cfg(feature = "smoltcp")]
use super::smoltcp_host::SmoltcpHost;

/// Ours beside the peer, under the same conditions.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Contest<R> {
    /// Ours.
    pub ours: Summary<R>,
    /// The peer; `None` where it took no part.
    pub smoltcp: Option<Summary<R>>,
    /// Our median by the peer's, of the figure that the table is about.
    pub ours_over_smoltcp: Option<f64>,
}

/// All runs of one stack.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary<R> {
    /// Of each figure the median.
    pub median: R,
    /// In the order in which they were made.
    pub runs: Vec<R>,
}

/// The figures of one run.
pub(super) trait Figures: Clone {
    /// Of each figure the median.
    fn median(runs: &[Self]) -> Self;
    /// The figure that the table is about.
    fn main(&self) -> f64;
}

/// Something that any stack can be put to.
pub(super) trait Trial {
    type Run: Figures;
    /// Once, with new stacks.
    fn run<H: Host>(&self) -> Self::Run;
}

/// What the stacks of one row are put to.
pub(super) struct Entry<T> {
    pub(super) ours: T,
    /// `None` where the peer takes no part.
    pub(super) peers: Option<T>,
}

/// Puts ours and the peer to every row in turn, and then so again: what disturbs the machine for a
/// while disturbs them all.
pub(super) fn contests<T: Trial>(
    runs: u32,
    entries: &[Entry<T>],
    progress: &dyn Fn(),
) -> Vec<Contest<T::Run>> {
    let mut ours: Vec<Vec<T::Run>> = entries.iter().map(|_| Vec::new()).collect();
    let mut smoltcp: Vec<Vec<T::Run>> = entries.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for (row, entry) in entries.iter().enumerate() {
            ours[row].push(entry.ours.run::<Ours>());
            smoltcp[row].extend(entry.peers.as_ref().and_then(run_peer));
            progress();
        }
    }
    ours.into_iter().zip(smoltcp).map(compared).collect()
}

/// The runs of one row: ours, and the peer's.
fn compared<R: Figures>((ours, smoltcp): (Vec<R>, Vec<R>)) -> Contest<R> {
    let ours = summary(ours);
    let smoltcp = (!smoltcp.is_empty()).then(|| summary(smoltcp));
    let ratio = |peer: &Summary<R>| rounded(ours.median.main() / peer.median.main());
    Contest {
        ours_over_smoltcp: smoltcp.as_ref().map(ratio),
        ours,
        smoltcp,
    }
}

#[cfg(feature = "smoltcp")]
fn run_peer<T: Trial>(trial: &T) -> Option<T::Run> {
    Some(trial.run::<SmoltcpHost>())
}

#[cfg(not(feature = "smoltcp"))]
fn run_peer<T: Trial>(_trial: &T) -> Option<T::Run> {
    None
}

fn summary<R: Figures>(runs: Vec<R>) -> Summary<R> {
    Summary {
        median: R::median(&runs),
        runs,
    }
}

/// To three decimals.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
