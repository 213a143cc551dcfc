//! A place in the text that moves on as pieces are recognized.
//!
//! The language has no tokens that are the same everywhere: `.` is a flag, a decimal point or a third of an
//! ellipsis, and a cookie may look like a number. So the parser reads characters, and asks for what can stand
//! where it is. Between two pieces the cursor always stands behind blanks and comments.

use super::span::{Span, SyntaxError};

/// Deeper than any script nests values; a stack of calls is no place to find that out.
const MOST_NESTED: usize = 48;

/// A place in a script.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// One after the last byte that was recognized.
    behind: usize,
    nested: usize,
}

impl<'a> Cursor<'a> {
    /// The first piece of the text.
    pub fn new(text: &'a str) -> Cursor<'a> {
        let mut cursor = Cursor {
            text,
            at: 0,
            behind: 0,
            nested: 0,
        };
        cursor.skip_blank();
        cursor
    }

    /// What is still to be read.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next character.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether all is read.
    pub fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Where the next piece begins.
    pub fn start(&self) -> usize {
        self.at
    }

    /// From `start` to the end of what was recognized last.
    pub fn span_from(&self, start: usize) -> Span {
        Span {
            start,
            end: self.behind.max(start),
        }
    }

    /// Moves behind the next `len` bytes, and the blanks after them.
    pub fn advance(&mut self, len: usize) {
        self.advance_exactly(len);
        self.skip_blank();
    }

    /// Moves behind the next `len` bytes, where blanks count.
    pub fn advance_exactly(&mut self, len: usize) {
        self.at += len;
        self.behind = self.at;
    }

    /// Reads `piece` if it is next.
    pub fn eat(&mut self, piece: &str) -> bool {
        let found = self.rest().starts_with(piece);
        if found {
            self.advance(piece.len());
        }
        found
    }

    /// Reads `piece`, which must be next.
    pub fn expect(&mut self, piece: &str) -> Result<(), SyntaxError> {
        match self.eat(piece) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("'{piece}'"))),
        }
    }

    /// Reads `keyword` if it is the next word.
    pub fn eat_word(&mut self, keyword: &str) -> bool {
        let found = self.peek_word() == Some(keyword);
        if found {
            self.advance(keyword.len());
        }
        found
    }

    /// The next word: letters, digits and underscores, and no digit first.
    pub fn peek_word(&self) -> Option<&'a str> {
        let first = self.peek()?;
        let is_word = first.is_ascii_alphabetic() || first == '_';
        is_word.then(|| self.peek_while(|c| c.is_ascii_alphanumeric() || c == '_'))
    }

    /// Reads a word.
    pub fn word(&mut self, what: &str) -> Result<&'a str, SyntaxError> {
        let word = self.peek_word().ok_or_else(|| self.unexpected(what))?;
        self.advance(word.len());
        Ok(word)
    }

    /// The longest run of such characters.
    pub fn peek_while(&self, accepted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !accepted(c)).unwrap_or(rest.len());
        &rest[..len]
    }

    /// Reads the longest run of such characters, and the blanks behind.
    pub fn take_while(&mut self, accepted: impl Fn(char) -> bool) -> &'a str {
        let run = self.peek_while(accepted);
        self.advance(run.len());
        run
    }

    /// Reads up to `close`, which is read as well.
    pub fn take_until(&mut self, close: &str, what: &str) -> Result<&'a str, SyntaxError> {
        let rest = self.rest();
        let Some(len) = rest.find(close) else {
            let message = format!("this {what} has no '{close}' at its end");
            return Err(self.error_here(message));
        };
        self.advance(len + close.len());
        Ok(&rest[..len])
    }

    /// Reads a number without a sign, decimal or, after `0x`, hexadecimal.
    pub fn unsigned<T: TryFrom<u64>>(&mut self, what: &str) -> Result<T, SyntaxError> {
        let start = self.at;
        let hex = self
            .rest()
            .strip_prefix("0x")
            .map(|_| &self.rest()[2..])
            .map(|rest| &rest[..rest.len() - rest.trim_start_matches(is_hex).len()]);
        let (digits, radix, prefix) = match hex {
            Some(digits) => (digits, 16, 2),
            None => (self.peek_while(|c| c.is_ascii_digit()), 10, 0),
        };
        if digits.is_empty() {
            return Err(self.unexpected(what));
        }
        self.advance(prefix + digits.len());
        u64::from_str_radix(digits, radix)
            .ok()
            .and_then(|value| T::try_from(value).ok())
            .ok_or_else(|| self.error_from(start, format!("{what} cannot be so large")))
    }

    /// Goes one level deeper into nested values.
    pub fn descend(&mut self) -> Result<(), SyntaxError> {
        self.nested += 1;
        match self.nested > MOST_NESTED {
            true => Err(self.error_here("values are nested too deeply")),
            false => Ok(()),
        }
    }

    /// Comes back from there.
    pub fn ascend(&mut self) {
        self.nested -= 1;
    }

    /// An error that says what was expected in place of what is next.
    pub fn unexpected(&self, expected: &str) -> SyntaxError {
        let word = self.peek_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let width = match (word.len(), self.peek()) {
            (0, Some(c)) => c.len_utf8(),
            (len, _) => len,
        };
        let found = match &self.rest()[..width] {
            "" => "the end of the script".to_owned(),
            _ if self.rest().starts_with("/*") => "a comment that is never closed".to_owned(),
            found => format!("'{}'", found.escape_debug()),
        };
        let span = Span {
            start: self.at,
            end: self.at + width,
        };
        SyntaxError::new(
            self.text,
            span,
            format!("expected {expected}, found {found}"),
        )
    }

    /// An error about the next character.
    pub fn error_here(&self, message: impl Into<String>) -> SyntaxError {
        let span = Span {
            start: self.at,
            end: self.at,
        };
        SyntaxError::new(self.text, span, message)
    }

    /// An error about what was read since `start`.
    pub fn error_from(&self, start: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.text, self.span_from(start), message)
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let comment = &rest[blank..];
            let len = if comment.starts_with("//") || comment.starts_with('#') {
                comment.find('\n').unwrap_or(comment.len())
            } else if comment.starts_with("/*") {
                // One that is never closed is left for whoever expects something here.
                comment.find("*/").map_or(0, |at| at + 2)
            } else {
                0
            };
            self.at += blank + len;
            if len == 0 {
                return;
            }
        }
    }
}

fn is_hex(c: char) -> bool {
    c.is_ascii_hexdigit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_three_kinds_are_blank() {
        let mut cursor = Cursor::new("// one\n # two\n /* three\n */ word /**/ = 0x1F");
        assert_eq!(cursor.word("a word"), Ok("word"));
        assert!(cursor.eat("="));
        assert_eq!(cursor.unsigned::<u8>("a number"), Ok(31));
        assert!(cursor.is_at_end());
    }

    #[test]
    fn a_comment_without_an_end_is_told() {
        let error = Cursor::new("/* and so on").expect("+").unwrap_err();
        assert!(
            error
                .message
                .contains("found a comment that is never closed")
        );
    }

    #[test]
    fn a_number_beyond_its_type_is_told_where_it_stands() {
        let mut cursor = Cursor::new("\n win 65536");
        assert!(cursor.eat_word("win"));
        let error = cursor.unsigned::<u16>("a window").unwrap_err();
        assert_eq!((error.line, error.column), (2, 6));
    }
}
