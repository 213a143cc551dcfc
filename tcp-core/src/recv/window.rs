//! The window that we offer (RFC 9293 §3.8.6).

use core::num::NonZeroU32;

use crate::pack::packs;
use crate::wire::{WindowScale, WireWindow};

/// How far the peer may send, as a right edge that does not move left.
///
/// ```text
///      read            ack              edge      read + capacity
///       |  unread       |  offered       |  freed   |
///   ----+---------------+----------------+----------+----
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RecvWindow {
    /// Most unread bytes held.
    capacity: u64,
    /// Bytes of it that are offered at most, which grow with what arrives (Linux's `rcv_ssthresh`); 0 where all are.
    opened: u32,
    scale: WindowScale,
    /// The offset that the peer may send up to: the greatest that any segment has offered.
    edge: u64,
    /// Whether the last window announced was zero.
    closed: bool,
}

packs!(RecvWindow {
    capacity,
    opened,
    scale,
    edge,
    closed
});

/// Whether announcing a window closed it or opened it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    None,
    Closed,
    Opened,
}

/// Bytes below which what arrives opens nothing.
const TRIFLE: usize = 128;

/// The edge that the largest window of a SYN offers.
const SYN_EDGE: u64 = 1 + u16::MAX as u64;

impl RecvWindow {
    /// A window over `capacity` bytes, nothing offered yet, and no more than `first` before anything has arrived.
    pub(crate) fn new(capacity: usize, first: Option<NonZeroU32>) -> Self {
        RecvWindow {
            capacity: capacity as u64,
            opened: first.map_or(0, NonZeroU32::get),
            scale: WindowScale::ZERO,
            edge: 0,
            closed: false,
        }
    }

    /// Most unread bytes held.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Changes it. The edge stays where it is until a larger capacity moves it.
    pub(crate) fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
    }

    /// Bytes that are offered at most to a peer of which everything has been read (`tcpi_rcv_ssthresh`).
    pub(crate) fn opened(&self) -> u64 {
        match self.opened {
            0 => self.capacity,
            opened => self.capacity.min(opened.into()),
        }
    }

    /// `len` bytes have arrived: as Linux, two segments more are offered for each segment that is no trifle
    /// (`tcp_grow_window`).
    pub(crate) fn open(&mut self, len: usize, mss: u32) {
        if self.opened != 0 && u64::from(self.opened) < self.capacity && len >= TRIFLE {
            let more = mss.max(u32::try_from(len).unwrap_or(u32::MAX));
            self.opened = self.opened.saturating_add(more.saturating_mul(2));
        }
    }

    /// The window field of a SYN, which is never scaled (RFC 7323 §2.2); it may acknowledge data of the peer's SYN.
    pub(crate) fn announce_in_syn(&mut self, ack: u64, read: u64) -> WireWindow {
        let limit = (read + self.capacity).min(ack.max(read) + self.opened());
        let bytes = limit.saturating_sub(ack);
        let bytes = bytes.min(u64::from(u16::MAX));
        self.edge = self.edge.max(ack + bytes);
        WireWindow::new(bytes as u16)
    }

    /// The handshake agreed on a scale.
    pub(crate) fn set_scale(&mut self, scale: WindowScale) {
        self.scale = scale;
    }

    /// The offset that the peer may send up to.
    pub(crate) fn edge(&self) -> u64 {
        self.edge
    }

    /// The window field of a segment that acknowledges up to `ack`, given that the user has read up
    /// to `read`; moves the edge.
    pub(crate) fn announce(&mut self, ack: u64, read: u64, mss: u32) -> (WireWindow, Turn) {
        let field = self.select(ack, read, mss);
        let bytes = u64::from(field.bytes(self.scale));
        self.edge = self.edge.max(ack + bytes);
        let closed = bytes == 0;
        let turn = match (self.closed, closed) {
            (false, true) => Turn::Closed,
            (true, false) => Turn::Opened,
            _ => Turn::None,
        };
        self.closed = closed;
        (field, turn)
    }

    /// The window field of a segment that the peer will not heed: what was offered already, so that
    /// nothing is promised by it.
    pub(crate) fn repeat(&self, ack: u64) -> WireWindow {
        let units = self.edge.saturating_sub(ack) / u64::from(self.scale.unit());
        WireWindow::new(units.min(u64::from(u16::MAX)) as u16)
    }

    /// Whether a read has freed so much that the peer should hear of it: as Linux, when the window
    /// would at least double.
    pub(crate) fn is_worth_an_update(&self, ack: u64, read: u64, mss: u32) -> bool {
        // What the field of a SYN cannot say counts as offered: the first segment after it says so.
        let edge = if self.edge == SYN_EDGE {
            self.edge.max(1 + self.opened())
        } else {
            self.edge
        };
        let now = edge.saturating_sub(ack);
        let then = u64::from(self.select(ack, read, mss).bytes(self.scale));
        then > now && then >= now.saturating_mul(2)
    }

    /// Receiver's silly window avoidance (RFC 9293 §3.8.6.2.2): the edge moves by at least a
    /// segment or half the buffer, or not at all. When all that arrived has been read, the whole buffer
    /// is offered, as Linux does: no larger window will ever come, and to hold back the rest of it
    /// would leave a part of a small buffer unused in every round trip.
    ///
    /// The edge never moves left (SHLD-14). A window that is no multiple of the scale's unit is rounded
    /// up, as Linux does, while the buffer can bear the difference.
    pub(crate) fn select(&self, ack: u64, read: u64, mss: u32) -> WireWindow {
        let unit = u64::from(self.scale.unit());
        // What is opened is opened for what comes, and what is unread takes from the rest of the buffer alone.
        let limit = (read + self.capacity).min(ack.max(read) + self.opened());
        let freed = limit.saturating_sub(self.edge);
        let least = u64::from(mss).min(self.capacity / 2).max(1);
        let worthwhile = freed >= least || ack <= read;
        let target = if worthwhile { limit } else { self.edge };
        let bytes = target.saturating_sub(ack);
        let mut units = bytes.div_ceil(unit);
        if ack + units * unit < self.edge {
            units = self.edge.saturating_sub(ack).div_ceil(unit);
        }
        if ack + units * unit >= limit + unit {
            // Rounded down from the edge, and not from the limit below it: less than a unit to the
            // left.
            units = self.edge.saturating_sub(ack) / unit;
        }
        WireWindow::new(units.min(u64::from(u16::MAX)) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 100;

    fn window(capacity: usize, shift: u8) -> RecvWindow {
        let mut window = RecvWindow::new(capacity, None);
        window.announce_in_syn(1, 1);
        window.set_scale(WindowScale::clamped(shift));
        window
    }

    #[test]
    fn the_window_closes_as_the_buffer_fills() {
        let mut window = window(1_000, 0);
        assert_eq!(window.edge(), 1_001);
        assert_eq!(
            window.announce(501, 1, MSS),
            (WireWindow::new(500), Turn::None)
        );
        assert_eq!(
            window.announce(1_001, 1, MSS),
            (WireWindow::new(0), Turn::Closed)
        );
        assert_eq!(window.edge(), 1_001);
    }

    #[test]
    fn it_opens_by_a_segment_or_not_at_all() {
        let mut window = window(1_000, 0);
        let _ = window.announce(1_001, 1, MSS);
        assert!(!window.is_worth_an_update(1_001, 100, MSS));
        assert_eq!(window.announce(1_001, 100, MSS).0, WireWindow::new(0));
        assert!(window.is_worth_an_update(1_001, 101, MSS));
        assert_eq!(
            window.announce(1_001, 101, MSS),
            (WireWindow::new(100), Turn::Opened)
        );
    }

    #[test]
    fn what_a_syn_cannot_say_is_no_news() {
        let window = window(1 << 20, 7);
        assert_eq!(window.edge(), 65_536);
        assert!(!window.is_worth_an_update(101, 101, MSS));
    }

    #[test]
    fn who_has_read_everything_offers_the_whole_buffer() {
        let mut window = window(1_000, 0);
        assert_eq!(window.announce(31, 30, MSS).0, WireWindow::new(970));
        assert_eq!(window.announce(31, 31, MSS).0, WireWindow::new(1_000));
    }

    #[test]
    fn a_window_that_begins_small_opens_by_two_segments_for_each() {
        let mut window = RecvWindow::new(1_000, NonZeroU32::new(300));
        assert_eq!(window.announce_in_syn(1, 1), WireWindow::new(300));
        assert_eq!(window.announce(1, 1, MSS).0, WireWindow::new(300));
        window.open(TRIFLE - 1, MSS);
        assert_eq!(window.announce(101, 101, MSS).0, WireWindow::new(300));
        window.open(TRIFLE, MSS);
        assert_eq!(window.announce(201, 201, MSS).0, WireWindow::new(556));
        assert!(!window.is_worth_an_update(201, 201, MSS));
        for _ in 0..5 {
            window.open(200, MSS);
        }
        assert_eq!(window.opened(), 1_000);
        assert_eq!(window.announce(301, 201, MSS).0, WireWindow::new(900));
    }

    #[test]
    fn what_is_unread_takes_from_what_is_not_opened_first() {
        let mut window = RecvWindow::new(1_000, NonZeroU32::new(300));
        window.announce_in_syn(1, 1);
        assert_eq!(window.announce(101, 1, MSS).0, WireWindow::new(300));
        assert_eq!(window.announce(801, 1, MSS).0, WireWindow::new(200));
    }

    #[test]
    fn small_segments_do_not_push_the_edge_beyond_the_buffer() {
        let mut window = window(65_536, 7);
        let (field, _) = window.announce(1, 1, MSS);
        assert_eq!(field.bytes(WindowScale::clamped(7)), 65_536);
        let mut greatest = 0;
        for ack in 1..=65_537u64 {
            let (field, _) = window.announce(ack, 1, MSS);
            greatest = greatest.max(ack + u64::from(field.bytes(WindowScale::clamped(7))));
        }
        assert!(greatest < 65_537 + 128, "one unit at most: {greatest}");
    }

    #[test]
    fn rounding_takes_back_less_than_a_unit() {
        let scale = WindowScale::clamped(5);
        let mut window = window(1 << 20, 5);
        let mut offered = 0;
        for ack in [1_339, 1_858, 1_859, 1_891] {
            let (field, _) = window.announce(ack, 1, 1_338);
            let edge = ack + u64::from(field.bytes(scale));
            assert!(edge + 32 > offered, "{offered} back to {edge}");
            assert!(
                edge < 1 + (1 << 20) + 32,
                "one unit beyond the buffer at most"
            );
            offered = offered.max(edge);
        }
    }

    #[test]
    fn the_edge_never_moves_left() {
        let mut window = window(50_000, 5);
        let (mut ack, mut edge) = (1, 0);
        for step in 0..2_000u64 {
            ack = (ack + step % 37).min(window.edge());
            let _ = window.announce(ack, ack.saturating_sub(step % 500).max(1), MSS);
            assert!(window.edge() >= edge);
            edge = window.edge();
        }
    }
}
