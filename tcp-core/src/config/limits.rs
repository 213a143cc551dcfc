//! What strangers can make a stack spend.

/// The limits of one [`Stack`](crate::Stack), over all of its connections. Those of a listener are in
/// [`ListenConfig`](crate::ListenConfig), those of a connection in [`TcpConfig`](crate::TcpConfig), and
/// TIME-WAIT has [`StackConfig::max_time_wait`](crate::StackConfig::max_time_wait). What is refused, dropped or ended for
/// them is counted in [`Counters`](crate::Counters).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// Half-open connections of all listeners together. Where there are so many, a listener's queue counts as full
    /// whatever its [`syn_backlog`](crate::ListenConfig::syn_backlog), so that SYNs are answered by cookies, or dropped
    /// (`TCPReqQFullDoCookies`, `TCPReqQFullDrop`).
    pub half_open: usize,
    /// Connections, those included that wait to be accepted or finish after the user has closed them, and half-open
    /// and TIME-WAIT ones not. Where there are so many, `connect` fails with
    /// [`ConnectError::TooMany`](crate::ConnectError::TooMany), and SYNs, and what completes a handshake, are dropped.
    pub connections: usize,
    /// Orphans: connections whose user has closed them, while they still have to send or wait: FIN-WAIT-1, FIN-WAIT-2,
    /// CLOSING, LAST-ACK (`net.ipv4.tcp_max_orphans`). One more is reset at once (`TCPAbortOnMemory`).
    pub orphans: usize,
    /// Memory of all connections' buffers.
    pub memory: MemoryLimits,
    /// Challenge ACKs a second (RFC 5961 §7; `net.ipv4.tcp_challenge_ack_limit`); `None` for no limit but that of each
    /// connection, one in 500 ms. A budget that is shared can be seen from any connection (CVE-2016-5696), so none is
    /// the default, as in Linux; where there is one it is drawn anew each second, from a half to one and a half of this.
    pub challenge_acks: Option<u32>,
    /// Resets a second in answer to segments of no connection, and the most at once; beyond it such segments are
    /// dropped. 0 for none at all. What one costs is drawn: how many others were sent must not be seen
    /// (CVE-2020-25705).
    pub resets: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            half_open: 65_536,
            connections: 1 << 20,
            orphans: 65_536,
            memory: MemoryLimits::default(),
            challenge_acks: None,
            resets: 1_000,
        }
    }
}

impl Limits {
    /// Of `count` stacks that share what is meant for one, each one's part.
    pub fn divided(self, count: usize) -> Limits {
        let part = |whole: usize| whole.div_ceil(count.max(1));
        let rate = |whole: u32| whole.div_ceil(u32::try_from(count.max(1)).unwrap_or(u32::MAX));
        Limits {
            half_open: part(self.half_open),
            connections: part(self.connections),
            orphans: part(self.orphans),
            memory: MemoryLimits {
                low: part(self.memory.low),
                pressure: part(self.memory.pressure),
                high: part(self.memory.high),
            },
            challenge_acks: self.challenge_acks.map(rate),
            resets: rate(self.resets),
        }
    }
}

/// Bytes that the buffers of all connections may hold (`net.ipv4.tcp_mem`, which counts pages): what was
/// written and not acknowledged, what has arrived and was not read, out of order or not, and the records of what is
/// outstanding or out of order. What is allocated counts, but for the
/// first 2 KiB of each connection.
///
/// ```text
///   0         low        pressure         7/8 high        high
///   |  plenty  |          |  no buffer grows  |  no new      |  nothing beyond a hole is taken that needs memory;
///   |          | <------- |  (until below low)|  connections |  the worst holders are ended
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemoryLimits {
    /// Below this there is no pressure any more.
    pub low: usize,
    /// Above this no window and no send buffer [grows](crate::BufferSize::Auto) (`TCPMemoryPressures`).
    pub pressure: usize,
    /// What is never exceeded after any call. From seven eighths of it on, new connections are refused. What lies
    /// beyond a hole is dropped where it would have to grow for it (`TCPOFODrop`); where what is in order, or what the
    /// user writes, exceeds it, connections that hold the most are reset (`TCPAbortOnMemory`) until it is kept.
    pub high: usize,
}

impl Default for MemoryLimits {
    /// Linux's on a machine of 16 GiB: 768 MiB, 1 GiB and 1.5 GiB.
    fn default() -> Self {
        MemoryLimits {
            low: 768 << 20,
            pressure: 1 << 30,
            high: 3 << 29,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_up_the_whole() {
        let limits = Limits {
            challenge_acks: Some(10),
            ..Limits::default()
        };
        let part = limits.divided(3);
        assert!(3 * part.memory.high >= limits.memory.high);
        assert!(3 * (part.memory.high - 1) < limits.memory.high);
        assert_eq!((part.resets, part.challenge_acks), (334, Some(4)));
        assert_eq!(limits.divided(1), limits);
    }
}
