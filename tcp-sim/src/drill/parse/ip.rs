//! What stands before a packet's own header: headers around it, the IP header, ports.

use std::net::IpAddr;

use crate::drill::cursor::Cursor;
use crate::drill::packet::{EcnMark, IpInfo, Outer};
use crate::drill::span::SyntaxError;

/// `ipv4 192.0.2.1 > 192.0.2.2:`, `gre:`, `mpls (...):`, if one of them is there.
pub(super) fn outer(cursor: &mut Cursor<'_>) -> Result<Option<Outer>, SyntaxError> {
    let word = cursor.peek_word().unwrap_or_default();
    match word {
        "ipv4" | "ipv6" => {
            cursor.advance(word.len());
            let src = address(cursor)?;
            cursor.expect(">")?;
            let dst = address(cursor)?;
            cursor.expect(":")?;
            Ok(Some(Outer::Ip { src, dst }))
        }
        "gre" => {
            cursor.advance(word.len());
            Ok(Some(Outer::Gre(header_text(cursor)?)))
        }
        "mpls" => {
            cursor.advance(word.len());
            Ok(Some(Outer::Mpls(header_text(cursor)?)))
        }
        _ => Ok(None),
    }
}

fn header_text(cursor: &mut Cursor<'_>) -> Result<String, SyntaxError> {
    cursor
        .take_until(":", "header")
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn address(cursor: &mut Cursor<'_>) -> Result<IpAddr, SyntaxError> {
    let text = cursor.peek_while(|c| c.is_ascii_hexdigit() || c == '.' || c == ':');
    // The colon behind the second address is none of its own.
    for candidate in [text, text.strip_suffix(':').unwrap_or(text)] {
        if let Ok(address) = candidate.parse() {
            cursor.advance(candidate.len());
            return Ok(address);
        }
    }
    Err(cursor.unexpected("an IP address"))
}

/// `[ect0]`, `(tos 0x10)`, `[ttl 64, ce]`, if it is there.
pub(super) fn info(cursor: &mut Cursor<'_>) -> Result<IpInfo, SyntaxError> {
    let mut info = IpInfo::default();
    let close = match cursor.peek() {
        // `[1:1001(1000)]` is what an ICMP message quotes.
        Some('[') if !is_quote(cursor) => "]",
        Some('(') => ")",
        _ => return Ok(info),
    };
    cursor.advance(1);
    loop {
        field(cursor, &mut info)?;
        if cursor.eat(close) {
            return Ok(info);
        }
        if !cursor.eat(",") {
            return Err(cursor.unexpected(&format!("',' or '{close}'")));
        }
    }
}

fn is_quote(cursor: &Cursor<'_>) -> bool {
    let inside = cursor.rest()[1..].trim_start();
    inside.starts_with(|c: char| c.is_ascii_digit()) || inside.starts_with("udp")
}

fn field(cursor: &mut Cursor<'_>, info: &mut IpInfo) -> Result<(), SyntaxError> {
    let what = "an ECN mark, 'tos', 'ttl' or 'flowlabel'";
    let word = cursor.peek_word().unwrap_or_default();
    let mark = match word {
        "noecn" => Some(EcnMark::NotEct),
        "ect0" => Some(EcnMark::Ect0),
        "ect1" => Some(EcnMark::Ect1),
        "ect01" => Some(EcnMark::Ect01),
        "ce" => Some(EcnMark::Ce),
        "tos" | "ttl" | "flowlabel" => None,
        _ => return Err(cursor.unexpected(what)),
    };
    cursor.advance(word.len());
    match word {
        "tos" => info.tos = Some(cursor.unsigned("a type of service")?),
        "ttl" => info.ttl = Some(cursor.unsigned("a TTL")?),
        "flowlabel" => info.flow_label = Some(flow_label(cursor)?),
        _ => info.ecn = mark,
    }
    Ok(())
}

fn flow_label(cursor: &mut Cursor<'_>) -> Result<u32, SyntaxError> {
    let start = cursor.start();
    let label = cursor.unsigned("a flow label")?;
    match label < 1 << 20 {
        true => Ok(label),
        false => Err(cursor.error_from(start, "a flow label has 20 bits")),
    }
}

/// `80 > 1234`, with or without a colon behind, if it is there.
pub(super) fn ports(cursor: &mut Cursor<'_>) -> Result<Option<(u16, u16)>, SyntaxError> {
    let digits = cursor.peek_while(|c| c.is_ascii_digit());
    let behind = cursor.rest()[digits.len()..].trim_start();
    if digits.is_empty() || !behind.starts_with('>') {
        return Ok(None);
    }
    let src = cursor.unsigned("a port")?;
    cursor.expect(">")?;
    let dst = cursor.unsigned("a port")?;
    cursor.eat(":");
    Ok(Some((src, dst)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_of_the_ip_header_is_read() {
        let text = "[ttl 64, tos 0x10, flowlabel 0xfffff, ect01] S";
        let mut cursor = Cursor::new(text);
        let expected = IpInfo {
            ecn: Some(EcnMark::Ect01),
            tos: Some(0x10),
            ttl: Some(64),
            flow_label: Some(0xfffff),
        };
        assert_eq!(info(&mut cursor), Ok(expected));
        assert_eq!(cursor.rest(), "S");
        assert!(info(&mut Cursor::new("[ect2]")).is_err());
        assert!(info(&mut Cursor::new("[flowlabel 0x100000]")).is_err());
    }

    #[test]
    fn what_icmp_quotes_is_no_ip_header() {
        let mut cursor = Cursor::new("[ 1:1001(1000)] icmp unreachable");
        assert_eq!(info(&mut cursor), Ok(IpInfo::default()));
        assert!(cursor.rest().starts_with('['));
    }

    #[test]
    fn ports_are_told_from_flags_of_digits() {
        let mut cursor = Cursor::new("80 > 1234: S");
        assert_eq!(ports(&mut cursor), Ok(Some((80, 1_234))));
        assert_eq!(cursor.rest(), "S");
        assert_eq!(ports(&mut Cursor::new("5. 1:1(0)")), Ok(None));
        assert!(ports(&mut Cursor::new("80 > 65536")).is_err());
    }

    #[test]
    fn headers_around_it_are_read() {
        let mut cursor = Cursor::new(
            "ipv4 192.0.2.1 > 192.0.2.2: ipv6 ::1 > fe80::2: gre: mpls (label 1, ttl 2): .",
        );
        let mut found = Vec::new();
        while let Some(header) = outer(&mut cursor).unwrap() {
            found.push(header);
        }
        assert_eq!(found.len(), 4);
        assert_eq!(found[3], Outer::Mpls("(label 1, ttl 2)".to_owned()));
        let [_, Outer::Ip { dst, .. }, ..] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(dst.to_string(), "fe80::2");
    }
}
