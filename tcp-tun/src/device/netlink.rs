//! As much of rtnetlink(7) as it takes to configure one device.
//!
//! ```text
//!   request, reply   | nlmsghdr 16 | message of its type | attribute | attribute | ...
//!   attribute        | length 2 | type 2 | value, padded to 4 |
//! ```
//!
//! All integers are in the machine's own order.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

const HEADER_LEN: usize = 16;
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// A message to the kernel.
pub(super) struct Request(Vec<u8>);

impl Request {
    /// A request of type `kind`, beginning with the fixed `message` of that type.
    pub(super) fn new(kind: u16, flags: u16, message: &[u8]) -> Request {
        let flags = flags | libc::NLM_F_REQUEST as u16;
        // Length (known at last), type, flags; sequence number and port, which are the kernel's
        // with one request on a socket at a time.
        let mut bytes = vec![0; HEADER_LEN];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend(message);
        Request(bytes)
    }

    pub(super) fn push_attribute(&mut self, kind: u16, value: &[u8]) {
        push_attribute(&mut self.0, kind, value);
    }

    fn into_bytes(mut self) -> Vec<u8> {
        let len = self.0.len() as u32;
        self.0[..4].copy_from_slice(&len.to_ne_bytes());
        self.0
    }
}

/// Appends an attribute to a request's attributes, or to those that are nested in one.
pub(super) fn push_attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let len = (ATTRIBUTE_HEADER_LEN + value.len()) as u16;
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(padded(bytes.len()), 0);
}

/// What the kernel answered: the message behind its header.
pub(super) struct Reply(Vec<u8>);

impl Reply {
    /// The whole message: its fixed part, then its attributes.
    pub(super) fn message(&self) -> &[u8] {
        &self.0
    }

    /// The value of the first attribute of type `kind`, after a fixed message of `message_len` bytes.
    pub(super) fn attribute(&self, message_len: usize, kind: u16) -> Option<&[u8]> {
        let mut rest = self.0.get(message_len..)?;
        loop {
            let len = usize::from(read_u16(rest, 0)?);
            let value = rest.get(ATTRIBUTE_HEADER_LEN..len)?;
            if read_u16(rest, 2)? == kind {
                return Some(value);
            }
            rest = rest.get(padded(len)..)?;
        }
    }
}

/// A socket of rtnetlink, in the network namespace of the thread that opened it.
pub(super) struct Socket(OwnedFd);

impl Socket {
    pub(super) fn open() -> io::Result<Socket> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        Ok(Socket(fd))
    }

    /// Sends a request that changes something.
    ///
    /// # Errors
    ///
    /// The kernel's, as the error number that it answers with.
    pub(super) fn tell(&self, mut request: Request) -> io::Result<()> {
        // Without being asked, the kernel would acknowledge failures only.
        let flags = read_u16(&request.0, 6).unwrap_or(0) | libc::NLM_F_ACK as u16;
        request.0[6..8].copy_from_slice(&flags.to_ne_bytes());
        self.ask(request).map(drop)
    }

    /// Sends a request that is answered by one message.
    ///
    /// # Errors
    ///
    /// The kernel's, as the error number that it answers with.
    pub(super) fn ask(&self, request: Request) -> io::Result<Reply> {
        send(self.0.as_raw_fd(), &request.into_bytes(), MsgFlags::empty())?;
        let mut reply = vec![0; 32 * 1024];
        let len = loop {
            match recv(self.0.as_raw_fd(), &mut reply, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                result => break result?,
            }
        };
        reply.truncate(len);
        parse_reply(&reply)
    }
}

fn parse_reply(reply: &[u8]) -> io::Result<Reply> {
    let truncated = || io::Error::new(io::ErrorKind::InvalidData, "a truncated netlink message");
    let kind = read_u16(reply, 4).ok_or_else(truncated)?;
    let message = reply.get(HEADER_LEN..).ok_or_else(truncated)?;
    if kind == libc::NLMSG_ERROR as u16 {
        // A negative error number, or 0 for "done".
        let code = message.first_chunk().ok_or_else(truncated)?;
        match i32::from_ne_bytes(*code) {
            0 => {}
            code => return Err(io::Error::from_raw_os_error(code.saturating_neg())),
        }
    }
    Ok(Reply(message.to_vec()))
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let (value, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_ne_bytes(*value))
}

fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_behind_others() {
        let mut request = Request::new(libc::RTM_GETLINK, 0, &[9; 8]);
        request.push_attribute(1, &[1, 2, 3]);
        request.push_attribute(2, &[]);
        request.push_attribute(3, &[7; 4]);
        let bytes = request.into_bytes();
        assert_eq!(bytes.len(), HEADER_LEN + 8 + 8 + 4 + 8);
        assert_eq!(bytes[..4], (bytes.len() as u32).to_ne_bytes());
        let reply = parse_reply(&bytes).unwrap();
        assert_eq!(reply.attribute(8, 1), Some(&[1, 2, 3][..]));
        assert_eq!(reply.attribute(8, 2), Some(&[][..]));
        assert_eq!(reply.attribute(8, 3), Some(&[7; 4][..]));
        assert_eq!(reply.attribute(8, 4), None);
    }

    #[test]
    fn an_answer_that_is_cut_short_is_an_error_and_no_panic() {
        let mut request = Request::new(libc::RTM_GETLINK, 0, &[]);
        request.push_attribute(1, &[1; 8]);
        let bytes = request.into_bytes();
        for len in 0..bytes.len() {
            let found = parse_reply(&bytes[..len]).map(|reply| reply.attribute(0, 1).is_some());
            assert!(!found.unwrap_or(false), "{len}");
        }
        assert!(Reply(vec![0; 64]).attribute(0, 1).is_none());
    }

    #[test]
    fn the_kernel_s_error_is_reported() {
        let mut reply = Request::new(libc::NLMSG_ERROR as u16, 0, &(-libc::EPERM).to_ne_bytes());
        let error = parse_reply(&reply.0).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        reply = Request::new(libc::NLMSG_ERROR as u16, 0, &0_i32.to_ne_bytes());
        assert!(parse_reply(&reply.0).is_ok());
    }
}
