//! Conversations over a link that fails at random: whatever is lost, doubled, late, out of order or
//! damaged, the data arrives whole, both sides close, and nothing is left behind.

use proptest::prelude::*;
use rigs::conversation::Conversation;

proptest! {
    #![proptest_config(ProptestConfig {
        // The input is large and a panic prints its trace: where it fails says enough.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_conversation_survives_the_network(conversation in Conversation::any()) {
        conversation.survive();
    }
}
