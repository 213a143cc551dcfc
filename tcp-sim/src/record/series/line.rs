//! A number that changes over time.

use tcp_core::Instant;

use super::thin::{Point, Thinned};

/// A number that keeps its value until it changes: a line of steps. Where there is no room for
/// every change, the first, the last, the least and the greatest of a piece of time remain, so
/// that the shape does.
#[derive(Clone, Debug)]
pub struct Line {
    pieces: Thinned<Piece>,
    greatest: u64,
}

/// A change, or those of a piece of time.
#[derive(Clone, Debug)]
struct Piece {
    first: Sample,
    least: Sample,
    greatest: Sample,
    last: Sample,
}

/// From when on, and what.
type Sample = (Instant, u64);

impl Point for Piece {
    fn at(&self) -> Instant {
        self.first.0
    }

    fn absorb(&mut self, later: Piece) {
        if later.least.1 < self.least.1 {
            self.least = later.least;
        }
        if later.greatest.1 > self.greatest.1 {
            self.greatest = later.greatest;
        }
        self.last = later.last;
    }
}

impl Line {
    /// A line without a value, of at most `limit` changes or pieces of time.
    pub fn new(limit: usize) -> Line {
        Line {
            pieces: Thinned::new(limit),
            greatest: 0,
        }
    }

    /// The number is this from now on.
    pub fn set(&mut self, at: Instant, value: u64) {
        if self.last() == Some(value) {
            return;
        }
        self.greatest = self.greatest.max(value);
        let sample = (at, value);
        self.pieces.push(Piece {
            first: sample,
            least: sample,
            greatest: sample,
            last: sample,
        });
    }

    /// The value now.
    pub fn last(&self) -> Option<u64> {
        Some(self.pieces.points().last()?.last.1)
    }

    /// The greatest value ever; zero where there was none.
    pub fn greatest(&self) -> u64 {
        self.greatest
    }

    /// From when on it had which value, oldest first.
    pub fn samples(&self) -> Vec<(Instant, u64)> {
        let mut samples = Vec::with_capacity(self.pieces.points().len());
        for piece in self.pieces.points() {
            let mut between = [piece.least, piece.greatest];
            between.sort_unstable();
            for sample in [piece.first, between[0], between[1], piece.last] {
                if samples.last() != Some(&sample) {
                    samples.push(sample);
                }
            }
        }
        samples
    }

    /// Holds at most `limit` changes or pieces of time from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.pieces.set_limit(limit);
    }

    /// The same line in at most `limit` pieces of time.
    pub fn thinned_to(&self, limit: usize) -> Line {
        Line {
            pieces: self.pieces.thinned_to(limit),
            greatest: self.greatest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_count() {
        let mut line = Line::new(10);
        for (at, value) in [(1, 5), (2, 5), (3, 6)] {
            line.set(Instant::from_nanos(at), value);
        }
        let at = Instant::from_nanos;
        assert_eq!(line.samples(), [(at(1), 5), (at(3), 6)]);
        assert_eq!(line.last(), Some(6));
    }

    #[test]
    fn peaks_and_valleys_outlive_thinning() {
        let mut line = Line::new(20);
        for at in 0..10_000 {
            let value = match at {
                3_333 => 1_000,
                7_777 => 1,
                _ => 100 + at % 2,
            };
            line.set(Instant::from_nanos(at), value);
        }
        let samples = line.samples();
        assert!(samples.len() <= 80, "{} samples", samples.len());
        assert!(samples.contains(&(Instant::from_nanos(3_333), 1_000)));
        assert!(samples.contains(&(Instant::from_nanos(7_777), 1)));
        assert_eq!(samples.last(), Some(&(Instant::from_nanos(9_999), 101)));
        assert!(samples.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(line.greatest(), 1_000);
    }
}
