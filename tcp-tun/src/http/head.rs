//! Reading the head of a message: everything up to the blank line.

use std::io::{self, BufRead, Read};

/// Bytes that a head may have; what servers commonly allow.
const MAX_HEAD: u64 = 16 * 1024;

/// Header fields that a head may have.
pub(super) const MAX_FIELDS: usize = 64;

/// How reading a head ended.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Head {
    /// With the blank line; these are the bytes, blank line included.
    Complete(Vec<u8>),
    /// The stream ended before its first byte.
    EndOfStream,
    /// It is longer than we read.
    TooLarge,
}

/// Reads one head and leaves the reader at the first byte of the body.
///
/// Line by line, so that a peer that trickles bytes costs no more than one that sends them at once.
pub(super) fn read_head(reader: &mut impl BufRead) -> io::Result<Head> {
    let mut head = Vec::new();
    let mut limited = reader.take(MAX_HEAD);
    loop {
        let line_start = head.len();
        limited.read_until(b'\n', &mut head)?;
        let line = &head[line_start..];
        if !line.ends_with(b"\n") {
            return match (limited.limit(), head.is_empty()) {
                (0, _) => Ok(Head::TooLarge),
                (_, true) => Ok(Head::EndOfStream),
                (_, false) => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        let blank = matches!(line, b"\n" | b"\r\n");
        // A blank line before the first one is to be ignored (RFC 9112 §2.2).
        if blank && line_start > 0 {
            return Ok(Head::Complete(head));
        } else if blank {
            head.clear();
        }
    }
}

/// The value of a header field that must not differ where it is given more than once.
///
/// `Err` says that two values differ, which is how requests are smuggled past a proxy.
pub(super) fn single_field<'a>(
    fields: &[httparse::Header<'a>],
    name: &str,
) -> Result<Option<&'a [u8]>, ()> {
    let mut values = fields_named(fields, name);
    let first = values.next();
    match first {
        Some(first) if values.any(|value| value != first) => Err(()),
        _ => Ok(first),
    }
}

/// Whether a comma-separated field holds this token, whatever its case.
pub(super) fn has_token(fields: &[httparse::Header<'_>], name: &str, token: &str) -> bool {
    fields_named(fields, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The number of a Content-Length field: digits alone (RFC 9110 §8.6).
pub(super) fn parse_length(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    digits
        .then(|| str::from_utf8(value).ok()?.parse().ok())
        .flatten()
}

fn fields_named<'a>(fields: &[httparse::Header<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_the_blank_line() {
        let mut input = &b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest"[..];
        let head = read_head(&mut input).unwrap();
        assert_eq!(
            head,
            Head::Complete(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec())
        );
        assert_eq!(input, b"rest");
    }

    #[test]
    fn a_stream_may_end_between_heads_and_nowhere_else() {
        assert_eq!(read_head(&mut &b""[..]).unwrap(), Head::EndOfStream);
        let error = read_head(&mut &b"GET / HT"[..]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_endless_head_is_given_up() {
        let mut endless = io::BufReader::new(io::repeat(b'a'));
        assert_eq!(read_head(&mut endless).unwrap(), Head::TooLarge);
    }

    #[test]
    fn a_length_is_digits_alone() {
        assert_eq!(parse_length(b"10485760"), Some(10_485_760));
        for wrong in [&b"+1"[..], b"-1", b"1 ", b"", b"99999999999999999999"] {
            assert_eq!(parse_length(wrong), None, "{wrong:?}");
        }
    }
}
