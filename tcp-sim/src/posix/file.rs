//! The names of open files and descriptors, and their modes.

/// Names an open file ("open file description", open(2)); one host never uses it again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct FileId(pub(super) u64);

/// How calls on a file wait (O_NONBLOCK).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Blocking {
    /// They sleep.
    Sleeps,
    /// They fail with EAGAIN.
    Fails,
}

impl Blocking {
    /// As O_NONBLOCK, SOCK_NONBLOCK or FIONBIO says.
    pub(super) const fn unless(nonblocking: bool) -> Blocking {
        if nonblocking {
            Blocking::Fails
        } else {
            Blocking::Sleeps
        }
    }
}

/// What becomes of a descriptor when its process starts another program (FD_CLOEXEC), which nothing
/// but F_GETFD asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OnExec {
    Keep,
    Close,
}

impl OnExec {
    /// As FD_CLOEXEC, SOCK_CLOEXEC or EPOLL_CLOEXEC says.
    pub(super) const fn of(close: bool) -> OnExec {
        if close { OnExec::Close } else { OnExec::Keep }
    }
}

/// A descriptor and the file that it named when it was added to an epoll set: what an item there is
/// known by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Watched {
    pub(super) file: FileId,
    pub(super) fd: i32,
}
