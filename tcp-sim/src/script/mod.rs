//! Scripts: segments written by hand, and figures that play themselves.
//!
//! - [`Seg`] is a segment in the notation of RFC 9293's figures.
//! - [`Tester`] plays one end of a connection against a stack or a lone connection.
//! - [`Figure`] plays a figure of RFC 9293 between two stacks, line by line.

mod endpoint;
mod figure;
mod line;
mod lone_connection;
mod lone_stack;
mod notation;
mod numbering;
mod seg;
mod tester;

pub use endpoint::Endpoint;
pub use figure::Figure;
pub use lone_connection::{LoneConnection, Stage};
pub use lone_stack::LoneStack;
pub use notation::NotationError;
pub use numbering::Numbering;
pub use seg::{Data, OptionList, Seg, ack, fin, rst, segment, syn};
pub use tester::{Sent, Tester};
