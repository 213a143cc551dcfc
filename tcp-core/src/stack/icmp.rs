//! The network's complaints about segments of ours (RFC 9293 §3.9.2.2).

use super::Stack;
use super::connections::Origin;
use super::demux::Record;
use super::tuple::FourTuple;
use crate::connection::NetworkError;
use crate::time::Instant;
use crate::wire::{IcmpError, IcmpErrorKind};

impl Stack {
    pub(super) fn handle_icmp_error(&mut self, now: Instant, error: &IcmpError) {
        let Some(tuple) = FourTuple::new(error.local, error.remote) else {
            self.counters.icmp_in_errors += 1;
            return;
        };
        let Some(network_error) = network_error(&tuple, error.kind) else {
            return;
        };
        match self.route(&tuple) {
            Some(Record::Connection(index)) => {
                if let Some(entry) = self.connections.get_mut(index) {
                    let unaccepted = entry.origin == Origin::AcceptQueue;
                    let connection = entry.resident.rouse();
                    let counters = &mut self.counters;
                    if unaccepted && connection.is_early() {
                        connection.handle_early_error(network_error, error.seq, counters);
                    } else {
                        connection.handle_network_error(now, network_error, error.seq, counters);
                    }
                    if let Some(lesson) = connection.take_fast_open_lesson() {
                        self.learn_of_fast_open(now, index, lesson);
                    }
                    self.settle(index);
                }
            }
            Some(Record::HalfOpen(slot)) => {
                self.handle_half_open_error(slot, network_error, error);
            }
            // Nothing is sent from there that could get through or not.
            Some(Record::TimeWait(_)) => {}
            None => self.counters.icmp_in_errors += 1,
        }
    }

    /// A half-open connection has sent its SYN-ACK and nothing else (Linux, `tcp_req_err`). That
    /// is small enough for any path, and soft errors pass.
    fn handle_half_open_error(
        &mut self,
        slot: u32,
        network_error: NetworkError,
        error: &IcmpError,
    ) {
        let Some(embryo) = self.half_opens.get(slot) else {
            return;
        };
        if embryo.is_undecided() || embryo.isn != error.seq {
            self.counters.icmp_out_of_window += 1;
        } else if network_error == NetworkError::Hard {
            self.fail_half_open(slot);
            self.counters.listen_drops += 1;
        }
    }
}

/// What a complaint means for TCP; `None` where it means nothing.
fn network_error(tuple: &FourTuple, kind: IcmpErrorKind) -> Option<NetworkError> {
    match kind {
        IcmpErrorKind::Soft(error) => Some(NetworkError::Soft(error)),
        IcmpErrorKind::Hard => Some(NetworkError::Hard),
        IcmpErrorKind::TooBig { mtu } => {
            // Below the least MTU of any path the message is forged, or from a router older than
            // RFC 1191, which says 0. IPv6 knows no such routers (RFC 8201 §4).
            let least = tuple.min_path_mtu();
            let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
            if mtu < least && tuple.local().is_ipv6() {
                return None;
            }
            let mss = mtu.max(least) - tuple.header_len();
            Some(NetworkError::TooBig { mss })
        }
        // RFC 9293 MUST-55.
        IcmpErrorKind::SourceQuench => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mss(local: &str, remote: &str, mtu: u32) -> Option<u16> {
        let tuple = FourTuple::new(local.parse().unwrap(), remote.parse().unwrap()).unwrap();
        match network_error(&tuple, IcmpErrorKind::TooBig { mtu })? {
            NetworkError::TooBig { mss } => Some(mss),
            NetworkError::Soft(_) | NetworkError::Hard => None,
        }
    }

    fn mss_v4(mtu: u32) -> Option<u16> {
        mss("10.0.0.1:80", "10.0.0.2:4000", mtu)
    }

    fn mss_v6(mtu: u32) -> Option<u16> {
        mss("[fd00::1]:80", "[fd00::2]:4000", mtu)
    }

    #[test]
    fn the_mss_is_what_the_mtu_leaves() {
        assert_eq!(mss_v4(1_400), Some(1_360));
        assert_eq!(mss_v6(1_400), Some(1_340));
        assert_eq!(mss_v4(u32::MAX), Some(u16::MAX - 40));
    }

    #[test]
    fn no_mtu_is_believed_below_the_least() {
        assert_eq!(mss_v4(0), Some(512));
        assert_eq!(mss_v4(100), Some(512));
        assert_eq!(mss_v6(1_279), None);
        assert_eq!(mss_v6(1_280), Some(1_220));
    }

    #[test]
    fn source_quench_means_nothing() {
        let tuple = FourTuple::new(
            "10.0.0.1:80".parse().unwrap(),
            "10.0.0.2:4000".parse().unwrap(),
        );
        assert_eq!(
            network_error(&tuple.unwrap(), IcmpErrorKind::SourceQuench),
            None
        );
    }
}
