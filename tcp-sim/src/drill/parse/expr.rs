//! Values in the manner of C.

use crate::drill::ast::{Expr, ExprKind, Field};
use crate::drill::cursor::Cursor;
use crate::drill::span::SyntaxError;

const SMALLEST: i128 = i64::MIN as i128;
const LARGEST: i128 = u64::MAX as i128;

/// Values joined by `|`, or one.
pub(super) fn expr(cursor: &mut Cursor<'_>) -> Result<Expr, SyntaxError> {
    let start = cursor.start();
    let first = term(cursor)?;
    if !cursor.rest().starts_with('|') {
        return Ok(first);
    }
    let mut terms = vec![first];
    while cursor.eat("|") {
        terms.push(term(cursor)?);
    }
    Ok(Expr {
        kind: ExprKind::Or(terms),
        span: cursor.span_from(start),
    })
}

/// What a call answers: as [`expr`], but a word with parentheses behind it is a word and a note.
pub(super) fn result(cursor: &mut Cursor<'_>) -> Result<Expr, SyntaxError> {
    let start = cursor.start();
    match cursor.peek_word() {
        None => expr(cursor),
        Some(word) => {
            cursor.advance(word.len());
            Ok(Expr {
                kind: ExprKind::Word(word.to_owned()),
                span: cursor.span_from(start),
            })
        }
    }
}

/// Values with commas between, up to `close`, which is read as well.
pub(super) fn list(cursor: &mut Cursor<'_>, close: &str) -> Result<Vec<Expr>, SyntaxError> {
    separated(cursor, close, expr)
}

fn term(cursor: &mut Cursor<'_>) -> Result<Expr, SyntaxError> {
    cursor.descend()?;
    let start = cursor.start();
    let kind = kind(cursor)?;
    cursor.ascend();
    Ok(Expr {
        kind,
        span: cursor.span_from(start),
    })
}

fn kind(cursor: &mut Cursor<'_>) -> Result<ExprKind, SyntaxError> {
    match cursor.peek() {
        Some('.') => {
            cursor.expect("...")?;
            Ok(ExprKind::Ellipsis)
        }
        Some('"') => {
            let text = text(cursor)?;
            Ok(match cursor.eat("...") {
                true => ExprKind::Prefix(text),
                false => ExprKind::Text(text),
            })
        }
        Some('[') => {
            cursor.advance(1);
            list(cursor, "]").map(ExprKind::List)
        }
        Some('{') => {
            cursor.advance(1);
            separated(cursor, "}", field).map(ExprKind::Struct)
        }
        Some('-' | '0'..='9') => integer(cursor).map(ExprKind::Integer),
        _ => name(cursor),
    }
}

/// A word, or a function of values.
fn name(cursor: &mut Cursor<'_>) -> Result<ExprKind, SyntaxError> {
    let name = cursor.word("a value")?.to_owned();
    Ok(match cursor.eat("(") {
        true => ExprKind::Function {
            name,
            args: list(cursor, ")")?,
        },
        false => ExprKind::Word(name),
    })
}

fn field(cursor: &mut Cursor<'_>) -> Result<Field, SyntaxError> {
    let value = expr(cursor)?;
    if !cursor.eat("=") {
        return Ok(Field {
            name: None,
            size: None,
            value,
        });
    }
    // What was read as a word, or a function of one value, was a name.
    let (name, size) = match value.kind {
        ExprKind::Word(name) => (name, None),
        ExprKind::Function { name, mut args } if args.len() == 1 => (name, args.pop()),
        _ => return Err(cursor.error_from(value.span.start, "a member's name is a word")),
    };
    Ok(Field {
        name: Some(name),
        size,
        value: expr(cursor)?,
    })
}

fn separated<T>(
    cursor: &mut Cursor<'_>,
    close: &str,
    item: impl Fn(&mut Cursor<'_>) -> Result<T, SyntaxError>,
) -> Result<Vec<T>, SyntaxError> {
    let mut items = Vec::new();
    if cursor.eat(close) {
        return Ok(items);
    }
    loop {
        items.push(item(cursor)?);
        if cursor.eat(close) {
            return Ok(items);
        }
        if !cursor.eat(",") {
            return Err(cursor.unexpected(&format!("',' or '{close}'")));
        }
    }
}

fn integer(cursor: &mut Cursor<'_>) -> Result<i128, SyntaxError> {
    let start = cursor.start();
    let negative = cursor.eat("-");
    let magnitude = i128::from(cursor.unsigned::<u64>("a number")?);
    let value = if negative { -magnitude } else { magnitude };
    match (SMALLEST..=LARGEST).contains(&value) {
        true => Ok(value),
        false => Err(cursor.error_from(start, "a number has 64 bits at most")),
    }
}

fn text(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, SyntaxError> {
    let start = cursor.start();
    cursor.advance_exactly(1);
    let mut bytes = Vec::new();
    loop {
        let plain = cursor.peek_while(|c| c != '"' && c != '\\');
        bytes.extend_from_slice(plain.as_bytes());
        cursor.advance_exactly(plain.len());
        match cursor.peek() {
            Some('"') => {
                cursor.advance(1);
                return Ok(bytes);
            }
            Some(_) => bytes.push(escape(cursor)?),
            None => return Err(cursor.error_from(start, "this text has no '\"' at its end")),
        }
    }
}

/// A backslash and what it stands for.
fn escape(cursor: &mut Cursor<'_>) -> Result<u8, SyntaxError> {
    let start = cursor.start();
    cursor.advance_exactly(1);
    let Some(c) = cursor.peek() else {
        return Err(cursor.error_from(start, "this text has no '\"' at its end"));
    };
    cursor.advance_exactly(c.len_utf8());
    let byte = match c {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        '0' => 0,
        '\\' | '"' | '\'' => c as u8,
        'x' => {
            let digits = cursor.rest().get(..2);
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let Some(byte) = byte else {
                return Err(cursor.error_from(start, "'\\x' is followed by two digits"));
            };
            cursor.advance_exactly(2);
            byte
        }
        _ => return Err(cursor.error_from(start, "no such escape")),
    };
    Ok(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExprKind, SyntaxError> {
        let mut cursor = Cursor::new(text);
        let value = expr(&mut cursor)?;
        assert!(cursor.is_at_end(), "{text} is not read to its end");
        Ok(value.kind)
    }

    fn word(name: &str) -> ExprKind {
        ExprKind::Word(name.to_owned())
    }

    #[test]
    fn plain_values_are_read() {
        assert_eq!(read("..."), Ok(ExprKind::Ellipsis));
        assert_eq!(read("-1"), Ok(ExprKind::Integer(-1)));
        assert_eq!(read("0x8002"), Ok(ExprKind::Integer(0x8002)));
        assert_eq!(
            read(r#""a\x00\"\n""#),
            Ok(ExprKind::Text(b"a\0\"\n".to_vec()))
        );
        assert_eq!(read(r#""ab"..."#), Ok(ExprKind::Prefix(b"ab".to_vec())));
        assert_eq!(read("SOCK_STREAM"), Ok(word("SOCK_STREAM")));
        let Ok(ExprKind::Or(terms)) = read("O_RDWR | O_NONBLOCK|4") else {
            panic!("flags");
        };
        assert_eq!(terms.len(), 3);
    }

    #[test]
    fn members_have_names_and_lengths() {
        let text = r#"{msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0, 7}"#;
        let Ok(ExprKind::Struct(fields)) = read(text) else {
            panic!("a structure");
        };
        let names: Vec<_> = fields.iter().map(|field| field.name.as_deref()).collect();
        let expected = [Some("msg_name"), Some("msg_iov"), Some("msg_flags"), None];
        assert_eq!(names, expected);
        let size = fields[1].size.as_ref().map(|size| &size.kind);
        assert_eq!(size, Some(&ExprKind::Integer(1)));
    }

    #[test]
    fn a_function_is_no_member() {
        let Ok(ExprKind::Struct(fields)) = read(r#"{sin_port = htons(80), inet_addr("1.2.3.4")}"#)
        else {
            panic!("a structure");
        };
        let is_function = |field: &Field| matches!(field.value.kind, ExprKind::Function { .. });
        assert!(fields.iter().all(is_function));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let cases = [
            "",
            "[1",
            "[1 2]",
            "{a=}",
            "\"abc",
            "\"\\x1\"",
            "\"\\q\"",
            "A|",
            "18446744073709551616",
            "-9223372036854775809",
            "{[1]=2}",
            "..",
        ];
        for text in cases {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"[".repeat(10_000)).is_err());
    }
}
