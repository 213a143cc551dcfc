//! One end of a connection, and who holds it.

use std::net::SocketAddr;

use tcp_core::{Connection, ConnectionId, Instant, Stack, State, TcpInfo};

use super::Seen;
use super::streams::Place;
use crate::oracle::{Conduct, InfoHistory, Violation, check_health, check_info};
use crate::world::host::Host;

/// What is remembered of one end of a connection.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) conduct: Conduct,
    pub(super) user: Option<User>,
    /// The connection that the stack has here without a user: not accepted yet, or closed.
    unheld: Option<(ConnectionId, Checkup)>,
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
    checkup: Checkup,
}

/// What was seen of one connection so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkup {
    history: InfoHistory,
    looks: u32,
}

impl End {
    pub(super) fn new(local: SocketAddr, remote: SocketAddr) -> End {
        End {
            local,
            remote,
            conduct: Conduct::default(),
            user: None,
            unheld: None,
            is_touched: false,
            is_latest: true,
        }
    }

    /// What was seen of a connection before a user took it.
    pub(super) fn hand_over(&mut self, id: ConnectionId) -> Checkup {
        let unheld = self.unheld.take();
        let known = unheld.filter(|(known, _)| *known == id);
        known.map(|(_, checkup)| checkup).unwrap_or_default()
    }

    /// Judges what a host that has been drained has here, and tells of the user's connection. Gives
    /// the user when that one has closed.
    pub(super) fn look_at(
        &mut self,
        host: &mut Host,
        now: Instant,
        mut tell: impl FnMut(&Seen<'_>),
    ) -> Result<Option<User>, Violation> {
        let mtu = host.stack.config().mtu;
        let mut gone = None;
        if let Some(user) = &mut self.user {
            match host.stack.connection(now, user.id) {
                Some(connection) => {
                    let info = connection.info();
                    user.checkup.look_at(&connection, &info, mtu)?;
                    tell(&Seen {
                        id: user.id,
                        local: self.local,
                        remote: self.remote,
                        info: &info,
                    });
                    // Until it is over, there is no other between its addresses.
                    if !matches!(info.tcpi_state, State::TimeWait | State::Closed) {
                        return Ok(None);
                    }
                }
                None => {
                    self.unheld = Some((user.id, std::mem::take(&mut user.checkup)));
                    gone = self.user.take();
                }
            }
        }
        self.look_at_unheld(&host.stack, now)?;
        Ok(gone)
    }

    /// Judges the connection that the user does not hold.
    fn look_at_unheld(&mut self, stack: &Stack, now: Instant) -> Result<(), Violation> {
        let found = match self.is_latest {
            true => stack.connection_between(self.local, self.remote),
            false => None,
        };
        let is_users = |id| self.user.as_ref().is_some_and(|user| user.id == id);
        let Some((id, connection)) = found.filter(|(id, _)| !is_users(*id)) else {
            self.unheld = None;
            return Ok(());
        };
        let checkup = match &mut self.unheld {
            Some((known, checkup)) if *known == id => checkup,
            other => &mut other.insert((id, Checkup::default())).1,
        };
        checkup.look_at(&connection, &connection.info(now), stack.config().mtu)
    }
}

impl User {
    pub(super) fn new(id: ConnectionId, place: Place, checkup: Checkup) -> User {
        User {
            id,
            place,
            is_cut_off: false,
            checkup,
        }
    }
}

impl Checkup {
    /// Judges the connection by what it says of itself, now that it has been drained.
    fn look_at(
        &mut self,
        connection: &Connection,
        info: &TcpInfo,
        mtu: u16,
    ) -> Result<(), Violation> {
        self.looks = self.looks.wrapping_add(1);
        if cfg!(debug_assertions) || has_turn(self.looks) {
            connection.assert_invariants();
        }
        check_info(info, mtu)?;
        self.history.check(info)?;
        check_health(connection, info)
    }
}

/// Whether the core's own checks, which take time, run at this look, the first being 1, where
/// assertions are off: always in the life of a short connection, then now and again.
const fn has_turn(look: u32) -> bool {
    look <= 64 || look.is_multiple_of(64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Family, Side};
    use tcp_core::{ListenConfig, TcpConfig};

    const NOW: Instant = Instant::ZERO;

    /// Hands everything that either host has to say to the other.
    fn exchange(hosts: &mut [Host; 2]) {
        let [client, server] = hosts;
        loop {
            let (there, back) = (client.drain(NOW), server.drain(NOW));
            if there.is_empty() && back.is_empty() {
                return;
            }
            there.iter().for_each(|packet| server.receive(NOW, packet));
            back.iter().for_each(|packet| client.receive(NOW, packet));
        }
    }

    /// Looks at the end of a host, then at what it was before, which is one segment less: a
    /// connection that is looked at cannot hide that.
    #[track_caller]
    fn is_looked_at(end: &mut End, host: &mut Host, before: &mut Host, state: State) {
        assert_eq!(host.state_of(end.local, end.remote), Some(state));
        let mut look_at = |host: &mut Host| end.look_at(host, NOW, |_| panic!("it has no user"));
        assert!(look_at(host).is_ok());
        let Violation(found) = look_at(before).unwrap_err();
        assert!(found.contains("back to"), "{found}");
    }

    #[test]
    fn a_connection_without_a_user_is_looked_at() {
        let mut hosts = [Side::A, Side::B].map(|side| Host::new(side, 1_500, [1; 32]));
        let remote = Side::B.addr(Family::V4, 80);
        let listener = hosts[1].stack.listen(remote, ListenConfig::default());
        let tcp = TcpConfig::default().validate().unwrap();
        let client = hosts[0].stack.connect(NOW, None, remote, tcp).unwrap();
        exchange(&mut hosts);
        let [mut orphan, mut queue] = hosts;
        let mut before = orphan.clone();
        let connection = orphan.stack.connection(NOW, client).unwrap();
        let local = connection.local_addr();
        connection.close();
        let fin = orphan.drain(NOW);
        let mut end = End::new(local, remote);
        is_looked_at(&mut end, &mut orphan, &mut before, State::FinWait1);

        let mut before = queue.clone();
        fin.iter().for_each(|packet| queue.receive(NOW, packet));
        queue.drain(NOW);
        let mut end = End::new(remote, local);
        is_looked_at(&mut end, &mut queue, &mut before, State::CloseWait);

        // What was seen of it in the queue is remembered when a user takes it.
        let mut end = End::new(remote, local);
        assert!(end.look_at(&mut queue, NOW, |_| {}).is_ok());
        let id = queue.stack.accept(listener.unwrap()).unwrap();
        assert_eq!(end.hand_over(id).looks, 1);
    }

    #[test]
    fn short_lives_are_checked_at_every_look() {
        assert!((1..=64).all(has_turn));
        let later: Vec<_> = (65..=200).filter(|look| has_turn(*look)).collect();
        assert_eq!(later, [128, 192]);
    }
}
