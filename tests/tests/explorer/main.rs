//! Every schedule of small conversations.

mod attacker;
mod parts;
mod presets;
