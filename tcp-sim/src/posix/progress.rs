//! What sockets hear of how far their writes have come: from the core to the queue that MSG_ERRQUEUE reads.

use tcp_core::{Instant, SendProgress, State};

use super::constants::{EPOLLERR, MSG_ZEROCOPY};
use super::error_queue::{Part, TX_FLAGS};
use super::file::FileId;
use super::host::Host;
use super::socket::state_of;

/// Pages of a user's memory that one piece of the send queue refers to at most (`MAX_SKB_FRAGS`).
const MOST_PAGES: usize = 17;
const PAGE: usize = 4_096;

impl Host {
    /// Looks at the sockets that wait to be told something.
    pub(super) fn tell_progress(&mut self, now: Instant) {
        let mut files = std::mem::take(&mut self.progressing);
        files.retain(|&file| self.tell(now, file));
        self.progressing = files;
    }

    /// Tells one socket; says whether there will be more to tell.
    fn tell(&mut self, now: Instant, file: FileId) -> bool {
        let progress = self.send_progress(now, file);
        let Ok(socket) = self.descriptors.socket_mut(file) else {
            return false;
        };
        let told = socket.error_queue.advance(now, progress);
        let goes_on = socket.error_queue.is_watching();
        if told {
            self.wake(file, EPOLLERR);
        }
        goes_on
    }

    /// How far a socket's stream has come. One that is dead holds nothing of it any more.
    pub(super) fn send_progress(&mut self, now: Instant, file: FileId) -> SendProgress {
        let gone = SendProgress {
            acknowledged: u64::MAX,
            sent: 0,
            written: 0,
        };
        let id = self.descriptors.socket(file).ok();
        let id = id.and_then(|socket| socket.connection());
        match id.and_then(|id| self.stack.connection(now, id)) {
            Some(connection) if state_of(&connection) != State::Closed => {
                connection.send_progress()
            }
            _ => gone,
        }
    }

    /// Whether a call with these flags asks to be told when its buffers are free.
    pub(super) fn is_zerocopy(&self, file: FileId, flags: i32) -> bool {
        let socket = self.descriptors.socket(file);
        flags & MSG_ZEROCOPY != 0 && socket.is_ok_and(|socket| socket.settings.zerocopy)
    }

    /// Bytes were taken of a call that asks so; the stream ended at `before`.
    pub(super) fn hold_buffers(&mut self, now: Instant, file: FileId, before: u64, part: Part) {
        let progress = self.send_progress(now, file);
        if let Ok(socket) = self.descriptors.socket_mut(file) {
            socket.error_queue.hold(progress, before, part);
            self.progressing.insert(file);
        }
    }

    /// A call that sends returns, and bytes were taken: their times may be asked for.
    pub(super) fn stamp_written(&mut self, now: Instant, file: FileId) {
        let flags = self.descriptors.socket(file);
        let flags = flags.map_or(0, |socket| socket.settings.timestamping);
        if flags & TX_FLAGS == 0 {
            return;
        }
        let end = self.send_progress(now, file).written;
        if let Ok(socket) = self.descriptors.socket_mut(file) {
            socket.error_queue.stamp(end, flags);
            self.progressing.insert(file);
        }
    }
}

/// The pages that one piece of the send queue refers to, where it refers to the user's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pages {
    /// `None` where bytes are copied: they need none.
    used: Option<usize>,
}

impl Pages {
    /// Of a call that has taken nothing yet.
    pub(super) fn new(zerocopy: bool) -> Pages {
        Pages {
            used: zerocopy.then_some(0),
        }
    }

    /// Bytes that the piece may still refer to.
    pub(super) fn room(&self) -> usize {
        self.used
            .map_or(usize::MAX, |used| (MOST_PAGES - used) * PAGE)
    }

    /// So many bytes of one buffer were taken.
    pub(super) fn add(&mut self, bytes: usize) {
        if let Some(used) = &mut self.used {
            *used = (*used + bytes.div_ceil(PAGE)).min(MOST_PAGES);
        }
    }

    /// The next bytes begin a piece.
    pub(super) fn begin_piece(&mut self) {
        self.used = self.used.map(|_| 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_refers_to_seventeen_pages() {
        let mut pages = Pages::new(true);
        for _ in 0..16 {
            pages.add(1);
        }
        assert_eq!(pages.room(), PAGE);
        pages.add(1);
        assert_eq!(pages.room(), 0);
        pages.begin_piece();
        pages.add(PAGE + 1);
        assert_eq!(pages.room(), 15 * PAGE);
        let mut copied = Pages::new(false);
        copied.add(1 << 30);
        assert_eq!(copied.room(), usize::MAX);
    }
}
