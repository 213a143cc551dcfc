//! A whole stack with three listeners, under packets of several flows, damaged ones, ICMP, calls and times that the
//! input draws.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rigs::draw;
use rigs::stack::Raid;

fuzz_target!(|data: &[u8]| {
    if let Some(raid) = draw(&Raid::any(80), data) {
        raid.survive();
    }
});
