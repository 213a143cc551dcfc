//! Proportional Rate Reduction: the window goes down with what arrives (RFC 9937).

use crate::pack::packs;

/// One reduction, from its beginning to its end. All sizes are bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Prr {
    /// What is in flight shall come down to this.
    ssthresh: u64,
    /// What was in flight at the beginning (RecoverFS).
    start: u64,
    /// Delivered since the beginning.
    delivered: u64,
    /// Sent since the beginning.
    sent: u64,
    /// What may be in the network now.
    window: u64,
}

packs!(Prr {
    ssthresh,
    start,
    delivered,
    sent,
    window
});

/// What an acknowledgement means to a reduction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PrrAck {
    /// Bytes newly delivered.
    pub(crate) delivered: u64,
    /// Bytes in the network now.
    pub(crate) in_flight: u64,
    /// Whether it advances SND.UNA and shows no further loss: the repair goes well.
    pub(crate) safe: bool,
    /// The payload of a full segment.
    pub(crate) mss: u32,
}

impl Prr {
    /// A reduction to `ssthresh` begins, with `start` bytes in flight before the acknowledgement that
    /// told of it.
    pub(crate) fn new(ssthresh: u32, start: u64) -> Self {
        Prr {
            ssthresh: u64::from(ssthresh),
            start: start.max(1),
            delivered: 0,
            sent: 0,
            window: 0,
        }
    }

    /// What may be in the network.
    pub(crate) fn window(&self) -> u32 {
        self.window.min(u64::from(u32::MAX)) as u32
    }

    /// RFC 9937 §6.2, for each acknowledgement but the one that ends the reduction.
    pub(crate) fn on_ack(&mut self, ack: PrrAck) {
        let mss = u64::from(ack.mss);
        let may_send = if ack.delivered > 0 {
            self.delivered += ack.delivered;
            self.allowance(ack, mss)
        } else {
            0
        };
        // The first retransmission goes out whatever the sums say.
        let forced = self.sent == 0 && may_send < mss;
        let window = ack.in_flight + if forced { mss } else { may_send };
        // A segment may always go into an empty network (RFC 5681 §3.1), however few bytes arrived.
        self.window = window.max(mss);
    }

    /// Segments hold this from now on: one may still go into an empty network.
    pub(crate) fn on_mss_change(&mut self, mss: u32) {
        self.window = self.window.max(u64::from(mss));
    }

    /// Bytes of data went out.
    pub(crate) fn on_sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    fn allowance(&self, ack: PrrAck, mss: u64) -> u64 {
        if ack.in_flight > self.ssthresh {
            let target = u128::from(self.delivered) * u128::from(self.ssthresh);
            let target = target.div_ceil(u128::from(self.start)) as u64;
            return target.saturating_sub(self.sent);
        }
        // The conservative bound sends what was delivered; the slow-start bound a segment more.
        let conservative = self.delivered.saturating_sub(self.sent).max(ack.delivered);
        let bound = conservative + if ack.safe { mss } else { 0 };
        bound.min(self.ssthresh - ack.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;

    fn ack(delivered: u64, in_flight: u64, safe: bool) -> PrrAck {
        PrrAck {
            delivered,
            in_flight,
            safe,
            mss: MSS,
        }
    }

    #[test]
    fn half_the_window_means_a_segment_for_every_two_delivered() {
        // 20 segments in flight, the first lost.
        let mut prr = Prr::new(10_000, 20_000);
        let (mut in_flight, mut sent) = (18_000u64, 0);
        for step in 0..18 {
            prr.on_ack(ack(1_000, in_flight, false));
            while in_flight + 1_000 <= u64::from(prr.window()) {
                prr.on_sent(1_000);
                in_flight += 1_000;
                sent += 1;
            }
            if step == 0 {
                assert_eq!(sent, 1, "the retransmission goes out with the first");
            }
            in_flight -= 1_000;
        }
        assert_eq!(sent, 9);
    }

    #[test]
    fn a_segment_that_has_become_larger_fits() {
        let mut prr = Prr::new(2_000, 4_000);
        prr.on_ack(ack(10, 0, false));
        prr.on_sent(1_000);
        prr.on_ack(ack(10, 0, false));
        assert_eq!(prr.window(), MSS);
        prr.on_mss_change(1_400);
        assert_eq!(prr.window(), 1_400);
        prr.on_mss_change(500);
        assert_eq!(prr.window(), 1_400);
    }

    #[test]
    fn heavy_loss_sends_what_arrives_and_a_segment_more_when_it_goes_well() {
        let mut prr = Prr::new(10_000, 20_000);
        prr.on_ack(ack(1_000, 2_000, false));
        assert_eq!(prr.window(), 3_000);
        prr.on_sent(1_000);
        prr.on_ack(ack(1_000, 2_000, true));
        assert_eq!(prr.window(), 4_000);
        prr.on_sent(2_000);
        prr.on_ack(ack(8_000, 9_500, true));
        assert_eq!(prr.window(), 10_000, "no more than the threshold");
    }

    #[test]
    fn nothing_delivered_lets_nothing_go_but_the_first() {
        let mut prr = Prr::new(10_000, 20_000);
        prr.on_ack(ack(0, 5_000, false));
        assert_eq!(prr.window(), 6_000);
        prr.on_sent(1_000);
        prr.on_ack(ack(0, 6_000, false));
        assert_eq!(prr.window(), 6_000);
    }

    #[test]
    fn the_window_is_a_segment_at_least() {
        let mut prr = Prr::new(2_000, 2_400);
        prr.on_ack(ack(800, 800, false));
        prr.on_sent(800);
        // The rest is found lost, and less than a segment arrived.
        prr.on_ack(ack(800, 0, false));
        assert_eq!(prr.window(), MSS);
    }
}
