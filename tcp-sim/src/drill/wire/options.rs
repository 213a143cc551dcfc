//! TCP options as bytes, and back.

use super::BuildError;
use crate::drill::packet::{AccEcnCounter, Cookie, TcpOption};

const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const MD5: u8 = 19;
const FAST_OPEN: u8 = 34;
const ACC_ECN_0: u8 = 172;
const ACC_ECN_1: u8 = 174;
const EXPERIMENTAL: u8 = 254;
/// Which experiment: Fast Open before it had a number.
const FAST_OPEN_MAGIC: [u8; 2] = [0xf9, 0x89];

/// The most that a header has room for.
const ROOM: usize = 40;

/// Options as bytes, filled up to a multiple of four with zeros.
pub(super) fn write(options: &[TcpOption]) -> Result<Vec<u8>, BuildError> {
    let mut bytes = Vec::new();
    for option in options {
        write_one(option, &mut bytes)?;
    }
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    match bytes.len() <= ROOM {
        true => Ok(bytes),
        false => Err(BuildError::Options(bytes.len())),
    }
}

fn write_one(option: &TcpOption, out: &mut Vec<u8>) -> Result<(), BuildError> {
    match option {
        TcpOption::End => out.push(0),
        TcpOption::Nop => out.push(1),
        TcpOption::Mss(mss) => append(out, MSS, &mss.to_be_bytes()),
        TcpOption::WindowScale(shift) => append(out, WINDOW_SCALE, &[*shift]),
        TcpOption::SackPermitted => append(out, SACK_PERMITTED, &[]),
        TcpOption::Sack(blocks) => {
            let edges = blocks.iter().flat_map(|&(left, right)| [left, right]);
            let data: Vec<u8> = edges.flat_map(u32::to_be_bytes).collect();
            append(out, SACK, &data);
        }
        TcpOption::Timestamps { value, echo } => {
            append(
                out,
                TIMESTAMPS,
                &[value.to_be_bytes(), echo.to_be_bytes()].concat(),
            );
        }
        TcpOption::FastOpen(cookie) => append(out, FAST_OPEN, known(cookie)?),
        TcpOption::FastOpenExperimental(cookie) => {
            let data = [&FAST_OPEN_MAGIC, known(cookie)?].concat();
            append(out, EXPERIMENTAL, &data);
        }
        TcpOption::Md5(digest) => {
            let mut data = digest.clone();
            data.resize(16, 0);
            append(out, MD5, &data);
        }
        TcpOption::AccEcn(counters) => {
            let kind = match counters.first() {
                Some((AccEcnCounter::Ect1, _)) => ACC_ECN_1,
                _ => ACC_ECN_0,
            };
            let data: Vec<u8> = counters
                .iter()
                .flat_map(|(_, count)| count.to_be_bytes().into_iter().skip(1))
                .collect();
            append(out, kind, &data);
        }
        TcpOption::Unknown { kind, data } => append(out, *kind, data),
    }
    Ok(())
}

fn append(out: &mut Vec<u8>, kind: u8, data: &[u8]) {
    // What is longer than a length can say is refused as too long for the header.
    let len = u8::try_from(data.len() + 2).unwrap_or(u8::MAX);
    out.extend([kind, len]);
    out.extend_from_slice(data);
}

fn known(cookie: &Cookie) -> Result<&[u8], BuildError> {
    match cookie {
        Cookie::Bytes(bytes) => Ok(bytes),
        Cookie::Named(name) => Err(BuildError::Cookie(name.clone())),
    }
}

/// The options of a header; what is malformed is told as unknown, with all the bytes behind it.
pub(super) fn read(mut bytes: &[u8]) -> Vec<TcpOption> {
    let mut options = Vec::new();
    while let [kind, rest @ ..] = bytes {
        match kind {
            0 => options.push(TcpOption::End),
            1 => options.push(TcpOption::Nop),
            _ => {
                let data = rest
                    .split_first()
                    .and_then(|(&len, data)| data.get(..usize::from(len).checked_sub(2)?));
                let Some(data) = data else {
                    let data = rest.to_vec();
                    options.push(TcpOption::Unknown { kind: *kind, data });
                    return options;
                };
                options.push(read_one(*kind, data));
                bytes = &bytes[data.len() + 2..];
                continue;
            }
        }
        bytes = rest;
    }
    options
}

fn read_one(kind: u8, data: &[u8]) -> TcpOption {
    let unknown = || TcpOption::Unknown {
        kind,
        data: data.to_vec(),
    };
    match (kind, data) {
        (MSS, &[high, low]) => TcpOption::Mss(u16::from_be_bytes([high, low])),
        (WINDOW_SCALE, &[shift]) => TcpOption::WindowScale(shift),
        (SACK_PERMITTED, []) => TcpOption::SackPermitted,
        (SACK, _) if data.len().is_multiple_of(8) => {
            let blocks = data.chunks(8);
            TcpOption::Sack(
                blocks
                    .map(|block| (number(&block[..4]), number(&block[4..])))
                    .collect(),
            )
        }
        (TIMESTAMPS, _) if data.len() == 8 => TcpOption::Timestamps {
            value: number(&data[..4]),
            echo: number(&data[4..]),
        },
        (FAST_OPEN, _) => TcpOption::FastOpen(Cookie::Bytes(data.to_vec())),
        (EXPERIMENTAL, _) => match data.strip_prefix(&FAST_OPEN_MAGIC) {
            Some(cookie) => TcpOption::FastOpenExperimental(Cookie::Bytes(cookie.to_vec())),
            None => unknown(),
        },
        (MD5, _) if data.len() == 16 => TcpOption::Md5(data.to_vec()),
        (ACC_ECN_0 | ACC_ECN_1, _) if data.len().is_multiple_of(3) && data.len() <= 9 => {
            use AccEcnCounter::{Ce, Ect0, Ect1};
            let order = match kind {
                ACC_ECN_0 => [Ect0, Ce, Ect1],
                _ => [Ect1, Ce, Ect0],
            };
            let counts = data.chunks(3).map(number);
            TcpOption::AccEcn(order.into_iter().zip(counts).collect())
        }
        _ => unknown(),
    }
}

/// Up to four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, &byte| number << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::packet::AccEcnCounter::{Ce, Ect1};

    #[test]
    fn each_option_is_read_as_it_was_written() {
        let cookie = || Cookie::Bytes(vec![1, 2, 3, 4]);
        let lists = [
            vec![
                TcpOption::Mss(1_460),
                TcpOption::SackPermitted,
                TcpOption::Timestamps { value: 1, echo: 2 },
                TcpOption::Nop,
                TcpOption::WindowScale(8),
            ],
            vec![
                TcpOption::Sack(vec![(1, 2), (3, 4)]),
                TcpOption::Nop,
                TcpOption::Nop,
            ],
            vec![
                TcpOption::FastOpen(cookie()),
                TcpOption::Nop,
                TcpOption::Nop,
            ],
            vec![TcpOption::FastOpenExperimental(cookie())],
            vec![TcpOption::Md5(vec![7; 16]), TcpOption::Nop, TcpOption::Nop],
            vec![TcpOption::AccEcn(vec![(Ect1, 1), (Ce, 0xabcdef)])],
            vec![TcpOption::Unknown {
                kind: 253,
                data: vec![1, 2],
            }],
        ];
        for list in lists {
            assert_eq!(read(&write(&list).unwrap()), list);
        }
    }

    #[test]
    fn what_is_cut_off_is_shown_whole() {
        let unknown = TcpOption::Unknown {
            kind: 2,
            data: vec![4, 5],
        };
        assert_eq!(read(&[1, 2, 4, 5]), [TcpOption::Nop, unknown]);
        let lone = TcpOption::Unknown {
            kind: 8,
            data: vec![],
        };
        assert_eq!(read(&[8]), [lone]);
        assert_eq!(read(&[8, 1, 0]).len(), 1);
    }

    #[test]
    fn more_than_forty_bytes_are_refused() {
        let blocks = vec![(1, 2); 5];
        let error = write(&[TcpOption::Sack(blocks)]);
        assert_eq!(error, Err(BuildError::Options(44)));
        let named = TcpOption::FastOpen(Cookie::Named("X_".to_owned()));
        assert_eq!(write(&[named]), Err(BuildError::Cookie("X_".to_owned())));
    }
}
