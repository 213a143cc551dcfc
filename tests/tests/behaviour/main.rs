//! What connections, stacks and their networks do, seen from outside.

mod buffers;
mod closing_figures;
mod closing_rules;
mod determinism;
mod ecn;
mod fast_open;
mod handshake_figures;
mod listeners;
mod options;
mod path_mtu;
mod posix_page;
mod random_faults;
mod resets;
mod single_faults;
mod timers;
mod windows;
mod wrapping;
