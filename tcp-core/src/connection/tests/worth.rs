//! When a large segment is worth sending (Linux's `tcp_tso_should_defer`).

use super::*;
use crate::connection::decision::{Cutter, Shape};
use crate::connection::limit::Limit;
use crate::wire::WindowScale;

const PIECE: u64 = 1_460;
const GOAL: u64 = 5 * PIECE;
/// Rather more than is let go.
const MUCH: u64 = 20_000;

/// A large segment, which the device cuts.
fn large(end: &Connection, now: Instant) -> Shape {
    Shape {
        piece: PIECE,
        goal: GOAL,
        cutter: Cutter::Device,
        ..end.shape(now, Cutter::Device)
    }
}

/// The answer to who sends at this very moment, and has not paused.
fn ask(
    end: &mut Connection,
    unsent: u64,
    shape: &Shape,
    in_flight: u64,
    now: Instant,
) -> Result<(), Limit> {
    end.snd.last_sent = Some(now);
    end.check_worth(unsent, shape, in_flight, now)
}

#[test]
fn it_is_where_nothing_better_is_about_to_come() {
    let mut pair = quiet_pair(TcpConfig {
        timestamps: false,
        pacing: false,
        ..TcpConfig::default()
    });
    pair.write(0, 6 * PIECE as usize);
    pair.drain(0);
    let half = pair.ends[0].info(pair.now).tcpi_rtt / 2;
    let late = pair.now + half;
    let near = late - Duration::from_nanos(1);
    let end = &mut pair.ends[0];
    let mut shape = large(end, late);
    let cwnd = u64::from(end.cwnd());
    assert_eq!(cwnd, 10 * PIECE);
    // A third of the window is worth it (`tcp_tso_win_divisor`), a byte less is not.
    let (enough, short) = (cwnd - cwnd / 3, cwnd - cwnd / 3 + 1);
    let held = Err(Limit::Congestion);
    assert_eq!(ask(end, MUCH, &shape, enough, late), Ok(()));
    assert_eq!(ask(end, MUCH, &shape, short, late), held);
    // Half a round trip after the oldest was sent its acknowledgement is near, and not before.
    assert_eq!(ask(end, MUCH, &shape, short, near), Ok(()));
    // All that there is; one piece in any case.
    assert_eq!(ask(end, cwnd - short, &shape, short, late), Ok(()));
    assert_eq!(ask(end, PIECE, &shape, cwnd - 1, late), Ok(()));
    assert_eq!(ask(end, PIECE + 1, &shape, cwnd - 1, late), held);
    // Nothing would come back.
    assert_eq!(ask(end, MUCH, &shape, 0, late), Ok(()));
    // Who paused for more than a millisecond is not waited for.
    for (micros, expected) in [(1_000, held), (1_001, Ok(()))] {
        end.snd.last_sent = Some(late);
        let now = late + Duration::from_micros(micros);
        assert_eq!(end.check_worth(MUCH, &shape, short, now), expected);
    }
    // Who flushes, and what no device cuts, goes.
    end.pending.flush = true;
    assert_eq!(ask(end, MUCH, &shape, short, late), Ok(()));
    end.pending.flush = false;
    shape.cutter = Cutter::Caller;
    assert_eq!(ask(end, MUCH, &shape, short, late), Ok(()));
    shape.cutter = Cutter::Device;
    shape.goal = PIECE;
    assert_eq!(ask(end, MUCH, &shape, short, late), Ok(()));
}

#[test]
fn the_smaller_window_is_the_one_that_holds() {
    let mut pair = quiet_pair(TcpConfig {
        timestamps: false,
        pacing: false,
        ..TcpConfig::default()
    });
    pair.write(0, 3 * PIECE as usize);
    pair.drain(0);
    let late = pair.now + pair.ends[0].info(pair.now).tcpi_rtt;
    let end = &mut pair.ends[0];
    let shape = large(end, late);
    let (nxt, una, seq) = (end.snd.nxt, end.snd.una, end.rcv.nxt());
    // A third of the peer's window of 6,000 bytes, of which the flight leaves that much or a byte less.
    let window = WireWindow::new(6_000);
    end.snd
        .window
        .start(window, seq, una, WindowScale::clamped(0));
    for (room, expected) in [(2_000, Ok(())), (1_999, Err(Limit::PeerWindow))] {
        end.snd.nxt = una + 6_000 - room;
        assert_eq!(ask(end, MUCH, &shape, 3 * PIECE, late), expected, "{room}");
    }
    end.snd.nxt = nxt;
    // Where both leave as little, the peer's is named.
    end.snd.nxt = una + 6_000 - 1_000;
    let in_flight = u64::from(end.cwnd()) - 1_000;
    let held = Err(Limit::PeerWindow);
    assert_eq!(ask(end, MUCH, &shape, in_flight, late), held);
    assert_eq!(
        ask(end, MUCH, &shape, in_flight + 1, late),
        Err(Limit::Congestion)
    );
}
