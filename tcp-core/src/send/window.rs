//! The peer's window, and when a segment is worth sending into it (Nagle, silly window).

use crate::pack::packs;
use crate::wire::{WindowScale, WireWindow};

/// The window that the peer offers (RFC 9293 §3.10.7.4, "SND.WND").
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SendWindow {
    /// SND.WND in bytes, from `una`.
    bytes: u32,
    /// Largest window ever offered: the guess at the peer's buffer (RFC 9293 §3.8.6.2.1).
    max: u32,
    /// SND.WL1 as an offset in the peer's stream.
    wl1: u64,
    /// SND.WL2 as an offset in our stream.
    wl2: u64,
    scale: WindowScale,
}

packs!(SendWindow {
    bytes,
    max,
    wl1,
    wl2,
    scale
});

impl SendWindow {
    /// Before the handshake: no window.
    pub(crate) fn new() -> Self {
        SendWindow {
            bytes: 0,
            max: 0,
            wl1: 0,
            wl2: 0,
            scale: WindowScale::ZERO,
        }
    }

    pub(crate) fn bytes(&self) -> u32 {
        self.bytes
    }

    pub(crate) fn max(&self) -> u32 {
        self.max
    }

    /// The window of a SYN or SYN-ACK, which is never scaled; later ones mean `scale`.
    pub(crate) fn start(&mut self, window: WireWindow, seq: u64, ack: u64, scale: WindowScale) {
        self.bytes = u32::from(window.get());
        self.max = self.max.max(self.bytes);
        self.wl1 = seq;
        self.wl2 = ack;
        self.scale = scale;
    }

    /// Whether there is a window, and this is the same one again.
    pub(crate) fn is_open_and_repeated(&self, window: WireWindow) -> bool {
        self.bytes > 0 && window.bytes(self.scale) == self.bytes
    }

    /// Takes the window of a segment unless an older segment brings it; says whether it changed.
    pub(crate) fn update(&mut self, window: WireWindow, seq: u64, ack: u64) -> bool {
        let bytes = window.bytes(self.scale);
        // RFC 9293 §3.10.7.4, with the acknowledgement before the sequence number: a retransmission
        // has an old sequence number and yet a fresh window.
        let newer = ack > self.wl2 || (ack == self.wl2 && seq >= self.wl1);
        if !newer {
            return false;
        }
        self.wl1 = seq;
        self.wl2 = ack;
        let changed = bytes != self.bytes;
        self.bytes = bytes;
        self.max = self.max.max(bytes);
        changed
    }
}

/// What decides whether a segment smaller than the MSS may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// Whether Nagle's algorithm is on.
    pub(crate) nagle: bool,
    /// Whether the user holds partial segments back.
    pub(crate) corked: bool,
    /// Whether a segment smaller than the MSS is outstanding.
    pub(crate) small_outstanding: bool,
    /// Whether anything is outstanding.
    pub(crate) outstanding: bool,
    /// The largest window that the peer ever offered.
    pub(crate) max_window: u32,
}

impl Hold {
    /// Whether to send `len` bytes now, given that `available` bytes wait and `mss` fill a segment.
    pub(crate) fn allows(&self, len: u32, available: u64, mss: u32, finishing: bool) -> bool {
        if len == 0 {
            return false;
        }
        if len >= mss {
            return true;
        }
        if u64::from(len) < available {
            // The window cuts it short. RFC 9293 §3.8.6.2.1 (3): worth half the peer's buffer; else
            // the acknowledgement of what is outstanding, or the persist timer, will come.
            return len >= self.max_window / 2;
        }
        if finishing {
            return true;
        }
        if self.corked {
            return false;
        }
        // RFC 9293 §3.7.4 as Minshall refined it, and Linux does: one small segment at a time.
        !(self.nagle && self.outstanding && self.small_outstanding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: u16) -> SendWindow {
        let mut window = SendWindow::new();
        window.start(WireWindow::new(start), 0, 1, WindowScale::clamped(1));
        window
    }

    #[test]
    fn only_newer_segments_move_the_window() {
        let mut send = window(100);
        assert_eq!(send.bytes(), 100);
        assert!(send.update(WireWindow::new(200), 1, 1));
        assert_eq!(send.bytes(), 400);
        assert!(!send.update(WireWindow::new(50), 0, 1), "an older segment");
        assert!(send.update(WireWindow::new(0), 1, 5));
        assert_eq!((send.bytes(), send.max()), (0, 400));
        assert!(send.update(WireWindow::new(1), 1, 5), "a window update");
    }

    #[test]
    fn nagle_holds_the_second_small_segment() {
        let mut hold = Hold {
            nagle: true,
            corked: false,
            small_outstanding: false,
            outstanding: true,
            max_window: 10_000,
        };
        assert!(hold.allows(10, 10, 1_000, false));
        hold.small_outstanding = true;
        assert!(!hold.allows(10, 10, 1_000, false));
        assert!(
            hold.allows(1_000, 1_000, 1_000, false),
            "a full segment goes"
        );
        assert!(hold.allows(10, 10, 1_000, true), "with FIN it goes");
        hold.nagle = false;
        assert!(hold.allows(10, 10, 1_000, false));
        hold.corked = true;
        assert!(!hold.allows(10, 10, 1_000, false));
    }

    #[test]
    fn a_silly_window_is_not_filled() {
        let hold = Hold {
            nagle: false,
            corked: false,
            small_outstanding: false,
            outstanding: false,
            max_window: 600,
        };
        assert!(!hold.allows(299, 5_000, 1_000, false));
        assert!(
            hold.allows(300, 5_000, 1_000, false),
            "half of the peer's buffer"
        );
    }
}
