//! `0.1...0.2 read(4, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable)`.

use super::{expr, time};
use crate::drill::ast::Call;
use crate::drill::cursor::Cursor;
use crate::drill::span::SyntaxError;

pub(super) fn call(cursor: &mut Cursor<'_>) -> Result<Call, SyntaxError> {
    let end = time::end(cursor)?;
    let start = cursor.start();
    let name = cursor.word("a call, a packet, a command or code")?;
    cursor.expect("(")?;
    let args = expr::list(cursor, ")")?;
    cursor.expect("=")?;
    let result = expr::result(cursor)?;
    let errno = cursor.peek_word().filter(|word| word.starts_with('E'));
    cursor.advance(errno.map_or(0, str::len));
    let note = match cursor.rest().starts_with('(') {
        true => Some(note(cursor)?),
        false => None,
    };
    Ok(Call {
        end,
        name: name.to_owned(),
        args,
        result,
        errno: errno.map(str::to_owned),
        note,
        span: cursor.span_from(start),
    })
}

/// Anything between parentheses, others among it.
fn note(cursor: &mut Cursor<'_>) -> Result<String, SyntaxError> {
    let mut depth = 0_usize;
    for (at, c) in cursor.rest().char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let note = cursor.rest()[1..at].trim().to_owned();
            cursor.advance(at + 1);
            return Ok(note);
        }
    }
    Err(cursor.error_here("this note has no ')' at its end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::ast::ExprKind;

    #[test]
    fn a_call_that_fails_is_read() {
        let text = "...0.2 accept(3, ..., ...) = -1 EINVAL (Invalid (or not) argument)\n+0";
        let mut cursor = Cursor::new(text);
        let call = call(&mut cursor).unwrap();
        assert_eq!(call.end, Some(std::time::Duration::from_millis(200)));
        assert_eq!((call.name.as_str(), call.args.len()), ("accept", 3));
        assert_eq!(call.result.kind, ExprKind::Integer(-1));
        assert_eq!(call.errno.as_deref(), Some("EINVAL"));
        assert_eq!(call.note.as_deref(), Some("Invalid (or not) argument"));
        assert_eq!(cursor.rest(), "+0");
    }

    #[test]
    fn a_note_stands_behind_a_result_too() {
        let text = "fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)";
        let call = call(&mut Cursor::new(text)).unwrap();
        assert_eq!(
            (call.errno, call.note.as_deref()),
            (None, Some("flags O_RDWR"))
        );
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for text in ["read 4", "read(4)", "read(4) =", "read(4) = 0 (", "(4) = 0"] {
            assert!(call(&mut Cursor::new(text)).is_err(), "{text}");
        }
    }
}
