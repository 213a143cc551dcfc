//! Round trips as packets count them.

/// A round trip begins when something is acknowledged that was sent after the last one began.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Rounds {
    /// Bytes delivered when the present round began.
    began: u64,
    /// Whether the acknowledgement being processed began a round.
    started: bool,
}

impl Rounds {
    /// An acknowledgement of a packet that was sent when `prior_delivered` bytes had been delivered;
    /// `None` if it measures nothing. `delivered` bytes are by now.
    pub(super) fn on_ack(&mut self, prior_delivered: Option<u64>, delivered: u64) {
        self.started = prior_delivered.is_some_and(|prior| prior >= self.began);
        if self.started {
            self.began = delivered;
        }
    }

    /// Has the next round begin with what is sent from now on.
    pub(super) fn restart(&mut self, delivered: u64) {
        self.began = delivered;
    }

    pub(super) fn started(&self) -> bool {
        self.started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_begins_with_what_was_sent_in_the_last_one() {
        let mut rounds = Rounds::default();
        rounds.on_ack(Some(0), 1_000);
        assert!(rounds.started());
        rounds.on_ack(Some(0), 2_000);
        assert!(!rounds.started());
        rounds.on_ack(None, 2_000);
        assert!(!rounds.started());
        rounds.on_ack(Some(1_000), 3_000);
        assert!(rounds.started());
        rounds.restart(5_000);
        rounds.on_ack(Some(4_999), 6_000);
        assert!(!rounds.started());
    }
}
