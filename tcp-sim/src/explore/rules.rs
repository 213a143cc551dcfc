//! What must hold in every state.

use tcp_core::seq::SeqNumber;
use tcp_core::{Instant, State, TcpInfo};

use super::end::End;
use super::machine::{Machine, Packet};
use super::network::Parcel;
use crate::Side;
use crate::oracle::{Violation, check_health, check_info, rule};

/// Larger than any packet of an exploration.
const MTU: u16 = 1_500;

/// Checks a segment that `side` sends against what the other side has sent, up to `peer_sent`.
pub(super) fn check_sent(
    side: Side,
    packet: &Packet,
    peer_sent: Option<SeqNumber>,
) -> Result<(), Violation> {
    let Some(ack) = packet.header.ack else {
        return Ok(());
    };
    let sent = peer_sent.is_some_and(|end| ack.distance_from(end) <= 0);
    rule!(
        sent,
        "{side:?} acknowledges {}, beyond what the other side has sent",
        ack.get()
    );
    Ok(())
}

/// Checks an end that has nothing more to send for now, by itself. Broken invariants of the
/// connection panic.
pub(super) fn check_end<M: Machine>(
    side: Side,
    now: Instant,
    end: &End<M>,
) -> Result<(), Violation> {
    let Some(connection) = end.machine.connection() else {
        return Ok(());
    };
    connection.assert_invariants();
    let info = connection.info(now);
    let named = |violation: Violation| Violation(format!("{side:?}: {violation}"));
    check_health(connection, &info).map_err(named)?;
    check_info(&info, MTU).map_err(named)
}

/// Checks what an end did when its deadline came: with work unfinished it must speak, or move on,
/// and a retransmission timeout must send some of the stream again. Else it would only wait for
/// ever, from deadline to deadline.
pub(super) fn check_timeout(
    side: Side,
    before: &TcpInfo,
    after: &TcpInfo,
    sent: &[Parcel],
) -> Result<(), Violation> {
    let state = after.tcpi_state;
    if state != before.tcpi_state {
        return Ok(());
    }
    let has_work = after.unacked_bytes > 0 || after.tcpi_notsent_bytes > 0;
    rule!(
        !has_work || !sent.is_empty(),
        "stall: {side:?} in {state} has something to say, and lets its deadline pass without a word"
    );
    let has_timed_out = after.tcpi_retransmits > before.tcpi_retransmits;
    let repeats = sent.iter().any(|parcel| parcel.sequence_len() > 0);
    rule!(
        !has_timed_out || repeats,
        "stall: {side:?} in {state} counts a retransmission, and sends nothing again"
    );
    Ok(())
}

/// Checks an end that has changed against the other one.
pub(super) fn check_pair<M: Machine>(
    side: Side,
    end: &End<M>,
    peer: &End<M>,
) -> Result<(), Violation> {
    let written = peer.app.written_bytes();
    rule!(
        end.app.read_bytes() <= written,
        "{side:?} has read {} bytes where {written} were written",
        end.app.read_bytes()
    );
    let (own, other) = (&end.view, &peer.view);
    let Some(state) = own.state.filter(|state| state.is_synchronized()) else {
        return Ok(());
    };
    rule!(
        peer.sent.is_some(),
        "{side:?} is synchronized with a peer that has said nothing"
    );
    if own.incarnation != other.incarnation {
        // One of them is ahead, with the next connection.
        return Ok(());
    }
    rule!(
        other.state != Some(State::SynSent),
        "{side:?} is in {state} with a peer in SYN-SENT, which has not seen its SYN"
    );
    rule!(
        own.acknowledged <= other.received,
        "{side:?} takes {} bytes for acknowledged, and {} have arrived",
        own.acknowledged,
        other.received
    );
    Ok(())
}
