//! Why a script does not hold, and where.

use super::span::Span;

/// What went wrong at one place of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The place.
    pub span: Span,
    /// What went wrong.
    pub message: String,
    /// What the script expects, and what there was.
    pub sides: Option<Sides>,
}

/// What the script expects, and what there was, in the notation of scripts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sides {
    /// What the script expects.
    pub expected: String,
    /// What there was.
    pub actual: String,
}

impl Failure {
    /// Something wrong at a place.
    pub fn new(span: Span, message: impl Into<String>) -> Failure {
        Failure {
            span,
            message: message.into(),
            sides: None,
        }
    }

    /// Something else than what was expected.
    pub fn differs(
        span: Span,
        message: impl Into<String>,
        expected: impl ToString,
        actual: impl ToString,
    ) -> Failure {
        Failure {
            sides: Some(Sides {
                expected: expected.to_string(),
                actual: actual.to_string(),
            }),
            ..Failure::new(span, message)
        }
    }
}
