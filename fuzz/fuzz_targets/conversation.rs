//! A pair of stacks over a network whose faults the input draws: the data arrives whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rigs::conversation::{Conversation, fault};
use rigs::{SEED, draw, draw_each};

fuzz_target!(|data: &[u8]| {
    let (who, faults) = data.split_at(data.len().min(SEED));
    if let Some(conversation) = draw(&Conversation::any(), who) {
        conversation
            .with_faults(draw_each(&fault(), faults))
            .survive();
    }
});
