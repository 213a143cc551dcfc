//! Bytes to send: endless streams that look like no others, made and compared a piece at a time.

/// An endless stream of bytes. The byte at an offset depends on the seed and the offset alone, so
/// that no part of a stream need be kept to know it again.
///
/// Blocks of 4 KiB share one table of words, each block under a key of its own: as fast as copying.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pattern {
    seed: u64,
}

/// Bytes of a block.
const BLOCK: usize = 4_096;

/// Bytes of a word.
const WORD: usize = 8;

static TABLE: [u64; BLOCK / WORD] = table();

const fn table() -> [u64; BLOCK / WORD] {
    let mut words = [0; BLOCK / WORD];
    let mut index = 0;
    while index < words.len() {
        words[index] = mix(index as u64 + 1);
        index += 1;
    }
    words
}

/// What SplitMix64 adds to its state for each word.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The `index`th word of SplitMix64 that starts from zero.
pub const fn mix(index: u64) -> u64 {
    word_of(index.wrapping_mul(STEP))
}

/// The words of SplitMix64 that starts from `seed`.
pub fn words(seed: u64) -> impl Iterator<Item = u64> {
    (1..).map(move |index: u64| word_of(seed.wrapping_add(index.wrapping_mul(STEP))))
}

/// What SplitMix64 makes of its state.
const fn word_of(state: u64) -> u64 {
    let word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Pattern {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Pattern {
        Pattern { seed: mix(seed) }
    }

    /// Writes the bytes from `offset` on.
    pub fn fill(&self, offset: u64, out: &mut [u8]) {
        let mut done = 0;
        while done < out.len() {
            let piece = self.piece(offset + done as u64);
            let len = piece.len().min(out.len() - done);
            piece.fill(&mut out[done..done + len]);
            done += len;
        }
    }

    /// The first offset at which `bytes`, which begin at `offset`, differ from the stream.
    pub fn first_difference(&self, offset: u64, bytes: &[u8]) -> Option<u64> {
        let mut done = 0;
        while done < bytes.len() {
            let piece = self.piece(offset + done as u64);
            let len = piece.len().min(bytes.len() - done);
            let part = &bytes[done..done + len];
            if !piece.is(part) {
                let differs = |at: &usize| piece.byte(*at) != part[*at];
                let at = (0..len).find(differs).unwrap_or(0);
                return Some(offset + (done + at) as u64);
            }
            done += len;
        }
        None
    }

    /// What is left of the block at `offset`.
    fn piece(&self, offset: u64) -> Piece {
        Piece {
            key: mix(self.seed.wrapping_add(offset / BLOCK as u64)),
            start: (offset % BLOCK as u64) as usize,
        }
    }
}

/// The rest of a block.
struct Piece {
    key: u64,
    /// Where in its block it starts.
    start: usize,
}

impl Piece {
    fn len(&self) -> usize {
        BLOCK - self.start
    }

    /// The byte at `index` from the start of the piece.
    fn byte(&self, index: usize) -> u8 {
        let at = self.start + index;
        (TABLE[at / WORD] ^ self.key).to_le_bytes()[at % WORD]
    }

    /// How many of `len` bytes come before the first whole word, and the words from there on.
    fn words(&self, len: usize) -> (usize, &'static [u64]) {
        let head = (WORD - self.start % WORD) % WORD;
        let head = head.min(len);
        (head, &TABLE[(self.start + head) / WORD..])
    }

    fn fill(&self, out: &mut [u8]) {
        let (head, words) = self.words(out.len());
        let (first, rest) = out.split_at_mut(head);
        let (whole, last) = rest.as_chunks_mut::<WORD>();
        for (bytes, word) in whole.iter_mut().zip(words) {
            *bytes = (word ^ self.key).to_le_bytes();
        }
        let tail = head + whole.len() * WORD;
        for (index, byte) in first.iter_mut().enumerate() {
            *byte = self.byte(index);
        }
        for (index, byte) in last.iter_mut().enumerate() {
            *byte = self.byte(tail + index);
        }
    }

    /// Whether the piece begins with `bytes`.
    fn is(&self, bytes: &[u8]) -> bool {
        let (head, words) = self.words(bytes.len());
        let (first, rest) = bytes.split_at(head);
        let (whole, last) = rest.as_chunks::<WORD>();
        // Differences are gathered, not looked at one by one, so that the loop is one of vectors.
        let differences = whole.iter().zip(words).fold(0, |sum, (bytes, word)| {
            sum | (u64::from_le_bytes(*bytes) ^ word ^ self.key)
        });
        let tail = head + whole.len() * WORD;
        let same = |from: usize, part: &[u8]| {
            let mut bytes = part.iter().enumerate();
            bytes.all(|(index, byte)| *byte == self.byte(from + index))
        };
        differences == 0 && same(0, first) && same(tail, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_however_it_is_cut() {
        let pattern = Pattern::new(7);
        let mut whole = vec![0; 20_000];
        pattern.fill(0, &mut whole);
        for cut in [1, 3, 8, 1_448, 4_095, 4_096, 4_097] {
            for (index, piece) in whole.chunks(cut).enumerate() {
                let offset = (index * cut) as u64;
                let mut same = vec![0; piece.len()];
                pattern.fill(offset, &mut same);
                assert!(same == piece, "{cut} at {offset}");
                assert_eq!(pattern.first_difference(offset, piece), None);
            }
        }
    }

    #[test]
    fn a_wrong_byte_is_found_where_it_is() {
        let pattern = Pattern::new(7);
        let mut bytes = vec![0; 5_000];
        pattern.fill(3, &mut bytes);
        for wrong in [0, 1, 7, 100, 4_092, 4_093, 4_999] {
            bytes[wrong] ^= 1;
            assert_eq!(pattern.first_difference(3, &bytes), Some(3 + wrong as u64));
            bytes[wrong] ^= 1;
        }
    }

    #[test]
    fn streams_and_their_parts_differ() {
        let start = |seed, offset| {
            let mut bytes = [0; 64];
            Pattern::new(seed).fill(offset, &mut bytes);
            bytes
        };
        assert_ne!(start(1, 0), start(2, 0));
        for offset in [1, 8, 4_096, 8_192, 1 << 40] {
            assert_ne!(start(1, 0), start(1, offset), "{offset}");
        }
    }
}
