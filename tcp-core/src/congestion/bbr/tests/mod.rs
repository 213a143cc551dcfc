//! BBR as a whole: its states one after the other, any calls in any order, and flows over a path.

mod any_calls;
mod convergence;
mod path;
mod states;
