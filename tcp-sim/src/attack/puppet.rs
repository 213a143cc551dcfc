//! A peer whose every segment is written by hand.

use std::net::SocketAddr;

use tcp_core::seq::{SeqNumber, SeqRange};
use tcp_core::wire::{Control, Header, Options, SackBlocks, Timestamps, WindowScale, WireWindow};

use super::victim::Victim;
use crate::Side;
use crate::world::{Family, TcpPacket, write_packet};

/// Where a peer stands in its conversation with the victim.
#[derive(Clone, Debug)]
pub(super) struct Puppet {
    pub(super) addr: SocketAddr,
    pub(super) victim: SocketAddr,
    /// The next number that it sends.
    pub(super) seq: SeqNumber,
    /// The next number that it expects, which it acknowledges.
    pub(super) ack: SeqNumber,
    /// The furthest number that the victim has sent.
    pub(super) sent: SeqNumber,
    /// The window field of its segments.
    pub(super) window: u16,
    timestamps: bool,
    /// The victim's last timestamp.
    echo: u32,
}

/// What a peer offers in its SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) mss: u16,
    pub(super) scale: u8,
    pub(super) sack: bool,
    pub(super) timestamps: bool,
}

impl Offer {
    /// What everybody offers today.
    pub(super) const ALL: Offer = Offer {
        mss: 1_460,
        scale: 7,
        sack: true,
        timestamps: true,
    };
}

impl Puppet {
    /// The peer with this number, at some port of some address.
    pub(super) fn addr_of(number: usize) -> SocketAddr {
        let host = Side::B.index() + number / 50_000;
        SocketAddr::new(Family::V4.address(host), 10_000 + (number % 50_000) as u16)
    }

    /// Its SYN.
    pub(super) fn syn(number: usize, isn: u32, offer: Offer) -> Vec<u8> {
        Puppet::syn_at(number, isn, offer, 1)
    }

    fn syn_at(number: usize, isn: u32, offer: Offer, clock: u32) -> Vec<u8> {
        let header = Header {
            control: Control::Syn,
            window: WireWindow::new(u16::MAX),
            options: Options {
                mss: Some(offer.mss),
                window_scale: Some(WindowScale::clamped(offer.scale)),
                sack_permitted: offer.sack,
                timestamps: offer.timestamps.then_some(Timestamps {
                    value: clock,
                    echo: 0,
                }),
                ..Options::NONE
            },
            ..Header::new(SeqNumber::new(isn))
        };
        write_packet(Puppet::addr_of(number), Victim::addr(), &header, &[])
    }

    /// Opens a connection to the victim's listener, which must have room.
    pub(super) fn open(victim: &mut Victim, number: usize, isn: u32, offer: Offer) -> Puppet {
        Puppet::try_open(victim, number, isn, offer).expect("a SYN is answered")
    }

    /// Opens a connection to the victim's listener; `None` where it has no room.
    pub(super) fn try_open(
        victim: &mut Victim,
        number: usize,
        isn: u32,
        offer: Offer,
    ) -> Option<Puppet> {
        let clock = clock_of(victim);
        victim.hand(&Puppet::syn_at(number, isn, offer, clock));
        let answers = victim.answers();
        let addr = Puppet::addr_of(number);
        let syn_ack = answers.iter().filter_map(|packet| TcpPacket::parse(packet));
        let syn_ack = { syn_ack }.find(|it| it.dst == addr && it.header.control == Control::Syn)?;
        let next = syn_ack.header.seq.advanced_by(1);
        let mut puppet = Puppet {
            addr,
            victim: syn_ack.src,
            seq: SeqNumber::new(isn).advanced_by(1),
            ack: next,
            sent: next,
            window: u16::MAX,
            timestamps: offer.timestamps && syn_ack.header.options.timestamps.is_some(),
            echo: 0,
        };
        puppet.note(&syn_ack);
        victim.hand(&puppet.bare_ack(clock));
        victim.hush();
        Some(puppet)
    }

    /// Takes note of a packet of the victim's; gives it if it is of this conversation.
    pub(super) fn hear(&mut self, packet: &[u8]) -> Option<TcpPacket> {
        let packet = TcpPacket::parse(packet)?;
        (packet.dst == self.addr).then(|| {
            self.note(&packet);
            packet
        })
    }

    fn note(&mut self, packet: &TcpPacket) {
        if let Some(timestamps) = packet.header.options.timestamps {
            self.echo = timestamps.value;
        }
        let len = packet.payload.len() as u32 + packet.header.control.sequence_len();
        let end = packet.header.seq.advanced_by(len);
        if end.distance_from(self.sent) > 0 {
            self.sent = end;
        }
    }

    /// The header of its next segment.
    pub(super) fn header(&self, clock: u32) -> Header {
        Header {
            ack: Some(self.ack),
            window: WireWindow::new(self.window),
            options: Options {
                timestamps: self.timestamps.then_some(Timestamps {
                    value: clock,
                    echo: self.echo,
                }),
                ..Options::NONE
            },
            ..Header::new(self.seq)
        }
    }

    pub(super) fn packet(&self, header: &Header, payload: &[u8]) -> Vec<u8> {
        write_packet(self.addr, self.victim, header, payload)
    }

    /// An acknowledgement of all before `ack`.
    pub(super) fn bare_ack(&self, clock: u32) -> Vec<u8> {
        self.packet(&self.header(clock), &[])
    }

    /// An acknowledgement that reports these ranges, as bytes from `ack` on.
    pub(super) fn sack(&self, clock: u32, ranges: &[(u32, u32)]) -> Vec<u8> {
        let mut blocks = SackBlocks::NONE;
        for &(start, end) in ranges {
            blocks.push(SeqRange {
                start: self.ack.advanced_by(start),
                end: self.ack.advanced_by(end),
            });
        }
        let mut header = self.header(clock);
        header.options.sack = blocks;
        self.packet(&header, &[])
    }

    /// A segment with data that begins so many bytes after the next one.
    pub(super) fn data(&self, clock: u32, ahead: u32, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            seq: self.seq.advanced_by(ahead),
            ..self.header(clock)
        };
        self.packet(&header, payload)
    }

    /// A segment without data, but with one of SYN, FIN and RST.
    pub(super) fn control(&self, clock: u32, control: Control) -> Vec<u8> {
        let header = Header {
            control,
            ..self.header(clock)
        };
        self.packet(&header, &[])
    }
}

/// The clock of a peer's timestamps: milliseconds, as the victim's.
pub(super) fn clock_of(victim: &Victim) -> u32 {
    victim.now.as_millis() as u32
}
