//! What is told of sending after it was done (MSG_ERRQUEUE): buffers that are free again (MSG_ZEROCOPY), and when
//! what was written went out and arrived (SO_TIMESTAMPING).

use std::collections::VecDeque;

use tcp_core::{Instant, SendProgress};

use super::constants::{
    SCM_TSTAMP_ACK, SCM_TSTAMP_SCHED, SCM_TSTAMP_SND, SO_EE_CODE_ZEROCOPY_COPIED,
    SO_EE_ORIGIN_TIMESTAMPING, SO_EE_ORIGIN_ZEROCOPY, SOF_TIMESTAMPING_OPT_ID,
    SOF_TIMESTAMPING_TX_ACK, SOF_TIMESTAMPING_TX_SCHED, SOF_TIMESTAMPING_TX_SOFTWARE,
};
use super::errno::Errno;

/// What waits to be told, and what has been.
#[derive(Clone, Debug, Default)]
pub(super) struct ErrorQueue {
    notes: VecDeque<Note>,
    /// Writes by MSG_ZEROCOPY whose buffers are in use.
    held: VecDeque<Held>,
    /// The number of the next of them.
    next: u32,
    /// Writes of which times are still to be told.
    stamps: VecDeque<Stamp>,
    /// The byte of the stream that counts as the first (SOF_TIMESTAMPING_OPT_ID).
    first_byte: u64,
}

/// One message of the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Note {
    /// The buffers of these writes are free: the first and the last of them.
    Free { first: u32, last: u32 },
    /// Of the write whose last byte this is: what happened to it (SCM_TSTAMP_*), and when.
    Stamped { what: u32, byte: u32, at: Instant },
}

/// Writes whose buffers are in use until the stream is acknowledged up to `end`.
#[derive(Clone, Copy, Debug)]
struct Held {
    first: u32,
    last: u32,
    end: u64,
}

/// A write that ends at `end`, and the flags of SOF_TIMESTAMPING that still ask for something.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    end: u64,
    byte: u32,
    asked: u32,
}

/// Flags that ask for a time of what is sent.
pub(super) const TX_FLAGS: u32 =
    SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK;

impl ErrorQueue {
    /// Whether nothing waits to be read.
    pub(super) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Whether anything is still to be told.
    pub(super) fn is_watching(&self) -> bool {
        !self.held.is_empty() || !self.stamps.is_empty()
    }

    /// The next message.
    pub(super) fn take(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    /// Bytes are counted from here on: from the first that is not acknowledged, or not written.
    pub(super) fn count_from(&mut self, byte: u64) {
        self.first_byte = byte;
    }

    /// A write by MSG_ZEROCOPY, or the rest of one, was taken; the stream ends at `progress.written` now and ended at
    /// `before`. What has not begun to be sent shares its fate (`msg_zerocopy_realloc`).
    pub(super) fn hold(&mut self, progress: SendProgress, before: u64, part: Part) {
        let end = progress.written;
        if part == Part::Rest
            && let Some(last) = self.held.back_mut()
        {
            last.end = end;
            return;
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        match self.held.back_mut() {
            Some(last) if last.end == before && progress.sent < last.end => {
                last.last = id;
                last.end = end;
            }
            _ => self.held.push_back(Held {
                first: id,
                last: id,
                end,
            }),
        }
    }

    /// A write was taken whose times are asked for by `flags`; the stream ends at `end` now (`tcp_tx_timestamp`).
    pub(super) fn stamp(&mut self, end: u64, flags: u32) {
        let byte = match flags & SOF_TIMESTAMPING_OPT_ID {
            0 => 0,
            _ => end.wrapping_sub(1 + self.first_byte) as u32,
        };
        let asked = flags & TX_FLAGS;
        self.stamps.push_back(Stamp { end, byte, asked });
    }

    /// The stream has come so far: says whether there is anything new to read.
    pub(super) fn advance(&mut self, now: Instant, progress: SendProgress) -> bool {
        let before = self.notes.len();
        let mut told = false;
        for stamp in &mut self.stamps {
            for (asks, reached, what) in [
                (SOF_TIMESTAMPING_TX_SCHED, progress.sent, SCM_TSTAMP_SCHED),
                (SOF_TIMESTAMPING_TX_SOFTWARE, progress.sent, SCM_TSTAMP_SND),
                (
                    SOF_TIMESTAMPING_TX_ACK,
                    progress.acknowledged,
                    SCM_TSTAMP_ACK,
                ),
            ] {
                if stamp.asked & asks != 0 && reached >= stamp.end {
                    stamp.asked &= !asks;
                    self.notes.push_back(Note::Stamped {
                        what,
                        byte: stamp.byte,
                        at: now,
                    });
                }
            }
        }
        self.stamps.retain(|stamp| stamp.asked != 0);
        while let Some(held) = self.held.front()
            && held.end <= progress.acknowledged
        {
            let (first, last) = (held.first, held.last);
            self.held.pop_front();
            self.free(first, last);
            told = true;
        }
        told || self.notes.len() > before
    }

    /// Ranges that follow each other are told as one (`skb_zerocopy_notify_extend`).
    fn free(&mut self, first: u32, last: u32) {
        match self.notes.back_mut() {
            Some(Note::Free { last: end, .. }) if end.wrapping_add(1) == first => *end = last,
            _ => self.notes.push_back(Note::Free { first, last }),
        }
    }
}

/// What of a write was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    First,
    /// More of the last one, which slept.
    Rest,
}

impl Note {
    /// `struct sock_extended_err`.
    pub(super) fn extended_error(&self) -> [u8; 16] {
        let (errno, origin, code, info, data) = match *self {
            // A device of packets takes a copy, as Linux's TUN does.
            Note::Free { first, last } => (
                0,
                SO_EE_ORIGIN_ZEROCOPY,
                SO_EE_CODE_ZEROCOPY_COPIED,
                first,
                last,
            ),
            Note::Stamped { what, byte, .. } => (
                Errno::ENOMSG.number(),
                SO_EE_ORIGIN_TIMESTAMPING,
                0,
                what,
                byte,
            ),
        };
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&errno.to_ne_bytes());
        bytes[4..8].copy_from_slice(&[origin, 0, code, 0]);
        bytes[8..12].copy_from_slice(&info.to_ne_bytes());
        bytes[12..].copy_from_slice(&data.to_ne_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(acknowledged: u64, sent: u64, written: u64) -> SendProgress {
        SendProgress {
            acknowledged,
            sent,
            written,
        }
    }

    #[test]
    fn buffers_are_free_once_all_of_their_bytes_are_acknowledged() {
        let mut queue = ErrorQueue::default();
        queue.hold(progress(0, 0, 100), 0, Part::First);
        queue.hold(progress(0, 100, 300), 100, Part::First);
        assert!(!queue.advance(Instant::ZERO, progress(99, 300, 300)));
        assert!(queue.advance(Instant::ZERO, progress(100, 300, 300)));
        assert!(queue.advance(Instant::ZERO, progress(300, 300, 300)));
        assert_eq!(queue.take(), Some(Note::Free { first: 0, last: 1 }));
        assert_eq!(queue.take(), None);
        assert!(!queue.is_watching());
        queue.hold(progress(300, 300, 301), 300, Part::First);
        assert!(queue.advance(Instant::ZERO, progress(301, 301, 301)));
        assert_eq!(queue.take(), Some(Note::Free { first: 2, last: 2 }));
    }

    #[test]
    fn what_waits_to_be_sent_shares_the_fate_of_what_was_written_before() {
        let mut queue = ErrorQueue::default();
        queue.hold(progress(0, 0, 100), 0, Part::First);
        queue.hold(progress(0, 0, 200), 100, Part::First);
        queue.hold(progress(0, 0, 300), 200, Part::Rest);
        assert!(!queue.advance(Instant::ZERO, progress(299, 300, 300)));
        assert!(queue.advance(Instant::ZERO, progress(300, 300, 300)));
        assert_eq!(queue.take(), Some(Note::Free { first: 0, last: 1 }));
    }

    #[test]
    fn each_time_that_is_asked_for_is_told_once_and_names_the_last_byte() {
        let mut queue = ErrorQueue::default();
        queue.count_from(1_000);
        queue.stamp(12_000, TX_FLAGS | SOF_TIMESTAMPING_OPT_ID);
        queue.stamp(12_100, SOF_TIMESTAMPING_TX_ACK);
        let at = Instant::from_millis;
        assert!(!queue.advance(at(1), progress(0, 11_999, 12_100)));
        assert!(queue.advance(at(2), progress(0, 12_100, 12_100)));
        assert!(!queue.advance(at(3), progress(11_999, 12_100, 12_100)));
        assert!(queue.advance(at(4), progress(12_100, 12_100, 12_100)));
        let told: Vec<Note> = std::iter::from_fn(|| queue.take()).collect();
        let note = |what, byte, millis| Note::Stamped {
            what,
            byte,
            at: at(millis),
        };
        assert_eq!(
            told,
            [
                note(SCM_TSTAMP_SCHED, 10_999, 2),
                note(SCM_TSTAMP_SND, 10_999, 2),
                note(SCM_TSTAMP_ACK, 10_999, 4),
                note(SCM_TSTAMP_ACK, 0, 4),
            ]
        );
        assert!(!queue.is_watching());
    }
}
