//! The interface between a connection and its congestion control.

use alloc::boxed::Box;
use core::any::Any;
use core::fmt;
use core::hash::Hasher;
use core::time::Duration;

use super::sample::{AckSample, CongestionEvent, LostSample, Repeated, SentSample};
use crate::time::Instant;

/// A congestion control algorithm: it turns acknowledgements and losses into a window.
///
/// Windows are bytes. The connection decides what was delivered and what was lost; the controller
/// decides how much may be in the network. Implement it, derive `Clone`, `PartialEq`, `Eq`, `Hash`
/// and `Debug`, and hand a [`ControllerFactory`](super::ControllerFactory) to
/// [`CongestionAlgorithm::Custom`](crate::CongestionAlgorithm::Custom).
///
/// For each acknowledgement the calls come in this order: `on_lost` for each segment that it shows
/// to be lost; `remember` and `on_congestion` if that is the first of a window of data; `on_ack`.
pub trait Controller: ControllerObject + fmt::Debug + Send + Sync + 'static {
    /// The algorithm's name, as `TCP_CONGESTION` would give it.
    fn name(&self) -> &'static str;

    /// The congestion window: bytes that may be in the network.
    fn window(&self) -> u32;

    /// The slow start threshold in bytes; `u32::MAX` before the first loss.
    fn ssthresh(&self) -> u32;

    /// The rate to send at, in bytes a second. `None` leaves it to the connection, which paces at
    /// twice the window in a round trip in slow start, and at 1.2 times after it.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }

    /// Bytes that may go out at once when sending is paced; `None` leaves it to the connection.
    fn send_quantum(&self) -> Option<u32> {
        None
    }

    /// Whether [`window`](Controller::window) holds while losses are repaired. The window of one that
    /// says no is, for the round trip after `on_congestion`, led down to `ssthresh` by Proportional
    /// Rate Reduction (RFC 9937).
    fn governs_recovery(&self) -> bool {
        false
    }

    /// A segment with data goes out.
    fn on_sent(&mut self, _sent: &SentSample) {}

    /// Data was delivered, or found lost: called for every such acknowledgement, also while losses
    /// are repaired. See [`AckSample::may_grow`].
    fn on_ack(&mut self, sample: &AckSample);

    /// A segment was found to be lost: by acknowledgements, or by the timer.
    fn on_lost(&mut self, _lost: &LostSample) {}

    /// A loss was found by acknowledgements, or packets were marked: called once for each window of
    /// data, when the reduction begins.
    fn on_congestion(&mut self, event: &CongestionEvent);

    /// The repair, or the reduction, is complete.
    fn on_recovery_end(&mut self, _now: Instant) {}

    /// The retransmission timer expired, for the first time in a row or again. `flight_size` is the
    /// bytes sent and not cumulatively acknowledged.
    fn on_timeout(&mut self, now: Instant, flight_size: u32, repeated: Repeated);

    /// A repair begins, and `on_congestion` or `on_timeout` follows: remember what
    /// [`restore`](Controller::restore) will need.
    fn remember(&mut self);

    /// What was found since the last [`remember`](Controller::remember) was no loss after all: the
    /// window and the threshold are to be no less than they were then (RFC 4015, RFC 3708).
    fn restore(&mut self, now: Instant);

    /// Nothing was in the network for `idle`, which exceeds the retransmission timeout `rto`
    /// (RFC 5681 §4.1, RFC 2861).
    fn on_idle(&mut self, now: Instant, idle: Duration, rto: Duration);

    /// For a whole retransmission timeout no more than `used` bytes were ever in the network: the
    /// rest of the window is unproven (RFC 2861 §3.1, RFC 7661).
    fn on_application_limited(&mut self, _now: Instant, _used: u32) {}

    /// The largest payload of a segment changed (path MTU). As in Linux, a window keeps its number of segments when they
    /// become smaller, and its bytes when they become larger, one segment at least.
    fn on_mss_change(&mut self, mss: u32);

    /// Begins anew, as if just made with these; says whether it does, so that no other need be made. It is asked of the
    /// algorithms that come with the crate alone: what a factory makes is the factory's to know.
    #[doc(hidden)]
    fn restart(&mut self, _mss: u32, _initial_window: u32) -> bool {
        false
    }

    /// It takes over from another controller, which had this window and this threshold.
    fn on_take_over(&mut self, window: u32, ssthresh: u32);
}

/// What lets a boxed [`Controller`] be cloned, compared and hashed; every type with the usual
/// derives has it.
pub trait ControllerObject {
    /// A boxed copy.
    fn clone_box(&self) -> Box<dyn Controller>;
    /// Whether `other` is of the same type and equal.
    fn eq_box(&self, other: &dyn Controller) -> bool;
    /// Feeds the state to `hasher`.
    fn hash_box(&self, hasher: &mut dyn Hasher);
    /// For the comparison of types.
    fn as_any(&self) -> &dyn Any;
}

impl<T> ControllerObject for T
where
    T: Controller + Clone + Eq + core::hash::Hash,
{
    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn eq_box(&self, other: &dyn Controller) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }

    fn hash_box(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
