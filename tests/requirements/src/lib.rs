//! What the standards ask for, row by row, beside the tests that show it.
//!
//! `lists/*.tsv` says what each document asks for. The tests of
//! `tests/tests/requirements/` are named after the rows: `must_36_zero_window_is_probed` in the module
//! `rfc9293` shows MUST-36 of RFC 9293. [`Table`] joins the lists, what the sources say of each
//! test, and how the tests went; the program `requirements` prints it and keeps the pages.

mod list;
mod outcome;
mod page;
mod source;
mod table;

pub use list::{Document, Level, Row};
pub use outcome::{Outcome, outcomes};
pub use page::page;
pub use source::{Test, tests_of};
pub use table::{Count, Entry, State, Table};
