//! A pair of stacks over a network whose faults the input draws: the data arrives whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rigs::conversation::Conversation;
use rigs::draw;

fuzz_target!(|data: &[u8]| {
    if let Some(conversation) = draw(&Conversation::any(), data) {
        conversation.survive();
    }
});
