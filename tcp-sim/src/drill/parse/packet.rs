//! `> [ect0] 80 > 1234: P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 1 ecr 2>`.

use crate::drill::cursor::Cursor;
use crate::drill::icmp;
use crate::drill::packet::{
    Body, Direction, Echoed, Flags, IcmpBody, IcmpVersion, OptionsSpec, Packet, SeqRange, TcpBody,
};
use crate::drill::span::SyntaxError;

use super::{ip, tcp_option};

pub(super) fn packet(cursor: &mut Cursor<'_>) -> Result<Packet, SyntaxError> {
    let start = cursor.start();
    let direction = match cursor.eat("<") {
        true => Direction::Inbound,
        false => {
            cursor.expect(">")?;
            Direction::Outbound
        }
    };
    let mut outer = Vec::new();
    while let Some(header) = ip::outer(cursor)? {
        outer.push(header);
    }
    let ip = ip::info(cursor)?;
    let ports = ip::ports(cursor)?;
    let body = match cursor.peek_word() {
        Some("icmp" | "icmpv6") => Body::Icmp(icmp(cursor, None)?),
        Some("udp") => {
            cursor.advance(3);
            let len = in_parentheses(cursor)?;
            Body::Udp { len }
        }
        _ if cursor.rest().starts_with('[') => {
            let quote = echoed(cursor)?;
            Body::Icmp(icmp(cursor, Some(quote))?)
        }
        _ => Body::Tcp(tcp(cursor)?),
    };
    Ok(Packet {
        direction,
        outer,
        ip,
        ports,
        body,
        span: cursor.span_from(start),
    })
}

fn tcp(cursor: &mut Cursor<'_>) -> Result<TcpBody, SyntaxError> {
    let flags = flags(cursor)?;
    cursor.eat_word("seq");
    let seq = seq_range(cursor)?;
    let ack = keyword(cursor, "ack", "an acknowledgement")?;
    // What acknowledges and does not say what, acknowledges nothing, as in packetdrill.
    let ack = ack.or(flags.contains(Flags::ACK).then_some(0));
    let window = keyword(cursor, "win", "a window")?;
    let urgent = keyword(cursor, "urg", "an urgent pointer")?;
    let options = match cursor.eat("<") {
        true => tcp_option::options(cursor)?,
        false => OptionsSpec::List(Vec::new()),
    };
    Ok(TcpBody {
        flags,
        seq,
        ack,
        window,
        urgent,
        options,
    })
}

fn keyword<T: TryFrom<u64>>(
    cursor: &mut Cursor<'_>,
    keyword: &str,
    what: &str,
) -> Result<Option<T>, SyntaxError> {
    match cursor.eat_word(keyword) {
        true => cursor.unsigned(what).map(Some),
        false => Ok(None),
    }
}

fn flags(cursor: &mut Cursor<'_>) -> Result<Flags, SyntaxError> {
    let start = cursor.start();
    let letters = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    if letters.is_empty() {
        return Err(cursor.unexpected("the flags of a packet"));
    }
    if letters == "-" {
        return Ok(Flags::NONE);
    }
    let mut flags = Flags::NONE;
    for letter in letters.chars() {
        let known = Flags::LETTERS.iter().find(|(known, _)| *known == letter);
        let flag = match (known, letter.to_digit(8)) {
            (Some((_, flag)), _) => *flag,
            // The counter ACE of Accurate ECN, which is AE, CWR and ECE together.
            (None, Some(ace)) => Flags::from_bits((ace as u16) << 6),
            (None, None) => {
                let message = format!("'{letter}' is no flag of TCP");
                return Err(cursor.error_from(start, message));
            }
        };
        flags = flags | flag;
    }
    Ok(flags)
}

/// `1:1001(1000)`.
fn seq_range(cursor: &mut Cursor<'_>) -> Result<SeqRange, SyntaxError> {
    let at = cursor.start();
    let start: u32 = cursor.unsigned("a sequence number")?;
    cursor.expect(":")?;
    let end: u32 = cursor.unsigned("a sequence number")?;
    let len: u32 = in_parentheses(cursor)?;
    let range = SeqRange { start, end };
    match range.len() == len {
        true => Ok(range),
        false => Err(cursor.error_from(
            at,
            format!("{start}:{end} are {} bytes, not {len}", range.len()),
        )),
    }
}

fn in_parentheses<T: TryFrom<u64>>(cursor: &mut Cursor<'_>) -> Result<T, SyntaxError> {
    cursor.expect("(")?;
    let len = cursor.unsigned("a length")?;
    cursor.expect(")")?;
    Ok(len)
}

/// `[1:1001(1000)]`.
fn echoed(cursor: &mut Cursor<'_>) -> Result<Echoed, SyntaxError> {
    cursor.expect("[")?;
    let quote = match cursor.eat_word("udp") {
        true => Echoed::Udp(in_parentheses(cursor)?),
        false => Echoed::Tcp(seq_range(cursor)?),
    };
    cursor.expect("]")?;
    Ok(quote)
}

/// `icmp unreachable frag_needed mtu 1200 [1:1461(1460)]`.
fn icmp(cursor: &mut Cursor<'_>, before: Option<Echoed>) -> Result<IcmpBody, SyntaxError> {
    let version = match cursor.word("'icmp' or 'icmpv6'")? {
        "icmp" => IcmpVersion::V4,
        "icmpv6" => IcmpVersion::V6,
        _ => return Err(cursor.unexpected("'icmp' or 'icmpv6'")),
    };
    let start = cursor.start();
    let kind = cursor.word("a type of ICMP")?.to_owned();
    let code = cursor.peek_word().filter(|&word| word != "mtu");
    cursor.advance(code.map_or(0, str::len));
    if icmp::numbers(version, &kind, code).is_none() {
        return Err(cursor.error_from(start, "no such type and code of ICMP"));
    }
    let mtu = keyword(cursor, "mtu", "an MTU")?;
    let echoed = match cursor.rest().starts_with('[') && before.is_none() {
        true => Some(echoed(cursor)?),
        false => before,
    };
    Ok(IcmpBody {
        version,
        kind,
        code: code.map(str::to_owned),
        mtu,
        echoed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Packet, SyntaxError> {
        let mut cursor = Cursor::new(text);
        let packet = packet(&mut cursor)?;
        assert!(cursor.is_at_end(), "{text}: '{}' is left", cursor.rest());
        Ok(packet)
    }

    fn read_tcp(text: &str) -> TcpBody {
        match read(text).unwrap().body {
            Body::Tcp(tcp) => tcp,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_segment_is_read() {
        let tcp = read_tcp("< P. 1:1001(1000) ack 4294967295 win 257 urg 3");
        assert_eq!(tcp.flags, Flags::PSH | Flags::ACK);
        assert_eq!((tcp.seq.start, tcp.seq.len()), (1, 1_000));
        assert_eq!(
            (tcp.ack, tcp.window, tcp.urgent),
            (Some(u32::MAX), Some(257), Some(3))
        );
        assert_eq!(tcp.options, OptionsSpec::List(vec![]));
    }

    #[test]
    fn each_way_to_write_flags_is_read() {
        let cases = [
            ("-", 0x00, ""),
            ("S", 0x02, ""),
            ("SEW", 0xc2, ""),
            ("SEWA", 0x1c2, ""),
            ("S.E", 0x52, " ack 1"),
            ("FP.", 0x19, " ack 1"),
            ("R.", 0x14, " ack 1"),
            ("R.", 0x14, ""),
            ("R", 0x04, ""),
            ("PU.", 0x38, " ack 1"),
            ("5.", 0x150, " ack 1"),
            ("P2.", 0x98, " ack 1"),
        ];
        for (letters, bits, ack) in cases {
            let tcp = read_tcp(&format!("> {letters} 0:0(0){ack}"));
            assert_eq!(tcp.flags.bits(), bits, "{letters}");
        }
    }

    #[test]
    fn sequence_numbers_wrap() {
        let tcp = read_tcp("< . 4294967290:4(10) ack 1");
        assert_eq!(tcp.seq.len(), 10);
    }

    #[test]
    fn an_icmp_message_quotes_before_or_behind() {
        let texts = [
            "< icmp unreachable frag_needed mtu 1200 [1:1461(1460)]",
            "< [1:1461(1460)] icmp unreachable frag_needed mtu 1200",
        ];
        let [first, second] = texts.map(|text| read(text).unwrap().body);
        assert_eq!(first, second);
        let text = "< icmpv6 packet_too_big mtu 1280 [1:1461(1460)]";
        let Body::Icmp(icmp) = read(text).unwrap().body else {
            panic!("ICMP");
        };
        assert_eq!((icmp.mtu, icmp.code), (Some(1_280), None));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let cases = [
            "<",
            "< S",
            "< Q 0:0(0)",
            "< P. 1:1001(999) ack 1",
            "< S 0:0(0) win 65536",
            "< S 0:0(0) <mss>",
            "< icmp unknown",
            "< icmp unreachable packet_too_big",
            "< udp 12",
            "> S 0:0(0) <mss 1460",
        ];
        for text in cases {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
