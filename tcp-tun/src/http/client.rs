//! The client's side of one connection.

use std::io::{self, BufReader, Read, Write};

use super::head::{self, Head, MAX_FIELDS};

/// Bytes read from the stream at a time.
const CHUNK: usize = 64 * 1024;

/// Fetches one thing after another over one connection.
pub struct Client<S> {
    reader: BufReader<S>,
    host: String,
}

/// What a server answered; its body went to the caller's sink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Bytes of the body.
    pub body_bytes: u64,
}

impl<S: Read + Write> Client<S> {
    /// A client over a connection to `host`, which is what the Host field will say.
    pub fn new(stream: S, host: impl Into<String>) -> Client<S> {
        Client {
            reader: BufReader::with_capacity(CHUNK, stream),
            host: host.into(),
        }
    }

    /// The connection.
    pub fn get_ref(&self) -> &S {
        self.reader.get_ref()
    }

    /// Fetches `path`, given percent-encoded, and writes the body to `sink`.
    ///
    /// An answer that is no HTTP, or is coded in a way not known here, is
    /// [`InvalidData`](io::ErrorKind::InvalidData); one cut short is
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof).
    pub fn get(&mut self, path: &str, sink: &mut impl Write) -> io::Result<Response> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tcp-tun\r\n\r\n",
            self.host
        );
        self.reader.get_mut().write_all(request.as_bytes())?;
        let head = loop {
            let head = match head::read_head(&mut self.reader)? {
                Head::Complete(bytes) => ResponseHead::parse(&bytes)?,
                Head::EndOfStream => return Err(io::ErrorKind::UnexpectedEof.into()),
                Head::TooLarge => return Err(invalid("the answer's head is too large")),
            };
            // Answers of the 1xx kind announce another one (RFC 9110 §15.2).
            if !(100..200).contains(&head.status) {
                break head;
            }
        };
        let body_bytes = match head.content_length {
            Some(length) => {
                let copied = io::copy(&mut self.reader.by_ref().take(length), sink)?;
                if copied < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                copied
            }
            None => io::copy(&mut self.reader, sink)?,
        };
        Ok(Response {
            status: head.status,
            body_bytes,
        })
    }
}

struct ResponseHead {
    status: u16,
    content_length: Option<u64>,
}

impl ResponseHead {
    fn parse(head: &[u8]) -> io::Result<ResponseHead> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        let complete = parsed
            .parse(head)
            .map_err(|error| invalid(&format!("the answer is no HTTP: {error}")))?;
        let (true, Some(status)) = (complete.is_complete(), parsed.code) else {
            return Err(invalid("the answer's head is incomplete"));
        };
        let fields = &*parsed.headers;
        if fields
            .iter()
            .any(|field| field.name.eq_ignore_ascii_case("transfer-encoding"))
        {
            return Err(invalid("the answer has a transfer coding"));
        }
        let content_length = match head::single_field(fields, "content-length") {
            Ok(None) => None,
            Ok(Some(value)) => match head::parse_length(value) {
                Some(length) => Some(length),
                None => return Err(invalid("the answer's length is no number")),
            },
            Err(()) => return Err(invalid("the answer has two lengths")),
        };
        // Neither of these has a body, whatever its fields say (RFC 9112 §6.3).
        let content_length = match status {
            204 | 304 => Some(0),
            _ => content_length,
        };
        Ok(ResponseHead {
            status,
            content_length,
        })
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers whatever it is asked with these bytes.
    struct Oracle<'a>(&'a [u8]);

    impl Read for Oracle<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }

    impl Write for Oracle<'_> {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn fetch(answer: &[u8]) -> io::Result<(Response, Vec<u8>)> {
        let mut body = Vec::new();
        let response = Client::new(Oracle(answer), "a").get("/", &mut body)?;
        Ok((response, body))
    }

    #[test]
    fn a_body_has_its_length_or_goes_to_the_end() {
        let (response, body) =
            fetch(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef").unwrap();
        assert_eq!((response.status, response.body_bytes), (200, 3));
        assert_eq!(body, b"abc");
        let (_, body) = fetch(b"HTTP/1.0 200 OK\r\n\r\nabcdef").unwrap();
        assert_eq!(body, b"abcdef");
    }

    #[test]
    fn an_interim_answer_is_skipped() {
        let answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(fetch(answer).unwrap().0.status, 404);
    }

    #[test]
    fn a_wrong_answer_is_an_error_that_says_so() {
        let kind = |answer| fetch(answer).unwrap_err().kind();
        let short = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
        assert_eq!(kind(short), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(b""), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"SSH-2.0-OpenSSH\r\n\r\n"), io::ErrorKind::InvalidData);
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(kind(chunked), io::ErrorKind::InvalidData);
    }
}
