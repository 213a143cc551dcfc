//! Controllers as values: the one that a connection holds, and what makes a user's.

use alloc::boxed::Box;
use core::fmt;
use core::hash::Hasher;
use core::ops::{Deref, DerefMut};

use super::controller::Controller;

/// The controller of one connection: a boxed [`Controller`] with what a connection must have.
/// (A bare box will not do: deriving `PartialEq` on what holds one would move out of it.)
#[derive(Debug)]
pub(crate) struct BoxedController(pub(crate) Box<dyn Controller>);

impl Deref for BoxedController {
    type Target = dyn Controller;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl DerefMut for BoxedController {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}

impl Clone for BoxedController {
    fn clone(&self) -> Self {
        BoxedController(self.0.clone_box())
    }
}

impl PartialEq for BoxedController {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_box(&*other.0)
    }
}

impl Eq for BoxedController {}

impl core::hash::Hash for BoxedController {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash_box(state);
    }
}

/// Makes a user's controller for each connection. Two factories are equal when they have the same
/// name and the same function.
#[derive(Clone, Copy)]
pub struct ControllerFactory {
    name: &'static str,
    build: fn(mss: u32, initial_window: u32) -> Box<dyn Controller>,
}

impl ControllerFactory {
    /// A factory called `name` that makes controllers with `build`, which is given the largest
    /// payload of a segment and the initial window, both in bytes.
    pub const fn new(
        name: &'static str,
        build: fn(mss: u32, initial_window: u32) -> Box<dyn Controller>,
    ) -> Self {
        ControllerFactory { name, build }
    }

    /// A controller in its initial state.
    pub fn build(&self, mss: u32, initial_window: u32) -> Box<dyn Controller> {
        (self.build)(mss, initial_window)
    }
}

impl fmt::Debug for ControllerFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ControllerFactory")
            .field(&self.name)
            .finish()
    }
}

impl PartialEq for ControllerFactory {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && core::ptr::fn_addr_eq(self.build, other.build)
    }
}

impl Eq for ControllerFactory {}

impl core::hash::Hash for ControllerFactory {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
