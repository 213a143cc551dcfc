//! Any bytes: parsing does not panic, and a segment that is parsed can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp_core::ReceiveChecksum;
use tcp_core::wire::{Incoming, parse};
use tcp_core_fuzz::{check_round_trip, repair};

fuzz_target!(|data: &[u8]| {
    check(data);
    let mut packet = data.to_vec();
    repair(&mut packet);
    check(&packet);
});

fn check(packet: &[u8]) {
    let unchecked = parse(packet, ReceiveChecksum::Unchecked);
    let verified = parse(packet, ReceiveChecksum::Verified);
    if unchecked.is_ok() {
        assert_eq!(unchecked, verified);
    }
    if let Ok(Incoming::Tcp(segment)) = verified {
        check_round_trip(&segment);
    }
}
