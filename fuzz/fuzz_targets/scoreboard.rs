//! The scoreboard of what was sent against a naive one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rigs::draw;
use tcp_core::fuzzing::scoreboard::{steps, survive};

fuzz_target!(|data: &[u8]| {
    if let Some(steps) = draw(&steps(200), data) {
        survive(&steps);
    }
});
