//! What connections hold is noted whenever something has touched them, and bounded.

use super::Stack;
use super::holdings::Held;
use crate::config::Limits;
use crate::connection::{Headroom, State};

impl Stack {
    /// Bytes that the buffers of all connections hold, as [`MemoryLimits`](crate::MemoryLimits) counts them.
    pub fn memory(&self) -> usize {
        self.holdings.total()
    }

    /// Whether so much is held that buffers do not grow any more.
    pub fn is_under_memory_pressure(&self) -> bool {
        !self.holdings.headroom().is_plenty()
    }

    /// Changes the limits. Connections are ended at once where buffers hold more than the new ones leave; where there
    /// are too many of something else, that holds for those to come.
    pub fn set_limits(&mut self, limits: Limits) {
        self.settle_touched();
        self.config.limits = limits;
        self.judge_memory();
        self.relieve();
    }

    /// Changes how many connections may be in TIME-WAIT (`net.ipv4.tcp_max_tw_buckets`); those that are there
    /// stay until another comes.
    pub fn set_max_time_wait(&mut self, most: usize) {
        self.config.max_time_wait = most;
    }

    /// Whether there may be one more connection; counts it where there may not.
    pub(super) fn admits_connection(&mut self) -> bool {
        let limits = &self.config.limits;
        if self.connections.len() >= limits.connections {
            self.counters.too_many_connections += 1;
            return false;
        }
        if !self.holdings.admits_connections(&limits.memory) {
            self.counters.refused_for_memory += 1;
            return false;
        }
        true
    }

    /// Whether all listeners together have as many half-open connections as they may.
    pub(super) fn has_too_many_half_open(&self) -> bool {
        self.half_opens.len() >= self.config.limits.half_open
    }

    /// What a connection is to know before anything that may make its buffers grow.
    #[inline]
    pub(super) fn headroom(&self) -> Headroom {
        self.holdings.headroom()
    }

    /// Notes what the connection holds, and ends those that hold the most where that is more than may be.
    #[cold]
    pub(super) fn take_stock(&mut self, index: u32) {
        let had_plenty = self.headroom().is_plenty();
        self.note_held(index);
        if had_plenty && !self.headroom().is_plenty() {
            self.cool_all();
        }
        self.relieve();
    }

    /// The user has closed the connection: where it still has to send or wait, it is an orphan, and ended if
    /// there are too many.
    pub(super) fn note_orphan(&mut self, index: u32) {
        let Some(entry) = self.connections.get_mut(index) else {
            return;
        };
        let state = entry.resident.state();
        if entry.orphaned || matches!(state, State::Closed | State::TimeWait) {
            return;
        }
        entry.orphaned = true;
        self.counters.orphans += 1;
        if self.counters.orphans > self.config.limits.orphans as u64 {
            self.end_for_memory(index);
        }
    }

    /// Ends those that hold the most, until no more is held than may be.
    fn relieve(&mut self) {
        while self.holdings.is_over(&self.config.limits.memory)
            && let Some(worst) = self.holdings.worst()
        {
            self.end_for_memory(worst);
        }
    }

    /// To be called when a connection may have given memory back, or is gone.
    pub(super) fn note_held(&mut self, index: u32) {
        let Some(entry) = self.connections.get_mut(index) else {
            return;
        };
        let (held, bytes) = (entry.held, entry.resident.memory());
        if held.bytes == bytes {
            return;
        }
        let (now_held, moved) = self.holdings.note(index, held, bytes);
        entry.held = now_held;
        if let Some(moved) = moved.and_then(|moved| self.connections.get_mut(moved)) {
            moved.held = moved.held.in_place_of(held);
        }
        self.judge_memory();
    }

    /// The connection is gone, and what it held with it.
    #[inline]
    pub(super) fn forget_holdings(&mut self, index: u32, held: Held, orphaned: bool) {
        self.counters.orphans -= u64::from(orphaned);
        if held.bytes == 0 {
            return;
        }
        let (_, moved) = self.holdings.note(index, held, 0);
        if let Some(moved) = moved.and_then(|moved| self.connections.get_mut(moved)) {
            moved.held = moved.held.in_place_of(held);
        }
        self.judge_memory();
    }

    fn judge_memory(&mut self) {
        let has_begun = self.holdings.judge(&self.config.limits.memory);
        self.counters.memory_pressures += u64::from(has_begun);
    }

    fn end_for_memory(&mut self, index: u32) {
        if let Some(entry) = self.connections.get_mut(index) {
            let connection = entry.resident.rouse();
            connection.end_for_memory(&mut self.counters);
        }
        self.note_held(index);
        self.settle(index);
    }
}
