//! Every schedule of a small conversation, and not a sample of them.
//!
//! [`explore`] takes a [`Scenario`] (two machines, what their applications do, how it must end)
//! and tries every order in which things can happen, up to a number of faults. It answers with the
//! number of distinct states, or with the shortest way to a state that breaks a rule.
//!
//! # What can happen
//!
//! Each direction of the network is a queue, and a set of *stragglers*. Without a fault, the oldest
//! segment of either queue arrives, any straggler arrives, an application takes the next step of
//! its script, or, when nothing of all that is possible, time passes to the next deadline. Each
//! fault costs one of the budget:
//!
//! - *drop*: the oldest segment is lost;
//! - *duplicate*: it arrives, and a copy of it stays under way as a straggler;
//! - *detain*: it becomes a straggler itself, so that any number of later segments and of deadlines
//!   may come before it: reordering and delay of every extent;
//! - *hurry*: the next deadline comes although an application could act: the application was slower
//!   than the timer;
//! - *stranger*: a segment of an earlier connection of the same four-tuple arrives, an old duplicate.
//!   Its sequence number is, by chance, the one that the side has acknowledged everything before, so
//!   it lies in the window; its acknowledgement is one beyond all that the side has ever sent; it
//!   carries a byte that was never written on this connection. RFC 9293 §3.10.7.4 wants it answered
//!   with an acknowledgement and dropped, and while the handshake is not done with a reset. A side
//!   that has not heard from its peer yet gets a SYN-ACK with such an acknowledgement. Strangers come
//!   to a side that has spoken and not ended, and once to each side in a schedule.
//!
//! In a [scenario with an attacker](Scenario::attacked), beside the faults and once in a schedule:
//!
//! - *inject*: a forged segment arrives at a side that has spoken and not ended: RST, SYN, FIN, a bare ACK or a byte that was
//!   never written, with a sequence number at RCV.NXT, one before or after it, at the right edge, one before or after it, far
//!   behind or half the space away; and no acknowledgement, or one of SND.UNA, SND.NXT, the number after, half the space
//!   away, or longer ago than a window. Left out are the right guesses: RST with exactly RCV.NXT; a sequence
//!   number in the window together with an acceptable acknowledgement; text not acknowledged yet, or last, whose acknowledgement is new; to SYN-SENT, what
//!   acknowledges its SYN, and a SYN that crosses it; the SYN-ACK of a simultaneous open; to who holds only a record (SYN-RECEIVED of a listener, TIME-WAIT), SYN.
//!
//! Only the oldest segment suffers the first three. Nothing is lost by that: what happens to a
//! segment is not noticed before it would have been the next one to arrive, and then it is the
//! oldest.
//!
//! # Time
//!
//! The clock stands still but when a deadline comes, and then it moves to the earliest deadline of
//! both sides, if it is not there already. It does not move while a segment is queued. So a
//! schedule without faults is one of a network whose delays are far below every timer, and each
//! segment that is slower than a timer is detained, and paid for. States hold absolute time: two of
//! them are the same only if the same time has passed in both, which may count a state twice and
//! never takes two for one.
//!
//! # What is a broken rule
//!
//! After each action: what [`oracle`](crate::oracle) says of a connection, and its own invariants;
//! nothing is acknowledged that was not sent, and no side takes for acknowledged what has not
//! arrived; what is read is what was written; a side with something left to say has a deadline, and
//! when it comes says something, or is in another state. Where nothing can happen any more, the
//! conversation must have come to its [`Ending`]. A panic breaks a rule, too.
//!
//! # Orders that come to the same
//!
//! While a segment is queued to a side, all that can happen at that side is independent of the
//! other: the other can neither change what is first in the queue, nor end what is possible here,
//! nor move the clock; and it notices what happens here only at the back of its own queue. So what
//! happens at that side next may be moved before all that happens at the other until then, with the
//! same result at both, and the search tries these orders alone (a persistent set of partial order
//! reduction; faults are counted over the whole schedule, which moving them does not change). Every
//! state that one side can be in is still reached, and every ending. Where a rule is found broken,
//! a second search through all orders finds the shortest way to it.
//!
//! Stragglers have no order among themselves, and of two that are alike one is tried.
//!
//! # What is worked out once
//!
//! A state is two ends, what lies between them, the time, and what the network may still do. A
//! million states have some tens of thousands of ends, so what an end does at a time when something
//! happens to it is worked out once and remembered, and states share ends and segments. What is
//! remembered is bounded, and worked out again when it was forgotten.
//!
//! States and ends are recognised by a 128-bit hash of everything that decides what happens next.
//! Among a billion the chance of taking one for another is below 10^-20. A state that was looked
//! at costs 24 bytes or a little more: its hash, and from which state by which action it was reached.
//!
//! All cores search, level by level, and the report does not depend on how many they are: see
//! [`Bounds::threads`].

mod action;
mod app;
mod digest;
mod end;
mod ending;
mod forgery;
mod host;
mod machine;
mod network;
mod panics;
mod presets;
mod report;
mod rules;
mod scenario;
mod schedule;
mod search;
mod seen;
mod trace;
mod turn;
mod world;

pub use action::{Action, NotAnAction};
pub use host::Host;
pub use machine::{Machine, Packet};
pub use panics::silence_caught_panics;
pub use presets::{
    close, handshake, large_segments, preset, presets, reset, simultaneous_close,
    simultaneous_open, time_wait_reuse, transfer, zero_window,
};
pub use report::{Bounds, Progress, Report};
pub use scenario::{Attacker, Ending, Scenario, Start, Step};
pub use schedule::{Schedule, ScheduleError};
pub use search::{explore, explore_observed};
pub use trace::{Counterexample, Impossible, Playback, TraceStep, play};
