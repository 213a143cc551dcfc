//! What a large segment is cut into.

/// The pieces of a run: each is a segment on the wire, and arrives or is lost by itself.
///
/// ```text
///   start        + size       + 2 size      end
///     +------------+------------+------------+
///     |  piece 0   |  piece 1   |  the last  |
///     +------------+------------+------------+
/// ```
///
/// The last may be smaller, or longer by FIN. Every boundary lies inside of the run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Pieces {
    /// At least 1.
    count: u16,
    /// Bytes of each but the last; 0 where there is one.
    size: u16,
}

impl Pieces {
    /// A run that is not cut.
    pub(crate) const ONE: Pieces = Pieces { count: 1, size: 0 };

    /// Those of `len` bytes, cut after every `size`.
    pub(crate) fn of(len: u64, size: u64) -> Pieces {
        // Most are of one, and a division takes as long as all the rest.
        if len <= size {
            return Pieces::ONE;
        }
        let count = len.div_ceil(size.max(1)).clamp(1, u64::from(u16::MAX));
        Pieces::new(count, size)
    }

    fn new(count: u64, size: u64) -> Pieces {
        match (u16::try_from(count), u16::try_from(size)) {
            (Ok(count @ 2..), Ok(size @ 1..)) => Pieces { count, size },
            _ => Pieces::ONE,
        }
    }

    pub(crate) fn count(self) -> u64 {
        u64::from(self.count)
    }

    /// Bytes of each but the last, where there are several.
    pub(crate) fn size(self) -> Option<u64> {
        (self.count > 1).then_some(u64::from(self.size))
    }

    /// The last boundary at or before `at` bytes from the start of a run; 0 is one.
    pub(crate) fn boundary_by(self, at: u64) -> u64 {
        let size = u64::from(self.size);
        let before = at.checked_div(size).unwrap_or(0);
        before.min(self.count() - 1) * size
    }

    /// The first boundary at or after `at` bytes from the start of a run; `None` where only its end
    /// follows.
    pub(crate) fn boundary_from(self, at: u64) -> Option<u64> {
        let size = u64::from(self.size);
        let after = if at == 0 { 0 } else { at.div_ceil(size.max(1)) };
        (after < self.count()).then_some(after * size)
    }

    /// Those of the two parts of a run of `len` bytes that is cut at `at`.
    pub(crate) fn split(self, at: u64, len: u64) -> (Pieces, Pieces) {
        let size = u64::from(self.size);
        let head = Pieces::of(at, size);
        if at == head.count() * size {
            return (head, Pieces::new(self.count() - head.count(), size));
        }
        // What is left of the piece comes first: its pieces are no longer those of the wire.
        (head, Pieces::of(len - at, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_piece_may_be_short_or_longer_by_fin() {
        let short = Pieces::of(250, 100);
        assert_eq!((short.count(), short.size()), (3, Some(100)));
        let full = Pieces::of(300, 100);
        assert_eq!(full, short);
        // The 301st byte is FIN.
        assert_eq!(full.boundary_by(301), 200);
        assert_eq!(full.boundary_from(201), None);
        assert_eq!(Pieces::of(100, 100), Pieces::ONE);
        assert_eq!(Pieces::of(0, 100), Pieces::ONE);
        assert_eq!(Pieces::of(70, 0), Pieces::ONE);
    }

    #[test]
    fn boundaries_are_found_from_either_side() {
        let pieces = Pieces::of(300, 100);
        let by: [u64; 5] = [0, 99, 100, 199, 200].map(|at| pieces.boundary_by(at));
        assert_eq!(by, [0, 0, 100, 100, 200]);
        let from = [0, 1, 100, 101, 200].map(|at| pieces.boundary_from(at));
        assert_eq!(from, [Some(0), Some(100), Some(100), Some(200), Some(200)]);
        assert_eq!(Pieces::ONE.boundary_by(50), 0);
        assert_eq!(Pieces::ONE.boundary_from(0), Some(0));
        assert_eq!(Pieces::ONE.boundary_from(1), None);
    }

    #[test]
    fn parts_have_the_pieces_of_the_whole() {
        let pieces = Pieces::of(300, 100);
        let counts = |at| {
            let (head, tail) = pieces.split(at, 301);
            (head.count(), tail.count())
        };
        assert_eq!(counts(100), (1, 2));
        assert_eq!(counts(200), (2, 1));
        assert_eq!(counts(150), (2, 2), "a piece is in both");
        assert_eq!(Pieces::ONE.split(60, 100), (Pieces::ONE, Pieces::ONE));
    }
}
