//! The repair of losses while nothing is repaired.

use super::Recovery;
use crate::pack::packs;

packs!(Recovery {
    config,
    phase,
    high,
    last_repair,
    rack,
    rack_before,
    probe,
    prr,
    frto,
    undo,
    dup_acks,
});
