//! One end of a connection, and who holds it.

use std::net::SocketAddr;

use tcp_core::{Connection, ConnectionId, TcpInfo};

use super::streams::Place;
use crate::oracle::{Conduct, InfoHistory, Violation, check_health, check_info};

/// What is remembered of one end of a connection.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) conduct: Conduct,
    pub(super) user: Option<User>,
    /// Whether it is on the list of those to look at.
    pub(super) is_touched: bool,
    /// Whether no other connection between the same addresses has come after it.
    pub(super) is_latest: bool,
}

/// The user of a connection.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: ConnectionId,
    pub(super) place: Place,
    /// Whether the user has ended the peer's stream, or something else has cut it off: what is read
    /// then is short of what was written.
    pub(super) is_cut_off: bool,
    history: InfoHistory,
    looks: u32,
}

/// How often the core's own checks run, which take time: always where assertions are on, else once
/// in so many looks.
const INVARIANTS_EVERY: u32 = if cfg!(debug_assertions) { 1 } else { 64 };

impl End {
    pub(super) fn new(local: SocketAddr, remote: SocketAddr) -> End {
        End {
            local,
            remote,
            conduct: Conduct::default(),
            user: None,
            is_touched: false,
            is_latest: true,
        }
    }
}

impl User {
    pub(super) fn new(id: ConnectionId, place: Place) -> User {
        User {
            id,
            place,
            is_cut_off: false,
            history: InfoHistory::default(),
            looks: 0,
        }
    }

    /// Judges the connection by what it says of itself, now that it has been drained.
    pub(super) fn look_at(
        &mut self,
        connection: &Connection,
        info: &TcpInfo,
        mtu: u16,
    ) -> Result<(), Violation> {
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(INVARIANTS_EVERY) {
            connection.assert_invariants();
        }
        check_info(info, mtu)?;
        self.history.check(info)?;
        check_health(connection, info)
    }
}
