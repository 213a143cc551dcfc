//! Panics of what is explored, which are findings and no failures.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use crate::oracle::Violation;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// From now on the panic hook says nothing of panics that the explorer catches and reports.
/// Everything else goes to the hook that was there. For programs: it concerns the whole process.
pub fn silence_caught_panics() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        if !CATCHING.get() {
            before(info);
        }
    }));
}

/// Lets something happen that may break a rule; a panic counts as a broken rule.
///
/// What `attempt` has changed when it panics must not be looked at any more.
pub(super) fn catch<T>(attempt: impl FnOnce() -> Result<T, Violation>) -> Result<T, Violation> {
    CATCHING.set(true);
    let result = catch_unwind(AssertUnwindSafe(attempt));
    CATCHING.set(false);
    result.unwrap_or_else(|panic| Err(Violation(format!("panic: {}", message(&*panic)))))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}
