//! Options of SOL_TCP.

use std::time::Duration;

use tcp_core::{CongestionAlgorithm, ConnectionMut, Instant, QuickAck, State};

use super::socket::within;
use super::value::int;
use crate::posix::constants::{
    TCP_CONGESTION, TCP_CORK, TCP_DEFER_ACCEPT, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT,
    TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE, TCP_INFO, TCP_INQ, TCP_KEEPCNT, TCP_KEEPIDLE,
    TCP_KEEPINTVL, TCP_LINGER2, TCP_MAXSEG, TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_QUICKACK,
    TCP_SYNCNT, TCP_USER_TIMEOUT, TCP_WINDOW_CLAMP,
};
use crate::posix::errno::Errno;
use crate::posix::file::FileId;
use crate::posix::host::Host;
use crate::posix::settings::Linger2;
use crate::posix::socket::{Stage, state_of};
use crate::posix::tcp_info;

/// Bounds of Linux: `TCP_MIN_MSS`, `MAX_TCP_WINDOW`, `MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPCNT`,
/// `MAX_TCP_SYNCNT`, `TCP_FIN_TIMEOUT_MAX`.
const LEAST_MSS: i32 = 88;
const MOST_MSS: i32 = 32_767;
const MOST_KEEP_SECONDS: i32 = 32_767;
const MOST_PROBES: i32 = 127;
const MOST_SYNS: i32 = 127;
const MOST_LINGER2: u32 = 120;

/// Bytes of a name of congestion control (`TCP_CA_NAME_MAX`).
const NAME_LEN: usize = 16;

/// The MSS before anything is known of a peer.
const DEFAULT_MSS: u32 = 536;

impl Host {
    pub(super) fn set_tcp_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
        value: &[u8],
    ) -> Result<(), Errno> {
        match name {
            TCP_CONGESTION => return self.set_congestion(now, file, value),
            TCP_FASTOPEN | TCP_FASTOPEN_CONNECT | TCP_FASTOPEN_KEY | TCP_FASTOPEN_NO_COOKIE => {
                return self.set_fast_open_option(file, name, value);
            }
            _ => {}
        }
        let number = int(value)?;
        let is_on = number != 0;
        let settings = &mut self.descriptors.socket_mut(file)?.settings;
        match name {
            TCP_NODELAY => {
                settings.nodelay = is_on;
                self.with_connection(now, file, |connection| connection.set_nodelay(is_on));
            }
            TCP_CORK => {
                settings.cork = is_on;
                self.with_connection(now, file, |connection| connection.set_cork(is_on));
            }
            TCP_MAXSEG => {
                settings.max_segment = match number {
                    0 => None,
                    _ => Some(within(value, LEAST_MSS, MOST_MSS)? as u16),
                };
            }
            TCP_KEEPIDLE => settings.keep_idle = Some(within(value, 1, MOST_KEEP_SECONDS)?),
            TCP_KEEPINTVL => settings.keep_interval = Some(within(value, 1, MOST_KEEP_SECONDS)?),
            TCP_KEEPCNT => settings.keep_count = Some(within(value, 1, MOST_PROBES)? as u8),
            TCP_SYNCNT => settings.syn_count = Some(within(value, 1, MOST_SYNS)? as u8),
            TCP_LINGER2 => {
                settings.linger2 = match u32::try_from(number) {
                    Err(_) => Linger2::Never,
                    // Zero, and what is beyond Linux's bound, leaves it to the sysctl.
                    Ok(0) => Linger2::Default,
                    Ok(seconds) => Linger2::Seconds(seconds.min(MOST_LINGER2)),
                };
                self.apply_fin_timeout(now, file);
            }
            TCP_DEFER_ACCEPT => settings.defer_accept = timeouts_in(number),
            TCP_WINDOW_CLAMP => return self.set_window_clamp(now, file, number),
            TCP_QUICKACK => {
                let quick = if is_on { QuickAck::On } else { QuickAck::Off };
                self.with_connection(now, file, |connection| connection.set_quick_ack(quick));
            }
            TCP_USER_TIMEOUT => {
                let millis = within(value, 0, i32::MAX)?;
                let timeout = Duration::from_millis(millis.into());
                let timeout = (!timeout.is_zero()).then_some(timeout);
                settings.user_timeout = timeout;
                self.with_connection(now, file, |connection| connection.set_user_timeout(timeout));
            }
            TCP_NOTSENT_LOWAT => {
                let bytes = u32::from_ne_bytes(number.to_ne_bytes());
                settings.notsent_lowat = (bytes != 0).then_some(bytes);
                self.apply_notsent_lowat(now, file);
            }
            TCP_INQ => settings.tell_inq = within(value, 0, 1)? == 1,
            _ => return Err(Errno::ENOPROTOOPT),
        }
        if matches!(name, TCP_KEEPIDLE | TCP_KEEPINTVL | TCP_KEEPCNT) {
            self.apply_keep_alive(now, file);
        }
        Ok(())
    }

    pub(super) fn tcp_option(
        &mut self,
        now: Instant,
        file: FileId,
        name: i32,
    ) -> Result<Vec<u8>, Errno> {
        match name {
            TCP_INFO => return Ok(self.tcp_info(now, file)),
            TCP_CONGESTION => return self.congestion_name(file),
            TCP_QUICKACK => return Ok(self.quick_ack(now, file).to_ne_bytes().to_vec()),
            TCP_MAXSEG => return self.segment_size(now, file),
            _ => {}
        }
        let sysctls = &self.sysctls;
        let settings = &self.descriptors.socket(file)?.settings;
        let number: u32 = match name {
            TCP_NODELAY => settings.nodelay.into(),
            TCP_CORK => settings.cork.into(),
            TCP_KEEPIDLE => settings.keep_idle.unwrap_or(sysctls.tcp_keepalive_time),
            TCP_KEEPINTVL => settings
                .keep_interval
                .unwrap_or(sysctls.tcp_keepalive_intvl),
            TCP_KEEPCNT => settings
                .keep_count
                .unwrap_or(sysctls.tcp_keepalive_probes)
                .into(),
            TCP_SYNCNT => settings.syn_count.unwrap_or(sysctls.tcp_syn_retries).into(),
            TCP_LINGER2 => match settings.linger2 {
                Linger2::Default => sysctls.tcp_fin_timeout,
                Linger2::Seconds(seconds) => seconds,
                Linger2::Never => u32::MAX,
            },
            TCP_DEFER_ACCEPT => seconds_of(settings.defer_accept),
            TCP_WINDOW_CLAMP => settings.window_clamp.unwrap_or(0),
            TCP_USER_TIMEOUT => settings.user_timeout.unwrap_or_default().as_millis() as u32,
            TCP_NOTSENT_LOWAT => settings.notsent_lowat.unwrap_or(0),
            TCP_INQ => settings.tell_inq.into(),
            _ => return self.fast_open_option(file, name),
        };
        Ok(number.to_ne_bytes().to_vec())
    }

    /// ENOENT for an algorithm that there is not.
    fn set_congestion(&mut self, now: Instant, file: FileId, value: &[u8]) -> Result<(), Errno> {
        if value.is_empty() {
            return Err(Errno::EINVAL);
        }
        let value = &value[..value.len().min(NAME_LEN - 1)];
        let end = value.iter().position(|byte| *byte == 0);
        let name = std::str::from_utf8(&value[..end.unwrap_or(value.len())]);
        let named = name.ok().and_then(CongestionAlgorithm::by_name);
        let algorithm = named.ok_or(Errno::ENOENT)?;
        let socket = self.descriptors.socket_mut(file)?;
        socket.settings.congestion = Some(algorithm);
        let socket = self.descriptors.socket(file)?;
        let algorithm = self.configuration(socket, socket.domain).congestion();
        self.with_connection(now, file, |connection| connection.set_congestion(algorithm));
        Ok(())
    }

    fn congestion_name(&self, file: FileId) -> Result<Vec<u8>, Errno> {
        let socket = self.descriptors.socket(file)?;
        let name = match self.configuration(socket, socket.domain).congestion() {
            CongestionAlgorithm::Reno => "reno",
            CongestionAlgorithm::Cubic(_) => "cubic",
            CongestionAlgorithm::Bbr => "bbr",
            CongestionAlgorithm::Custom(_) => "custom",
        };
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize(NAME_LEN, 0);
        Ok(bytes)
    }

    /// Zero lifts it, which Linux lets a closed socket do; else no less than half of the least buffer.
    fn set_window_clamp(&mut self, now: Instant, file: FileId, number: i32) -> Result<(), Errno> {
        const LEAST: u32 = 2_304 / 2;
        let socket = self.descriptors.socket_mut(file)?;
        let clamp = u32::from_ne_bytes(number.to_ne_bytes());
        if clamp == 0 && socket.stage != Stage::Closed {
            return Err(Errno::EINVAL);
        }
        socket.settings.window_clamp = (clamp != 0).then_some(clamp.max(LEAST));
        self.apply_recv_buffer(now, file)
    }

    fn segment_size(&mut self, now: Instant, file: FileId) -> Result<Vec<u8>, Errno> {
        let socket = self.descriptors.socket(file)?;
        let chosen = socket.settings.max_segment.map(u32::from);
        let id = socket.connection();
        let connection = id.and_then(|id| self.stack.connection(now, id));
        let size = match connection {
            Some(connection) if state_of(&connection) != State::Closed => {
                connection.info().tcpi_snd_mss
            }
            _ => chosen.unwrap_or(DEFAULT_MSS),
        };
        Ok(size.to_ne_bytes().to_vec())
    }

    fn tcp_info(&mut self, now: Instant, file: FileId) -> Vec<u8> {
        let socket = self.descriptors.socket(file);
        let Ok(socket) = socket else {
            return Vec::new();
        };
        match socket.stage {
            Stage::Listening(listener) => {
                let waiting = self.stack.accept_queue_len(listener);
                tcp_info::of_listener(waiting, socket.backlog)
            }
            Stage::Closed => tcp_info::of_closed(),
            Stage::Connection(id) => {
                let connection = self.stack.connection(now, id);
                connection.map_or_else(tcp_info::of_closed, |connection| {
                    let headers = tcp_info::header_len(connection.local_addr());
                    tcp_info::of_connection(&connection.info(), headers)
                })
            }
        }
    }

    fn apply_fin_timeout(&mut self, now: Instant, file: FileId) {
        if let Ok(socket) = self.descriptors.socket(file) {
            let timeout = self.configuration(socket, socket.domain).fin_timeout();
            self.with_connection(now, file, |connection| connection.set_fin_timeout(timeout));
        }
    }

    fn apply_notsent_lowat(&mut self, now: Instant, file: FileId) {
        if let Ok(socket) = self.descriptors.socket(file) {
            let bytes = self.configuration(socket, socket.domain).notsent_lowat();
            self.with_connection(now, file, |connection| connection.set_notsent_lowat(bytes));
        }
    }

    /// Tells a socket's connection, where there is one.
    pub(in crate::posix) fn with_connection(
        &mut self,
        now: Instant,
        file: FileId,
        tell: impl FnOnce(&mut ConnectionMut<'_>),
    ) {
        let id = self
            .descriptors
            .socket(file)
            .map(|socket| socket.connection());
        let connection = id.ok().flatten();
        if let Some(mut connection) = connection.and_then(|id| self.stack.connection(now, id)) {
            tell(&mut connection);
        }
    }
}

/// Linux counts TCP_DEFER_ACCEPT in timeouts of the SYN-ACK, which double from a second
/// (`secs_to_retrans`).
fn timeouts_in(seconds: i32) -> u8 {
    let Ok(seconds) = u32::try_from(seconds) else {
        return 0;
    };
    let (mut timeouts, mut timeout, mut period) = (0, 1, 1);
    if seconds == 0 {
        return 0;
    }
    timeouts += 1;
    while seconds > period && timeouts < u8::MAX {
        timeouts += 1;
        timeout = (timeout * 2u32).min(LONGEST);
        period += timeout;
    }
    timeouts
}

/// The seconds that so many timeouts take (`retrans_to_secs`).
fn seconds_of(timeouts: u8) -> u32 {
    let (mut period, mut timeout) = (0, 1u32);
    for _ in 0..timeouts {
        period += timeout;
        timeout = (timeout * 2).min(LONGEST);
    }
    period
}

/// The longest timeout, in seconds (`TCP_RTO_MAX`).
const LONGEST: u32 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_defer_accept_are_timeouts() {
        let pairs = [(0, 0), (1, 1), (2, 3), (3, 3), (4, 7), (10, 15), (60, 63)];
        for (asked, told) in pairs {
            assert_eq!(seconds_of(timeouts_in(asked)), told, "{asked}");
        }
        assert_eq!(timeouts_in(-1), 0);
        assert_eq!(timeouts_in(i32::MAX), u8::MAX);
    }
}
