//! What a link does not take at all: packets that are too big, and all in a blackhole's time.

use tcp_core::Instant;

use super::config::{Blackhole, LinkConfig, TooBig};
use super::fate::DropReason;
use super::too_big;

/// The way into a link.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    mtu: Option<u16>,
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
            too_big: config.too_big,
            blackholes: config.blackholes.clone(),
        }
    }

    /// Whether a packet comes in.
    pub(super) fn admit(&self, now: Instant, packet: &[u8]) -> Result<(), Refusal> {
        if let Some(mtu) = self.mtu.filter(|mtu| packet.len() > usize::from(*mtu)) {
            return Err(Refusal {
                reason: DropReason::TooBig,
                reply: match self.too_big {
                    TooBig::Icmp => too_big::reply(packet, mtu),
                    TooBig::Silence => None,
                },
            });
        }
        let now = now.saturating_duration_since(Instant::ZERO);
        let is_open = |hole: &Blackhole| hole.from <= now && now < hole.until;
        if self.blackholes.iter().any(is_open) {
            return Err(Refusal {
                reason: DropReason::Blackhole,
                reply: None,
            });
        }
        Ok(())
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
