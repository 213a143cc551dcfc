//! What is there on a file, as poll and epoll tell it (`tcp_poll`).

use tcp_core::{Instant, State};

use super::constants::{
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRNORM,
};
use super::file::{FileId, Watched};
use super::host::Host;
use super::socket::{Stage, is_opening, state_of};

const READ: u32 = EPOLLIN | EPOLLRDNORM;
const WRITE: u32 = EPOLLOUT | EPOLLWRNORM;

impl Host {
    /// The events that are there. Asking a socket that has no room makes it tell when it has
    /// (`SOCK_NOSPACE`).
    pub(super) fn events_of(&mut self, now: Instant, file: FileId) -> u32 {
        let is_epoll = self.descriptors.epoll(file).is_ok();
        match is_epoll {
            true if self.has_events(now, file) => READ,
            true => 0,
            false => self.socket_events(now, file),
        }
    }

    fn socket_events(&mut self, now: Instant, file: FileId) -> u32 {
        let Ok(socket) = self.descriptors.socket(file) else {
            return 0;
        };
        let id = match socket.stage {
            Stage::Listening(listener) if self.stack.accept_queue_len(listener) > 0 => return READ,
            Stage::Listening(_) => return 0,
            Stage::Closed => None,
            Stage::Connection(id) => Some(id),
        };
        let low_water = socket.settings.recv_low_water as usize;
        let inline = socket.settings.urgent_inline;
        let (mut recv_shut, mut send_shut) = (socket.recv_shut, socket.send_shut);
        let fails = socket.error.is_some() || !socket.error_queue.is_empty();
        let mut events = if fails { EPOLLERR } else { 0 };
        let mut state = State::Closed;
        let (mut unread, mut writable) = (0, true);
        let (mut urgent, mut target) = (false, low_water);
        let (mut opening, mut deferred) = (false, false);
        if let Some(mut connection) = id.and_then(|id| self.stack.connection(now, id)) {
            state = state_of(&connection);
            opening = is_opening(&connection);
            deferred = connection.is_syn_deferred();
            recv_shut |= connection.has_peer_finished();
            send_shut |= connection.has_finished();
            unread = connection.unread();
            if let Some(mark) = connection.urgent() {
                // What is read by MSG_OOB alone does not make the stream readable.
                target += usize::from(mark.ahead == 0 && !inline);
                urgent = mark.octet.is_some() && !mark.taken;
            }
            writable = connection.is_writable();
            if !writable {
                connection.want_room();
            }
            if state == State::Closed {
                (recv_shut, send_shut) = (true, true);
            }
        }
        if state == State::Closed || (recv_shut && send_shut) {
            events |= EPOLLHUP;
        }
        if recv_shut {
            events |= READ | EPOLLRDHUP;
        }
        if deferred {
            // The first write lets the SYN go.
            events |= WRITE;
        }
        if !opening {
            if unread >= target {
                events |= READ;
            }
            if urgent {
                events |= EPOLLPRI;
            }
            if send_shut || writable {
                events |= WRITE;
            }
        }
        events
    }

    /// Whether a wait on an epoll file would tell of anything.
    pub(super) fn has_events(&mut self, now: Instant, set: FileId) -> bool {
        let masks = self.masks(now, set);
        let Ok(set) = self.descriptors.epoll(set) else {
            return true;
        };
        let mut masks = masks.iter();
        masks.any(|(watched, mask)| set.matching(*watched, *mask) != 0)
    }

    /// What is there of each item on an epoll set's ready list.
    pub(super) fn masks(&mut self, now: Instant, set: FileId) -> Vec<(Watched, u32)> {
        let candidates = self.descriptors.epoll(set).map(|set| set.candidates());
        let candidates = candidates.unwrap_or_default().into_iter();
        candidates
            .map(|watched| (watched, self.events_of(now, watched.file)))
            .collect()
    }
}
