//! What a call fails with: Linux's names, numbers and words.

use std::fmt;

use tcp_core::{ConnectionError, SoftError};

macro_rules! errnos {
    ($( $name:ident = $number:literal, $text:literal; )*) => {
        /// An error number of Linux on x86-64 (errno(3)).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(i32)]
        pub enum Errno {
            $( #[doc = $text] $name = $number, )*
        }

        impl Errno {
            /// All of them, by number.
            pub const ALL: &[Errno] = &[ $( Errno::$name, )* ];

            /// `"ECONNRESET"`.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Errno::$name => stringify!($name), )*
                }
            }

            /// `"Connection reset by peer"`, as `strerror` says it.
            pub const fn text(self) -> &'static str {
                match self {
                    $( Errno::$name => $text, )*
                }
            }
        }
    };
}

errnos! {
    EPERM = 1, "Operation not permitted";
    ENOENT = 2, "No such file or directory";
    EINTR = 4, "Interrupted system call";
    EIO = 5, "Input/output error";
    EBADF = 9, "Bad file descriptor";
    EAGAIN = 11, "Resource temporarily unavailable";
    ENOMEM = 12, "Cannot allocate memory";
    EACCES = 13, "Permission denied";
    EFAULT = 14, "Bad address";
    EBUSY = 16, "Device or resource busy";
    EEXIST = 17, "File exists";
    EINVAL = 22, "Invalid argument";
    ENFILE = 23, "Too many open files in system";
    EMFILE = 24, "Too many open files";
    ENOTTY = 25, "Inappropriate ioctl for device";
    ESPIPE = 29, "Illegal seek";
    EPIPE = 32, "Broken pipe";
    EDOM = 33, "Numerical argument out of domain";
    ENOSYS = 38, "Function not implemented";
    ELOOP = 40, "Too many levels of symbolic links";
    ENOMSG = 42, "No message of desired type";
    EPROTO = 71, "Protocol error";
    ENOTSOCK = 88, "Socket operation on non-socket";
    EDESTADDRREQ = 89, "Destination address required";
    EMSGSIZE = 90, "Message too long";
    EPROTOTYPE = 91, "Protocol wrong type for socket";
    ENOPROTOOPT = 92, "Protocol not available";
    EPROTONOSUPPORT = 93, "Protocol not supported";
    ESOCKTNOSUPPORT = 94, "Socket type not supported";
    EOPNOTSUPP = 95, "Operation not supported";
    EPFNOSUPPORT = 96, "Protocol family not supported";
    EAFNOSUPPORT = 97, "Address family not supported by protocol";
    EADDRINUSE = 98, "Address already in use";
    EADDRNOTAVAIL = 99, "Cannot assign requested address";
    ENETDOWN = 100, "Network is down";
    ENETUNREACH = 101, "Network is unreachable";
    ECONNABORTED = 103, "Software caused connection abort";
    ECONNRESET = 104, "Connection reset by peer";
    ENOBUFS = 105, "No buffer space available";
    EISCONN = 106, "Transport endpoint is already connected";
    ENOTCONN = 107, "Transport endpoint is not connected";
    ETIMEDOUT = 110, "Connection timed out";
    ECONNREFUSED = 111, "Connection refused";
    EHOSTUNREACH = 113, "No route to host";
    EALREADY = 114, "Operation already in progress";
    EINPROGRESS = 115, "Operation now in progress";
    ECANCELED = 125, "Operation canceled";
}

impl Errno {
    /// The number, above zero.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The error of this name; `EWOULDBLOCK` is another name of `EAGAIN`, `ENOTSUP` of `EOPNOTSUPP`.
    pub fn by_name(name: &str) -> Option<Errno> {
        match name {
            "EWOULDBLOCK" => Some(Errno::EAGAIN),
            "ENOTSUP" => Some(Errno::EOPNOTSUPP),
            _ => Errno::ALL
                .iter()
                .copied()
                .find(|errno| errno.name() == name),
        }
    }

    /// The error of this number.
    pub fn by_number(number: i32) -> Option<Errno> {
        Errno::ALL
            .iter()
            .copied()
            .find(|errno| errno.number() == number)
    }
}

/// `ECONNRESET (Connection reset by peer)`.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.text())
    }
}

impl std::error::Error for Errno {}

/// What a socket's pending error is when its connection dies.
impl From<ConnectionError> for Errno {
    fn from(error: ConnectionError) -> Errno {
        match error {
            ConnectionError::Refused | ConnectionError::Prohibited => Errno::ECONNREFUSED,
            ConnectionError::Reset => Errno::ECONNRESET,
            ConnectionError::TimedOut => Errno::ETIMEDOUT,
            ConnectionError::Aborted => Errno::ECONNABORTED,
            ConnectionError::Unreachable => Errno::EHOSTUNREACH,
            ConnectionError::NoMemory => Errno::ENOMEM,
        }
    }
}

impl From<SoftError> for Errno {
    /// As Linux turns types and codes into errors (`icmp_err_convert`).
    fn from(error: SoftError) -> Errno {
        match error {
            SoftError::NetworkUnreachable => Errno::ENETUNREACH,
            SoftError::HostUnreachable | SoftError::TimeExceeded => Errno::EHOSTUNREACH,
            SoftError::Refused => Errno::ECONNREFUSED,
            SoftError::ParameterProblem => Errno::EPROTO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for &errno in Errno::ALL {
            assert_eq!(Errno::by_name(errno.name()), Some(errno));
            assert_eq!(Errno::by_number(errno.number()), Some(errno));
        }
        assert_eq!(Errno::by_name("EWOULDBLOCK"), Some(Errno::EAGAIN));
        assert_eq!(Errno::by_number(0), None);
    }

    #[test]
    fn the_numbers_are_this_kernels() {
        for errno in Errno::ALL {
            let words = std::io::Error::from_raw_os_error(errno.number()).to_string();
            if cfg!(all(target_os = "linux", target_env = "gnu")) {
                let expected = format!("{} (os error {})", errno.text(), errno.number());
                assert_eq!(words, expected);
            }
            assert_eq!(
                errno.to_string(),
                format!("{} ({})", errno.name(), errno.text())
            );
        }
    }
}
