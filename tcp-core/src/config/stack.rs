//! Configuration of a stack and of its listeners.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::limits::Limits;
use super::{FastOpenConfig, ListenFastOpen, ValidConfig};

/// What one [`Stack`](crate::Stack) is: its addresses and its limits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StackConfig {
    /// Addresses that are ours. Packets for others are dropped and counted, unless
    /// `any_address` is set. There are no netmasks: the broadcast address of a subnet is one like any
    /// other, so never put one in here, and with `any_address` keep packets to such away (RFC 9293
    /// MUST-57).
    pub addresses: Vec<IpAddr>,
    /// Whether to take packets for any unicast destination (transparent proxies and tunnels).
    pub any_address: bool,
    /// Largest IP packet that the device carries, in bytes; at least 576 for IPv4, 1280 for IPv6.
    pub mtu: u16,
    /// What the device does for the stack.
    pub offload: Offload,
    /// First and last ephemeral port (`net.ipv4.ip_local_port_range`).
    pub ephemeral_ports: (u16, u16),
    /// Greatest number of connections in TIME-WAIT; beyond it the oldest ends at once
    /// (`net.ipv4.tcp_max_tw_buckets`).
    pub max_time_wait: usize,
    /// What strangers can make it spend.
    pub limits: Limits,
    /// Greatest number of connections that are kept in full, at some two kilobytes, though nothing is
    /// under way on them: those touched last. The others are packed into a few hundred bytes, and
    /// made whole again by whatever touches them, which takes about a microsecond.
    pub awake_connections: usize,
    /// Data in the SYN (RFC 7413).
    pub fast_open: FastOpenConfig,
    /// Where the caller's clock stood at its epoch, for initial sequence numbers and timestamps:
    /// give something that moves on from one start of the program to the next.
    pub clock_offset: Duration,
}

impl Default for StackConfig {
    fn default() -> Self {
        StackConfig {
            addresses: Vec::new(),
            any_address: false,
            mtu: 1_500,
            offload: Offload::NONE,
            ephemeral_ports: (32_768, 60_999),
            max_time_wait: 65_536,
            limits: Limits::default(),
            awake_connections: 1_024,
            fast_open: FastOpenConfig::default(),
            clock_offset: Duration::ZERO,
        }
    }
}

/// What the device does for the stack (`ethtool -k`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Offload {
    /// The largest IP packet that the device takes and cuts into segments itself, in bytes
    /// (`gso_max_size`): [`Transmit::segment_size`](crate::Transmit::segment_size) says where. What is
    /// not above the MTU asks for nothing.
    ///
    /// Above 65,535, up to [`MAX`](Offload::MAX), it allows for what Linux calls BIG TCP: an IPv4 packet whose length
    /// its header cannot say has 0 there, and is as long as the device is told. That is for connections that
    /// [ask for it](crate::ConnectionMut::set_gso_max_size), as not everybody on the way may know such packets. Those
    /// with IPv6 addresses stay below: they would need a jumbogram's option (RFC 2675).
    pub max_packet: u32,
    /// Whether the device completes TCP checksums (`tx-checksumming`): they are left to it then, as
    /// [`Transmit::checksum`](crate::Transmit::checksum) says.
    pub checksum: bool,
}

impl Offload {
    /// A device that sends what it is given, as it is.
    pub const NONE: Offload = Offload {
        max_packet: 0,
        checksum: false,
    };

    /// The largest [packet](Offload::max_packet) that is ever written, in bytes (Linux's `GSO_MAX_SIZE`).
    pub const MAX: u32 = 8 * u16::MAX as u32;

    /// The largest packet whose header says its length, in bytes.
    pub(crate) const MAX_SAID: u32 = u16::MAX as u32;
}

impl Default for Offload {
    fn default() -> Self {
        Offload::NONE
    }
}

impl StackConfig {
    /// The largest IP packet that [`poll_transmit`](crate::Stack::poll_transmit) writes, in bytes.
    pub fn largest_packet(&self) -> usize {
        u32::from(self.mtu).max(self.offload.max_packet.min(Offload::MAX)) as usize
    }
}

/// How a listener takes connections.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ListenConfig {
    /// Established connections that may wait for `accept` (`listen`'s backlog). As in Linux, the
    /// queue is full when it holds *more* than this.
    pub backlog: usize,
    /// Half-open connections that may be pending (`net.ipv4.tcp_max_syn_backlog`).
    pub syn_backlog: usize,
    /// Whether SYNs are answered without a record of them (`net.ipv4.tcp_syncookies`).
    pub syn_cookies: SynCookies,
    /// Who decides about a SYN.
    pub admission: Admission,
    /// Whether other listeners may have the same address.
    pub sharing: PortSharing,
    /// What becomes of a handshake that finds the accept queue full at its end.
    pub overflow: Overflow,
    /// Data in the SYN. Where the user is [asked](Admission::Ask), there is none.
    pub fast_open: ListenFastOpen,
    /// What the accepted connections are configured as.
    pub tcp: ValidConfig,
}

impl Default for ListenConfig {
    fn default() -> Self {
        ListenConfig {
            backlog: 128,
            syn_backlog: 1_024,
            syn_cookies: SynCookies::UnderPressure,
            admission: Admission::Accept,
            sharing: PortSharing::Exclusive,
            overflow: Overflow::Ignore,
            fast_open: ListenFastOpen::default(),
            tcp: ValidConfig::default(),
        }
    }
}

/// When a SYN is answered by a cookie: a sequence number that says what a record of the handshake would
/// (RFC 4987 §3.6). It costs no memory, but the SYN-ACK is not sent again, the peer's MSS is rounded down, and
/// window scale, SACK and ECN are agreed on only where the peer sends timestamps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SynCookies {
    /// A SYN that finds the SYN queue full is dropped.
    Never,
    /// While the SYN queue is full.
    UnderPressure,
    /// To every SYN: for tests, and for who would rather keep no records.
    Always,
}

/// Whether several listeners may have one address and port (`SO_REUSEPORT`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PortSharing {
    /// It is this one's alone.
    Exclusive,
    /// With others that say so too; each gets a part of the peers, by a hash of their addresses.
    Shared,
}

/// What becomes of a handshake that finds the accept queue full at its end
/// (`net.ipv4.tcp_abort_on_overflow`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Overflow {
    /// Its last ACK is ignored: the SYN-ACK is sent again, and the answer may find room then.
    Ignore,
    /// The peer gets RST.
    Reset,
}

/// Who decides about a SYN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Admission {
    /// Every SYN is answered while the queues have room.
    Accept,
    /// The user is asked, once the SYN has found room and any TIME-WAIT of the same endpoints has
    /// ended in its favour: by [`Event::Syn`](crate::Event::Syn) and answers with
    /// [`Stack::decide`](crate::Stack::decide).
    Ask,
}
