//! Data to send, and what is left of it when it has arrived: its SHA-256.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Bytes moved at a time.
const CHUNK: usize = 64 * 1024;

/// A stream of bytes that looks random and is the same for the same seed (xorshift64).
struct Noise {
    state: u64,
}

impl Noise {
    fn new(seed: u64) -> Noise {
        // The generator stays at zero once it is there.
        Noise {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    fn fill(&mut self, buf: &mut [u8]) {
        for word in buf.chunks_mut(8) {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            word.copy_from_slice(&self.state.to_le_bytes()[..word.len()]);
        }
    }
}

/// Writes `bytes` bytes; gives their hash. The writer is not flushed.
pub fn send(mut writer: impl Write, bytes: u64, seed: u64) -> io::Result<Hash> {
    let mut noise = Noise::new(seed);
    let mut hash = Sha256::new();
    let mut buf = vec![0; CHUNK];
    let mut left = bytes;
    while left > 0 {
        let count = left.min(CHUNK as u64) as usize;
        noise.fill(&mut buf[..count]);
        hash.update(&buf[..count]);
        writer.write_all(&buf[..count])?;
        left -= count as u64;
    }
    Ok(hash.finalize().into())
}

/// Reads to the end of the stream; gives the number of bytes and their hash.
pub fn receive(mut reader: impl Read) -> io::Result<(u64, Hash)> {
    let mut hash = Sha256::new();
    let mut buf = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let count = match reader.read(&mut buf) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if count == 0 {
            return Ok((total, hash.finalize().into()));
        }
        hash.update(&buf[..count]);
        total += count as u64;
    }
}

/// `bytes` bytes as a vector.
pub fn bytes(bytes: usize, seed: u64) -> Vec<u8> {
    let mut data = vec![0; bytes];
    Noise::new(seed).fill(&mut data);
    data
}

/// The hash of some bytes.
pub fn hash(data: &[u8]) -> Hash {
    Sha256::digest(data).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_hashes_as_what_arrives() {
        let mut sent = Vec::new();
        let hash_sent = send(&mut sent, 100_000, 7).unwrap();
        assert_eq!(receive(&sent[..]).unwrap(), (100_000, hash_sent));
        assert_eq!(hash(&sent), hash_sent);
        assert_ne!(send(io::sink(), 100_000, 8).unwrap(), hash_sent);
    }
}
