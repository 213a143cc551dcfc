//! When: `0.2`, `+.1`, `*`, `0.1~0.2`, `+0~+0.010`, and the `...0.250` of a call that blocks.

use std::time::Duration;

use crate::drill::ast::Time;
use crate::drill::cursor::Cursor;
use crate::drill::span::SyntaxError;

/// Decimal places of a time: nanoseconds.
const PLACES: usize = 9;
/// The longest that a script may last, in seconds: it keeps sums of times far from overflow.
const LONGEST: u64 = 100_000_000;

pub(super) fn time(cursor: &mut Cursor<'_>) -> Result<Time, SyntaxError> {
    if cursor.eat("*") {
        return Ok(Time::Any);
    }
    if !cursor.rest().starts_with(['+', '.']) && !cursor.rest().starts_with(is_digit) {
        return Err(cursor.unexpected("the time of an event"));
    }
    let start = cursor.start();
    let relative = cursor.eat("+");
    let first = seconds(cursor)?;
    if !cursor.eat("~") {
        return Ok(match relative {
            true => Time::Relative(first),
            false => Time::Absolute(first),
        });
    }
    // The second `+` is for looks: a range is relative or not as a whole.
    if cursor.eat("+") && !relative {
        return Err(cursor.error_from(start, "a range of times has both ends relative, or neither"));
    }
    let last = seconds(cursor)?;
    if last < first {
        return Err(cursor.error_from(start, "this range of times ends before it begins"));
    }
    Ok(match relative {
        true => Time::RelativeRange(first, last),
        false => Time::AbsoluteRange(first, last),
    })
}

/// `...0.250`, if it is there.
pub(super) fn end(cursor: &mut Cursor<'_>) -> Result<Option<Duration>, SyntaxError> {
    match cursor.eat("...") {
        true => seconds(cursor).map(Some),
        false => Ok(None),
    }
}

fn seconds(cursor: &mut Cursor<'_>) -> Result<Duration, SyntaxError> {
    let start = cursor.start();
    let rest = cursor.rest();
    let whole = cursor.peek_while(|c| c.is_ascii_digit());
    // The dot of an ellipsis is no decimal point.
    let places = rest[whole.len()..]
        .strip_prefix('.')
        .map(|rest| &rest[..rest.find(|c| !is_digit(c)).unwrap_or(rest.len())])
        .filter(|places| !places.is_empty());
    if whole.is_empty() && places.is_none() {
        return Err(cursor.unexpected("a time in seconds"));
    }
    cursor.advance(whole.len() + places.map_or(0, |places| places.len() + 1));
    let too_fine = "a time has at most nine decimal places";
    let places = places.unwrap_or_default();
    if places.len() > PLACES {
        return Err(cursor.error_from(start, too_fine));
    }
    let seconds = match whole {
        "" => Some(0),
        digits => digits.parse().ok().filter(|&seconds| seconds <= LONGEST),
    };
    let nanos = format!("{places:0<PLACES$}").parse();
    match (seconds, nanos) {
        (Some(seconds), Ok(nanos)) => Ok(Duration::new(seconds, nanos)),
        _ => Err(cursor.error_from(start, "this time is longer than a script may last")),
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Time, Option<Duration>), SyntaxError> {
        let mut cursor = Cursor::new(text);
        let time = time(&mut cursor)?;
        let end = end(&mut cursor)?;
        assert!(cursor.is_at_end(), "{text} is not read to its end");
        Ok((time, end))
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn all_forms_are_read() {
        let cases = [
            ("0", Time::Absolute(ms(0)), None),
            ("+0", Time::Relative(ms(0)), None),
            ("+.1", Time::Relative(ms(100)), None),
            ("  0.200 ", Time::Absolute(ms(200)), None),
            ("*", Time::Any, None),
            ("+0~+0.010", Time::RelativeRange(ms(0), ms(10)), None),
            ("+0~.010", Time::RelativeRange(ms(0), ms(10)), None),
            ("0.1~0.2", Time::AbsoluteRange(ms(100), ms(200)), None),
            ("+0...0.250", Time::Relative(ms(0)), Some(ms(250))),
            ("+.1...1.2", Time::Relative(ms(100)), Some(ms(1_200))),
            ("0.5...0.7", Time::Absolute(ms(500)), Some(ms(700))),
            ("1...2", Time::Absolute(ms(1_000)), Some(ms(2_000))),
        ];
        for (text, time, end) in cases {
            assert_eq!(read(text), Ok((time, end)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let cases = [
            "",
            "+",
            "x",
            "-1",
            "0~",
            "0~+1",
            "2~1",
            ".",
            "1...",
            "0.1234567890",
        ];
        for text in cases {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("99999999999999999999").is_err());
    }
}
