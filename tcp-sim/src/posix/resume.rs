//! How a call that may block begins, sleeps, wakes and ends.

use tcp_core::{Instant, State};

use super::call::{Call, Kind, Opening, Outcome, Patience};
use super::errno::Errno;
use super::file::FileId;
use super::host::Host;
use super::messages::Reply;
use super::socket::state_of;

impl Host {
    /// Whether a call that sleeps has something to do: what it waits for has come, or its
    /// [deadline](Call::deadline).
    pub fn is_ready(&mut self, now: Instant, call: &Call) -> bool {
        call.deadline.is_some_and(|deadline| deadline <= now) || self.has_come(now, &call.kind)
    }

    /// Goes on with a call. One that is not [ready](Host::is_ready) sleeps on, and nothing is changed.
    pub fn resume(&mut self, now: Instant, call: Call) -> Outcome {
        let Call { mut kind, deadline } = call;
        let has_come = self.has_come(now, &kind);
        let attempt = has_come.then(|| self.attempt(now, &mut kind)).flatten();
        let is_over = deadline.is_some_and(|deadline| deadline <= now);
        let outcome = match attempt {
            Some(result) => Outcome::Done(result),
            None if is_over => Outcome::Done(self.give_up(now, kind)),
            None => Outcome::Blocked(Call { kind, deadline }),
        };
        self.settle(now);
        outcome
    }

    /// Begins a call.
    pub(super) fn begin(&mut self, now: Instant, mut kind: Kind, patience: Patience) -> Outcome {
        let outcome = match self.attempt(now, &mut kind) {
            Some(result) => Outcome::Done(result),
            None => self.sleep(now, kind, patience),
        };
        self.settle(now);
        outcome
    }

    /// A call that has done what it can for now sleeps, if it may.
    pub(super) fn sleep(&mut self, now: Instant, kind: Kind, patience: Patience) -> Outcome {
        if patience == Patience::None {
            return Outcome::Done(self.give_up(now, kind));
        }
        let deadline = patience.deadline(now);
        Outcome::Blocked(Call { kind, deadline })
    }

    /// Does what can be done now; `None` where it must wait.
    fn attempt(&mut self, now: Instant, kind: &mut Kind) -> Option<Result<Reply, Errno>> {
        match kind {
            Kind::Accept(accept) => self.try_accept(now, accept),
            Kind::Connect(connect) => self.try_connect(now, connect),
            Kind::Receive(receive) => self.try_receive(now, receive),
            Kind::Send(send) => self.try_send(now, send),
            Kind::Poll(fds) => self.try_poll(now, fds),
            Kind::EpollWait { set, most } => self.try_epoll_wait(now, *set, *most),
            Kind::Close(id) => self.try_close(now, *id),
        }
    }

    /// What a call returns that waits no longer.
    fn give_up(&mut self, now: Instant, kind: Kind) -> Result<Reply, Errno> {
        match kind {
            Kind::Accept(_) => Err(Errno::EAGAIN),
            Kind::Connect(connect) => Err(connect.pending),
            Kind::Receive(receive) if receive.taken() > 0 => Ok(self.received(now, receive)),
            Kind::Receive(_) => Err(Errno::EAGAIN),
            Kind::Send(send) if send.taken > 0 => {
                self.stamp_written(now, send.file);
                Ok(Reply::Sent(send.taken))
            }
            Kind::Send(send) if send.opening == Opening::Fast => Err(Errno::EINPROGRESS),
            Kind::Send(_) => Err(Errno::EAGAIN),
            Kind::Poll(fds) => Ok(Reply::Polled(fds)),
            Kind::EpollWait { .. } => Ok(Reply::Events(Vec::new())),
            Kind::Close(id) => {
                self.abandon(now, id);
                Ok(Reply::Closed)
            }
        }
    }

    /// Whether what a call waits for has come.
    fn has_come(&mut self, now: Instant, kind: &Kind) -> bool {
        match kind {
            Kind::Accept(accept) => self.may_accept(accept.file),
            Kind::Connect(connect) => !self.is_connecting(now, connect.file),
            Kind::Receive(receive) => self.may_receive(now, receive),
            Kind::Send(send) => self.may_send(now, send.file),
            Kind::Poll(fds) => fds.iter().any(|fd| self.poll_one(now, *fd).revents != 0),
            Kind::EpollWait { set, .. } => self.has_events(now, *set),
            Kind::Close(id) => !self.is_closing(now, *id),
        }
    }

    /// Whether the handshake of a socket is under way.
    pub(super) fn is_connecting(&mut self, now: Instant, file: FileId) -> bool {
        let state = self.state(now, file);
        matches!(state, Some(State::SynSent | State::SynReceived))
    }

    /// The state of a socket's connection; `None` without one.
    pub(super) fn state(&mut self, now: Instant, file: FileId) -> Option<State> {
        let id = self.descriptors.socket(file).ok()?.connection()?;
        let connection = self.stack.connection(now, id)?;
        Some(state_of(&connection))
    }
}
