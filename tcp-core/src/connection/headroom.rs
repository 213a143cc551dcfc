//! How much memory is left for buffers, of what all connections share.

/// Bytes that buffers may still grow by. Its owner tells a connection before whatever may make it grow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Headroom(u32);

impl Headroom {
    /// There is no pressure.
    pub(crate) const PLENTY: Headroom = Headroom(u32::MAX);

    /// Under pressure, with so many bytes left.
    pub(crate) fn scarce(bytes: usize) -> Headroom {
        Headroom(u32::try_from(bytes).unwrap_or(u32::MAX).min(u32::MAX - 1))
    }

    /// Whether buffers may become larger than they are meant to be at first.
    pub(crate) fn is_plenty(self) -> bool {
        self == Headroom::PLENTY
    }

    /// Whether memory may grow by so many bytes.
    pub(crate) fn allows(self, bytes: usize) -> bool {
        self.is_plenty() || bytes <= self.0 as usize
    }
}
