//! Two stacks over an in-memory link, in virtual time.
