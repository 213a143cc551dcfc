//! Descriptors, and the open files that they name.

use std::collections::BTreeMap;

use super::epoll_set::EpollSet;
use super::errno::Errno;
use super::file::{Blocking, FileId, OnExec};
use super::socket::Socket;

/// An open file: what several descriptors may share (open(2)).
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) blocking: Blocking,
    pub(super) object: Object,
    /// How many descriptors name it.
    references: u32,
}

/// What an open file is.
#[derive(Clone, Debug)]
pub(super) enum Object {
    Socket(Box<Socket>),
    Epoll(EpollSet),
}

/// How many files there may be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// The first descriptor that is given out: those below stand for the standard streams.
    pub first_descriptor: i32,
    /// One more than the greatest descriptor (`RLIMIT_NOFILE`); beyond it calls fail with EMFILE.
    pub open_files: i32,
    /// Open files in all (`fs.file-max`); beyond them calls fail with ENFILE.
    pub file_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            first_descriptor: 3,
            open_files: 1_024,
            file_max: 1 << 20,
        }
    }
}

/// One process's descriptors.
#[derive(Clone, Debug)]
pub(super) struct Descriptors {
    limits: Limits,
    table: BTreeMap<i32, Descriptor>,
    files: BTreeMap<FileId, File>,
    next_file: u64,
}

#[derive(Clone, Copy, Debug)]
struct Descriptor {
    file: FileId,
    on_exec: OnExec,
}

/// Room for one descriptor and, unless it shares one, one file; found before anything is done that could
/// not be undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    fd: i32,
}

impl Descriptors {
    pub(super) fn new(limits: Limits) -> Self {
        Descriptors {
            limits,
            table: BTreeMap::new(),
            files: BTreeMap::new(),
            next_file: 0,
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Room for a new file: EMFILE and ENFILE at the limits.
    pub(super) fn room(&self) -> Result<Room, Errno> {
        let fd = self.lowest_free(self.limits.first_descriptor)?;
        if self.files.len() >= self.limits.file_max {
            return Err(Errno::ENFILE);
        }
        Ok(Room { fd })
    }

    /// The least free descriptor from `least` on.
    fn lowest_free(&self, least: i32) -> Result<i32, Errno> {
        let mut fd = least;
        for &taken in self.table.range(least..).map(|(fd, _)| fd) {
            if taken != fd {
                break;
            }
            fd += 1;
        }
        if fd >= self.limits.open_files {
            return Err(Errno::EMFILE);
        }
        Ok(fd)
    }

    /// Opens a file in the room that was found for it.
    pub(super) fn open(
        &mut self,
        room: Room,
        object: Object,
        blocking: Blocking,
        on_exec: OnExec,
    ) -> (i32, FileId) {
        let file = FileId(self.next_file);
        self.next_file += 1;
        self.files.insert(
            file,
            File {
                blocking,
                object,
                references: 1,
            },
        );
        let descriptor = Descriptor { file, on_exec };
        self.table.insert(room.fd, descriptor);
        (room.fd, file)
    }

    /// Another descriptor, from `least` on, for the file of `fd`.
    pub(super) fn duplicate(&mut self, fd: i32, least: i32, on_exec: OnExec) -> Result<i32, Errno> {
        let file = self.file_id(fd)?;
        if least < 0 || least >= self.limits.open_files {
            return Err(Errno::EINVAL);
        }
        let new = self.lowest_free(least.max(self.limits.first_descriptor))?;
        if let Some(file) = self.files.get_mut(&file) {
            file.references += 1;
        }
        let descriptor = Descriptor { file, on_exec };
        self.table.insert(new, descriptor);
        Ok(new)
    }

    /// Takes a descriptor away; gives back the file if it was the last that named it.
    pub(super) fn close(&mut self, fd: i32) -> Result<Option<(FileId, File)>, Errno> {
        let Descriptor { file: id, .. } = self.table.remove(&fd).ok_or(Errno::EBADF)?;
        let Some(file) = self.files.get_mut(&id) else {
            return Ok(None);
        };
        file.references -= 1;
        if file.references > 0 {
            return Ok(None);
        }
        Ok(self.files.remove(&id).map(|file| (id, file)))
    }

    pub(super) fn file_id(&self, fd: i32) -> Result<FileId, Errno> {
        let descriptor = self.table.get(&fd).ok_or(Errno::EBADF)?;
        Ok(descriptor.file)
    }

    pub(super) fn file(&self, id: FileId) -> Result<&File, Errno> {
        self.files.get(&id).ok_or(Errno::EBADF)
    }

    pub(super) fn file_mut(&mut self, id: FileId) -> Result<&mut File, Errno> {
        self.files.get_mut(&id).ok_or(Errno::EBADF)
    }

    /// The file of a descriptor that must be a socket.
    pub(super) fn socket_id(&self, fd: i32) -> Result<FileId, Errno> {
        let id = self.file_id(fd)?;
        self.socket(id).map(|_| id)
    }

    pub(super) fn socket(&self, id: FileId) -> Result<&Socket, Errno> {
        match &self.file(id)?.object {
            Object::Socket(socket) => Ok(socket),
            Object::Epoll(_) => Err(Errno::ENOTSOCK),
        }
    }

    pub(super) fn socket_mut(&mut self, id: FileId) -> Result<&mut Socket, Errno> {
        match &mut self.file_mut(id)?.object {
            Object::Socket(socket) => Ok(socket),
            Object::Epoll(_) => Err(Errno::ENOTSOCK),
        }
    }

    pub(super) fn epoll_mut(&mut self, id: FileId) -> Result<&mut EpollSet, Errno> {
        match &mut self.file_mut(id)?.object {
            Object::Epoll(set) => Ok(set),
            Object::Socket(_) => Err(Errno::EINVAL),
        }
    }

    pub(super) fn epoll(&self, id: FileId) -> Result<&EpollSet, Errno> {
        match &self.file(id)?.object {
            Object::Epoll(set) => Ok(set),
            Object::Socket(_) => Err(Errno::EINVAL),
        }
    }

    pub(super) fn on_exec(&self, fd: i32) -> Result<OnExec, Errno> {
        let descriptor = self.table.get(&fd).ok_or(Errno::EBADF)?;
        Ok(descriptor.on_exec)
    }

    pub(super) fn set_on_exec(&mut self, fd: i32, on_exec: OnExec) -> Result<(), Errno> {
        let descriptor = self.table.get_mut(&fd).ok_or(Errno::EBADF)?;
        descriptor.on_exec = on_exec;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptors() -> Descriptors {
        Descriptors::new(Limits {
            first_descriptor: 3,
            open_files: 6,
            file_max: 2,
        })
    }

    fn open(descriptors: &mut Descriptors) -> Result<i32, Errno> {
        let room = descriptors.room()?;
        let object = Object::Epoll(EpollSet::default());
        Ok(descriptors
            .open(room, object, Blocking::Sleeps, OnExec::Keep)
            .0)
    }

    #[test]
    fn the_lowest_free_descriptor_is_given_out() {
        let mut descriptors = descriptors();
        assert_eq!(open(&mut descriptors), Ok(3));
        assert_eq!(open(&mut descriptors), Ok(4));
        assert!(descriptors.close(3).unwrap().is_some());
        assert_eq!(open(&mut descriptors), Ok(3));
        assert_eq!(descriptors.close(9).unwrap_err(), Errno::EBADF);
    }

    #[test]
    fn both_limits_are_kept() {
        let mut descriptors = descriptors();
        open(&mut descriptors).unwrap();
        open(&mut descriptors).unwrap();
        assert_eq!(open(&mut descriptors), Err(Errno::ENFILE));
        assert_eq!(descriptors.duplicate(3, 0, OnExec::Keep), Ok(5));
        assert_eq!(
            descriptors.duplicate(3, 0, OnExec::Keep),
            Err(Errno::EMFILE)
        );
        assert_eq!(open(&mut descriptors), Err(Errno::EMFILE));
        assert_eq!(
            descriptors.duplicate(3, 6, OnExec::Keep),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn a_file_goes_with_its_last_descriptor() {
        let mut descriptors = descriptors();
        open(&mut descriptors).unwrap();
        assert_eq!(descriptors.duplicate(3, 5, OnExec::Close), Ok(5));
        assert_eq!(descriptors.on_exec(5), Ok(OnExec::Close));
        assert!(descriptors.close(3).unwrap().is_none());
        assert!(descriptors.close(5).unwrap().is_some());
    }
}
