//! The states of RFC 9293 §3.3.2.

use core::fmt;

use crate::pack::packs;

/// Where a connection stands (RFC 9293 §3.3.2, figure 5).
///
/// LISTEN is not here: a listener is not a connection. CLOSED means that the connection has ended
/// and only what the user has not fetched yet is left of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum State {
    /// We sent a SYN and wait for the peer's.
    SynSent,
    /// Both SYNs were seen; ours is not acknowledged.
    SynReceived,
    /// Data flows both ways.
    Established,
    /// We closed; our FIN is not acknowledged.
    FinWait1,
    /// We closed, our FIN is acknowledged; the peer still sends.
    FinWait2,
    /// The peer closed; we still send.
    CloseWait,
    /// Both closed at once; our FIN is not acknowledged.
    Closing,
    /// The peer closed, then we did; our FIN is not acknowledged.
    LastAck,
    /// Both closed and both FINs are acknowledged; old segments may still be under way.
    TimeWait,
    /// There is no connection.
    #[default]
    Closed,
}

packs!(
    enum State {
        SynSent,
        SynReceived,
        Established,
        FinWait1,
        FinWait2,
        CloseWait,
        Closing,
        LastAck,
        TimeWait,
        Closed,
    }
);

impl State {
    /// Whether both SYNs have been acknowledged (RFC 9293 §3.5.3's "synchronized states").
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, State::SynSent | State::SynReceived | State::Closed)
    }

    /// Whether data of ours, or our FIN, may be sent or sent again.
    pub const fn may_transmit(self) -> bool {
        matches!(
            self,
            State::Established
                | State::CloseWait
                | State::FinWait1
                | State::Closing
                | State::LastAck
        )
    }

    /// Whether the peer's stream may still bring data.
    pub const fn may_receive(self) -> bool {
        matches!(self, State::Established | State::FinWait1 | State::FinWait2)
    }
}

impl fmt::Display for State {
    /// The name as `ss` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECV",
            State::Established => "ESTAB",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
            State::Closed => "UNCONN",
        })
    }
}

/// Where the repair of losses stands when an acknowledgement has been processed (`TCP_CA_*` of
/// Linux).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Phase {
    /// Nothing is being repaired.
    #[default]
    Open,
    /// The network has marked packets (ECN), or a tail loss was repaired by its probe: the window is
    /// being reduced, and nothing is lost.
    Reduction,
    /// Losses found by acknowledgements are being repaired.
    Recovery,
    /// The retransmission timer expired, and what was outstanding then is not yet acknowledged.
    Loss,
}

packs!(
    enum Phase {
        Open,
        Reduction,
        Recovery,
        Loss,
    }
);

/// What has become of a fast open that a client tried (`enum tcp_fastopen_client_fail`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum FastOpenFail {
    /// Nothing wrong, or none tried.
    #[default]
    None,
    /// There was no cookie yet.
    CookieUnavailable,
    /// The SYN-ACK did not acknowledge the data.
    DataNotAcknowledged,
    /// The SYN had to be sent again, and its data with the handshake's end.
    SynRetransmitted,
}
