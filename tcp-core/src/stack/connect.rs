//! Active open: choosing a four-tuple that is free.

use core::net::{IpAddr, SocketAddr};

use super::Stack;
use super::connections::Origin;
use super::routes::Records;
use super::slab::SlotId;
use super::tuple::{FourTuple, is_unicast};
use crate::config::ValidConfig;
use crate::error::ConnectError;
use crate::time::Instant;

impl Stack {
    /// The four-tuple that a user's `connect` means (RFC 9293 §3.9.1.1).
    pub(super) fn free_tuple(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<FourTuple, ConnectError> {
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        if !is_unicast(remote.ip()) || remote.port() == 0 {
            return Err(ConnectError::InvalidRemote);
        }
        let local_ip = self.source_address(local.map(|local| local.ip()), remote.ip())?;
        let tuple = |port| FourTuple::new(SocketAddr::new(local_ip, port), remote);
        let port = local.map_or(0, |local| local.port());
        if port == 0 {
            let port = self.choose_port(local_ip, remote, |_| true);
            return port.and_then(tuple).ok_or(ConnectError::NoFreePort);
        }
        let tuple = tuple(port).ok_or(ConnectError::NoLocalAddress)?;
        if let Some(owner) = self.other_owner(tuple.local(), tuple.remote()) {
            return Err(ConnectError::OtherStack { owner });
        }
        match self.route(&tuple) {
            Some(_) => Err(ConnectError::AddressInUse),
            None => Ok(tuple),
        }
    }

    /// The address given, where it may be ours; else the first that is configured for the remote's
    /// family (RFC 9293 MUST-43, MUST-44).
    fn source_address(
        &self,
        local: Option<IpAddr>,
        remote: IpAddr,
    ) -> Result<IpAddr, ConnectError> {
        let is_of_family = |ip: &IpAddr| ip.is_ipv4() == remote.is_ipv4();
        let local = local.filter(|ip| !ip.is_unspecified());
        let address = match local.map(|ip| ip.to_canonical()) {
            Some(ip) => Some(ip).filter(|&ip| is_unicast(ip) && self.is_local(ip)),
            None => self.config.addresses.iter().copied().find(is_of_family),
        };
        address
            .filter(is_of_family)
            .ok_or(ConnectError::NoLocalAddress)
    }

    /// The stack that the flow between these addresses belongs to, if that is not this one.
    pub(super) fn other_owner(&self, local: SocketAddr, remote: SocketAddr) -> Option<u16> {
        self.shard?.other_owner(local, remote)
    }

    /// An ephemeral port (RFC 6056) that makes the flow ours, whose four-tuple is free, TIME-WAIT included, and on which
    /// nobody listens.
    pub(super) fn choose_port(
        &mut self,
        local: IpAddr,
        remote: SocketAddr,
        is_free: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let (demux, shard) = (&mut self.demux, self.shard);
        let records = Records {
            connections: &self.connections,
            half_opens: &self.half_opens,
            time_waits: &self.time_waits,
        };
        let mut is_unused = |port| {
            let local = SocketAddr::new(local, port);
            shard.is_none_or(|shard| shard.other_owner(local, remote).is_none())
                && !demux.has_listener_on_port(local.port(), Some(local.ip()))
                && FourTuple::new(local, remote).is_some_and(|tuple| {
                    let is_its = |record| records.is_of(record, &tuple);
                    demux.look(&tuple, is_its).is_none()
                })
        };
        let is_free = |port| is_free(port) && is_unused(port);
        self.ports
            .choose(self.config.ephemeral_ports, local, remote, is_free)
    }

    pub(super) fn open_actively(
        &mut self,
        now: Instant,
        tuple: FourTuple,
        config: ValidConfig,
    ) -> SlotId {
        let setup = self.setup(now, &tuple);
        let connection = self.spares.connect(now, config, setup);
        let key = self.insert_connection(connection, tuple, Origin::Connect, None);
        self.counters.active_opens += 1;
        self.settle(key.index);
        key
    }
}
