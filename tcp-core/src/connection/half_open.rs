//! A passive open before the handshake is complete: a small record, no buffers.

use super::{Connection, Setup};
use crate::config::ValidConfig;
use crate::stats::Counters;
use crate::time::Instant;
use crate::wire::{Header, Segment};

/// A connection in SYN-RECEIVED that came from LISTEN. It answers the peer's SYN, sends the SYN-ACK
/// again when the peer is silent, and becomes a [`Connection`] when the final ACK arrives.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HalfOpen {
    setup: Setup,
}

/// What a segment did to a half-open connection.
#[must_use]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum HalfOpenOutcome {
    /// Nothing to do.
    Ignore,
    /// Send this and stay.
    Reply(Header),
    /// The peer reset it, or sent what a handshake cannot hold: forget it, and send the header if
    /// there is one.
    Drop(Option<Header>),
    /// The handshake is complete. If there is room, call [`HalfOpen::promote`] and give the new
    /// connection this same segment; if not, ignore the segment (the SYN-ACK is sent again).
    Complete,
}

/// What a timeout did to a half-open connection.
#[must_use]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum HalfOpenTimeout {
    /// It was not due.
    NotDue,
    /// Send the SYN-ACK again.
    Retransmit(Header),
    /// The peer never answered: forget it.
    Expired,
}

impl HalfOpen {
    /// The record for a SYN that arrived at a listener. `syn` has SYN and neither ACK nor RST.
    pub fn new(now: Instant, config: &ValidConfig, setup: Setup, syn: &Segment<'_>) -> HalfOpen {
        let _ = (now, config, syn);
        HalfOpen { setup }
    }

    /// The SYN-ACK, for the first time; starts the retransmission timer.
    pub fn syn_ack(&mut self, now: Instant, config: &ValidConfig) -> Header {
        let _ = (now, config);
        todo!()
    }

    /// A segment arrived on its four-tuple.
    pub fn handle_segment(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        counters: &mut Counters,
    ) -> HalfOpenOutcome {
        let _ = (now, segment, counters);
        todo!()
    }

    /// Retransmits or expires if due.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        config: &ValidConfig,
        counters: &mut Counters,
    ) -> HalfOpenTimeout {
        let _ = (now, config, counters);
        todo!()
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// The connection, in SYN-RECEIVED: give it the segment that completed the handshake.
    pub fn promote(&self, now: Instant, config: ValidConfig) -> Connection {
        let _ = (now, config);
        todo!()
    }
}
