//! The scoreboard of what was sent against a naive one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rigs::draw_each;
use tcp_core::fuzzing::scoreboard::{any_step, survive};

fuzz_target!(|data: &[u8]| {
    survive(&draw_each(&any_step(), data));
});
