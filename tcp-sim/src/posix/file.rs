//! The names of open files.

/// Names an open file ("open file description", open(2)); one host never uses it again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct FileId(pub(super) u64);

/// A descriptor and the file that it named when it was added to an epoll set: what an item there is
/// known by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Watched {
    pub(super) file: FileId,
    pub(super) fd: i32,
}
