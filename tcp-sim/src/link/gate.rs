//! What a link does not take at all: packets that are too big, and all in a blackhole's time.

use std::time::Duration;

use tcp_core::Instant;

use super::config::{Blackhole, LinkConfig, MtuChange, TooBig};
use super::fate::DropReason;
use super::too_big;

/// The way into a link.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    mtu: Option<u16>,
    mtu_changes: Vec<MtuChange>,
    too_big: TooBig,
    blackholes: Vec<Blackhole>,
}

/// A packet that does not come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) reason: DropReason,
    /// What its sender is told.
    pub(super) reply: Option<Vec<u8>>,
}

impl Gate {
    pub(super) fn new(config: &LinkConfig) -> Gate {
        Gate {
            mtu: config.mtu,
            mtu_changes: config.mtu_changes.clone(),
            too_big: config.too_big,
            blackholes: config.blackholes.clone(),
        }
    }

    /// Whether a packet comes in.
    pub(super) fn admit(&self, now: Instant, packet: &[u8]) -> Result<(), Refusal> {
        let now = now.saturating_duration_since(Instant::ZERO);
        if let Some(mtu) = self
            .mtu_at(now)
            .filter(|mtu| packet.len() > usize::from(*mtu))
        {
            return Err(Refusal {
                reason: DropReason::TooBig,
                reply: match self.too_big {
                    TooBig::Icmp => too_big::reply(packet, mtu),
                    TooBig::Silence => None,
                },
            });
        }
        let is_open = |hole: &Blackhole| hole.from <= now && now < hole.until;
        if self.blackholes.iter().any(is_open) {
            return Err(Refusal {
                reason: DropReason::Blackhole,
                reply: None,
            });
        }
        Ok(())
    }

    fn mtu_at(&self, now: Duration) -> Option<u16> {
        let past = self.mtu_changes.iter().filter(|it| it.at <= now);
        let last = past.max_by_key(|it| it.at);
        last.map(|it| it.mtu).or(self.mtu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::layout::ACK;
    use crate::link::sample::segment;

    fn gate(toml: &str) -> Gate {
        Gate::new(&toml::from_str(toml).unwrap())
    }

    fn reason(gate: &Gate, now: Instant, packet: &[u8]) -> Option<DropReason> {
        gate.admit(now, packet).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn a_blackhole_has_a_beginning_and_an_end() {
        let gate = gate("blackholes = [{from = '1s', until = '2s'}, {from = '5s', until = '6s'}]");
        let lost =
            |nanos| reason(&gate, Instant::from_nanos(nanos), b"") == Some(DropReason::Blackhole);
        assert!(!lost(999_999_999));
        assert!(lost(1_000_000_000));
        assert!(lost(1_999_999_999));
        assert!(!lost(2_000_000_000));
        assert!(lost(5_500_000_000));
    }

    #[test]
    fn the_mtu_changes_when_it_is_said_to() {
        let packet = segment(ACK, &[0; 100]);
        let gate =
            gate("mtu = 139\nmtu_changes = [{at = '1s', mtu = 140}, {at = '2s', mtu = 139}]");
        let passes = |millis| gate.admit(Instant::from_millis(millis), &packet).is_ok();
        assert_eq!(
            [0, 999, 1_000, 1_999, 2_000].map(passes),
            [false, false, true, true, false]
        );
    }

    #[test]
    fn the_mtu_is_the_largest_that_passes() {
        let packet = segment(ACK, &[0; 100]);
        let now = Instant::ZERO;
        assert_eq!(gate("mtu = 140").admit(now, &packet), Ok(()));
        let refusal = gate("mtu = 139").admit(now, &packet).unwrap_err();
        assert_eq!(refusal.reason, DropReason::TooBig);
        assert!(refusal.reply.is_some());
        let silent = gate("mtu = 139\ntoo_big = 'silence'").admit(now, &packet);
        assert_eq!(silent.unwrap_err().reply, None);
    }
}
