//! The names that a user knows slots by. Each is one number, which goes from hand to hand in a register.

use core::fmt;

use super::slab::SlotId;
use crate::event::{ConnectionId, ListenerId, SynId};

macro_rules! keys_name {
    ($($id:ident)*) => {
        $(
            impl From<SlotId> for $id {
                fn from(SlotId { index, generation }: SlotId) -> Self {
                    $id(u64::from(index) << 32 | u64::from(generation))
                }
            }

            impl From<$id> for SlotId {
                fn from($id(number): $id) -> Self {
                    SlotId {
                        index: (number >> 32) as u32,
                        generation: number as u32,
                    }
                }
            }

            impl fmt::Debug for $id {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    let SlotId { index, generation } = SlotId::from(*self);
                    f.debug_struct(stringify!($id))
                        .field("index", &index)
                        .field("generation", &generation)
                        .finish()
                }
            }
        )*
    };
}

keys_name!(ConnectionId ListenerId SynId);
