//! What a connection keeps of its fast open (RFC 7413).

use alloc::vec::Vec;

use crate::pack::Pack;
use crate::state::FastOpenFail;
use crate::time::Instant;
use crate::wire::{FastOpenForm, FastOpenOption};

/// What a connection keeps while it opens fast; and what is to be told to who remembers servers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct FastOpen {
    pub(super) stage: Stage,
    pub(super) lesson: Option<FastOpenLesson>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stage {
    /// The client's SYN waits for the first data, or for whoever says that there is none.
    Deferred(FastOpenOffer),
    /// The client's SYN is to go, with what fits of the data.
    Armed(FastOpenOffer),
    /// It has gone; what is sent again is a SYN as ever (RFC 7413 §4.1.3).
    Asked(Asked),
    /// The server's SYN-ACK is not acknowledged.
    Early {
        /// For the first SYN-ACK.
        option: Option<FastOpenOption>,
        /// When that was sent.
        sent_at: Option<Instant>,
    },
    /// There is only the lesson.
    Over,
}

/// What a client's first SYN said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Asked {
    pub(super) option: Option<FastOpenOption>,
    /// Whether it had data.
    pub(super) data: bool,
}

/// What a client's SYN is to offer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FastOpenOffer {
    /// The cookie, or the request for one; none where data goes without.
    pub(crate) option: Option<FastOpenOption>,
    /// The MSS that the server announced when it was last heard of.
    pub(crate) mss: Option<u16>,
    /// Whether this is to find out if the network lets fast open pass again.
    pub(crate) probes: bool,
}

impl FastOpenOffer {
    /// Whether data may go with it.
    pub(crate) fn takes_data(&self) -> bool {
        self.option.is_none_or(|option| !option.cookie.is_request())
    }
}

/// What a connection has learnt, for who remembers servers and counts a listener's fast opens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum FastOpenLesson {
    /// The SYN of a client was answered.
    Answered {
        /// The server's MSS.
        mss: u16,
        /// The cookie that it gave.
        cookie: Option<FastOpenOption>,
        /// The form of the option that it did not understand.
        refused: Option<FastOpenForm>,
    },
    /// The network seems to swallow what was opened fast.
    Swallowed,
    /// Data came over what was opened to find that out.
    Passed,
    /// The server's handshake is complete.
    Completed,
    /// The server's handshake failed.
    Failed(EarlyEnd),
}

/// How a server's connection ended before its handshake was complete.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum EarlyEnd {
    /// The peer reset it.
    Reset,
    /// In another way.
    Other,
}

/// What stays to be known of a fast open, in one byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct FastOpenMarks(u8);

impl FastOpenMarks {
    /// A SYN with the option, or with data, was sent.
    pub(super) const USED: u8 = 1;
    /// Data of a SYN was acknowledged.
    pub(super) const SYN_DATA: u8 = 2;
    /// It was to find out whether the network lets fast open pass.
    pub(super) const PROBES: u8 = 4;
    /// Where the reason of a failure begins.
    const FAIL_SHIFT: u32 = 3;

    pub(super) fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    pub(super) fn set(&mut self, mark: u8) {
        self.0 |= mark;
    }

    pub(super) fn fail(&mut self, fail: FastOpenFail) {
        self.0 = self.0 & ((1 << Self::FAIL_SHIFT) - 1) | (fail as u8) << Self::FAIL_SHIFT;
    }

    /// Whether data of a SYN was acknowledged.
    pub(super) fn syn_data(self) -> bool {
        self.has(Self::SYN_DATA)
    }

    /// Why data could not be sent with the SYN, or had to be sent again.
    pub(super) fn failure(self) -> FastOpenFail {
        match self.0 >> Self::FAIL_SHIFT {
            0 => FastOpenFail::None,
            1 => FastOpenFail::CookieUnavailable,
            2 => FastOpenFail::DataNotAcknowledged,
            _ => FastOpenFail::SynRetransmitted,
        }
    }
}

/// An idle connection has neither these nor probes, as a rule: one byte says so.
impl FastOpenMarks {
    pub(super) fn pack_with(self, probes: u8, bytes: &mut Vec<u8>) {
        u16::from_be_bytes([probes, self.0]).pack(bytes);
    }

    pub(super) fn unpack_with(bytes: &mut &[u8]) -> (FastOpenMarks, u8) {
        let [probes, marks] = u16::unpack(bytes).to_be_bytes();
        (FastOpenMarks(marks), probes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_failure_leaves_the_marks_alone() {
        let all = [
            FastOpenMarks::USED,
            FastOpenMarks::SYN_DATA,
            FastOpenMarks::PROBES,
        ];
        for set in all {
            let mut marks = FastOpenMarks::default();
            marks.set(set);
            for fail in [
                FastOpenFail::SynRetransmitted,
                FastOpenFail::CookieUnavailable,
                FastOpenFail::DataNotAcknowledged,
                FastOpenFail::None,
            ] {
                marks.fail(fail);
                assert_eq!(marks.failure(), fail);
                assert_eq!(all.map(|mark| marks.has(mark)), all.map(|mark| mark == set));
            }
        }
    }
}
