//! Private network namespaces: a network of one's own, with nothing in it but what one makes.
//!
//! In a network namespace of its own, a program may make a TUN device, give it any address and talk
//! to the kernel over it, and nothing outside can notice (network_namespaces(7)). Whoever is not
//! root gets the right to by entering a user namespace at the same time (user_namespaces(7)).
//!
//! - A program [`enter`]s a namespace at its start, before it has threads.
//! - A test harness has threads already, so each test [`run`]s in a thread with a namespace of its
//!   own. That takes root, or a harness that was started as root of a user namespace:
//!   `unshare --user --map-root-user cargo test`.
//!
//! A namespace is a property of a thread: threads and processes that it starts inherit it, sockets
//! and devices that it makes stay in it, and it vanishes with the last of them.

use std::fmt;
use std::fs;
use std::io;
use std::panic;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, getegid, geteuid};

use crate::device::config::{self, LinkConfig};

/// Moves the process into a new network namespace, and brings its loopback interface up.
///
/// Without the right to make one, it moves into a new user namespace as well, in which the user is
/// root; files outside are accessible as before. Call it before any thread is started: a user
/// namespace cannot be entered by one thread of many, and a network namespace would be entered by
/// this thread alone.
///
/// # Errors
///
/// Where the system does not allow it; the message says what to do.
pub fn enter() -> Result<(), Error> {
    match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => {}
        Err(Errno::EPERM) => enter_as_user()?,
        Err(errno) => return Err(Error::new(Step::Network, errno)),
    }
    bring_loopback_up()
}

/// Runs `work` in a thread of its own that is in a network namespace of its own, whose loopback
/// interface is up; gives what `work` gives, and panics where it does.
///
/// # Errors
///
/// Without the right to make a network namespace; `work` has not run then.
pub fn run<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| Error::new(Step::Network, errno))?;
            bring_loopback_up()?;
            Ok(work())
        });
        thread
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    })
}

fn enter_as_user() -> Result<(), Error> {
    // To be asked for before: inside, until they are mapped, both are `nobody`.
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(|errno| Error::new(Step::User, errno))?;
    map_to_root(uid, gid).map_err(|error| Error::new(Step::Mapping, error))
}

/// Makes the user root of the new namespace, as `unshare --map-root-user` does.
fn map_to_root(uid: Uid, gid: Gid) -> io::Result<()> {
    // Without privilege outside, a group can be mapped only once `setgroups` is given up, lest
    // somebody leave a group that denies them something (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1\n"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1\n"))
}

fn bring_loopback_up() -> Result<(), Error> {
    config::configure("lo", &LinkConfig::default())
        .map_err(|error| Error::new(Step::Loopback, error))
}

/// Why there is no private namespace, and what to do.
#[derive(Debug)]
pub struct Error {
    step: Step,
    source: io::Error,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// To make a network namespace.
    Network,
    /// To make a user namespace with it.
    User,
    /// To become root of the user namespace.
    Mapping,
    /// To bring the loopback interface up.
    Loopback,
}

impl Error {
    fn new(step: Step, source: impl Into<io::Error>) -> Error {
        let source = source.into();
        Error { step, source }
    }

    /// What to do about it, as a sentence's end; empty where there is nothing to advise.
    fn advice(&self) -> &'static str {
        let errno = self.source.raw_os_error().map(Errno::from_raw);
        match (self.step, errno.unwrap_or(Errno::UnknownErrno)) {
            (Step::Network, Errno::EPERM) => {
                "; run as root, or as root of a user namespace: \
                 `unshare --user --map-root-user ...`"
            }
            (_, Errno::ENOSYS) => "; this kernel was built without namespaces",
            (Step::User, Errno::EINVAL) => {
                "; a user namespace is entered before threads are started"
            }
            (Step::User, Errno::EPERM | Errno::EACCES) => {
                "; unprivileged user namespaces are turned off here: run as root, or set the \
                 sysctl kernel.unprivileged_userns_clone to 1 (Debian) or \
                 kernel.apparmor_restrict_unprivileged_userns to 0 (Ubuntu); in a container, \
                 give it --privileged"
            }
            (Step::User, Errno::ENOSPC) => {
                "; there are too many already: raise the sysctl user.max_user_namespaces"
            }
            (Step::Mapping, Errno::EPERM | Errno::EACCES) => {
                "; a security policy (AppArmor, SELinux, seccomp) restricts user namespaces: \
                 run as root"
            }
            _ => "",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Network => "cannot make a network namespace",
            Step::User => "cannot make a user namespace",
            Step::Mapping => "cannot become root of the new user namespace",
            Step::Loopback => "cannot bring up the loopback interface of the new namespace",
        };
        write!(f, "{step}: {}{}", self.source, self.advice())
    }
}

/// The source is part of the message already.
impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn an_error_says_what_to_do() {
        let text = Error::new(Step::User, Errno::ENOSPC).to_string();
        assert!(text.contains("user.max_user_namespaces"), "{text}");
        let text = Error::new(Step::Network, Errno::EPERM).to_string();
        assert!(text.contains("run as root"), "{text}");
    }

    #[test]
    fn a_namespace_has_a_network_of_its_own() {
        let inside = run(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            // The loopback interface is up, and threads inherit the namespace.
            thread::spawn(move || TcpStream::connect(addr).unwrap())
                .join()
                .unwrap();
            (fs::read_link("/proc/thread-self/ns/net").unwrap(), addr)
        });
        let Ok((namespace, addr)) = inside else {
            println!("skipped: needs the right to make a network namespace");
            return;
        };
        assert_ne!(
            fs::read_link("/proc/thread-self/ns/net").unwrap(),
            namespace
        );
        assert!(TcpStream::connect(addr).is_err());
    }

    #[test]
    #[should_panic(expected = "from within")]
    fn a_panic_comes_through() {
        if run(|| panic!("from within")).is_err() {
            panic!("from within: skipped, needs the right to make a network namespace");
        }
    }
}
