//! TCP Fast Open as sockets have it: data in the SYN by `sendto`, and by the first write after a connect that waits
//! for it (`tcp_sendmsg_fastopen`, `tcp_fastopen_defer_connect`).

use tcp_core::{CookieNeed, Instant};

use super::address::Address;
use super::call::{Connect, Kind, Opening, Outcome, Patience, Send};
use super::errno::Errno;
use super::file::FileId;
use super::host::Host;
use super::messages::{Message, Reply, Source};
use super::send::rest_of;
use super::socket::{Association, Stage};

impl Host {
    /// A cookie is not needed where the socket says so.
    pub(super) fn cookie_need(&self, file: FileId) -> CookieNeed {
        let socket = self.descriptors.socket(file);
        match socket.is_ok_and(|socket| socket.settings.fast_open_no_cookie) {
            true => CookieNeed::NotNeeded,
            false => CookieNeed::Needed,
        }
    }

    /// Whether a socket's SYN waits for the first data.
    pub(super) fn is_deferred(&mut self, now: Instant, file: FileId) -> bool {
        let id = self.descriptors.socket(file).ok();
        let id = id.and_then(|socket| socket.connection());
        let connection = id.and_then(|id| self.stack.connection(now, id));
        connection.is_some_and(|connection| connection.is_syn_deferred())
    }

    /// Sends what fits into the SYN, and the rest after the handshake, which a blocking call waits for.
    pub(super) fn start_fast_send(
        &mut self,
        now: Instant,
        (file, patience): (FileId, Patience),
        message: &Message<'_>,
        flags: i32,
    ) -> Outcome {
        let outcome = match self.open_fast(now, file, message.name) {
            Ok(()) => self.fill_syn(now, (file, patience), message.iov, flags),
            Err(errno) => Outcome::Done(Err(errno)),
        };
        self.settle(now);
        outcome
    }

    /// A socket without a connection gets one, whose SYN may wait for data.
    fn open_fast(
        &mut self,
        now: Instant,
        file: FileId,
        name: Option<Address>,
    ) -> Result<(), Errno> {
        let unspecified = name == Some(Address::Unspecified);
        if !self.sysctls.connects_fast() || unspecified {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.is_deferred(now, file) {
            return Ok(());
        }
        let socket = self.descriptors.socket(file)?;
        match (socket.association, socket.stage) {
            (Association::None, Stage::Closed) => {
                let need = self.cookie_need(file);
                let name = name.ok_or(Errno::EINVAL)?;
                self.open(now, file, name, Some(need))
            }
            (Association::Connecting, _) => Err(Errno::EALREADY),
            (Association::Dissolving, _) => Err(Errno::EINVAL),
            (Association::Connected | Association::None, _) => Err(Errno::EISCONN),
        }
    }

    fn fill_syn(
        &mut self,
        now: Instant,
        (file, patience): (FileId, Patience),
        iov: &[Source<'_>],
        flags: i32,
    ) -> Outcome {
        let mut in_syn = 0;
        self.with_connection(now, file, |connection| {
            let room = connection.syn_room();
            let (bytes, then_fault) = rest_of(iov, 0);
            if bytes.is_empty() && then_fault {
                return connection.release_syn_without_data();
            }
            let bytes = &bytes[..room.min(bytes.len())];
            if connection.is_syn_deferred() && !bytes.is_empty() {
                in_syn = connection.write(bytes).unwrap_or(0);
            }
            if patience != Patience::None && !rest_of(iov, in_syn).0.is_empty() {
                connection.expect_more();
            }
            connection.release_syn();
        });
        if patience == Patience::None {
            return Outcome::Done(match in_syn {
                0 => Err(Errno::EINPROGRESS),
                _ => Ok(Reply::Sent(in_syn)),
            });
        }
        let (rest, then_fault) = rest_of(iov, in_syn);
        let send = Send {
            file,
            flags,
            taken: in_syn,
            rest,
            then_fault,
            opening: Opening::Fast,
        };
        self.sleep(now, Kind::Send(send), patience)
    }

    /// A call that has sent its data with the SYN goes on once the handshake is complete; its error, if that
    /// fails.
    pub(super) fn after_fast_open(
        &mut self,
        now: Instant,
        send: &mut Send,
    ) -> Option<Result<(), Errno>> {
        if send.opening == Opening::None {
            return Some(Ok(()));
        }
        let connect = Connect {
            file: send.file,
            pending: Errno::EINPROGRESS,
        };
        let result = self.try_connect(now, &connect)?;
        send.opening = Opening::None;
        Some(result.map(|_| ()))
    }
}
