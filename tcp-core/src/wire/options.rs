//! TCP options as typed fields (RFC 9293 §3.2, RFC 7323, RFC 2018).

use super::fast_open;
use super::{Options, SackBlocks, Timestamps, WindowScale};
use crate::seq::{SeqNumber, SeqRange};

/// Bytes of options that a header has room for: its length field counts to 60.
pub(super) const MAX_LEN: usize = 40;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// What the options of a segment said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ReadOptions {
    /// Those before the first malformed one; of two of a kind the first.
    pub(super) options: Options,
    /// Whether there was a malformed one.
    pub(super) malformed: bool,
}

/// Reads options at any alignment (MUST-64). Kinds that are not known are skipped by their length
/// (MUST-6); an illegal length ends the reading, since what follows cannot be told (MUST-7).
pub(super) fn read(bytes: &[u8]) -> ReadOptions {
    let mut options = Options::NONE;
    // What nearly every segment of a connection with timestamps carries (RFC 7323 appendix A).
    if let [NOP, NOP, TIMESTAMPS, 10, body @ ..] = bytes
        && let Some(timestamps) = read_timestamps(body)
    {
        options.timestamps = Some(timestamps);
        return ReadOptions {
            options,
            malformed: false,
        };
    }
    let mut rest = bytes;
    let malformed = loop {
        rest = match rest {
            [] | [END, ..] => break false,
            [NOP, after @ ..] => after,
            [kind, len, after @ ..] => {
                let body_len = usize::from(*len).checked_sub(2);
                let Some((body, after)) = body_len.and_then(|len| after.split_at_checked(len))
                else {
                    break true;
                };
                if read_one(&mut options, *kind, body).is_none() {
                    break true;
                }
                after
            }
            [_] => break true,
        };
    };
    ReadOptions { options, malformed }
}

/// Reads one option; `None` where its length is not the one of its kind.
fn read_one(options: &mut Options, kind: u8, body: &[u8]) -> Option<()> {
    match kind {
        MSS => {
            let mss = u16::from_be_bytes(body.try_into().ok()?);
            options.mss.get_or_insert(mss);
        }
        WINDOW_SCALE => {
            let [shift] = body.try_into().ok()?;
            options
                .window_scale
                .get_or_insert(WindowScale::clamped(shift));
        }
        SACK_PERMITTED => {
            let [] = body.try_into().ok()?;
            options.sack_permitted = true;
        }
        SACK => {
            let blocks = read_sack(body)?;
            if options.sack.is_empty() {
                options.sack = blocks;
            }
        }
        TIMESTAMPS => {
            let timestamps = read_timestamps(body)?;
            options.timestamps.get_or_insert(timestamps);
        }
        _ => {
            if let Some(option) = fast_open::read(kind, body) {
                options.fast_open.get_or_insert(option);
            }
        }
    }
    Some(())
}

/// The body of a timestamps option, which is all of `body`.
#[inline]
fn read_timestamps(body: &[u8]) -> Option<Timestamps> {
    let [v0, v1, v2, v3, e0, e1, e2, e3] = body.try_into().ok()?;
    Some(Timestamps {
        value: u32::from_be_bytes([v0, v1, v2, v3]),
        echo: u32::from_be_bytes([e0, e1, e2, e3]),
    })
}

/// The body of a SACK option: one to four blocks.
fn read_sack(body: &[u8]) -> Option<SackBlocks> {
    let (words, []) = body.as_chunks::<4>() else {
        return None;
    };
    let (pairs, []) = words.as_chunks::<2>() else {
        return None;
    };
    let mut blocks = SackBlocks::NONE;
    for [start, end] in pairs {
        let block = SeqRange {
            start: SeqNumber::new(u32::from_be_bytes(*start)),
            end: SeqNumber::new(u32::from_be_bytes(*end)),
        };
        if !blocks.push(block) {
            return None;
        }
    }
    (!blocks.is_empty()).then_some(blocks)
}

/// Whether there is nothing but timestamps at most, as on nearly every segment of a connection.
#[inline]
fn is_plain(options: &Options) -> bool {
    let offers = options.mss.is_some() || options.window_scale.is_some() || options.sack_permitted;
    !(offers || options.fast_open.is_some() || !options.sack.is_empty())
}

/// Bytes that these options take, padding included; as many SACK blocks as fit.
#[inline]
pub(super) fn len(options: &Options) -> usize {
    match options.timestamps {
        Some(_) if is_plain(options) => 12,
        None if is_plain(options) => 0,
        _ => len_of_many(options),
    }
}

fn len_of_many(options: &Options) -> usize {
    let blocks = sack_blocks_that_fit(options);
    len_without_sack(options) + if blocks > 0 { 4 + 8 * blocks } else { 0 }
}

/// Every option is padded to a multiple of four, except that SACK-permitted uses the two bytes
/// that pad the timestamps.
fn len_without_sack(options: &Options) -> usize {
    let mss = if options.mss.is_some() { 4 } else { 0 };
    let scale = if options.window_scale.is_some() { 4 } else { 0 };
    let timestamps_and_permitted = match (options.timestamps, options.sack_permitted) {
        (Some(_), _) => 12,
        (None, true) => 4,
        (None, false) => 0,
    };
    let fast_open = options.fast_open.map_or(0, |option| option.len());
    mss + scale + timestamps_and_permitted + fast_open
}

fn sack_blocks_that_fit(options: &Options) -> usize {
    let room = (MAX_LEN - len_without_sack(options)).saturating_sub(4) / 8;
    options.sack.as_slice().len().min(room)
}

/// Options in the order and with the padding of Linux, which middleboxes know: MSS, timestamps with
/// SACK-permitted before them, window scale, SACK, fast open.
#[inline]
pub(super) fn write(options: &Options, out: &mut Writer) {
    if !is_plain(options) {
        write_many(options, out);
    } else if let Some(timestamps) = options.timestamps {
        out.push([NOP, NOP, TIMESTAMPS, 10]);
        out.push(timestamps.value.to_be_bytes());
        out.push(timestamps.echo.to_be_bytes());
    }
}

fn write_many(options: &Options, out: &mut Writer) {
    if let Some(mss) = options.mss {
        let [high, low] = mss.to_be_bytes();
        out.push([MSS, 4, high, low]);
    }
    match (options.timestamps, options.sack_permitted) {
        (Some(timestamps), permitted) => {
            out.push(if permitted {
                [SACK_PERMITTED, 2, TIMESTAMPS, 10]
            } else {
                [NOP, NOP, TIMESTAMPS, 10]
            });
            out.push(timestamps.value.to_be_bytes());
            out.push(timestamps.echo.to_be_bytes());
        }
        (None, true) => out.push([NOP, NOP, SACK_PERMITTED, 2]),
        (None, false) => {}
    }
    if let Some(scale) = options.window_scale {
        out.push([NOP, WINDOW_SCALE, 3, scale.shift()]);
    }
    let blocks = sack_blocks_that_fit(options);
    if blocks > 0 {
        out.push([NOP, NOP, SACK, 2 + 8 * blocks as u8]);
        for block in options.sack.as_slice().iter().take(blocks) {
            out.push(block.start.get().to_be_bytes());
            out.push(block.end.get().to_be_bytes());
        }
    }
    if let Some(option) = options.fast_open {
        let bytes = option.to_bytes();
        let (words, _) = bytes.as_chunks::<4>();
        for word in words.iter().take(option.len() / 4) {
            out.push(*word);
        }
    }
}

/// The option space of a header, filled four bytes at a time.
#[derive(Default)]
pub(super) struct Writer {
    words: [[u8; 4]; MAX_LEN / 4],
    len: usize,
}

impl Writer {
    /// Appends four bytes.
    #[inline]
    fn push(&mut self, word: [u8; 4]) {
        debug_assert!(self.len < self.words.len(), "`len` counts what is written");
        if let Some(slot) = self.words.get_mut(self.len) {
            *slot = word;
            self.len += 1;
        }
    }

    /// What was written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.words.get(..self.len).unwrap_or(&[]).as_flattened()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Cookie, FastOpenForm, FastOpenOption};
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const TS: Timestamps = Timestamps {
        value: 0x0102_0304,
        echo: 0x0506_0708,
    };

    fn block(start: u32, end: u32) -> SeqRange {
        SeqRange {
            start: SeqNumber::new(start),
            end: SeqNumber::new(end),
        }
    }

    fn sack(count: u32) -> SackBlocks {
        let mut blocks = SackBlocks::NONE;
        for i in 0..count {
            assert!(blocks.push(block(100 * i, 100 * i + 50)));
        }
        blocks
    }

    fn written(options: &Options) -> Vec<u8> {
        let mut out = Writer::default();
        write(options, &mut out);
        assert_eq!(out.as_bytes().len(), len(options));
        out.as_bytes().to_vec()
    }

    fn good(bytes: &[u8]) -> Options {
        let read = read(bytes);
        assert!(!read.malformed);
        read.options
    }

    #[test]
    fn a_syn_is_laid_out_as_linux_does() {
        let mut options = Options {
            mss: Some(1460),
            window_scale: Some(WindowScale::clamped(7)),
            sack_permitted: true,
            timestamps: Some(TS),
            ..Options::NONE
        };
        let bytes = [
            2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7,
        ];
        assert_eq!(written(&options), bytes);
        assert_eq!(good(&bytes), options);
        options.timestamps = None;
        let bytes = [2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7];
        assert_eq!(written(&options), bytes);
        assert_eq!(good(&bytes), options);
    }

    #[test]
    fn timestamps_leave_room_for_three_sack_blocks() {
        let options = Options {
            timestamps: Some(TS),
            sack: sack(4),
            ..Options::NONE
        };
        let bytes = written(&options);
        assert_eq!(bytes[..12], [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(bytes[12..16], [1, 1, 5, 26]);
        assert_eq!(bytes.len(), 40);
        assert_eq!(good(&bytes).sack, sack(3));
    }

    #[test]
    fn unknown_kinds_are_skipped_and_alignment_does_not_matter() {
        let bytes = [254, 3, 9, 30, 2, 2, 4, 2, 0, 3, 3, 5, 0, 8, 10];
        let options = good(&bytes);
        assert_eq!(options.mss, Some(512));
        assert_eq!(options.window_scale.map(WindowScale::shift), Some(5));
        assert_eq!(options.timestamps, None);
    }

    #[test]
    fn the_first_of_a_kind_counts() {
        let bytes = [2, 4, 1, 0, 2, 4, 2, 0, 3, 3, 2, 3, 3, 4];
        let options = good(&bytes);
        assert_eq!(options.mss, Some(256));
        assert_eq!(options.window_scale.map(WindowScale::shift), Some(2));
    }

    #[test]
    fn a_window_scale_above_fourteen_counts_as_fourteen() {
        assert_eq!(good(&[3, 3, 200]).window_scale, Some(WindowScale::MAX));
    }

    #[test]
    fn an_illegal_length_keeps_what_came_before() {
        let malformed: [&[u8]; 10] = [
            &[9, 0],
            &[9, 1],
            &[9, 3],
            &[2, 3, 1],
            &[2, 5, 1, 2, 3],
            &[3, 2],
            &[4, 3, 0],
            &[5, 2],
            &[5, 9, 0, 0, 0, 0, 0, 0, 0],
            &[8, 9, 0, 0, 0, 0, 0, 0, 0],
        ];
        for tail in malformed {
            let mut bytes = Vec::from([2, 4, 2, 0]);
            bytes.extend(tail);
            bytes.extend([3, 3, 1]);
            let read = read(&bytes);
            assert!(read.malformed, "{tail:?}");
            assert_eq!(read.options.mss, Some(512));
            assert_eq!(read.options.window_scale, None);
        }
        assert!(read(&[1, 9]).malformed);
    }

    #[test]
    fn five_sack_blocks_are_malformed() {
        let mut bytes = [0; 42];
        bytes[..2].copy_from_slice(&[5, 42]);
        assert!(read(&bytes).malformed);
    }

    fn any_fast_open() -> impl Strategy<Value = FastOpenOption> {
        let forms = [FastOpenForm::Assigned, FastOpenForm::Experimental];
        let cookie = prop::collection::vec(any::<u8>(), 0..=16);
        (cookie, prop::sample::select(forms.to_vec())).prop_map(|(bytes, form)| FastOpenOption {
            cookie: Cookie::new(&bytes).unwrap_or(Cookie::REQUEST),
            form,
        })
    }

    /// Options whose SACK blocks all fit.
    pub(in crate::wire) fn any_options() -> impl Strategy<Value = Options> {
        let blocks = prop::collection::vec(any::<(u32, u32)>(), 0..=4);
        let timestamps = any::<Option<(u32, u32)>>();
        let scale = prop::option::of(0u8..=14);
        let others = (
            any::<Option<u16>>(),
            scale,
            any::<bool>(),
            timestamps,
            blocks,
        );
        (others, prop::option::of(any_fast_open())).prop_map(
            |((mss, scale, sack_permitted, timestamps, blocks), fast_open)| {
                let mut options = Options {
                    mss,
                    window_scale: scale.map(WindowScale::clamped),
                    sack_permitted,
                    timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
                    fast_open,
                    ..Options::NONE
                };
                for (start, end) in blocks {
                    options.sack.push(block(start, end));
                }
                options.sack.truncate(sack_blocks_that_fit(&options));
                options
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(options in any_options()) {
            let bytes = written(&options);
            prop_assert!(bytes.len() <= MAX_LEN && bytes.len().is_multiple_of(4));
            prop_assert_eq!(good(&bytes), options);
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..=40)) {
            let mut options = read(&bytes).options;
            options.sack.truncate(sack_blocks_that_fit(&options));
            prop_assert_eq!(good(&written(&options)), options);
        }
    }
}
