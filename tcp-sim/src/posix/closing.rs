//! Ends: shutdown and close.

use std::time::Duration;

use tcp_core::{ConnectionId, Instant, Shutdown, State};

use super::call::{Kind, Outcome, Patience};
use super::constants::{SHUT_RD, SHUT_RDWR, SHUT_WR};
use super::descriptor::{File, Object};
use super::errno::Errno;
use super::file::FileId;
use super::host::{ANYTHING, Host};
use super::messages::Reply;
use super::socket::{Association, Socket, Stage};

impl Host {
    /// `shutdown(2)`. SHUT_RD lets reads end once what is there has been read; what comes later can be
    /// read as well, as on Linux, until our own stream has ended: then it is answered by RST.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK; EINVAL for another way to shut down; ENOTCONN.
    pub fn shutdown(&mut self, now: Instant, fd: i32, how: i32) -> Result<(), Errno> {
        let file = self.descriptors.socket_id(fd)?;
        let how = match how {
            SHUT_RD => Shutdown::Read,
            SHUT_WR => Shutdown::Write,
            SHUT_RDWR => Shutdown::Both,
            _ => return Err(Errno::EINVAL),
        };
        let state = self.state(now, file).unwrap_or(State::Closed);
        let socket = self.descriptors.socket_mut(file)?;
        if socket.association == Association::Connecting {
            socket.association = match state {
                State::SynSent | State::SynReceived | State::Closed => Association::Dissolving,
                _ => Association::Connected,
            };
        }
        let result = match (socket.stage, state) {
            (Stage::Listening(_), _) if how == Shutdown::Write => Ok(()),
            (Stage::Listening(_), _) | (_, State::SynSent) => {
                socket.association = Association::None;
                self.disconnect(now, file);
                Ok(())
            }
            (_, State::Closed) => {
                socket.shut(how);
                Err(Errno::ENOTCONN)
            }
            (Stage::Connection(id), _) => {
                socket.shut(how);
                // It may have been shut before there was a connection.
                let recv_shut = socket.recv_shut;
                if let Some(mut connection) = self.stack.connection(now, id) {
                    if recv_shut {
                        connection.refuse_text();
                    }
                    if how != Shutdown::Read {
                        connection.shutdown(Shutdown::Write);
                    }
                }
                Ok(())
            }
            (Stage::Closed, _) => unreachable!("without a connection the state is CLOSED"),
        };
        self.wake(file, ANYTHING);
        self.settle(now);
        result
    }

    /// `close(2)`. With SO_LINGER it sleeps until what was sent is acknowledged, or the time is over; the
    /// descriptor is free at once.
    ///
    /// # Errors
    ///
    /// EBADF.
    pub fn close(&mut self, now: Instant, fd: i32) -> Outcome {
        let outcome = match self.descriptors.close(fd) {
            Ok(Some((id, file))) => self.release(now, id, file),
            Ok(None) => Outcome::Done(Ok(Reply::Closed)),
            Err(errno) => Outcome::Done(Err(errno)),
        };
        self.settle(now);
        outcome
    }

    /// The last descriptor of a file is gone.
    fn release(&mut self, now: Instant, id: FileId, file: File) -> Outcome {
        for watcher in self.watchers.remove(&id).unwrap_or_default() {
            if let Ok(set) = self.descriptors.epoll_mut(watcher) {
                set.forget(id);
            }
        }
        match file.object {
            Object::Socket(socket) => {
                if let Some(name) = socket.name {
                    self.unname(id, name);
                }
                self.release_socket(now, &socket)
            }
            Object::Epoll(_) => {
                self.watchers.retain(|_, watchers| {
                    watchers.remove(&id);
                    !watchers.is_empty()
                });
                Outcome::Done(Ok(Reply::Closed))
            }
        }
    }

    /// `tcp_close`: RST where data is unread or SO_LINGER is zero, else FIN.
    fn release_socket(&mut self, now: Instant, socket: &Socket) -> Outcome {
        match socket.stage {
            Stage::Closed => {}
            Stage::Listening(listener) => {
                self.listeners.remove(&listener);
                self.stack.close_listener(now, listener);
            }
            Stage::Connection(id) => {
                self.owners.remove(&id);
                let linger = socket.settings.linger.filter(|linger| !linger.is_zero());
                return self.end(now, id, linger);
            }
        }
        Outcome::Done(Ok(Reply::Closed))
    }

    fn end(&mut self, now: Instant, id: ConnectionId, linger: Option<Duration>) -> Outcome {
        if let Some(mut connection) = self.stack.connection(now, id)
            && linger.is_some()
            && connection.unread() == 0
        {
            connection.shutdown(Shutdown::Write);
        } else {
            self.abandon(now, id);
        }
        self.begin(now, Kind::Close(id), Patience::For(linger))
    }

    /// Whether a FIN of ours waits for its acknowledgement (`sk_stream_closing`).
    pub(super) fn is_closing(&mut self, now: Instant, id: ConnectionId) -> bool {
        self.stack.connection(now, id).is_some_and(|connection| {
            matches!(
                connection.state(),
                State::FinWait1 | State::Closing | State::LastAck
            )
        })
    }

    pub(super) fn try_close(
        &mut self,
        now: Instant,
        id: ConnectionId,
    ) -> Option<Result<Reply, Errno>> {
        if self.is_closing(now, id) {
            return None;
        }
        self.abandon(now, id);
        Some(Ok(Reply::Closed))
    }

    /// Leaves a connection to the stack, which finishes it.
    pub(super) fn abandon(&mut self, now: Instant, id: ConnectionId) {
        if let Some(connection) = self.stack.connection(now, id) {
            connection.close();
        }
    }
}
