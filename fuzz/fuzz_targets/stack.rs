//! A whole stack with three listeners, under packets of several flows, damaged ones, ICMP, calls and times that the
//! input draws.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::prelude::*;
use rigs::stack::{Act, Raid};
use rigs::{draw, draw_each};

fuzz_target!(|data: &[u8]| {
    let (device, acts) = data.split_at(data.len().min(1));
    if let Some(offload) = draw(&Raid::offloads(), device) {
        Raid::new(draw_each(&any::<Act>(), acts), offload).survive();
    }
});
