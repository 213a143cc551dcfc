//! Whose the connections and listeners of each host are.

use std::collections::BTreeMap;

use tcp_core::{ConnectionId, ListenerId};

use crate::app::Role;
use crate::record::NodeId;

/// Which flow each connection and each listener belongs to.
#[derive(Clone, Debug)]
pub(super) struct Owners {
    connections: Vec<BTreeMap<ConnectionId, (usize, Role)>>,
    listeners: Vec<BTreeMap<ListenerId, usize>>,
}

impl Owners {
    pub(super) fn new(hosts: usize) -> Owners {
        Owners {
            connections: vec![BTreeMap::new(); hosts],
            listeners: vec![BTreeMap::new(); hosts],
        }
    }

    pub(super) fn add(&mut self, host: NodeId, id: ConnectionId, flow: usize, role: Role) {
        self.connections[host.0].insert(id, (flow, role));
    }

    pub(super) fn remove(&mut self, host: NodeId, id: ConnectionId) {
        self.connections[host.0].remove(&id);
    }

    pub(super) fn listens(&mut self, host: NodeId, listener: ListenerId, flow: usize) {
        self.listeners[host.0].insert(listener, flow);
    }

    /// How many flows listen on a host.
    pub(super) fn listeners(&self, host: NodeId) -> usize {
        self.listeners[host.0].len()
    }

    /// Whose connection this is; `None` once it is closed.
    pub(super) fn of(&self, host: NodeId, id: ConnectionId) -> Option<(usize, Role)> {
        self.connections[host.0].get(&id).copied()
    }

    pub(super) fn of_listener(&self, host: NodeId, listener: ListenerId) -> Option<usize> {
        self.listeners[host.0].get(&listener).copied()
    }
}
