//! The small services of RFC 862, 863 and 864.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;

use tcp_tun::TcpStream;

/// Bytes moved at a time.
const CHUNK: usize = 64 * 1024;

/// Sends back what comes, until the peer has said all (RFC 862).
pub fn echo(stream: &TcpStream) -> io::Result<()> {
    let mut buf = vec![0; CHUNK];
    let (mut reader, mut writer) = (stream, stream);
    loop {
        match reader.read(&mut buf)? {
            0 => return stream.shutdown(Shutdown::Write),
            count => writer.write_all(&buf[..count])?,
        }
    }
}

/// Throws away what comes, until the peer has said all (RFC 863).
pub fn discard(mut stream: &TcpStream) -> io::Result<()> {
    let mut buf = vec![0; CHUNK];
    while stream.read(&mut buf)? > 0 {}
    Ok(())
}

/// Sends a pattern of lines until the peer has enough; throws away what comes (RFC 864).
pub fn chargen(stream: &TcpStream) -> io::Result<()> {
    let lines = pattern();
    thread::scope(|scope| {
        // What comes must be read, or the peer's end of stream could never arrive behind it.
        scope.spawn(|| discard(stream));
        let mut writer = stream;
        loop {
            match writer.write_all(&lines) {
                Ok(()) => {}
                // This is how the peer says that it has enough.
                Err(error) if is_disconnect(&error) => return Ok(()),
                Err(error) => {
                    // The other thread reads until the connection ends.
                    let _ = stream.abort();
                    return Err(error);
                }
            }
        }
    })
}

/// Whether this is but the peer's way to hang up.
pub fn is_disconnect(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected
    )
}

/// Bytes in a line of chargen, without its CR LF.
const LINE: usize = 72;

/// The popular pattern of RFC 864: lines of 72 of the 95 printing characters, each line one
/// character further on; it repeats after 95 lines.
fn pattern() -> Vec<u8> {
    let ring: Vec<u8> = (b' '..=b'~').collect();
    let mut lines = Vec::with_capacity(ring.len() * (LINE + 2));
    for start in 0..ring.len() {
        lines.extend(ring.iter().cycle().skip(start).take(LINE));
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_the_popular_one() {
        let pattern = String::from_utf8(pattern()).unwrap();
        let lines: Vec<&str> = pattern.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 95);
        assert!(lines.iter().all(|line| line.len() == 72));
        assert!(lines[0].starts_with(" !\"#$%&'()*+,-./0123456789"));
        assert!(lines[1].starts_with("!\"#"));
        assert!(lines[94].starts_with("~ !\""));
    }
}
