//! What becomes of packets that are too large for the path.

use crate::pack::packs;

/// Whether routers may cut packets that are too large for them, and what is made of their complaints (`IP_MTU_DISCOVER`).
///
/// IPv6 has no routers that cut, so that the first two are the same there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MtuDiscovery {
    /// Packets carry DF. What ICMP says is too large goes again, in smaller segments (RFC 1191; `IP_PMTUDISC_WANT`,
    /// `IP_PMTUDISC_DO`).
    #[default]
    Forbid,
    /// Routers may cut packets, and are believed where they would rather not (`IP_PMTUDISC_PROBE`).
    Allow,
    /// Routers may cut packets. Where they do not, what is sent from then on is smaller, but nothing goes again for it
    /// (`IP_PMTUDISC_DONT`, `IP_PMTUDISC_INTERFACE`, `IP_PMTUDISC_OMIT`): a forged complaint costs no retransmission.
    Ignore,
}

packs!(
    enum MtuDiscovery {
        Forbid,
        Allow,
        Ignore,
    }
);
