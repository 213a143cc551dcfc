//! Whether a host's counters agree with what went over its wire.

use tcp_core::Counters;
use tcp_core::wire::{Control, Header, Incoming, ParseError};

use super::{Violation, rule};

/// Counts of one host, made from the packets that it was handed and those that it sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Accounts {
    packets_in: u64,
    icmp_in: u64,
    segments_in: u64,
    malformed_in: u64,
    damaged_in: u64,
    bad_options_in: u64,
    segments_out: u64,
    repeats_out: u64,
    repeated_syns_out: u64,
    resets_out: u64,
}

/// Whether a segment is new, or says what was said before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Novelty {
    /// It takes sequence numbers for the first time, or none.
    New,
    /// It takes sequence numbers that were taken before.
    Repeat,
}

impl Accounts {
    /// Of the packets that the host was handed, so many were put together with others on their way.
    pub fn joined(&mut self, packets: u64) {
        self.packets_in -= packets;
    }

    /// The host was handed a packet, which says this. It must be one of the host's own addresses.
    pub fn handed(&mut self, packet: &Result<Incoming<'_>, ParseError>) {
        self.packets_in += 1;
        match packet {
            Ok(Incoming::Tcp(tcp)) => {
                self.segments_in += 1;
                self.bad_options_in += u64::from(tcp.bad_option);
            }
            Ok(Incoming::IcmpError(_) | Incoming::IcmpOther) | Err(ParseError::Icmp) => {
                self.icmp_in += 1;
            }
            Err(error @ (ParseError::TcpHeader | ParseError::TcpChecksum)) => {
                self.segments_in += 1;
                self.malformed_in += 1;
                self.damaged_in += u64::from(*error == ParseError::TcpChecksum);
            }
            Err(
                ParseError::IpHeader
                | ParseError::Truncated
                | ParseError::Fragment
                | ParseError::Protocol,
            ) => {}
        }
    }

    /// The host sent a segment.
    pub fn sent(&mut self, header: &Header, novelty: Novelty) {
        self.segments_out += 1;
        match (novelty, header.control) {
            (Novelty::New, _) => {}
            (Novelty::Repeat, Control::Syn) => self.repeated_syns_out += 1,
            (Novelty::Repeat, _) => self.repeats_out += 1,
        }
        self.resets_out += u64::from(header.control == Control::Rst);
    }

    /// Compares with what the host's stack has counted, once it has sent all that it had to.
    pub fn check(&self, counters: &Counters) -> Result<(), Violation> {
        let accounts = [
            ("ip_in_receives", counters.ip_in_receives, self.packets_in),
            ("icmp_in_msgs", counters.icmp_in_msgs, self.icmp_in),
            ("in_segs", counters.in_segs, self.segments_in),
            ("in_errs", counters.in_errs, self.malformed_in),
            ("in_csum_errors", counters.in_csum_errors, self.damaged_in),
            ("bad_options", counters.bad_options, self.bad_options_in),
            (
                "out_segs and retrans_segs",
                counters.out_segs + counters.retrans_segs,
                self.segments_out,
            ),
            ("retrans_segs", counters.retrans_segs, self.repeats_out),
            ("syn_retrans", counters.syn_retrans, self.repeated_syns_out),
            ("out_rsts", counters.out_rsts, self.resets_out),
        ];
        for (name, counted, seen) in accounts {
            rule!(counted == seen, "{name} is {counted}, the wire saw {seen}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_core::seq::SeqNumber;

    fn header(control: Control) -> Header {
        Header {
            control,
            ..Header::new(SeqNumber::new(1))
        }
    }

    #[test]
    fn counters_that_agree_pass() {
        let mut accounts = Accounts::default();
        accounts.handed(&Ok(Incoming::IcmpOther));
        accounts.handed(&Err(ParseError::TcpChecksum));
        accounts.handed(&Err(ParseError::TcpHeader));
        accounts.handed(&Err(ParseError::Truncated));
        accounts.sent(&header(Control::Syn), Novelty::New);
        accounts.sent(&header(Control::Syn), Novelty::Repeat);
        accounts.sent(&header(Control::None), Novelty::Repeat);
        accounts.sent(&header(Control::Rst), Novelty::New);
        let counters = Counters {
            ip_in_receives: 4,
            icmp_in_msgs: 1,
            in_segs: 2,
            in_errs: 2,
            in_csum_errors: 1,
            out_segs: 3,
            syn_retrans: 1,
            retrans_segs: 1,
            out_rsts: 1,
            ..Counters::default()
        };
        assert_eq!(accounts.check(&counters), Ok(()));
    }

    #[test]
    fn each_counter_that_does_not_agree_is_named() {
        type Spoil = fn(&mut Counters) -> &mut u64;
        let spoil: [(&str, Spoil); 8] = [
            ("ip_in_receives", |counters| &mut counters.ip_in_receives),
            ("icmp_in_msgs", |counters| &mut counters.icmp_in_msgs),
            ("in_segs", |counters| &mut counters.in_segs),
            ("in_errs", |counters| &mut counters.in_errs),
            ("in_csum_errors", |counters| &mut counters.in_csum_errors),
            ("out_segs", |counters| &mut counters.out_segs),
            ("syn_retrans", |counters| &mut counters.syn_retrans),
            ("out_rsts", |counters| &mut counters.out_rsts),
        ];
        for (name, counter) in spoil {
            let mut counters = Counters::default();
            *counter(&mut counters) += 1;
            let Violation(words) = Accounts::default().check(&counters).unwrap_err();
            assert!(words.contains(name), "{words}");
        }
    }
}
