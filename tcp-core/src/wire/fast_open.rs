//! The TCP Fast Open option (RFC 7413 §4.1.1): a cookie, or the request for one.

use core::fmt;

/// Bytes of the longest cookie.
const MOST: usize = 16;
/// Bytes of the shortest cookie.
const LEAST: usize = 4;

/// Marks the experimental form of the option among others of its kind (RFC 6994).
const MAGIC: [u8; 2] = [0xf9, 0x89];

const NOP: u8 = 1;
const FAST_OPEN: u8 = 34;
const EXPERIMENTAL: u8 = 254;

/// A fast open cookie: 4 to 16 bytes, an even number of them; or none, by which a client asks for one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cookie {
    len: u8,
    /// Zero beyond `len`.
    bytes: [u8; MOST],
}

impl Cookie {
    /// No cookie: the request for one.
    pub const REQUEST: Cookie = Cookie {
        len: 0,
        bytes: [0; MOST],
    };

    /// A cookie of these bytes; `None` where there cannot be one of this length.
    pub fn new(bytes: &[u8]) -> Option<Cookie> {
        let len = bytes.len();
        let fits = len == 0 || (LEAST..=MOST).contains(&len);
        if !fits || !len.is_multiple_of(2) {
            return None;
        }
        let mut cookie = Cookie {
            len: len as u8,
            ..Cookie::REQUEST
        };
        cookie.bytes.get_mut(..len)?.copy_from_slice(bytes);
        Some(cookie)
    }

    /// The bytes; none in a request.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether it asks for a cookie.
    pub fn is_request(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(")?;
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// How the option is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FastOpenForm {
    /// Kind 34.
    Assigned,
    /// Kind 254 with the number 0xF989, which was used before a kind was assigned.
    Experimental,
}

/// The fast open option of a SYN or SYN-ACK; on other segments it means nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FastOpenOption {
    /// The cookie, or the request for one.
    pub cookie: Cookie,
    /// How it is written.
    pub form: FastOpenForm,
}

impl FastOpenOption {
    /// Bytes that it takes, without padding.
    fn unpadded_len(&self) -> usize {
        let head = match self.form {
            FastOpenForm::Assigned => 2,
            FastOpenForm::Experimental => 4,
        };
        head + usize::from(self.cookie.len)
    }

    /// Bytes that it takes, padding included.
    pub(super) fn len(&self) -> usize {
        self.unpadded_len().next_multiple_of(4)
    }

    /// The option as it goes on the wire: [`len`](FastOpenOption::len) bytes, of which no-operations pad.
    pub(super) fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [NOP; 20];
        let len = self.unpadded_len() as u8;
        let head = match self.form {
            FastOpenForm::Assigned => {
                bytes[..2].copy_from_slice(&[FAST_OPEN, len]);
                2
            }
            FastOpenForm::Experimental => {
                bytes[..4].copy_from_slice(&[EXPERIMENTAL, len, MAGIC[0], MAGIC[1]]);
                4
            }
        };
        let cookie = self.cookie.as_bytes();
        if let Some(place) = bytes.get_mut(head..head + cookie.len()) {
            place.copy_from_slice(cookie);
        }
        bytes
    }
}

/// The option of this kind and body; `None` where it is another, or its length not that of a cookie: as Linux,
/// such a one is as good as absent.
pub(super) fn read(kind: u8, body: &[u8]) -> Option<FastOpenOption> {
    let (form, cookie) = match kind {
        FAST_OPEN => (FastOpenForm::Assigned, body),
        EXPERIMENTAL => (FastOpenForm::Experimental, body.strip_prefix(&MAGIC)?),
        _ => return None,
    };
    let cookie = Cookie::new(cookie)?;
    Some(FastOpenOption { cookie, form })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_has_an_even_length_from_4_to_16() {
        let bytes = [7; 20];
        for len in 0..=20 {
            let may_be = [0, 4, 6, 8, 10, 12, 14, 16].contains(&len);
            assert_eq!(Cookie::new(&bytes[..len]).is_some(), may_be, "{len}");
            assert_eq!(read(FAST_OPEN, &bytes[..len]).is_some(), may_be, "{len}");
        }
    }

    #[test]
    fn both_forms_are_padded_behind() {
        let cookie = Cookie::new(&[1, 2, 3, 4]).unwrap();
        let written = |cookie, form| {
            let option = FastOpenOption { cookie, form };
            option.to_bytes()[..option.len()].to_vec()
        };
        use FastOpenForm::{Assigned, Experimental};
        assert_eq!(written(Cookie::REQUEST, Assigned), [34, 2, 1, 1]);
        assert_eq!(written(cookie, Assigned), [34, 6, 1, 2, 3, 4, 1, 1]);
        let request = written(Cookie::REQUEST, Experimental);
        assert_eq!(request, [254, 4, 0xf9, 0x89]);
        assert_eq!(
            written(cookie, Experimental),
            [254, 8, 0xf9, 0x89, 1, 2, 3, 4]
        );
    }

    #[test]
    fn another_experiment_is_none_of_ours() {
        assert_eq!(read(EXPERIMENTAL, &[0xf9, 0x88]), None);
        assert_eq!(read(EXPERIMENTAL, &[0xf9]), None);
        assert_eq!(read(EXPERIMENTAL, &[0xf9, 0x89, 1]), None);
        assert_eq!(read(30, &[]), None);
    }
}
