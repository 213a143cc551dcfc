//! The states, and how fast and how full each of them runs.

/// Where the probing of the path stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum State {
    /// The rate doubles each round trip until the path is full.
    Startup,
    /// The queue that Startup made is emptied.
    Drain,
    /// ProbeBW: slower than the path, to empty the queue and to leave room.
    Down,
    /// ProbeBW: as fast as the path.
    Cruise,
    /// ProbeBW: one round trip to fill the pipe before Up, so that a loss means something.
    Refill,
    /// ProbeBW: faster than the path, to see whether there is more.
    Up,
    /// Little in the network for a moment, to see the path's delay without a queue of ours.
    ProbeRtt,
}

impl State {
    /// The pacing rate, in hundredths of the bandwidth.
    pub(super) fn pacing_gain(self) -> u64 {
        match self {
            State::Startup => STARTUP_PACING_GAIN,
            State::Drain => 50,
            State::Down => 90,
            State::Cruise | State::Refill | State::ProbeRtt => 100,
            State::Up => 125,
        }
    }

    /// The window, in hundredths of the bandwidth-delay product.
    pub(super) fn cwnd_gain(self) -> u64 {
        match self {
            State::Up => 225,
            State::ProbeRtt => PROBE_RTT_CWND_GAIN,
            _ => 200,
        }
    }

    pub(super) fn is_probe_bw(self) -> bool {
        matches!(
            self,
            State::Down | State::Cruise | State::Refill | State::Up
        )
    }

    /// Whether more than the known bandwidth is being tried: losses of such a round say nothing
    /// against that bandwidth.
    pub(super) fn is_accelerating(self) -> bool {
        matches!(self, State::Startup | State::Refill | State::Up)
    }
}

/// 4 ln 2, in hundredths: the least with which the rate can double in a round trip.
pub(super) const STARTUP_PACING_GAIN: u64 = 277;
/// In hundredths of the bandwidth-delay product.
pub(super) const PROBE_RTT_CWND_GAIN: u64 = 50;
