//! Raw bytes into a whole stack: each packet as it stands, or with its lengths and checksums made right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp_core_fuzz::Target;

fuzz_target!(|data: &[u8]| {
    let mut target = Target::new();
    let mut rest = data;
    while let [how, len, tail @ ..] = rest {
        let (packet, after) = tail.split_at(usize::from(*len).min(tail.len()));
        target.take(*how, packet);
        rest = after;
    }
    target.finish();
});
