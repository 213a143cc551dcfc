//! Loss recovery and congestion control where they are hardest: reordering, long fat paths, lost
//! tails, spurious timeouts, marking queues. `TCP_SEEDS` is the number of seeds of each.

mod ecn;
mod long_fat_path;
mod reordering;
mod spurious_timeout;
mod tail_loss;
