//! How much a connection may buffer.

/// The largest window that scaling allows (RFC 7323 §2.3).
const MOST: usize = 1 << 30;

/// Bytes that one direction of a connection may buffer: a number, or one that follows the need.
///
/// Memory is taken for what is buffered, not for what may be: an idle connection holds none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BufferSize {
    /// So many bytes (`SO_RCVBUF`, `SO_SNDBUF`, which end Linux's tuning as well).
    Fixed(usize),
    /// Grows from the second to the third value of Linux's `tcp_rmem` and `tcp_wmem`: a receive buffer
    /// by how much is read in a round trip (dynamic right-sizing, `net.ipv4.tcp_moderate_rcvbuf`), a send
    /// buffer with the congestion window. Both start with ten segments at least, so that an initial
    /// window of RFC 6928 fits.
    Auto {
        /// At first.
        initial: usize,
        /// At most.
        max: usize,
    },
}

impl BufferSize {
    /// The default of receive buffers: 64 KiB to 6 MiB.
    pub const RECV: BufferSize = BufferSize::Auto {
        initial: 64 << 10,
        max: 6 << 20,
    };

    /// The default of send buffers: 64 KiB to 4 MiB.
    pub const SEND: BufferSize = BufferSize::Auto {
        initial: 64 << 10,
        max: 4 << 20,
    };

    /// The most that it may become.
    pub const fn max(self) -> usize {
        match self {
            BufferSize::Fixed(size) | BufferSize::Auto { max: size, .. } => size,
        }
    }

    /// The nearest size within the bounds.
    pub(crate) fn clamped(self) -> BufferSize {
        let within = |size: usize| size.clamp(1, MOST);
        match self {
            BufferSize::Fixed(size) => BufferSize::Fixed(within(size)),
            BufferSize::Auto { initial, max } => {
                let max = within(max);
                let initial = within(initial).min(max);
                BufferSize::Auto { initial, max }
            }
        }
    }

    /// What a connection with segments of `mss` bytes begins with.
    pub(crate) fn initial_for(self, mss: u16) -> usize {
        match self {
            BufferSize::Fixed(size) => size,
            BufferSize::Auto { initial, max } => initial.max(10 * usize::from(mss)).min(max),
        }
    }

    /// Whether it may grow.
    pub(crate) const fn is_tuned(self) -> bool {
        matches!(self, BufferSize::Auto { .. })
    }

    /// What it is at first, but for ten segments.
    pub const fn initial(self) -> usize {
        match self {
            BufferSize::Fixed(size) | BufferSize::Auto { initial: size, .. } => size,
        }
    }

    pub(super) fn is_valid(self) -> bool {
        1 <= self.initial() && self.initial() <= self.max() && self.max() <= MOST
    }
}

/// How what is written lies in the send buffer until it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SendQueue {
    /// As a stream of bytes: segments are as large as they may be, and the buffer holds so much payload.
    #[default]
    Stream,
    /// In chunks, as in Linux's socket buffers: a write fills the last one up to what may be sent at once
    /// (`tcp_xmit_size_goal`), then begins others, as long as what is held counts less than the send buffer's size.
    /// No segment reaches into the next chunk. PSH ends what was written at once, and is on every large segment. Slow start
    /// grows by all that is acknowledged, as Linux's does, whether or not what is sent is spread.
    Chunks {
        /// Bytes that each chunk counts beside its payload, sent or not (`SKB_TRUESIZE`; 1280 on a 64-bit Linux).
        overhead: u32,
    },
}

impl From<usize> for BufferSize {
    fn from(size: usize) -> Self {
        BufferSize::Fixed(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_segments_fit_at_first_but_no_more_than_may_ever() {
        assert_eq!(BufferSize::RECV.initial_for(1_460), 65_536);
        assert_eq!(BufferSize::RECV.initial_for(8_960), 89_600);
        let small = BufferSize::Auto {
            initial: 1_000,
            max: 4_000,
        };
        assert_eq!(small.initial_for(1_460), 4_000);
        assert_eq!(BufferSize::Fixed(1_000).initial_for(1_460), 1_000);
    }

    #[test]
    fn a_size_outside_of_its_bounds_is_refused() {
        let auto = |initial, max| BufferSize::Auto { initial, max };
        for wrong in [
            BufferSize::Fixed(0),
            BufferSize::Fixed((1 << 30) + 1),
            auto(0, 1),
            auto(2, 1),
            auto(1, (1 << 30) + 1),
        ] {
            assert!(!wrong.is_valid(), "{wrong:?}");
            assert!(wrong.clamped().is_valid(), "{wrong:?}");
        }
        for right in [
            BufferSize::RECV,
            BufferSize::SEND,
            BufferSize::Fixed(1),
            auto(1, 1),
        ] {
            assert!(right.is_valid(), "{right:?}");
        }
    }
}
