//! One connection, from each state on, under segments, calls and times that the input draws.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::prelude::*;
use rigs::connection::survive;
use rigs::plan::{Start, Step};
use rigs::{SEED, draw, draw_each};

fuzz_target!(|data: &[u8]| {
    let (start, steps) = data.split_at(data.len().min(SEED));
    if let Some(start) = draw(&any::<Start>(), start) {
        survive(&start, &draw_each(&any::<Step>(), steps));
    }
});
