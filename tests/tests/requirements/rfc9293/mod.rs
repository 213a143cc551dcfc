//! RFC 9293, in the order of its sections.

mod windows;
