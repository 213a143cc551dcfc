//! `<mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 8>`.

use crate::drill::cursor::Cursor;
use crate::drill::packet::{AccEcnCounter, Cookie, OptionsSpec, TcpOption};
use crate::drill::span::SyntaxError;

/// More bytes than any option has room for.
const MOST_BYTES: usize = 40;

/// The options up to `>`, which is read as well.
pub(super) fn options(cursor: &mut Cursor<'_>) -> Result<OptionsSpec, SyntaxError> {
    if cursor.eat("...") {
        cursor.expect(">")?;
        return Ok(OptionsSpec::Any);
    }
    let mut options = Vec::new();
    if cursor.eat(">") {
        return Ok(OptionsSpec::List(options));
    }
    loop {
        options.push(option(cursor)?);
        if cursor.eat(">") {
            return Ok(OptionsSpec::List(options));
        }
        if !cursor.eat(",") {
            return Err(cursor.unexpected("',' or '>'"));
        }
    }
}

fn option(cursor: &mut Cursor<'_>) -> Result<TcpOption, SyntaxError> {
    let start = cursor.start();
    let name = cursor.word("a TCP option")?;
    Ok(match name {
        "eol" => TcpOption::End,
        "nop" => TcpOption::Nop,
        "mss" => TcpOption::Mss(cursor.unsigned("an MSS")?),
        "wscale" => TcpOption::WindowScale(cursor.unsigned("a window scale")?),
        "sackOK" => TcpOption::SackPermitted,
        "sack" => TcpOption::Sack(blocks(cursor)?),
        "TS" => {
            expect_word(cursor, "val")?;
            let value = cursor.unsigned("a timestamp")?;
            expect_word(cursor, "ecr")?;
            let echo = cursor.unsigned("a timestamp")?;
            TcpOption::Timestamps { value, echo }
        }
        "FO" => TcpOption::FastOpen(cookie(cursor)?),
        "FOEXP" => TcpOption::FastOpenExperimental(cookie(cursor)?),
        "md5" => TcpOption::Md5(bytes(cursor)?),
        "ECN" => TcpOption::AccEcn(counters(cursor)?),
        "unknown" => TcpOption::Unknown {
            kind: cursor.unsigned("the number of an option")?,
            data: bytes(cursor)?,
        },
        _ => {
            let message = format!("'{name}' is no TCP option");
            return Err(cursor.error_from(start, message));
        }
    })
}

fn expect_word(cursor: &mut Cursor<'_>, word: &str) -> Result<(), SyntaxError> {
    match cursor.eat_word(word) {
        true => Ok(()),
        false => Err(cursor.unexpected(&format!("'{word}'"))),
    }
}

fn blocks(cursor: &mut Cursor<'_>) -> Result<Vec<(u32, u32)>, SyntaxError> {
    let mut blocks = Vec::new();
    while cursor.rest().starts_with(|c: char| c.is_ascii_digit()) {
        let left = cursor.unsigned("a left edge")?;
        cursor.expect(":")?;
        blocks.push((left, cursor.unsigned("a right edge")?));
    }
    Ok(blocks)
}

fn counters(cursor: &mut Cursor<'_>) -> Result<Vec<(AccEcnCounter, u32)>, SyntaxError> {
    let mut counters = Vec::new();
    while let Some(word) = cursor.peek_word() {
        let counter = match word {
            "e0b" => AccEcnCounter::Ect0,
            "ceb" => AccEcnCounter::Ce,
            "e1b" => AccEcnCounter::Ect1,
            _ => return Err(cursor.unexpected("'e0b', 'ceb' or 'e1b'")),
        };
        cursor.advance(word.len());
        counters.push((counter, cursor.unsigned("a number of bytes")?));
    }
    Ok(counters)
}

fn cookie(cursor: &mut Cursor<'_>) -> Result<Cookie, SyntaxError> {
    let text = cursor.peek_while(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_name = !text.chars().all(|c| c.is_ascii_hexdigit());
    if is_name && text.starts_with(|c: char| !c.is_ascii_digit()) {
        cursor.advance(text.len());
        return Ok(Cookie::Named(text.to_owned()));
    }
    bytes(cursor).map(Cookie::Bytes)
}

/// Bytes as pairs of hexadecimal digits; none where there are no digits.
fn bytes(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, SyntaxError> {
    let start = cursor.start();
    let digits = cursor.take_while(|c| c.is_ascii_alphanumeric());
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| match pair {
            [high, low] => Some(hex(*high)? << 4 | hex(*low)?),
            _ => None,
        })
        .collect();
    match bytes {
        Some(bytes) if bytes.len() <= MOST_BYTES => Ok(bytes),
        _ => Err(cursor.error_from(
            start,
            "expected bytes of two hexadecimal digits, 40 at most",
        )),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<TcpOption>, SyntaxError> {
        let mut cursor = Cursor::new(text);
        match options(&mut cursor)? {
            OptionsSpec::List(options) => Ok(options),
            OptionsSpec::Any => panic!("{text} is not any"),
        }
    }

    #[test]
    fn each_option_is_read() {
        let text = "mss 1460, sackOK,TS val 1 ecr 0,nop,wscale 8,sack 1:2 3:4,FO,FO abcd,\
                    FOEXP TFO_COOKIE,FO 12345678,md5,ECN e1b 1 ceb 0 e0b 1,unknown 253 00ff,eol>";
        let options = read(text).unwrap();
        assert_eq!(options.len(), 14);
        assert_eq!(options[5], TcpOption::Sack(vec![(1, 2), (3, 4)]));
        assert_eq!(options[6], TcpOption::FastOpen(Cookie::Bytes(vec![])));
        let abcd = Cookie::Bytes(vec![0xab, 0xcd]);
        assert_eq!(options[7], TcpOption::FastOpen(abcd));
        let named = Cookie::Named("TFO_COOKIE".to_owned());
        assert_eq!(options[8], TcpOption::FastOpenExperimental(named));
        let digits = Cookie::Bytes(vec![0x12, 0x34, 0x56, 0x78]);
        assert_eq!(options[9], TcpOption::FastOpen(digits));
        let Some(TcpOption::AccEcn(counters)) = options.get(11) else {
            panic!("{options:?}");
        };
        assert_eq!(counters[0], (AccEcnCounter::Ect1, 1));
    }

    #[test]
    fn any_options_are_not_none() {
        assert_eq!(options(&mut Cursor::new("...>")), Ok(OptionsSpec::Any));
        assert_eq!(read(">"), Ok(vec![]));
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for text in [
            "mss>",
            "mss 70000>",
            "TS val 1>",
            "FO abc>",
            "what>",
            "nop nop>",
            "nop",
            "sack 1>",
            "md5 0g>",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
