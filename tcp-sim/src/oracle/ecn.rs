//! What one end may say of congestion notification (RFC 3168), judged from outside.

use tcp_core::wire::{Control, Ecn, Header};

use super::{Violation, rule};

/// What one end has said and heard of ECN.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct EcnConduct {
    /// Whether a SYN or SYN-ACK of its own asked or agreed.
    agreed: bool,
    /// Whether another of its own did not.
    declined: bool,
    /// Whether it was handed a SYN or SYN-ACK that asks or agrees.
    peer_agreed: bool,
    /// Whether it was handed marked data.
    marked: bool,
}

impl EcnConduct {
    /// The next connection, which one of the SYNs that were handed in may have opened.
    pub(super) fn reborn(&self) -> EcnConduct {
        EcnConduct {
            peer_agreed: self.peer_agreed,
            ..EcnConduct::default()
        }
    }

    /// This end was handed a segment.
    pub(super) fn handed(&mut self, header: &Header, payload_len: usize) {
        self.peer_agreed |= is_setup(header);
        self.marked |= payload_len > 0 && header.ecn == Ecn::CongestionExperienced;
    }

    /// This end sent a segment other than a RST, which begins with what it has sent before or not.
    pub(super) fn sent(
        &mut self,
        header: &Header,
        payload_len: usize,
        is_repeat: bool,
    ) -> Result<(), Violation> {
        if header.control == Control::Syn {
            return self.sent_syn(header);
        }
        let capable = header.ecn != Ecn::NotCapable;
        rule!(
            header.ecn != Ecn::CongestionExperienced,
            "an end has marked its own packet"
        );
        rule!(
            !capable || (self.agreed && self.peer_agreed && !self.declined),
            "an ECN-capable packet, which was not agreed on"
        );
        rule!(
            !capable || (payload_len > 0 && !is_repeat),
            "an ECN-capable packet that is not new data"
        );
        rule!(capable || !header.cwr, "CWR on what is not new data");
        rule!(
            !header.ece || (self.agreed && self.peer_agreed && self.marked),
            "ECE, but nothing marked came"
        );
        Ok(())
    }

    fn sent_syn(&mut self, header: &Header) -> Result<(), Violation> {
        rule!(header.ecn == Ecn::NotCapable, "an ECN-capable SYN");
        let says = header.ece || header.cwr;
        rule!(!says || is_setup(header), "a SYN with half of ECN's flags");
        rule!(
            !says || header.ack.is_none() || self.peer_agreed,
            "a SYN-ACK that agrees to ECN unasked"
        );
        self.agreed |= says;
        self.declined |= !says;
        Ok(())
    }
}

/// RFC 3168 §6.1.1: both flags in a SYN, ECE alone in a SYN-ACK.
fn is_setup(header: &Header) -> bool {
    header.control == Control::Syn && header.ece && header.cwr == header.ack.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_core::seq::SeqNumber;

    fn header(control: Control, flags: (bool, bool), ecn: Ecn) -> Header {
        Header {
            control,
            ece: flags.0,
            cwr: flags.1,
            ecn,
            ..Header::new(SeqNumber::new(0))
        }
    }

    fn data(flags: (bool, bool), ecn: Ecn) -> Header {
        header(Control::None, flags, ecn)
    }

    fn syn(ack: Option<SeqNumber>, flags: (bool, bool)) -> Header {
        Header {
            ack,
            ..header(Control::Syn, flags, Ecn::NotCapable)
        }
    }

    const ACK: Option<SeqNumber> = Some(SeqNumber::new(1));

    fn opened() -> EcnConduct {
        let mut conduct = EcnConduct::default();
        assert_eq!(conduct.sent(&syn(None, (true, true)), 0, false), Ok(()));
        conduct.handed(&syn(ACK, (true, false)), 0);
        conduct
    }

    fn fault(conduct: &EcnConduct, header: &Header, len: usize, is_repeat: bool) -> String {
        let judged = conduct.clone().sent(header, len, is_repeat);
        judged.map_or_else(|Violation(words)| words, |()| String::new())
    }

    #[test]
    fn after_an_agreement_new_data_is_capable_and_nothing_else() {
        let conduct = opened();
        let capable = data((false, false), Ecn::Capable0);
        assert_eq!(fault(&conduct, &capable, 1, false), "");
        assert!(fault(&conduct, &capable, 1, true).contains("not new data"));
        assert!(fault(&conduct, &capable, 0, false).contains("not new data"));
        let plain = EcnConduct::default();
        assert!(fault(&plain, &capable, 1, false).contains("not agreed on"));
        let mut declined = conduct.clone();
        assert_eq!(declined.sent(&syn(None, (false, false)), 0, true), Ok(()));
        assert!(fault(&declined, &capable, 1, false).contains("not agreed on"));
        let marked = data((false, false), Ecn::CongestionExperienced);
        assert!(fault(&conduct, &marked, 1, false).contains("marked its own"));
    }

    #[test]
    fn an_echo_needs_a_mark_and_cwr_new_data() {
        let mut conduct = opened();
        let echo = data((true, false), Ecn::NotCapable);
        assert!(fault(&conduct, &echo, 0, false).contains("nothing marked"));
        conduct.handed(&data((false, false), Ecn::CongestionExperienced), 1);
        assert_eq!(fault(&conduct, &echo, 0, false), "");
        let cwr = data((false, true), Ecn::NotCapable);
        assert!(fault(&conduct, &cwr, 0, false).contains("CWR"));
        let cwr = data((false, true), Ecn::Capable0);
        assert_eq!(fault(&conduct, &cwr, 1, false), "");
        let unmarked = conduct.reborn();
        assert!(fault(&unmarked, &echo, 0, false).contains("nothing marked"));
    }

    #[test]
    fn a_syn_says_all_or_nothing_and_a_syn_ack_answers() {
        let fresh = EcnConduct::default();
        assert!(fault(&fresh, &syn(None, (true, false)), 0, false).contains("half"));
        assert!(fault(&fresh, &syn(ACK, (true, true)), 0, false).contains("half"));
        assert!(fault(&fresh, &syn(ACK, (true, false)), 0, false).contains("unasked"));
        assert_eq!(fault(&opened(), &syn(ACK, (true, false)), 0, false), "");
        let capable = header(Control::Syn, (false, false), Ecn::Capable0);
        assert!(fault(&fresh, &capable, 0, false).contains("an ECN-capable SYN"));
    }
}
