//! The memory of connections that are no more, for those to come.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::ValidConfig;
use crate::connection::{Connection, HalfOpen, Setup};
use crate::time::Instant;

/// A few connections that have ended, whose boxes are filled again: where connections come and go, none asks for
/// memory.
#[derive(Debug)]
pub(super) struct Spares {
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    ended: Vec<Box<Connection>>,
}

/// As many as may come to an end between two that begin.
const MOST: usize = 32;

impl Spares {
    pub(super) const fn new() -> Self {
        Spares { ended: Vec::new() }
    }

    /// As [`Connection::connect`].
    pub(super) fn connect(
        &mut self,
        now: Instant,
        config: ValidConfig,
        setup: Setup,
    ) -> Box<Connection> {
        match self.ended.pop() {
            Some(mut spare) => {
                spare.connect_again(now, config, setup);
                spare
            }
            None => Box::new(Connection::connect(now, config, setup)),
        }
    }

    /// As [`HalfOpen::promote`].
    pub(super) fn promote(
        &mut self,
        now: Instant,
        config: ValidConfig,
        half: &HalfOpen,
    ) -> Box<Connection> {
        match self.ended.pop() {
            Some(mut spare) => {
                spare.promote_again(now, config, half);
                spare
            }
            None => Box::new(half.promote(now, config)),
        }
    }

    /// Keeps a connection that has ended, if there are not enough yet, for its box and the little memory that the
    /// next begins with.
    pub(super) fn keep(&mut self, mut ended: Box<Connection>) {
        if self.ended.len() < MOST {
            ended.shed();
            self.ended.push(ended);
        }
    }
}

/// A copy has none.
impl Clone for Spares {
    fn clone(&self) -> Self {
        Spares::new()
    }
}
