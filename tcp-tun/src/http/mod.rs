//! HTTP/1.1, as much of it as moving files needs: a static server and a client (RFC 9110, 9112).
//!
//! Both work over anything that reads and writes, so the same code serves and fetches through our
//! streams and through the kernel's. The server answers GET and HEAD, keeps connections alive and
//! sends each body with its length; the client fetches such bodies.
//!
//! ```no_run
//! use tcp_tun::http::{self, Directory};
//!
//! # fn main() -> std::io::Result<()> {
//! let site = Directory::new("public")?;
//! let listener = std::net::TcpListener::bind("127.0.0.1:8080")?;
//! for stream in listener.incoming() {
//!     http::serve(stream?, &site, |exchange| println!("{exchange}"))?;
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod files;
mod head;
mod server;

use std::fmt;
use std::io::Read;

pub use client::{Client, Response};
pub use files::Directory;
pub use server::{Exchange, serve};

/// What a server serves: answers each path with content or a refusal.
pub trait Site: Sync {
    /// Looks up a path: it starts with `/`, is percent-decoded and carries no query.
    fn find(&self, path: &str) -> Found;
}

/// What a [`Site`] has at a path.
pub enum Found {
    /// The content.
    Content(Content),
    /// It is at another path of the same site, given percent-encoded.
    Moved(String),
    /// There is nothing.
    Missing,
    /// There is something that is not to be served.
    Forbidden,
    /// It could not be read.
    Failed,
}

/// A body to send.
pub struct Content {
    /// The media type.
    pub media_type: &'static str,
    /// Bytes that `body` gives at least; no more than these are sent.
    pub length: u64,
    /// The bytes.
    pub body: Box<dyn Read + Send>,
}

/// The status codes that the server sends (RFC 9110 §15).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The content follows.
    Ok = 200,
    /// The content is elsewhere.
    MovedPermanently = 301,
    /// The request is malformed.
    BadRequest = 400,
    /// The content is not to be served.
    Forbidden = 403,
    /// There is nothing at this path.
    NotFound = 404,
    /// Only GET and HEAD are served.
    MethodNotAllowed = 405,
    /// The request's body is larger than the server cares to skip.
    ContentTooLarge = 413,
    /// The request's head is larger than the server cares to read.
    HeaderFieldsTooLarge = 431,
    /// The content could not be read.
    InternalServerError = 500,
    /// The request's body is coded in a way that the server does not know.
    NotImplemented = 501,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    VersionNotSupported = 505,
}

impl Status {
    /// The three digits.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The reason phrase.
    pub const fn reason(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::MovedPermanently => "Moved Permanently",
            Status::BadRequest => "Bad Request",
            Status::Forbidden => "Forbidden",
            Status::NotFound => "Not Found",
            Status::MethodNotAllowed => "Method Not Allowed",
            Status::ContentTooLarge => "Content Too Large",
            Status::HeaderFieldsTooLarge => "Request Header Fields Too Large",
            Status::InternalServerError => "Internal Server Error",
            Status::NotImplemented => "Not Implemented",
            Status::VersionNotSupported => "HTTP Version Not Supported",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.reason())
    }
}
