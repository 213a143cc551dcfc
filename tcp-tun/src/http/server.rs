//! The server's side of one connection.

use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::time::{Duration, Instant, SystemTime};

use super::head::{self, Head, MAX_FIELDS};
use super::{Content, Found, Site, Status, files};

/// Bytes of a request's body that are read and forgotten, so that a client which sends one to a
/// server that has no use for it still gets its answer.
const MAX_SKIPPED_BODY: u64 = 1 << 20;

/// How long a request's head may take from its first byte on, and how long its body: a client that
/// trickles bytes keeps every read short of its timeout, and would hold the connection for ever.
const MAX_RECEIVE: Duration = Duration::from_secs(30);

/// Bytes that are handed to the stream at a time.
const CHUNK: usize = 64 * 1024;

/// One request and what it was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// The method and the target as the client wrote them; empty where the request could not be
    /// parsed.
    pub request: String,
    /// The answer.
    pub status: Status,
    /// Bytes of the body sent.
    pub body_bytes: u64,
}

impl fmt::Display for Exchange {
    /// As a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The target comes from the network: a terminal must not act on it.
        let request = self.request.escape_debug();
        write!(f, "\"{request}\" {} {}", self.status, self.body_bytes)
    }
}

/// Answers requests on `stream` until either side has enough; `log` is told of each answer.
///
/// The stream's timeouts, set by the caller, bound how long an idle connection is kept, and how long
/// one whose client takes nothing of its answer. A request must be received whole within 30 seconds
/// for its head, and as many for its body; a read that waits then is let go by its timeout.
pub fn serve(
    stream: impl Read + Write,
    site: &dyn Site,
    log: impl FnMut(&Exchange),
) -> io::Result<()> {
    serve_within(MAX_RECEIVE, stream, site, log)
}

/// As [`serve`], with the time that a head may take, and a body.
fn serve_within(
    limit: Duration,
    stream: impl Read + Write,
    site: &dyn Site,
    mut log: impl FnMut(&Exchange),
) -> io::Result<()> {
    let mut reader = BufReader::new(Limited::new(stream, limit));
    loop {
        reader.get_mut().expect();
        let head = match head::read_head(&mut reader) {
            Ok(head) => head,
            // The read timeout, or the limit: the client has nothing more to ask, or is too slow.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(()),
            Err(error) => return Err(error),
        };
        let request = match head {
            Head::EndOfStream => return Ok(()),
            Head::TooLarge => Request::refused(Status::HeaderFieldsTooLarge),
            Head::Complete(bytes) => Request::parse(&bytes),
        };
        reader.get_mut().expect();
        let request = request.with_body_skipped(&mut reader)?;
        let mut answer = request.answer(site);
        let body_bytes = answer.write_to(&mut reader.get_mut().stream, &request)?;
        log(&Exchange {
            request: request.line,
            status: answer.status,
            body_bytes,
        });
        if !request.keep_alive {
            return Ok(());
        }
    }
}

/// A stream that gives up on what it receives for too long.
struct Limited<S> {
    stream: S,
    limit: Duration,
    /// When the first bytes came of what is received now.
    begun: Option<Instant>,
}

impl<S> Limited<S> {
    fn new(stream: S, limit: Duration) -> Limited<S> {
        Limited {
            stream,
            limit,
            begun: None,
        }
    }

    /// Something else is received from now on; its time counts from its first bytes.
    fn expect(&mut self) {
        self.begun = None;
    }
}

impl<S: Read> Read for Limited<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.begun.is_some_and(|begun| begun.elapsed() > self.limit) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let len = self.stream.read(buf)?;
        self.begun.get_or_insert_with(Instant::now);
        Ok(len)
    }
}

/// What the server needs to know of a request.
struct Request {
    /// Method and target, for the log.
    line: String,
    /// What to do.
    action: Action,
    /// Whether the answer has a body: HEAD wants none.
    wants_body: bool,
    /// Whether the connection lives on.
    keep_alive: bool,
    /// Bytes of a body that follows.
    body_length: u64,
    /// Whether the client keeps the body back until it hears that it is wanted.
    expects_continue: bool,
}

enum Action {
    /// Answer with what the site has at this path.
    Find(String),
    /// Answer with this status.
    Refuse(Status),
}

impl Request {
    /// A request that cannot be made sense of: where the next one starts is unknown.
    fn refused(status: Status) -> Request {
        Request {
            line: String::new(),
            action: Action::Refuse(status),
            wants_body: true,
            keep_alive: false,
            body_length: 0,
            expects_continue: false,
        }
    }

    fn parse(head: &[u8]) -> Request {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Request::refused(Status::BadRequest),
            Err(httparse::Error::Version) => return Request::refused(Status::VersionNotSupported),
            Err(httparse::Error::TooManyHeaders) => {
                return Request::refused(Status::HeaderFieldsTooLarge);
            }
            Err(_) => return Request::refused(Status::BadRequest),
        }
        let method = parsed.method.unwrap_or_default();
        let target = parsed.path.unwrap_or_default();
        let line = format!("{method} {target}");
        let refused = |status| Request {
            line: line.clone(),
            wants_body: method != "HEAD",
            ..Request::refused(status)
        };

        let minor_version = parsed.version.unwrap_or(0);
        let fields = &*parsed.headers;
        // RFC 9112 §3.2: a request of HTTP/1.1 says its host, once.
        let host = head::single_field(fields, "host");
        if host.is_err() || (minor_version >= 1 && host == Ok(None)) {
            return refused(Status::BadRequest);
        }
        if fields
            .iter()
            .any(|field| field.name.eq_ignore_ascii_case("transfer-encoding"))
        {
            return refused(Status::NotImplemented);
        }
        let body_length = match head::single_field(fields, "content-length") {
            Ok(None) => Some(0),
            Ok(Some(value)) => head::parse_length(value),
            Err(()) => None,
        };
        let Some(body_length) = body_length else {
            return refused(Status::BadRequest);
        };
        let keep_alive = if minor_version >= 1 {
            !head::has_token(fields, "connection", "close")
        } else {
            head::has_token(fields, "connection", "keep-alive")
        };
        let action = match (method, decode_target(target)) {
            ("GET" | "HEAD", Some(path)) => Action::Find(path),
            ("GET" | "HEAD", None) => Action::Refuse(Status::BadRequest),
            _ => Action::Refuse(Status::MethodNotAllowed),
        };
        Request {
            wants_body: method != "HEAD",
            line,
            action,
            keep_alive,
            body_length,
            // RFC 9110 §10.1.1: of HTTP/1.0 it is ignored.
            expects_continue: minor_version >= 1
                && head::has_token(fields, "expect", "100-continue"),
        }
    }

    /// Reads past the request's body, or gives up on the connection where it is too long.
    fn with_body_skipped(mut self, reader: &mut impl BufRead) -> io::Result<Request> {
        if self.body_length > MAX_SKIPPED_BODY {
            self.action = Action::Refuse(Status::ContentTooLarge);
            self.keep_alive = false;
        } else if self.body_length > 0 && self.expects_continue {
            // No answer here needs a body, so the client gets the final one at once. Whether it then
            // sends the body is unknown, and with it where its next request would start.
            self.keep_alive = false;
        } else if self.body_length > 0 {
            let skipped = io::copy(&mut reader.take(self.body_length), &mut io::sink())?;
            if skipped < self.body_length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self)
    }

    fn answer(&self, site: &dyn Site) -> Answer {
        let path = match &self.action {
            Action::Find(path) => path,
            Action::Refuse(status) => return Answer::message(*status),
        };
        match site.find(path) {
            Found::Content(content) => Answer {
                status: Status::Ok,
                location: None,
                content,
            },
            Found::Moved(location) => Answer {
                location: Some(location),
                ..Answer::message(Status::MovedPermanently)
            },
            Found::Missing => Answer::message(Status::NotFound),
            Found::Forbidden => Answer::message(Status::Forbidden),
            Found::Failed => Answer::message(Status::InternalServerError),
        }
    }
}

/// The path of a request's target: without scheme and host (absolute form), without query,
/// percent-decoded. `None` where it is malformed.
fn decode_target(target: &str) -> Option<String> {
    let path = match target.split_once("://") {
        Some(("http" | "https", rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        _ => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let decoded = files::percent_decode(path)?;
    decoded.starts_with('/').then_some(decoded)
}

struct Answer {
    status: Status,
    location: Option<String>,
    content: Content,
}

impl Answer {
    /// An answer whose body is its own status line.
    fn message(status: Status) -> Answer {
        let text = format!("{status}\n");
        Answer {
            status,
            location: None,
            content: Content {
                media_type: "text/plain; charset=utf-8",
                length: text.len() as u64,
                body: Box::new(io::Cursor::new(text)),
            },
        }
    }

    /// Sends the answer; says how many bytes of body it had.
    fn write_to(&mut self, stream: &mut impl Write, request: &Request) -> io::Result<u64> {
        let mut writer = BufWriter::with_capacity(CHUNK, stream);
        self.write_head(&mut writer, request)?;
        let mut sent = 0;
        if request.wants_body {
            let body = &mut self.content.body;
            sent = io::copy(&mut body.take(self.content.length), &mut writer)?;
            // A file that shrank meanwhile: the client was promised more, so it must not take the
            // end of this answer, or the start of the next, for the rest of the body.
            if sent < self.content.length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        // Not `flush`: on a stream of this crate it would wait for the acknowledgement.
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        Ok(sent)
    }

    fn write_head(&self, writer: &mut impl Write, request: &Request) -> io::Result<()> {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let connection = if request.keep_alive {
            "keep-alive"
        } else {
            "close"
        };
        write!(
            writer,
            "HTTP/1.1 {}\r\nDate: {date}\r\nServer: tcp-tun\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\nConnection: {connection}\r\n",
            self.status, self.content.media_type, self.content.length,
        )?;
        if let Some(location) = &self.location {
            write!(writer, "Location: {location}\r\n")?;
        }
        if self.status == Status::MethodNotAllowed {
            write!(writer, "Allow: GET, HEAD\r\n")?;
        }
        write!(writer, "\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One page at `/page`; `/moved` leads there.
    struct OnePage;

    impl Site for OnePage {
        fn find(&self, path: &str) -> Found {
            match path {
                "/page" => Found::Content(Content {
                    media_type: "text/plain",
                    length: 5,
                    body: Box::new(&b"hello"[..]),
                }),
                "/moved" => Found::Moved("/page".into()),
                "/short" => Found::Content(Content {
                    media_type: "text/plain",
                    length: 9,
                    body: Box::new(&b"hello"[..]),
                }),
                _ => Found::Missing,
            }
        }
    }

    /// A stream whose peer has already said everything it will say.
    struct Script<'a> {
        input: &'a [u8],
        output: Vec<u8>,
    }

    impl Read for Script<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.input.read(buf)
        }
    }

    impl Write for Script<'_> {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.output.write(buf)
        }

        fn flush(&mut self) -> io::Result<()> {
            panic!("flush waits for an acknowledgement");
        }
    }

    /// Serves these bytes; gives the answer and the log.
    fn answers(input: &[u8]) -> (String, Vec<Exchange>) {
        let mut script = Script {
            input,
            output: Vec::new(),
        };
        let mut log = Vec::new();
        serve(&mut script, &OnePage, |exchange| log.push(exchange.clone())).unwrap();
        (String::from_utf8(script.output).unwrap(), log)
    }

    fn statuses(input: &[u8]) -> Vec<u16> {
        let (_, log) = answers(input);
        log.iter().map(|exchange| exchange.status.code()).collect()
    }

    #[test]
    fn get_gives_the_content_and_its_length() {
        let (output, log) = answers(b"GET /page?q=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(output.starts_with("HTTP/1.1 200 OK\r\n"), "{output}");
        assert!(output.contains("\r\nContent-Length: 5\r\n"), "{output}");
        assert!(output.ends_with("\r\n\r\nhello"), "{output}");
        assert_eq!(log[0].to_string(), "\"GET /page?q=1\" 200 OK 5");
    }

    #[test]
    fn head_gives_the_length_alone() {
        let (output, _) = answers(b"HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(output.contains("\r\nContent-Length: 5\r\n"), "{output}");
        assert!(output.ends_with("\r\n\r\n"), "{output}");
    }

    #[test]
    fn a_connection_is_kept_alive_as_the_client_wishes() {
        let get = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(statuses(get.repeat(3).as_bytes()), [200, 200, 200]);
        let close = "GET /page HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n";
        assert_eq!(statuses(close.repeat(3).as_bytes()), [200]);
        let old = "GET /page HTTP/1.0\r\n\r\n";
        assert_eq!(statuses(old.repeat(3).as_bytes()), [200]);
        let kept = "GET /page HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(statuses(kept.repeat(2).as_bytes()), [200, 200]);
    }

    #[test]
    fn refusals_have_their_codes() {
        let cases: [(&str, u16); 10] = [
            ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
            ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET page HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /page HTTP/1.1\r\n\r\n", 400),
            ("GET /page HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET /page HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("nonsense\r\n\r\n", 400),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                501,
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n",
                400,
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
                413,
            ),
        ];
        for (request, code) in cases {
            assert_eq!(statuses(request.as_bytes()), [code], "{request}");
        }
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(20_000));
        assert_eq!(statuses(long.as_bytes()), [431]);
    }

    #[test]
    fn a_body_is_skipped_and_the_next_request_found() {
        let input = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                      GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(statuses(input), [405, 200]);
    }

    #[test]
    fn a_body_that_is_kept_back_is_not_waited_for() {
        let (output, log) = answers(
            b"PUT /page HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 9\r\n\r\n",
        );
        assert_eq!(log.len(), 1);
        assert!(output.starts_with("HTTP/1.1 405 "), "{output}");
        assert!(output.contains("\r\nConnection: close\r\n"), "{output}");
        let without_body = "GET /page HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n";
        assert_eq!(statuses(without_body.repeat(2).as_bytes()), [200, 200]);
    }

    /// A client that sends a byte a millisecond, and then without end.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(1));
            match self.0.read(&mut buf[..1])? {
                0 => {
                    buf[0] = b'a';
                    Ok(1)
                }
                len => Ok(len),
            }
        }
    }

    impl Write for Trickle<'_> {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("there was nothing to answer");
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_head_that_trickles_is_given_up() {
        let limit = Duration::from_millis(20);
        let start = Instant::now();
        serve_within(limit, Trickle(b"GET /"), &OnePage, |_| {}).unwrap();
        assert!(start.elapsed() > limit);
    }

    #[test]
    fn a_body_that_trickles_is_given_up() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n";
        let limit = Duration::from_secs(1);
        let result = serve_within(limit, Trickle(head), &OnePage, |_| {});
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_move_says_where_to() {
        let (output, _) = answers(b"GET http://a/moved HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(output.starts_with("HTTP/1.1 301 "), "{output}");
        assert!(output.contains("\r\nLocation: /page\r\n"), "{output}");
    }

    #[test]
    fn content_that_shrank_ends_the_connection() {
        let mut script = Script {
            input: b"GET /short HTTP/1.1\r\nHost: a\r\n\r\n",
            output: Vec::new(),
        };
        let error = serve(&mut script, &OnePage, |_| {}).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
