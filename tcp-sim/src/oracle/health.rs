//! A connection at rest: it cannot stall, and what it says of itself makes sense.

use tcp_core::{Connection, State, TcpInfo};

use super::{Violation, rule};

/// Checks that a connection with work of its own to do has a deadline.
///
/// Call it when the connection has been drained. The network may lose whatever is under way, so
/// what counts is the connection's own timer: without one, unfinished work stays unfinished.
pub fn check_health(connection: &Connection, info: &TcpInfo) -> Result<(), Violation> {
    let state = info.tcpi_state;
    if state == State::Closed {
        return Ok(());
    }
    let work = if info.unacked_bytes > 0 {
        "unacknowledged data"
    } else if info.tcpi_notsent_bytes > 0 {
        "unsent data"
    } else {
        match state {
            State::SynSent | State::SynReceived => "an unfinished handshake",
            State::FinWait1 | State::Closing | State::LastAck => "an unacknowledged FIN",
            State::FinWait2 if connection.is_orphan() => "no user, and a peer that may be gone",
            State::TimeWait => "2 MSL to wait",
            _ => return Ok(()),
        }
    };
    rule!(
        connection.poll_timeout().is_some(),
        "stall: a connection in {state} with {work} has no deadline"
    );
    Ok(())
}

/// Checks one snapshot against itself and against an MTU.
pub fn check_info(info: &TcpInfo, mtu: u16) -> Result<(), Violation> {
    let unacked = info.unacked_bytes;
    let parts = [
        ("sacked_bytes", info.sacked_bytes),
        ("lost_bytes", info.lost_bytes),
        ("in_flight_bytes", info.in_flight_bytes),
    ];
    for (name, part) in parts {
        rule!(part <= unacked, "{name} {part} of {unacked} unacknowledged");
    }
    rule!(
        info.sacked_bytes + info.lost_bytes <= unacked,
        "{} bytes SACKed and {} lost of {unacked} unacknowledged",
        info.sacked_bytes,
        info.lost_bytes
    );
    let mss = info.tcpi_snd_mss;
    rule!(mss > 0, "tcpi_snd_mss is zero");
    rule!(
        mss < u32::from(mtu),
        "tcpi_snd_mss {mss} on an MTU of {mtu}"
    );
    rule!(
        info.tcpi_snd_cwnd >= mss,
        "tcpi_snd_cwnd {} is less than a segment",
        info.tcpi_snd_cwnd
    );
    rule!(
        info.tcpi_bytes_retrans <= info.tcpi_bytes_sent,
        "{} bytes sent again of {} sent",
        info.tcpi_bytes_retrans,
        info.tcpi_bytes_sent
    );
    rule!(
        info.tcpi_bytes_acked <= info.tcpi_bytes_sent - info.tcpi_bytes_retrans,
        "{} bytes acknowledged of {} sent, {} of them again",
        info.tcpi_bytes_acked,
        info.tcpi_bytes_sent,
        info.tcpi_bytes_retrans
    );
    rule!(
        info.unread_bytes as u64 <= info.tcpi_bytes_received,
        "{} bytes unread of {} received",
        info.unread_bytes,
        info.tcpi_bytes_received
    );
    rule!(
        info.tcpi_min_rtt <= info.tcpi_rtt || info.tcpi_rtt.is_zero(),
        "tcpi_min_rtt {:?} above tcpi_rtt {:?}",
        info.tcpi_min_rtt,
        info.tcpi_rtt
    );
    rule!(
        info.tcpi_data_segs_out <= info.tcpi_segs_out
            && info.tcpi_data_segs_in <= info.tcpi_segs_in,
        "more segments with data than segments"
    );
    Ok(())
}

/// Checks that what only grows does not shrink from one snapshot to the next.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct InfoHistory {
    last: Option<TcpInfo>,
}

impl InfoHistory {
    /// Takes the next snapshot of the same connection.
    pub fn check(&mut self, info: &TcpInfo) -> Result<(), Violation> {
        let counts = |info: &TcpInfo| {
            [
                ("tcpi_segs_out", info.tcpi_segs_out),
                ("tcpi_segs_in", info.tcpi_segs_in),
                ("tcpi_data_segs_out", info.tcpi_data_segs_out),
                ("tcpi_data_segs_in", info.tcpi_data_segs_in),
                ("tcpi_bytes_sent", info.tcpi_bytes_sent),
                ("tcpi_bytes_retrans", info.tcpi_bytes_retrans),
                ("tcpi_bytes_acked", info.tcpi_bytes_acked),
                ("tcpi_bytes_received", info.tcpi_bytes_received),
                ("tcpi_total_retrans", info.tcpi_total_retrans),
                ("tcpi_rcv_ooopack", info.tcpi_rcv_ooopack),
                ("tcpi_dsack_dups", info.tcpi_dsack_dups),
            ]
        };
        if let Some(last) = &self.last {
            for ((name, before), (_, after)) in counts(last).into_iter().zip(counts(info)) {
                rule!(before <= after, "{name} went from {before} back to {after}");
            }
            rule!(
                last.tcpi_state != State::Closed || info.tcpi_state == State::Closed,
                "a connection came back from CLOSED to {}",
                info.tcpi_state
            );
        }
        self.last = Some(info.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_core::{Instant, TcpConfig};

    fn info() -> TcpInfo {
        let config = TcpConfig::default()
            .validate()
            .expect("the defaults are valid");
        let setup = crate::script::LoneConnection::setup(1);
        let connection = Connection::connect(Instant::ZERO, config, setup);
        connection.info(Instant::ZERO)
    }

    #[test]
    fn numbers_that_cannot_be_are_found() {
        assert_eq!(check_info(&info(), 1_500), Ok(()));
        let spoil: [fn(&mut TcpInfo); 7] = [
            |info| info.sacked_bytes = info.unacked_bytes + 1,
            |info| info.in_flight_bytes = info.unacked_bytes + 1,
            |info| info.tcpi_snd_mss = 1_500,
            |info| info.tcpi_snd_cwnd = info.tcpi_snd_mss - 1,
            |info| info.tcpi_bytes_acked = info.tcpi_bytes_sent + 1,
            |info| info.unread_bytes = 1,
            |info| info.tcpi_data_segs_out = info.tcpi_segs_out + 1,
        ];
        for (index, spoil) in spoil.into_iter().enumerate() {
            let mut info = info();
            spoil(&mut info);
            assert!(check_info(&info, 1_500).is_err(), "number {index}");
        }
    }

    #[test]
    fn what_only_grows_may_not_shrink() {
        let mut history = InfoHistory::default();
        let mut info = info();
        info.tcpi_segs_in = 5;
        assert_eq!(history.check(&info), Ok(()));
        info.tcpi_segs_in = 4;
        assert!(history.check(&info).is_err());
        info.tcpi_state = State::Closed;
        info.tcpi_segs_in = 5;
        assert_eq!(history.check(&info), Ok(()));
        info.tcpi_state = State::Established;
        assert!(history.check(&info).is_err());
    }
}
