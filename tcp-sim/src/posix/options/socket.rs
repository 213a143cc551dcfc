//! Options of SOL_SOCKET.

use std::time::Duration;

use tcp_core::{Instant, State};

use super::value::{int, int_within, linger, linger_bytes, timeval, timeval_bytes};
use crate::posix::constants::{
    IPPROTO_TCP, SO_ACCEPTCONN, SO_BROADCAST, SO_DEBUG, SO_DOMAIN, SO_DONTROUTE, SO_ERROR,
    SO_KEEPALIVE, SO_LINGER, SO_MAX_PACING_RATE, SO_OOBINLINE, SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF,
    SO_RCVBUFFORCE, SO_RCVLOWAT, SO_RCVTIMEO, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF,
    SO_SNDBUFFORCE, SO_SNDLOWAT, SO_SNDTIMEO, SO_TIMESTAMPING, SO_TYPE, SO_ZEROCOPY, SOCK_STREAM,
    SOF_TIMESTAMPING_OPT_CMSG, SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_OPT_ID_TCP,
    SOF_TIMESTAMPING_OPT_TSONLY, SOF_TIMESTAMPING_SOFTWARE,
};
use crate::posix::errno::Errno;
use crate::posix::error_queue::TX_FLAGS;
use crate::posix::file::FileId;
use crate::posix::host::Host;

/// The least that SO_RCVBUF and SO_SNDBUF come to (`SOCK_MIN_RCVBUF`, `SOCK_MIN_SNDBUF`).
const LEAST_RECV: u32 = 2_304;
const LEAST_SEND: u32 = 4_608;

/// The bits of SO_TIMESTAMPING that there are.
const TIMESTAMPING: u32 = TX_FLAGS
    | SOF_TIMESTAMPING_SOFTWARE
    | SOF_TIMESTAMPING_OPT_ID
    | SOF_TIMESTAMPING_OPT_CMSG
    | SOF_TIMESTAMPING_OPT_TSONLY
    | SOF_TIMESTAMPING_OPT_ID_TCP;

impl Host {
    pub(super) fn set_socket_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
        value: &[u8],
    ) -> Result<(), Errno> {
        // Linux reads an int before it looks at the name.
        let number = int(value)?;
        let is_on = number != 0;
        let (rmem_max, wmem_max) = (self.sysctls.rmem_max, self.sysctls.wmem_max);
        let settings = &mut self.descriptors.socket_mut(file)?.settings;
        match name {
            SO_REUSEADDR => settings.reuse_address = is_on,
            SO_REUSEPORT => settings.reuse_port = is_on,
            SO_OOBINLINE => settings.urgent_inline = is_on,
            SO_BROADCAST => settings.broadcast = is_on,
            SO_DONTROUTE => settings.dont_route = is_on,
            SO_DEBUG => settings.debug = is_on,
            SO_PRIORITY => settings.priority = number,
            SO_ZEROCOPY => settings.zerocopy = int_within(value, 0, 1)? != 0,
            SO_TIMESTAMPING => self.set_timestamping(now, file, as_unsigned(number))?,
            SO_RCVLOWAT => {
                let wanted = u32::try_from(number).unwrap_or(i32::MAX.unsigned_abs());
                settings.recv_low_water = wanted.max(1);
                self.look_again(now, file);
            }
            SO_RCVTIMEO => settings.recv_timeout = timeval(value)?,
            SO_SNDTIMEO => settings.send_timeout = timeval(value)?,
            SO_SNDBUF => self.set_send_buffer(now, file, as_unsigned(number).min(wmem_max))?,
            SO_SNDBUFFORCE => self.set_send_buffer(now, file, forced(number))?,
            SO_RCVBUF => self.set_recv_buffer(now, file, as_unsigned(number).min(rmem_max))?,
            SO_RCVBUFFORCE => self.set_recv_buffer(now, file, forced(number))?,
            SO_MAX_PACING_RATE => {
                // A number of 32 bits whose greatest is none, or one of 64.
                let rate = match value.first_chunk() {
                    Some(bytes) => u64::from_ne_bytes(*bytes),
                    None if number == -1 => u64::MAX,
                    None => as_unsigned(number).into(),
                };
                settings.max_pacing_rate = rate;
                let bound = (rate != u64::MAX).then_some(rate);
                self.with_connection(now, file, |connection| {
                    connection.set_max_pacing_rate(bound)
                });
            }
            SO_KEEPALIVE => {
                settings.keep_alive = is_on;
                self.apply_keep_alive(now, file);
            }
            SO_LINGER => {
                let linger = linger(value)?;
                settings.linger = linger;
                let resets = linger.filter(Duration::is_zero);
                self.with_connection(now, file, |connection| connection.set_linger(resets));
            }
            SO_TYPE | SO_ERROR | SO_ACCEPTCONN | SO_DOMAIN | SO_PROTOCOL | SO_SNDLOWAT => {
                return Err(Errno::ENOPROTOOPT);
            }
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    pub(super) fn socket_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
        room: usize,
    ) -> Result<Vec<u8>, Errno> {
        let (send_buffer, recv_buffer) = self.buffers(now, file);
        let socket = self.descriptors.socket_mut(file)?;
        let listens = socket.is_listening();
        let settings = &socket.settings;
        let number = match name {
            SO_REUSEADDR => settings.reuse_address.into(),
            SO_REUSEPORT => settings.reuse_port.into(),
            SO_OOBINLINE => settings.urgent_inline.into(),
            SO_BROADCAST => settings.broadcast.into(),
            SO_DONTROUTE => settings.dont_route.into(),
            SO_DEBUG => settings.debug.into(),
            SO_PRIORITY => settings.priority,
            SO_KEEPALIVE => settings.keep_alive.into(),
            SO_ZEROCOPY => settings.zerocopy.into(),
            SO_TIMESTAMPING => settings.timestamping as i32,
            SO_RCVLOWAT => settings.recv_low_water as i32,
            SO_SNDLOWAT => 1,
            SO_TYPE => SOCK_STREAM,
            SO_DOMAIN => socket.domain.number(),
            SO_PROTOCOL => IPPROTO_TCP,
            SO_ACCEPTCONN => listens.into(),
            SO_ERROR => match socket.take_error() {
                Err(errno) => errno.number(),
                Ok(()) => self.take_soft_error(now, file).map_or(0, Errno::number),
            },
            SO_MAX_PACING_RATE if room >= 8 => {
                return Ok(settings.max_pacing_rate.to_ne_bytes().to_vec());
            }
            SO_MAX_PACING_RATE => {
                u32::try_from(settings.max_pacing_rate).unwrap_or(u32::MAX) as i32
            }
            SO_LINGER => return Ok(linger_bytes(settings.linger)),
            SO_RCVTIMEO => return Ok(timeval_bytes(settings.recv_timeout)),
            SO_SNDTIMEO => return Ok(timeval_bytes(settings.send_timeout)),
            SO_SNDBUF => settings.send_buffer.unwrap_or(send_buffer) as i32,
            SO_RCVBUF => settings.recv_buffer.unwrap_or(recv_buffer) as i32,
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(number.to_ne_bytes().to_vec())
    }

    /// What the network has complained of, which SO_ERROR tells where there is nothing worse
    /// (`sk_err_soft`).
    fn take_soft_error(&mut self, now: Instant, file: FileId) -> Option<Errno> {
        let id = self.descriptors.socket(file).ok()?.connection()?;
        let error = self.stack.connection(now, id)?.take_soft_error()?;
        Some(error.into())
    }

    /// SO_TIMESTAMPING (`sock_set_timestamping`): bytes are counted from the moment at which that is asked for.
    fn set_timestamping(&mut self, now: Instant, file: FileId, flags: u32) -> Result<(), Errno> {
        let by_written = flags & SOF_TIMESTAMPING_OPT_ID_TCP != 0;
        let counts = flags & SOF_TIMESTAMPING_OPT_ID != 0;
        if flags & !TIMESTAMPING != 0 || (by_written && !counts) {
            return Err(Errno::EINVAL);
        }
        let is_open = self
            .state(now, file)
            .is_some_and(|state| state != State::Closed);
        let progress = self.send_progress(now, file);
        let socket = self.descriptors.socket_mut(file)?;
        if counts && socket.settings.timestamping & SOF_TIMESTAMPING_OPT_ID == 0 {
            if !is_open {
                return Err(Errno::EINVAL);
            }
            socket.error_queue.count_from(if by_written {
                progress.written
            } else {
                progress.acknowledged
            });
        }
        socket.settings.timestamping = flags;
        Ok(())
    }

    /// How large the buffers are that nobody has set: the sysctls' default at first, and what they have
    /// grown to later. Of the receive buffer half can be offered.
    fn buffers(&mut self, now: Instant, file: FileId) -> (u32, u32) {
        let ([_, send, _], [_, recv, _]) = (self.sysctls.tcp_wmem, self.sysctls.tcp_rmem);
        let socket = self.descriptors.socket(file);
        let id = socket.ok().and_then(|socket| socket.connection());
        let Some(connection) = id.and_then(|id| self.stack.connection(now, id)) else {
            return (send, recv);
        };
        let info = connection.info();
        let bytes = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        (
            bytes(info.send_buffer),
            bytes(2 * info.recv_buffer).max(recv),
        )
    }

    /// Twice what is asked for: Linux counts bookkeeping as well.
    fn set_send_buffer(&mut self, now: Instant, file: FileId, size: u32) -> Result<(), Errno> {
        let size = doubled(size).max(LEAST_SEND);
        self.descriptors.socket_mut(file)?.settings.send_buffer = Some(size);
        let socket = self.descriptors.socket(file)?;
        let size = self.configuration(socket, socket.domain).send_buffer();
        self.with_connection(now, file, |connection| connection.set_send_buffer(size));
        Ok(())
    }

    fn set_recv_buffer(&mut self, now: Instant, file: FileId, size: u32) -> Result<(), Errno> {
        let size = doubled(size).max(LEAST_RECV);
        self.descriptors.socket_mut(file)?.settings.recv_buffer = Some(size);
        self.apply_recv_buffer(now, file)
    }

    pub(super) fn apply_recv_buffer(&mut self, now: Instant, file: FileId) -> Result<(), Errno> {
        let socket = self.descriptors.socket(file)?;
        let (size, _) = self.configuration(socket, socket.domain).recv_buffer();
        self.with_connection(now, file, |connection| connection.set_recv_buffer(size));
        Ok(())
    }

    pub(super) fn apply_keep_alive(&mut self, now: Instant, file: FileId) {
        if let Ok(socket) = self.descriptors.socket(file) {
            let keep_alive = self.configuration(socket, socket.domain).keep_alive();
            self.with_connection(now, file, |connection| {
                connection.set_keep_alive(keep_alive);
            });
        }
    }

    /// What counts as readable has changed.
    fn look_again(&mut self, now: Instant, file: FileId) {
        let there = self.events_of(now, file);
        self.wake(file, there);
    }
}

const fn as_unsigned(number: i32) -> u32 {
    u32::from_ne_bytes(number.to_ne_bytes())
}

/// What a privileged user asks for: nothing bounds it but the type.
fn forced(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn doubled(size: u32) -> u32 {
    // As Linux, so that the double still is an int; and no more than the core can offer.
    size.min((1 << 30) / 2) * 2
}

/// Checks an `int` and keeps what it means; for options of TCP and IP.
pub(super) fn within(value: &[u8], least: i32, most: i32) -> Result<u32, Errno> {
    int_within(value, least, most).map(as_unsigned)
}
