//! Any bytes as the options of a TCP header: what is understood of them survives being written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp_core::ReceiveChecksum;
use tcp_core::wire::{Incoming, parse};
use tcp_core_fuzz::{check_round_trip, repair};

fuzz_target!(|data: &[u8]| {
    let options = &data[..data.len().min(40)];
    let padded_len = options.len().next_multiple_of(4);
    let mut packet = vec![0; 40 + padded_len];
    packet[0] = 0x45;
    packet[9] = 6;
    let tcp = &mut packet[20..];
    tcp[1] = 1;
    tcp[3] = 1;
    tcp[12] = (5 + padded_len as u8 / 4) << 4;
    tcp[20..20 + options.len()].copy_from_slice(options);
    repair(&mut packet);
    match parse(&packet, ReceiveChecksum::Verified) {
        Ok(Incoming::Tcp(segment)) => check_round_trip(&segment),
        other => panic!("the options decide nothing about the segment: {other:?}"),
    }
});
