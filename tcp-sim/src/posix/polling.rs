//! poll(2) and epoll(7).

use tcp_core::Instant;

use super::call::{Kind, Outcome, Patience};
use super::constants::{
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLET, EPOLLEXCLUSIVE,
    EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLWAKEUP, POLLERR, POLLHUP, POLLNVAL,
};
use super::descriptor::Object;
use super::epoll_set::EpollSet;
use super::errno::Errno;
use super::file::{Blocking, FileId, OnExec, Watched};
use super::host::Host;
use super::messages::{EpollEvent, PollFd, Reply};

/// What EPOLLEXCLUSIVE goes with.
const WITH_EXCLUSIVE: u32 =
    EPOLLEXCLUSIVE | EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET;

/// As many events as fit into the greatest size of a buffer (`EP_MAX_EVENTS`).
const MOST_EVENTS: i32 = i32::MAX / 12;

impl Host {
    /// `poll(2)`, with a timeout in milliseconds; below zero it waits for ever.
    ///
    /// # Errors
    ///
    /// EINVAL for more entries than there may be descriptors.
    pub fn poll(&mut self, now: Instant, fds: &[PollFd], timeout: i32) -> Outcome {
        if fds.len() > self.descriptors.limits().open_files.max(0) as usize {
            return Outcome::Done(Err(Errno::EINVAL));
        }
        let cleared = fds.iter().map(|fd| PollFd { revents: 0, ..*fd });
        let kind = Kind::Poll(cleared.collect());
        self.begin(now, kind, Patience::from_millis(timeout))
    }

    pub(super) fn try_poll(
        &mut self,
        now: Instant,
        fds: &[PollFd],
    ) -> Option<Result<Reply, Errno>> {
        let fds: Vec<PollFd> = fds.iter().map(|fd| self.poll_one(now, *fd)).collect();
        let any = fds.iter().any(|fd| fd.revents != 0);
        any.then_some(Ok(Reply::Polled(fds)))
    }

    /// What is there of what one entry asks for.
    pub(super) fn poll_one(&mut self, now: Instant, fd: PollFd) -> PollFd {
        if fd.fd < 0 {
            return PollFd { revents: 0, ..fd };
        }
        let revents = match self.descriptors.file_id(fd.fd) {
            Ok(file) => {
                // The events of poll are the lower bits of epoll's.
                let there = (self.events_of(now, file) & 0x7fff) as i16;
                there & (fd.events | POLLERR | POLLHUP)
            }
            Err(_) => POLLNVAL,
        };
        PollFd { revents, ..fd }
    }

    /// `epoll_create(2)`: the size must be above zero, and means nothing.
    ///
    /// # Errors
    ///
    /// EINVAL; EMFILE, ENFILE.
    pub fn epoll_create(&mut self, size: i32) -> Result<i32, Errno> {
        if size <= 0 {
            return Err(Errno::EINVAL);
        }
        self.epoll_create1(0)
    }

    /// `epoll_create1(2)`.
    ///
    /// # Errors
    ///
    /// EINVAL for flags but EPOLL_CLOEXEC; EMFILE, ENFILE.
    pub fn epoll_create1(&mut self, flags: i32) -> Result<i32, Errno> {
        if flags & !EPOLL_CLOEXEC != 0 {
            return Err(Errno::EINVAL);
        }
        let room = self.descriptors.room()?;
        let object = Object::Epoll(EpollSet::default());
        let on_exec = OnExec::of(flags != 0);
        let (fd, _) = (self.descriptors).open(room, object, Blocking::Sleeps, on_exec);
        Ok(fd)
    }

    /// `epoll_ctl(2)`; `None` for a null pointer. An epoll descriptor cannot be watched here by another.
    ///
    /// # Errors
    ///
    /// EFAULT, EBADF, EINVAL, EEXIST, ENOENT; ELOOP for an epoll descriptor to be watched.
    pub fn epoll_ctl(
        &mut self,
        now: Instant,
        epfd: i32,
        op: i32,
        fd: i32,
        event: Option<EpollEvent>,
    ) -> Result<(), Errno> {
        let event = match (op, event) {
            (EPOLL_CTL_DEL, event) => event.unwrap_or_default(),
            (_, event) => event.ok_or(Errno::EFAULT)?,
        };
        let set = self.descriptors.file_id(epfd)?;
        let file = self.descriptors.file_id(fd)?;
        if set == file {
            return Err(Errno::EINVAL);
        }
        self.descriptors.epoll(set)?;
        check_exclusive(op, event.events)?;
        let watched = Watched { file, fd };
        match op {
            EPOLL_CTL_ADD => {
                if self.descriptors.epoll(file).is_ok() {
                    return Err(Errno::ELOOP);
                }
                self.descriptors.epoll_mut(set)?.add(watched, event)?;
                self.watchers.entry(file).or_default().insert(set);
                self.look_at(now, set, watched)
            }
            EPOLL_CTL_MOD => {
                self.descriptors.epoll_mut(set)?.modify(watched, event)?;
                self.look_at(now, set, watched)
            }
            EPOLL_CTL_DEL => {
                let epoll = self.descriptors.epoll_mut(set)?;
                epoll.remove(watched)?;
                if !epoll.watches(file)
                    && let Some(watchers) = self.watchers.get_mut(&file)
                {
                    watchers.remove(&set);
                }
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// What is there already counts as having happened.
    fn look_at(&mut self, now: Instant, set: FileId, watched: Watched) -> Result<(), Errno> {
        let there = self.events_of(now, watched.file);
        self.descriptors.epoll_mut(set)?.notify(watched.file, there);
        Ok(())
    }

    /// `epoll_wait(2)`, with a timeout in milliseconds; below zero it waits for ever.
    ///
    /// # Errors
    ///
    /// EBADF; EINVAL for what is no epoll descriptor, or no number of events above zero.
    pub fn epoll_wait(&mut self, now: Instant, epfd: i32, most: i32, timeout: i32) -> Outcome {
        let set = match self.descriptors.file_id(epfd) {
            _ if most <= 0 || most > MOST_EVENTS => Err(Errno::EINVAL),
            Ok(set) => self.descriptors.epoll(set).map(|_| set),
            Err(errno) => Err(errno),
        };
        match set {
            Ok(set) => {
                let most = most.unsigned_abs() as usize;
                let kind = Kind::EpollWait { set, most };
                self.begin(now, kind, Patience::from_millis(timeout))
            }
            Err(errno) => Outcome::Done(Err(errno)),
        }
    }

    pub(super) fn try_epoll_wait(
        &mut self,
        now: Instant,
        set: FileId,
        most: usize,
    ) -> Option<Result<Reply, Errno>> {
        let masks = self.masks(now, set);
        match self.descriptors.epoll_mut(set) {
            Ok(set) => {
                let events = set.take(most, &masks);
                (!events.is_empty()).then_some(Ok(Reply::Events(events)))
            }
            Err(errno) => Some(Err(errno)),
        }
    }
}

/// EPOLLEXCLUSIVE is for adding, and goes with few others.
fn check_exclusive(op: i32, events: u32) -> Result<(), Errno> {
    if events & EPOLLEXCLUSIVE == 0 || op == EPOLL_CTL_DEL {
        return Ok(());
    }
    if op == EPOLL_CTL_MOD || events & !WITH_EXCLUSIVE != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(())
}
