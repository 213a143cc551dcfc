//! The names that a user knows slots by.

use super::slab::SlotId;
use crate::event::{ConnectionId, ListenerId, SynId};

macro_rules! keys_name {
    ($($id:ident)*) => {
        $(
            impl From<SlotId> for $id {
                fn from(SlotId { index, generation }: SlotId) -> Self {
                    $id { index, generation }
                }
            }

            impl From<$id> for SlotId {
                fn from($id { index, generation }: $id) -> Self {
                    SlotId { index, generation }
                }
            }
        )*
    };
}

keys_name!(ConnectionId ListenerId SynId);
