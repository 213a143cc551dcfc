//! What the fuzz targets share.

mod target;

pub use target::Target;

use tcp_core::ReceiveChecksum;
use tcp_core::wire::{
    Fragments, Incoming, IpFields, Options, SackBlocks, TcpPacket, emit, options_len, parse,
};

/// Checks that a segment says the same after it was written and read again.
pub fn check_round_trip(packet: &TcpPacket<'_>) {
    let fields = IpFields {
        src: packet.src,
        dst: packet.dst,
        dscp: packet.dscp,
        hop_limit: packet.hop_limit,
        identification: 0,
        fragments: Fragments::Forbidden,
    };
    let mut expected = *packet;
    expected.bad_option = false;
    let options = &mut expected.segment.header.options;
    options.sack.truncate(sack_blocks_written(options));

    let mut buf = vec![0; 1 << 16];
    let transmit = emit(&fields, &packet.segment, &mut buf).expect("inputs are far below 64 KiB");
    let again = parse(&buf[..transmit.len], ReceiveChecksum::Unchecked);
    assert_eq!(again, Ok(Incoming::Tcp(expected)));
}

/// How many SACK blocks `emit` found room for.
fn sack_blocks_written(options: &Options) -> usize {
    let without = Options {
        sack: SackBlocks::NONE,
        ..*options
    };
    let (len, len_without) = (options_len(options), options_len(&without));
    assert!(len <= 40 && len.is_multiple_of(4));
    (len - len_without).saturating_sub(4) / 8
}

/// Makes lengths and checksums right where there is room for them, so that the fuzzer gets past
/// them to what they protect.
pub fn repair(packet: &mut [u8]) {
    let len = packet.len() as u16;
    match packet {
        [first, ..] if *first >> 4 == 4 && len >= 20 => {
            let header_len = usize::from(*first & 15) * 4;
            packet[2..4].copy_from_slice(&len.to_be_bytes());
            let Some((header, payload)) = packet.split_at_mut_checked(header_len) else {
                return;
            };
            if header.len() >= 20 {
                write_checksum(header, 10, 0);
            }
            if header.get(9) == Some(&1) && payload.len() >= 4 {
                write_checksum(payload, 2, 0);
            }
        }
        [first, ..] if *first >> 4 == 6 && len >= 40 => {
            packet[4..6].copy_from_slice(&(len - 40).to_be_bytes());
            if packet[6] == 58 && len >= 44 {
                let pseudo = sum(&packet[8..40]) + u32::from(len - 40) + 58;
                write_checksum(&mut packet[40..], 2, pseudo);
            }
        }
        _ => {}
    }
}

/// Writes the checksum of `bytes` at `at`, counting `pseudo` in.
fn write_checksum(bytes: &mut [u8], at: usize, pseudo: u32) {
    bytes[at..at + 2].fill(0);
    let mut total = sum(bytes) + pseudo;
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    bytes[at..at + 2].copy_from_slice(&(!(total as u16)).to_be_bytes());
}

/// The sum of the 16-bit words, not folded.
fn sum(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
    bytes.chunks(2).map(word).sum()
}
