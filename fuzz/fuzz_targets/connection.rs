//! One connection, from each state on, under segments, calls and times that the input draws.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::prelude::*;
use rigs::connection::survive;
use rigs::draw;
use rigs::plan::{Start, Step};

fuzz_target!(|data: &[u8]| {
    let plan = (any::<Start>(), prop::collection::vec(any::<Step>(), 1..60));
    if let Some((start, steps)) = draw(&plan, data) {
        survive(&start, &steps);
    }
});
