//! The oracles of a pair: which of them looks at what.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tcp_core::{ConnectionEvent, ConnectionId, Event, Instant};

use super::Side;
use super::host::Host;
use super::packet::TcpPacket;
use crate::oracle::{Conduct, InfoHistory, Ledger, Violation, check_health, check_info};

/// Everything that is remembered about the connections of a pair in order to judge them.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// By the side that is watched, its address and its peer's.
    conducts: BTreeMap<(Side, SocketAddr, SocketAddr), Conduct>,
    /// By the writer's address and the reader's.
    ledgers: BTreeMap<(SocketAddr, SocketAddr), Ledger>,
    /// The connections that a user holds.
    held: BTreeMap<(Side, ConnectionId), Held>,
}

/// A connection that a user holds.
#[derive(Clone, Debug)]
struct Held {
    local: SocketAddr,
    remote: SocketAddr,
    history: InfoHistory,
    /// Whether the user has ended the peer's stream, or something else has cut it off: what is
    /// read then is short of what was written.
    cut_off: bool,
}

impl Watch {
    /// A side sent this.
    pub fn sent(&mut self, side: Side, tcp: &TcpPacket) -> Result<(), Violation> {
        let conduct = self.conduct(side, tcp.src, tcp.dst);
        if conduct.is_reborn_by(&tcp.header) {
            *conduct = std::mem::take(conduct).reborn();
        }
        conduct.sent(&tcp.header, &tcp.payload)
    }

    /// This arrived at a side.
    pub fn handed(&mut self, side: Side, tcp: &TcpPacket) {
        self.conduct(side, tcp.dst, tcp.src)
            .handed(&tcp.header, tcp.payload.len());
    }

    /// A user has a connection from now on; what it writes is counted from zero.
    pub fn holds(&mut self, side: Side, id: ConnectionId, local: SocketAddr, remote: SocketAddr) {
        self.ledgers.insert((local, remote), Ledger::default());
        let held = Held {
            local,
            remote,
            history: InfoHistory::default(),
            cut_off: false,
        };
        self.held.insert((side, id), held);
    }

    /// Where a user's writes are kept.
    pub fn outgoing(&mut self, side: Side, id: ConnectionId) -> &mut Ledger {
        let held = &self.held[&(side, id)];
        self.ledgers.entry((held.local, held.remote)).or_default()
    }

    /// What a user may still read.
    pub fn incoming(&mut self, side: Side, id: ConnectionId) -> &mut Ledger {
        let held = &self.held[&(side, id)];
        self.ledgers.entry((held.remote, held.local)).or_default()
    }

    /// The user, or an error, has cut the peer's stream off.
    pub fn cuts_off(&mut self, side: Side, id: ConnectionId) {
        if let Some(held) = self.held.get_mut(&(side, id)) {
            held.cut_off = true;
        }
    }

    /// Whether the end of the stream must be the end of what was written.
    pub fn expects_whole_stream(&self, side: Side, id: ConnectionId) -> bool {
        self.held.get(&(side, id)).is_some_and(|held| !held.cut_off)
    }

    /// Looks at every connection that a user of this host holds.
    pub fn look_at(&mut self, side: Side, host: &mut Host, now: Instant) -> Result<(), Violation> {
        for event in host.fresh_events() {
            if let Event::Connection { id, event } = event
                && matches!(event, ConnectionEvent::Closed(Some(_)))
            {
                self.cuts_off(side, *id);
            }
        }
        let mtu = host.stack.config().mtu;
        let mut judgement = Ok(());
        self.held.retain(|(holder, id), held| {
            if *holder != side || judgement.is_err() {
                return true;
            }
            let Some(connection) = host.stack.connection(now, *id) else {
                return false;
            };
            let info = connection.info();
            judgement = check_info(&info, mtu)
                .and_then(|()| held.history.check(&info))
                .and_then(|()| check_health(&connection, &info));
            true
        });
        judgement
    }

    fn conduct(&mut self, side: Side, local: SocketAddr, remote: SocketAddr) -> &mut Conduct {
        self.conducts.entry((side, local, remote)).or_default()
    }
}
