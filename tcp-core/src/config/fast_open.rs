//! TCP Fast Open, RFC 7413: what a stack and a listener allow.

use core::fmt;
use core::time::Duration;

/// Which connections may carry data in their SYN (`net.ipv4.tcp_fastopen`), and what is remembered of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FastOpenConfig {
    /// Whether clients may send data in the SYN to servers whose cookie is known (bit 0x1).
    pub client: bool,
    /// Whether listeners that [ask for it](ListenFastOpen) take data of a SYN with a valid cookie (bit 0x2).
    pub server: bool,
    /// Whether clients send data in the SYN without a cookie, and without asking for one (bit 0x4).
    pub client_without_cookie: bool,
    /// Whether servers take data of any SYN (bit 0x200). Who can send packets with a forged source then makes
    /// the server work for others: only where nobody can.
    pub server_without_cookie: bool,
    /// What cookies are made with; `None` derives a key from the stack's secret
    /// (`net.ipv4.tcp_fastopen_key`).
    pub keys: Option<FastOpenKeys>,
    /// For how long clients do without fast open once the network seems to swallow it; doubled for each time
    /// that it happens anew, up to 64 times this. Zero for never (`net.ipv4.tcp_fastopen_blackhole_timeout_sec`).
    pub blackhole_timeout: Duration,
    /// Servers of which the cookie is remembered; beyond it the one learnt first is forgotten.
    pub cached_cookies: usize,
}

impl Default for FastOpenConfig {
    fn default() -> Self {
        FastOpenConfig {
            client: true,
            server: false,
            client_without_cookie: false,
            server_without_cookie: false,
            keys: None,
            blackhole_timeout: Duration::ZERO,
            cached_cookies: 1_024,
        }
    }
}

/// What one listener does with data in a SYN.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ListenFastOpen {
    /// Connections at most that were opened by data in a SYN and whose handshake is not complete
    /// (`TCP_FASTOPEN`, RFC 7413 §5.1); beyond it handshakes are as ever. 0 for no fast open.
    pub queue: usize,
    /// What cookies are made with, where not with the stack's keys (`TCP_FASTOPEN_KEY`).
    pub keys: Option<FastOpenKeys>,
    /// Whether data is taken without a cookie (`TCP_FASTOPEN_NO_COOKIE`).
    pub without_cookie: bool,
}

/// The keys of cookies: those that are given out are made by the first, and those made by the backup are
/// still believed, so that keys can be changed (RFC 7413 §4.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FastOpenKeys {
    /// Makes cookies.
    pub primary: [u8; 16],
    /// Has made cookies.
    pub backup: Option<[u8; 16]>,
}

/// Says nothing: a key in a log is no key.
impl fmt::Debug for FastOpenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FastOpenKeys(..)")
    }
}
