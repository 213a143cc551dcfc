//! Which congestion control runs.

use alloc::boxed::Box;

use crate::congestion::{Bbr, Controller, ControllerFactory, Cubic, CubicOptions, Reno};

/// Which congestion control a connection runs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CongestionAlgorithm {
    /// Reno, RFC 5681.
    Reno,
    /// CUBIC, RFC 9438, with HyStart++, RFC 9406.
    Cubic(CubicOptions),
    /// BBR version 3, draft-ietf-ccwg-bbr.
    Bbr,
    /// The user's own.
    Custom(ControllerFactory),
}

impl CongestionAlgorithm {
    /// CUBIC with all its parts: the default, as Linux's.
    pub const CUBIC: CongestionAlgorithm = CongestionAlgorithm::Cubic(CubicOptions {
        hystart: true,
        fast_convergence: true,
        mark_backoff: true,
    });

    /// The algorithm that `TCP_CONGESTION` calls `reno`, `cubic` or `bbr`.
    pub fn by_name(name: &str) -> Option<CongestionAlgorithm> {
        match name {
            "reno" => Some(CongestionAlgorithm::Reno),
            "cubic" => Some(CongestionAlgorithm::CUBIC),
            "bbr" => Some(CongestionAlgorithm::Bbr),
            _ => None,
        }
    }

    /// Whether it is one of ours, and so makes the same of the same numbers.
    pub(crate) fn is_built_in(&self) -> bool {
        !matches!(self, CongestionAlgorithm::Custom(_))
    }

    /// A controller in its initial state, for segments of `mss` bytes and an initial window of
    /// `initial_window` bytes.
    pub fn build(&self, mss: u32, initial_window: u32) -> Box<dyn Controller> {
        match self {
            CongestionAlgorithm::Reno => Box::new(Reno::new(mss, initial_window)),
            CongestionAlgorithm::Cubic(options) => {
                Box::new(Cubic::new(mss, initial_window, *options))
            }
            CongestionAlgorithm::Bbr => Box::new(Bbr::new(mss, initial_window)),
            CongestionAlgorithm::Custom(factory) => factory.build(mss, initial_window),
        }
    }
}
