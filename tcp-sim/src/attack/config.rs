//! How much of everything there is.

/// How large the attacks are, and what they are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct AttackConfig {
    /// Where all that is random comes from.
    pub seed: u64,
    /// Blind segments against one connection, with timestamps and again without.
    pub segments: u64,
    /// Segments of a sweep over the sequence space.
    pub sweep: u64,
    /// Malformed and random packets.
    pub packets: u64,
    /// Bytes of the long transfer.
    pub bytes: u64,
    /// Batches of packets that are timed, of each kind.
    pub batches: usize,
    /// Seconds of virtual time that floods last.
    pub seconds: u64,
    /// Bytes of heap that the program holds, where somebody counts them; else 0.
    pub heap: fn() -> usize,
}

impl Default for AttackConfig {
    fn default() -> Self {
        AttackConfig {
            seed: 1,
            segments: 100_000_000,
            sweep: 1 << 20,
            packets: 100_000_000,
            bytes: 1 << 40,
            batches: 400,
            seconds: 60,
            heap: || 0,
        }
    }
}

impl AttackConfig {
    /// Smaller ones, which take seconds.
    pub fn quick() -> Self {
        AttackConfig {
            segments: 2_000_000,
            packets: 4_000_000,
            bytes: 16 << 30,
            batches: 160,
            seconds: 15,
            ..AttackConfig::default()
        }
    }
}

/// A count for people.
pub(super) fn millions(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..10_000_000 => format!("{} thousand", count / 1_000),
        _ => format!("{} million", count / 1_000_000),
    }
}
