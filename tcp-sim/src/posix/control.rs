//! Calls that look at or change a descriptor: fcntl, ioctl, dup.

use tcp_core::{Instant, State};

use super::constants::{
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, FIONBIO, O_NONBLOCK,
    O_RDWR, SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD,
};
use super::errno::Errno;
use super::file::{Blocking, OnExec};
use super::host::Host;
use super::socket::Stage;

impl Host {
    /// `fcntl(2)`: F_GETFL and F_SETFL (O_NONBLOCK), F_GETFD and F_SETFD (FD_CLOEXEC), F_DUPFD,
    /// F_DUPFD_CLOEXEC.
    ///
    /// # Errors
    ///
    /// EBADF; EINVAL for other commands; EMFILE.
    pub fn fcntl(&mut self, fd: i32, command: i32, argument: i32) -> Result<i32, Errno> {
        let id = self.descriptors.file_id(fd)?;
        match command {
            F_GETFL => {
                let blocking = self.descriptors.file(id)?.blocking;
                let fails = blocking == Blocking::Fails;
                Ok(O_RDWR | if fails { O_NONBLOCK } else { 0 })
            }
            F_SETFL => {
                let blocking = Blocking::unless(argument & O_NONBLOCK != 0);
                self.descriptors.file_mut(id)?.blocking = blocking;
                Ok(0)
            }
            F_GETFD => {
                let on_exec = self.descriptors.on_exec(fd)?;
                let closes = on_exec == OnExec::Close;
                Ok(if closes { FD_CLOEXEC } else { 0 })
            }
            F_SETFD => {
                let on_exec = OnExec::of(argument & FD_CLOEXEC != 0);
                self.descriptors.set_on_exec(fd, on_exec)?;
                Ok(0)
            }
            F_DUPFD => self.descriptors.duplicate(fd, argument, OnExec::Keep),
            F_DUPFD_CLOEXEC => self.descriptors.duplicate(fd, argument, OnExec::Close),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `dup(2)`.
    ///
    /// # Errors
    ///
    /// EBADF; EMFILE.
    pub fn dup(&mut self, fd: i32) -> Result<i32, Errno> {
        self.descriptors.duplicate(fd, 0, OnExec::Keep)
    }

    /// `ioctl(2)`: gives what Linux writes to where the argument points; `argument` is what is there.
    /// SIOCINQ (FIONREAD) tells bytes to read, SIOCOUTQ bytes not acknowledged, SIOCOUTQNSD bytes not
    /// sent, both with the FIN; SIOCATMARK whether the reader is at urgent data; FIONBIO sets O_NONBLOCK.
    ///
    /// # Errors
    ///
    /// EBADF; ENOTTY for other requests; EINVAL for a socket that listens.
    pub fn ioctl(
        &mut self,
        now: Instant,
        fd: i32,
        request: i32,
        argument: i32,
    ) -> Result<i32, Errno> {
        let id = self.descriptors.file_id(fd)?;
        if request == FIONBIO {
            self.descriptors.file_mut(id)?.blocking = Blocking::unless(argument != 0);
            return Ok(argument);
        }
        let socket = self.descriptors.socket(id).map_err(|_| Errno::ENOTTY)?;
        match (request, socket.stage) {
            (SIOCATMARK, _) => {}
            (SIOCINQ | SIOCOUTQ | SIOCOUTQNSD, Stage::Listening(_)) => return Err(Errno::EINVAL),
            (SIOCINQ | SIOCOUTQ | SIOCOUTQNSD, _) => {}
            _ => return Err(Errno::ENOTTY),
        }
        let (id, inline) = (socket.connection(), socket.settings.urgent_inline);
        let Some(connection) = id.and_then(|id| self.stack.connection(now, id)) else {
            return Ok(0);
        };
        if request == SIOCATMARK {
            let at_mark = connection.urgent().is_some_and(|urgent| urgent.ahead == 0);
            return Ok(at_mark.into());
        }
        if matches!(connection.state(), State::SynSent | State::SynReceived) {
            return Ok(0);
        }
        let bytes = match request {
            SIOCINQ => {
                let ahead = connection.urgent().filter(|_| !inline);
                let ahead = ahead.map_or(u64::MAX, |urgent| urgent.ahead);
                ahead.min(connection.unread() as u64)
            }
            SIOCOUTQ => connection.unacknowledged(),
            _ => connection.unsent(),
        };
        Ok(i32::try_from(bytes).unwrap_or(i32::MAX))
    }
}
