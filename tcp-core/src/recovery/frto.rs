//! Forward RTO-recovery: after a timeout, new data first, to see whether the rest was lost at all
//! (RFC 5682).

use crate::pack::packs;

/// Where the test stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum Frto {
    /// Not testing.
    #[default]
    Off,
    /// The timer expired, and the first segment was sent again: the next acknowledgement decides.
    Armed,
    /// That one advanced: new data is sent, and what acknowledges it decides.
    Testing,
}

packs!(
    enum Frto {
        Off,
        Armed,
        Testing,
    }
);

/// What an acknowledgement after a timeout is to the test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrtoAck {
    /// Whether SND.UNA moved.
    pub(crate) advanced: bool,
    /// Whether everything that was outstanding at the timeout is acknowledged.
    pub(crate) recovered: bool,
    /// Whether it repeats the last one, or reports something by SACK.
    pub(crate) duplicate: bool,
    /// Whether it newly delivers what was sent before the timeout, and only then.
    pub(crate) original: bool,
    /// Whether there is new data, and a window for it.
    pub(crate) new_data: bool,
}

impl Frto {
    /// Takes the next step; says whether the timeout was spurious.
    pub(crate) fn on_ack(&mut self, ack: FrtoAck) -> bool {
        if *self == Frto::Off || !(ack.advanced || ack.duplicate) {
            return false;
        }
        let goes_on = *self == Frto::Armed && ack.advanced && !ack.recovered && ack.new_data;
        *self = if goes_on && !ack.original {
            Frto::Testing
        } else {
            Frto::Off
        };
        ack.original
    }

    /// Whether new data goes before what is thought lost.
    pub(crate) fn wants_new_data(self) -> bool {
        self == Frto::Testing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADVANCE: FrtoAck = FrtoAck {
        advanced: true,
        recovered: false,
        duplicate: false,
        original: false,
        new_data: true,
    };
    const DUPLICATE: FrtoAck = FrtoAck {
        advanced: false,
        duplicate: true,
        ..ADVANCE
    };
    const ORIGINAL: FrtoAck = FrtoAck {
        original: true,
        ..ADVANCE
    };

    #[test]
    fn two_advances_the_second_of_an_original_show_a_spurious_timeout() {
        let mut frto = Frto::Armed;
        assert!(!frto.on_ack(ADVANCE));
        assert!(frto.wants_new_data());
        assert!(frto.on_ack(ORIGINAL));
        assert_eq!(frto, Frto::Off);
    }

    #[test]
    fn a_duplicate_shows_a_loss() {
        let mut frto = Frto::Armed;
        assert!(!frto.on_ack(DUPLICATE));
        assert_eq!(frto, Frto::Off);
        let mut frto = Frto::Testing;
        assert!(!frto.on_ack(DUPLICATE));
        assert!(!frto.on_ack(ORIGINAL), "too late");
    }

    #[test]
    fn without_new_data_there_is_no_test() {
        for ack in [
            FrtoAck {
                new_data: false,
                ..ADVANCE
            },
            FrtoAck {
                recovered: true,
                ..ADVANCE
            },
        ] {
            let mut frto = Frto::Armed;
            assert!(!frto.on_ack(ack));
            assert_eq!(frto, Frto::Off);
        }
    }

    #[test]
    fn a_window_update_says_nothing() {
        let mut frto = Frto::Armed;
        assert!(!frto.on_ack(FrtoAck {
            advanced: false,
            ..ADVANCE
        }));
        assert_eq!(frto, Frto::Armed);
    }
}
