//! What runs on top: applications as small state machines.
//!
//! An [`App`] is one end of a flow of a [simulation](crate::simulation), and knows nothing but its
//! [`Sockets`]: one file for each kind. A [`Talker`] is one end of a conversation of a
//! [`Pair`](crate::world::Pair), for tests.

mod abort;
mod bulk;
mod half_close;
mod many_short;
mod request_response;
mod slow_reader;
mod sockets;
mod stream;
mod talker;

pub use abort::{Quitter, Witness};
pub use bulk::{Receiver, Sender};
pub use half_close::LateAnswerer;
pub use many_short::{Counter, Visitor};
pub use request_response::{Answerer, Asker, Exchanges};
pub use slow_reader::SlowReader;
pub use sockets::{App, AppError, Cause, Opened, Sockets, Status};
pub use stream::Role;
pub use talker::{Closes, Talker, converse, pattern};
