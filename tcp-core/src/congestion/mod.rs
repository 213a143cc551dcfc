//! Congestion control: a trait of its own, with no way back into the connection.
//!
//! A [`Controller`] is told what was sent, delivered and lost, and says how much may be in the
//! network ([`window`](Controller::window)) and, if it has an opinion, at which rate
//! ([`pacing_rate`](Controller::pacing_rate)). Which data is lost, what is sent again, and how a
//! reduction is spread over a round trip is the connection's affair.

mod bbr;
mod controller;
mod cubic;
mod hystart;
mod object;
mod reno;
mod sample;

pub use bbr::Bbr;
pub use controller::{Controller, ControllerObject};
pub use cubic::{Cubic, CubicOptions};
pub(crate) use object::BoxedController;
pub use object::ControllerFactory;
pub use reno::Reno;
pub use sample::{
    AckSample, CongestionEvent, CongestionSignal, LostSample, RateSample, Repeated, SentSample,
};

pub use crate::state::Phase;
