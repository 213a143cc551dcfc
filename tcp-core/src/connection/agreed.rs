//! What the two SYNs agree on.

use super::setup::Setup;
use crate::config::{AckMode, EcnMode, MIN_MSS, TcpConfig, WindowScaling};
use crate::pack::packs;
use crate::wire::{Header, Options, WindowScale};

/// What the handshake agreed on: made once, by [`agree`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Agreed {
    /// Bytes of payload and options that a segment of ours may have (RFC 9293 §3.7.1).
    pub(crate) mss: u16,
    /// The same, as far as device and path bound it.
    pub(crate) path_mss: u16,
    /// The scales of the peer's windows and of ours; both or neither (RFC 7323 §2.2).
    pub(crate) scales: Option<Scales>,
    /// Whether every segment carries timestamps.
    pub(crate) timestamps: bool,
    /// Whether SACK may be sent and is believed.
    pub(crate) sack: bool,
    /// Whether marks are echoed (RFC 3168 §6.1.1).
    pub(crate) ecn: bool,
}

impl Agreed {
    /// Before anything is agreed on, for segments of `mss` bytes, and a path of `path_mss`.
    pub(crate) fn nothing(mss: u16, path_mss: u16) -> Agreed {
        Agreed {
            mss,
            path_mss,
            scales: None,
            timestamps: false,
            sack: false,
            ecn: false,
        }
    }
}

packs!(Agreed {
    mss,
    path_mss,
    scales,
    timestamps,
    sack,
    ecn
});

/// Whose SYN was first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Ours was sent before the peer's came: what it did not ask for is not agreed on.
    Opener,
    /// The peer's; ours answers it.
    Listener,
}

/// The two window scales.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Scales {
    /// Of the windows that the peer announces.
    pub(crate) send: WindowScale,
    /// Of the windows that we announce.
    pub(crate) recv: WindowScale,
}

packs!(Scales { send, recv });

impl Agreed {
    /// Of the windows that the peer announces.
    pub(crate) fn send_scale(&self) -> WindowScale {
        self.scales.map_or(WindowScale::ZERO, |scales| scales.send)
    }

    /// Of the windows that we announce.
    pub(crate) fn recv_scale(&self) -> WindowScale {
        self.scales.map_or(WindowScale::ZERO, |scales| scales.recv)
    }
}

/// The MSS that we announce (RFC 9293 MUST-67).
pub(crate) fn announced_mss(config: &TcpConfig, setup: &Setup) -> u16 {
    config
        .max_segment_size
        .map_or(setup.mss, |most| most.min(setup.mss))
}

/// The options of our SYN, but for timestamps.
pub(crate) fn offer(config: &TcpConfig, setup: &Setup) -> Options {
    Options {
        mss: Some(announced_mss(config, setup)),
        window_scale: window_scale(config),
        sack_permitted: wants_sack(config),
        ..Options::NONE
    }
}

/// The options of our SYN-ACK: of what we would offer, what the peer offered too.
pub(crate) fn answer(config: &TcpConfig, setup: &Setup, agreed: &Agreed) -> Options {
    let offer = offer(config, setup);
    Options {
        window_scale: offer.window_scale.filter(|_| agreed.scales.is_some()),
        sack_permitted: agreed.sack,
        ..offer
    }
}

/// What results from our offer and the peer's SYN or SYN-ACK.
pub(crate) fn agree(config: &TcpConfig, setup: &Setup, syn: &Header, role: Role) -> Agreed {
    let peer = &syn.options;
    let send_limit = peer.mss.unwrap_or(setup.default_mss).max(MIN_MSS);
    let scales = match (window_scale(config), peer.window_scale) {
        (Some(recv), Some(send)) => Some(Scales { send, recv }),
        _ => None,
    };
    Agreed {
        mss: send_limit.min(announced_mss(config, setup)),
        path_mss: setup.mss,
        scales,
        timestamps: config.timestamps && peer.timestamps.is_some(),
        sack: wants_sack(config) && peer.sack_permitted,
        ecn: wants_ecn(config, role) && is_ecn_setup(syn),
    }
}

/// RFC 3168 §6.1.1: a SYN asks by ECE and CWR, a SYN-ACK agrees by ECE alone. One with both only
/// reflects what it does not know.
pub(crate) fn is_ecn_setup(syn: &Header) -> bool {
    syn.ece && syn.cwr == syn.ack.is_none()
}

fn wants_ecn(config: &TcpConfig, role: Role) -> bool {
    match role {
        Role::Opener => config.ecn == EcnMode::Request,
        Role::Listener => config.ecn != EcnMode::Off,
    }
}

/// Acknowledgement on read leaves no room for SACK: a report beyond a hole would tell of data that the
/// application has not taken, and make what it has not read look lost.
fn wants_sack(config: &TcpConfig) -> bool {
    config.sack && config.ack_mode == AckMode::Normal
}

/// The scale that lets the whole receive buffer be offered, or what the user chose.
fn window_scale(config: &TcpConfig) -> Option<WindowScale> {
    match config.window_scaling {
        WindowScaling::Off => None,
        WindowScaling::Fixed(shift) => Some(WindowScale::clamped(shift)),
        WindowScaling::Auto => {
            let shift =
                (0..14).find(|&shift| config.recv_buffer.max() >> shift <= usize::from(u16::MAX));
            Some(WindowScale::clamped(shift.unwrap_or(14)))
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::seq::SeqNumber;
    use crate::wire::Timestamps;

    const SETUP: Setup = Setup {
        isn: SeqNumber::new(0),
        timestamp_offset: 0,
        mss: 1_460,
        gso_max_size: 0,
        default_mss: 536,
    };

    const ROLE: Role = Role::Listener;

    fn syn(options: Options) -> Header {
        Header {
            options,
            ..Header::new(SeqNumber::new(0))
        }
    }

    #[test]
    fn silence_means_the_defaults() {
        let agreed = agree(&TcpConfig::default(), &SETUP, &syn(Options::NONE), ROLE);
        let expected = Agreed {
            mss: 536,
            path_mss: SETUP.mss,
            scales: None,
            timestamps: false,
            sack: false,
            ecn: false,
        };
        assert_eq!(agreed, expected);
    }

    #[test]
    fn both_must_offer() {
        let peer = Options {
            mss: Some(9_000),
            window_scale: Some(WindowScale::clamped(7)),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 1, echo: 0 }),
            ..Options::NONE
        };
        let config = TcpConfig {
            recv_buffer: (1 << 20).into(),
            ..TcpConfig::default()
        };
        let agreed = agree(&config, &SETUP, &syn(peer), ROLE);
        assert_eq!(agreed.mss, 1_460);
        assert_eq!(
            (agreed.send_scale().shift(), agreed.recv_scale().shift()),
            (7, 5)
        );
        assert!(agreed.timestamps && agreed.sack);
        let config = TcpConfig {
            timestamps: false,
            sack: false,
            window_scaling: WindowScaling::Off,
            ..config
        };
        let agreed = agree(&config, &SETUP, &syn(peer), ROLE);
        assert_eq!(
            (agreed.scales, agreed.timestamps, agreed.sack),
            (None, false, false)
        );
    }

    #[test]
    fn a_tiny_mss_is_not_believed() {
        let peer = Options {
            mss: Some(1),
            ..Options::NONE
        };
        let agreed = agree(&TcpConfig::default(), &SETUP, &syn(peer), ROLE);
        assert_eq!(agreed.mss, MIN_MSS);
    }

    /// Every combination of ECE and CWR, with the modes that agree to it.
    #[test]
    fn ecn_is_agreed_on_by_both_flags_of_a_syn_and_by_one_of_a_syn_ack() {
        const NONE: [EcnMode; 0] = [];
        let modes = [EcnMode::Off, EcnMode::Accept, EcnMode::Request];
        let agreeing = |role, ack: Option<SeqNumber>, ece, cwr| {
            let peer = Header {
                ack,
                ece,
                cwr,
                ..syn(Options::NONE)
            };
            let config = |ecn| TcpConfig {
                ecn,
                ..TcpConfig::default()
            };
            modes
                .into_iter()
                .filter(|&ecn| agree(&config(ecn), &SETUP, &peer, role).ecn)
                .collect::<Vec<_>>()
        };
        let ack = Some(SeqNumber::new(1));
        for (ece, cwr) in [(false, false), (false, true), (true, false), (true, true)] {
            let (asks, answers) = (ece && cwr, ece && !cwr);
            let listening = agreeing(Role::Listener, None, ece, cwr);
            assert_eq!(listening, if asks { &modes[1..] } else { &NONE });
            let crossing = agreeing(Role::Opener, None, ece, cwr);
            assert_eq!(crossing, if asks { &modes[2..] } else { &NONE });
            let answered = agreeing(Role::Opener, ack, ece, cwr);
            assert_eq!(answered, if answers { &modes[2..] } else { &NONE });
        }
    }
}
