//! What the demo serves, and how it is known again.

use std::fmt;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};
use tcp_tun::http::{Content, Found, Site};

/// The path of the small page.
pub const PAGE: &str = "/";
/// The path of the large body.
pub const BLOB: &str = "/blob";

const PAGE_TEXT: &str = "<!doctype html>\n<title>tcp-tun</title>\n<p>It works: this page came through a TCP of our own.\n";

/// A site of two things: a page, and a blob of as many bytes as one likes.
#[derive(Clone, Copy, Debug)]
pub struct DemoSite {
    /// Bytes of the blob.
    pub blob_bytes: u64,
}

impl DemoSite {
    /// What is at a path: its length and its bytes.
    pub fn body(self, path: &str) -> Option<(u64, Box<dyn Read + Send>)> {
        match path {
            PAGE => Some((PAGE_TEXT.len() as u64, Box::new(PAGE_TEXT.as_bytes()))),
            BLOB => Some((
                self.blob_bytes,
                Box::new(Noise::default().take(self.blob_bytes)),
            )),
            _ => None,
        }
    }
}

impl Site for DemoSite {
    fn find(&self, path: &str) -> Found {
        let Some((length, body)) = self.body(path) else {
            return Found::Missing;
        };
        let media_type = match path {
            PAGE => "text/html; charset=utf-8",
            _ => "application/octet-stream",
        };
        Found::Content(Content {
            media_type,
            length,
            body,
        })
    }
}

/// Bytes that look random and are always the same, so that a segment at the wrong place is noticed
/// wherever it goes: the xorshift64 generator of Marsaglia.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u64,
    /// Bytes of `state` that were not yet given, from the low end.
    left: usize,
}

impl Default for Noise {
    fn default() -> Self {
        Noise {
            state: 0x9e37_79b9_7f4a_7c15,
            left: 8,
        }
    }
}

impl Noise {
    fn advance(&mut self) {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.left = 8;
    }
}

impl Read for Noise {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut rest = &mut buf[..];
        while !rest.is_empty() {
            let word = self.state.to_le_bytes();
            let count = self.left.min(rest.len());
            let from = word.len() - self.left;
            rest[..count].copy_from_slice(&word[from..from + count]);
            rest = &mut rest[count..];
            self.left -= count;
            if self.left == 0 {
                self.advance();
            }
        }
        Ok(buf.len())
    }
}

/// Takes bytes, and keeps their SHA-256 alone.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// The hash in hexadecimal.
    pub fn hex(self) -> String {
        Hex(&self.0.finalize()).to_string()
    }
}

impl Write for Hasher {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_does_not_depend_on_how_it_is_read() {
        let mut whole = vec![0; 1_000];
        Noise::default().read_exact(&mut whole).unwrap();
        let mut pieces = Vec::new();
        let mut noise = Noise::default();
        for count in (1..).take_while(|count| count * (count + 1) / 2 <= 1_000) {
            let mut piece = vec![0; count];
            noise.read_exact(&mut piece).unwrap();
            pieces.extend(piece);
        }
        assert!(whole.starts_with(&pieces));
        assert_ne!(whole[..8], whole[8..16]);
    }

    #[test]
    fn the_hash_is_sha256() {
        let mut hasher = Hasher::default();
        hasher.write_all(b"abc").unwrap();
        assert_eq!(
            hasher.hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_lengths_are_true() {
        let site = DemoSite { blob_bytes: 12_345 };
        for path in [PAGE, BLOB] {
            let (length, mut body) = site.body(path).unwrap();
            assert_eq!(io::copy(&mut body, &mut io::sink()).unwrap(), length);
        }
        assert!(matches!(site.find("/nothing"), Found::Missing));
    }
}
