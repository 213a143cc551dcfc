//! Options that a user changes while the connection lives, and what its user may wait for.

use core::time::Duration;

use super::machine::Connection;
use crate::error::SoftError;
use crate::state::State;

/// How far a stream has come, in bytes since the connection began: `acknowledged <= sent <= written`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SendProgress {
    /// Acknowledged by the peer.
    pub acknowledged: u64,
    /// Sent at least once.
    pub sent: u64,
    /// Written by the user.
    pub written: u64,
}

impl Connection {
    /// Asks for [`Writable`](crate::ConnectionEvent::Writable) once it is [worth
    /// while](Connection::is_writable) to write, as a write that found too little room does
    /// (`SOCK_NOSPACE`).
    pub fn want_room(&mut self) {
        self.user.wants_room = true;
    }

    /// Whether the peer has ended its stream, and all of it has arrived.
    pub fn has_peer_finished(&self) -> bool {
        self.rcv.has_ended()
    }

    /// Whether the user has ended our stream: nothing more can be written.
    pub fn has_finished(&self) -> bool {
        self.snd.fin.is_some()
    }

    /// Nobody will read what arrives once our own stream has ended: it is answered by RST there, as Linux does
    /// after `shutdown(SHUT_RD)`. What arrives before that can be read.
    pub fn refuse_text(&mut self) {
        self.user.refuses_text = true;
    }

    /// How far what was written has come.
    pub fn send_progress(&self) -> SendProgress {
        // The first byte has the offset 1; our FIN is none of them.
        let written = self.snd.buffer.end().saturating_sub(1);
        let bytes = |offset: u64| offset.saturating_sub(1).min(written);
        SendProgress {
            acknowledged: bytes(self.snd.una),
            sent: bytes(self.snd.nxt),
            written,
        }
    }

    /// Bytes written, our FIN included, that are not acknowledged (`SIOCOUTQ`).
    pub fn unacknowledged(&self) -> u64 {
        self.end_of_stream().saturating_sub(self.snd.una.max(1))
    }

    /// Bytes written, our FIN included, that have not been sent (`SIOCOUTQNSD`).
    pub fn unsent(&self) -> u64 {
        self.end_of_stream().saturating_sub(self.snd.nxt.max(1))
    }

    /// Bounds what may wait to be sent for the first time, in bytes (`TCP_NOTSENT_LOWAT`): a write
    /// takes no more, and a writer is woken below half of it. `None` leaves it to the send buffer.
    pub fn set_notsent_lowat(&mut self, bytes: Option<u32>) {
        self.options.notsent_lowat = bytes;
        self.note_room();
    }

    /// Says that more follows soon what was written last (`MSG_MORE`): a partial segment of it waits, up
    /// to 200 ms, for the next write, or an acknowledgement.
    pub fn expect_more(&mut self) {
        self.user.expects_more = true;
        if let Some(chunks) = &mut self.snd.chunks {
            chunks.expect_more();
        }
    }

    /// How long FIN-WAIT-2 lasts at most after [`close`](Connection::close) (`TCP_LINGER2`); zero resets
    /// instead.
    pub fn set_fin_timeout(&mut self, timeout: Duration) {
        self.options.fin_timeout = timeout;
    }

    /// Changes the TTL or hop limit, at least 1 (`IP_TTL`, `IPV6_UNICAST_HOPS`).
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.options.hop_limit = hop_limit.max(1);
    }

    /// Whether the user is told of soft errors (RFC 9293 SHLD-20): see
    /// [`SoftError`](crate::ConnectionEvent::SoftError).
    pub fn set_soft_errors(&mut self, told: bool) {
        self.options.soft_errors = told;
        if !told {
            self.events.soft_error = None;
        }
    }

    /// Takes what the network has complained of since the peer last acknowledged something new, whether the
    /// event of it was polled or not (`SO_ERROR` of a connection that lives). Whoever has taken it hears of a
    /// timeout, should there be one, as of any other. `None` where the user is [not
    /// told](Connection::set_soft_errors).
    pub fn take_soft_error(&mut self) -> Option<SoftError> {
        self.soft_error.take_if(|_| self.options.soft_errors)
    }

    /// Whether R1 retransmissions or more have gone unanswered, and nothing has been heard since (RFC 9293
    /// §3.8.3): [`Unresponsive`](crate::ConnectionEvent::Unresponsive) told of it.
    pub fn is_unresponsive(&self) -> bool {
        self.snd.retries >= self.config.retries1.max(1)
    }

    /// Acknowledges at once from now on, and what waits to be acknowledged as well, or lets
    /// acknowledgements wait again for data to carry them (`TCP_QUICKACK`). What happens on the
    /// connection may change it back, as on Linux.
    pub fn set_quick_ack(&mut self, quick: QuickAck) {
        match quick {
            QuickAck::On => {
                self.rcv.ack_policy.set_interactive(false);
                let acknowledges = self.state.is_synchronized() && self.state != State::TimeWait;
                if acknowledges && self.ack_offset() > self.rcv.acked {
                    self.pending.ack = true;
                }
            }
            QuickAck::Off => self.rcv.ack_policy.set_interactive(true),
        }
    }

    /// Whether acknowledgements go at once where Linux's would (`TCP_QUICKACK`).
    pub fn quick_ack(&self) -> QuickAck {
        if self.rcv.ack_policy.is_interactive() {
            QuickAck::Off
        } else {
            QuickAck::On
        }
    }

    /// Whether partial segments are held back for what follows them.
    pub(super) fn is_corked(&self) -> bool {
        self.options.corked || self.user.expects_more
    }

    /// The offset after the last byte written, and our FIN if there is one.
    fn end_of_stream(&self) -> u64 {
        self.snd.fin.map_or(self.snd.buffer.end(), |fin| fin + 1)
    }
}

/// Whether acknowledgements wait for data that could carry them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum QuickAck {
    /// They go at once.
    On,
    /// They wait a while.
    Off,
}
