//! Places in a script, and errors that point to them.

use std::fmt;

/// A stretch of a script's bytes.
///
/// All are equal: two trees are the same where they say the same, wherever it stood.
#[derive(Clone, Copy, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One after the last byte.
    pub end: usize,
}

impl Span {
    /// The line on which it begins, counted from 1.
    pub fn line(self, text: &str) -> usize {
        let before = &text.as_bytes()[..self.start.min(text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}

impl Eq for Span {}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Why a script cannot be read, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{line}:{column}: {message}\n{}", self.marked())]
pub struct SyntaxError {
    /// The line, counted from 1.
    pub line: usize,
    /// The character of the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    source_line: String,
    width: usize,
}

impl SyntaxError {
    /// An error about a stretch of `text`.
    pub fn new(text: &str, span: Span, message: impl Into<String>) -> SyntaxError {
        let start = floor_char_boundary(text, span.start);
        let end = floor_char_boundary(text, span.end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let width = text[start..end.clamp(start, line_end)].chars().count();
        SyntaxError {
            line: span.line(text),
            column: 1 + text[line_start..start].chars().count(),
            message: message.into(),
            source_line: text[line_start..line_end].trim_end().to_owned(),
            width: width.max(1),
        }
    }

    /// The line, and what is meant underlined.
    pub fn marked(&self) -> String {
        let before: String = self
            .source_line
            .chars()
            .take(self.column - 1)
            // Tabs stay tabs, so that the mark stands below what it means.
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        format!(
            "  | {}\n  | {before}{}",
            self.source_line,
            "^".repeat(self.width)
        )
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_line() {
        let text = "0 socket()\n\t+0 bnid(3)\n";
        let span = Span { start: 15, end: 19 };
        let error = SyntaxError::new(text, span, "no such call");
        let expected = "2:5: no such call\n  | \t+0 bnid(3)\n  | \t   ^^^^";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_error_at_the_end_points_behind_it() {
        let text = "+0 é";
        let span = Span { start: 9, end: 12 };
        let error = SyntaxError::new(text, span, "more was expected");
        assert_eq!((error.line, error.column), (1, 5));
    }
}
