//! Passive opens: accept.

use tcp_core::{AcceptError, Instant};

use super::call::{Accept, Kind, Outcome, Patience};
use super::constants::{SOCK_CLOEXEC, SOCK_NONBLOCK};
use super::descriptor::Object;
use super::errno::Errno;
use super::file::{Blocking, FileId, OnExec};
use super::host::Host;
use super::messages::Reply;
use super::settings::Settings;
use super::socket::{Association, Name, NameOrigin, Socket, Stage};

impl Host {
    /// `accept(2)`.
    ///
    /// # Errors
    ///
    /// EBADF, ENOTSOCK; EINVAL for a socket that does not listen; EAGAIN; EMFILE, ENFILE.
    pub fn accept(&mut self, now: Instant, fd: i32) -> Outcome {
        self.accept4(now, fd, 0)
    }

    /// `accept4(2)`, with SOCK_NONBLOCK and SOCK_CLOEXEC for the new descriptor.
    ///
    /// # Errors
    ///
    /// Those of [`accept`](Host::accept), and EINVAL for other flags.
    pub fn accept4(&mut self, now: Instant, fd: i32, flags: i32) -> Outcome {
        match self.start_accept(fd, flags) {
            Ok((accept, patience)) => self.begin(now, Kind::Accept(accept), patience),
            Err(errno) => Outcome::Done(Err(errno)),
        }
    }

    fn start_accept(&self, fd: i32, flags: i32) -> Result<(Accept, Patience), Errno> {
        if flags & !(SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
            return Err(Errno::EINVAL);
        }
        let file = self.descriptors.socket_id(fd)?;
        let timeout = self.descriptors.socket(file)?.settings.recv_timeout;
        let patience = Patience::of(self.descriptors.file(file)?.blocking, timeout);
        Ok((Accept { file, flags }, patience))
    }

    /// Whether there is a connection to accept, or no use in waiting for one.
    pub(super) fn may_accept(&self, file: FileId) -> bool {
        match self.descriptors.socket(file).map(|socket| socket.stage) {
            Ok(Stage::Listening(listener)) => self.stack.accept_queue_len(listener) > 0,
            Ok(Stage::Closed | Stage::Connection(_)) | Err(_) => true,
        }
    }

    pub(super) fn try_accept(
        &mut self,
        now: Instant,
        accept: &Accept,
    ) -> Option<Result<Reply, Errno>> {
        let socket = match self.descriptors.socket(accept.file) {
            Ok(socket) => socket,
            Err(errno) => return Some(Err(errno)),
        };
        // The descriptor is found before anything is asked of the socket, as Linux does.
        let room = match self.descriptors.room() {
            Ok(room) => room,
            Err(errno) => return Some(Err(errno)),
        };
        let Stage::Listening(listener) = socket.stage else {
            return Some(Err(Errno::EINVAL));
        };
        let (domain, settings) = (socket.domain, socket.settings.clone());
        let id = match self.stack.accept(listener) {
            Ok(id) => id,
            Err(AcceptError::WouldBlock) => return None,
            Err(AcceptError::NoSuchListener) => return Some(Err(Errno::EINVAL)),
        };
        let connection = self.stack.connection(now, id)?;
        let (local, remote) = (connection.local_addr(), connection.remote_addr());
        drop(connection);
        let mut socket = Socket::new(domain);
        socket.settings = Settings {
            fast_open_queue: 0,
            ..settings
        };
        socket.stage = Stage::Connection(id);
        socket.association = Association::Connected;
        let blocking = Blocking::unless(accept.flags & SOCK_NONBLOCK != 0);
        let on_exec = OnExec::of(accept.flags & SOCK_CLOEXEC != 0);
        let object = Object::Socket(Box::new(socket));
        let (fd, file) = (self.descriptors).open(room, object, blocking, on_exec);
        self.owners.insert(id, file);
        let name = Name {
            ip: local.ip(),
            port: local.port(),
            origin: NameOrigin::Bound,
        };
        self.name(file, name);
        self.apply_settings(now, file);
        let peer = domain.show(remote);
        Some(Ok(Reply::Accepted { fd, peer }))
    }
}
