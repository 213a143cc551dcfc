//! Packets for tests of this folder.

use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header};

use super::layout::{ACK, FIN, PSH, RST, SYN};
use crate::world::write_packet;

pub(super) fn header(flags: u8) -> Header {
    Header {
        control: match flags & (FIN | SYN | RST) {
            0 => Control::None,
            FIN => Control::Fin,
            SYN => Control::Syn,
            _ => Control::Rst,
        },
        ack: (flags & ACK != 0).then_some(SeqNumber::new(5_000)),
        push: flags & PSH != 0,
        ..Header::new(SeqNumber::new(1_000))
    }
}

pub(super) fn packet(header: &Header, payload: &[u8]) -> Vec<u8> {
    let [src, dst] = ["10.0.0.1:1000", "10.0.0.2:80"].map(|it| it.parse().unwrap());
    write_packet(src, dst, header, payload)
}

pub(super) fn packet_v6(header: &Header, payload: &[u8]) -> Vec<u8> {
    let [src, dst] = ["[fd00::1]:1000", "[fd00::2]:80"].map(|it| it.parse().unwrap());
    write_packet(src, dst, header, payload)
}

pub(super) fn segment(flags: u8, payload: &[u8]) -> Vec<u8> {
    packet(&header(flags), payload)
}

pub(super) fn segment_v6(flags: u8, payload: &[u8]) -> Vec<u8> {
    packet_v6(&header(flags), payload)
}
