//! What an epoll descriptor watches, and which of it may have something to tell.

use std::collections::{BTreeMap, VecDeque};

use super::constants::{EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLONESHOT, EPOLLWAKEUP};
use super::errno::Errno;
use super::file::{FileId, Watched};
use super::messages::EpollEvent;

/// Bits of an interest that are no events.
const MODES: u32 = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET;

/// The interest list and the ready list of epoll(7), as Linux keeps them: what happens to a file puts its
/// item on the ready list, and a wait looks whether it is so still.
#[derive(Clone, Debug, Default)]
pub(super) struct EpollSet {
    items: BTreeMap<Watched, Item>,
    ready: VecDeque<Watched>,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    interest: EpollEvent,
    is_ready: bool,
}

impl EpollSet {
    /// EPOLL_CTL_ADD: EEXIST for what is there already.
    pub(super) fn add(&mut self, watched: Watched, interest: EpollEvent) -> Result<(), Errno> {
        if self.items.contains_key(&watched) {
            return Err(Errno::EEXIST);
        }
        let item = Item {
            interest: with_errors(interest),
            is_ready: false,
        };
        self.items.insert(watched, item);
        Ok(())
    }

    /// EPOLL_CTL_MOD: ENOENT for what is not there.
    pub(super) fn modify(&mut self, watched: Watched, interest: EpollEvent) -> Result<(), Errno> {
        let item = self.items.get_mut(&watched).ok_or(Errno::ENOENT)?;
        let exclusive = (item.interest.events | interest.events) & EPOLLEXCLUSIVE != 0;
        if exclusive {
            return Err(Errno::EINVAL);
        }
        item.interest = with_errors(interest);
        Ok(())
    }

    /// EPOLL_CTL_DEL: ENOENT for what is not there.
    pub(super) fn remove(&mut self, watched: Watched) -> Result<(), Errno> {
        self.items.remove(&watched).ok_or(Errno::ENOENT)?;
        self.ready.retain(|ready| *ready != watched);
        Ok(())
    }

    /// Whether any descriptor of the file is watched.
    pub(super) fn watches(&self, file: FileId) -> bool {
        self.items.keys().any(|watched| watched.file == file)
    }

    /// The file is gone.
    pub(super) fn forget(&mut self, file: FileId) {
        self.items.retain(|watched, _| watched.file != file);
        self.ready.retain(|ready| ready.file != file);
    }

    /// Something happened to the file: `key` says what, as far as it is known.
    pub(super) fn notify(&mut self, file: FileId, key: u32) {
        let first = Watched { file, fd: i32::MIN };
        let last = Watched { file, fd: i32::MAX };
        for (watched, item) in self.items.range_mut(first..=last) {
            let events = item.interest.events & !MODES;
            if events & key != 0 && !std::mem::replace(&mut item.is_ready, true) {
                self.ready.push_back(*watched);
            }
        }
    }

    /// What is on the ready list, first come first, without its taking off.
    pub(super) fn candidates(&self) -> Vec<Watched> {
        self.ready.iter().copied().collect()
    }

    /// What is there of what `watched` asks for.
    pub(super) fn matching(&self, watched: Watched, mask: u32) -> u32 {
        let item = self.items.get(&watched);
        item.map_or(0, |item| item.interest.events & !MODES & mask)
    }

    /// Takes up to `most` events for a wait; `masks` says what is there of each candidate. Level-triggered
    /// items stay on the list, behind the others; what is there no more leaves it.
    pub(super) fn take(&mut self, most: usize, masks: &[(Watched, u32)]) -> Vec<EpollEvent> {
        let mut taken = Vec::new();
        for &(watched, mask) in masks {
            if taken.len() == most {
                break;
            }
            self.ready.retain(|ready| *ready != watched);
            let Some(item) = self.items.get_mut(&watched) else {
                continue;
            };
            item.is_ready = false;
            let events = item.interest.events & !MODES & mask;
            if events == 0 {
                continue;
            }
            taken.push(EpollEvent {
                events,
                data: item.interest.data,
            });
            if item.interest.events & EPOLLONESHOT != 0 {
                item.interest.events &= MODES;
            } else if item.interest.events & EPOLLET == 0 {
                item.is_ready = true;
                self.ready.push_back(watched);
            }
        }
        taken
    }
}

/// EPOLLERR and EPOLLHUP are always waited for.
fn with_errors(interest: EpollEvent) -> EpollEvent {
    EpollEvent {
        events: interest.events | EPOLLERR | EPOLLHUP,
        ..interest
    }
}

#[cfg(test)]
mod tests {
    use super::super::constants::{EPOLLIN, EPOLLOUT};
    use super::*;

    const WATCHED: Watched = Watched {
        file: FileId(1),
        fd: 5,
    };

    fn set(events: u32) -> (EpollSet, Watched) {
        let mut set = EpollSet::default();
        let interest = EpollEvent { events, data: 7 };
        set.add(WATCHED, interest).unwrap();
        (set, WATCHED)
    }

    fn take(set: &mut EpollSet, mask: u32) -> Vec<u32> {
        let masks: Vec<_> = set.candidates().iter().map(|it| (*it, mask)).collect();
        let events = set.take(8, &masks);
        events.iter().map(|event| event.events).collect()
    }

    #[test]
    fn a_level_is_told_as_long_as_it_lasts() {
        let (mut set, watched) = set(EPOLLIN);
        assert_eq!(take(&mut set, EPOLLIN), [0; 0], "nothing has happened");
        set.notify(watched.file, EPOLLIN);
        assert_eq!(take(&mut set, EPOLLIN), [EPOLLIN]);
        assert_eq!(take(&mut set, EPOLLIN), [EPOLLIN]);
        assert_eq!(take(&mut set, 0), [0; 0]);
        assert_eq!(take(&mut set, EPOLLIN), [0; 0], "it left the list");
    }

    #[test]
    fn an_edge_is_told_once() {
        let (mut set, watched) = set(EPOLLIN | EPOLLET);
        set.notify(watched.file, EPOLLIN);
        set.notify(watched.file, EPOLLIN);
        assert_eq!(take(&mut set, EPOLLIN), [EPOLLIN]);
        assert_eq!(take(&mut set, EPOLLIN), [0; 0]);
        set.notify(watched.file, EPOLLOUT);
        assert_eq!(take(&mut set, EPOLLIN), [0; 0], "not what is asked for");
        set.notify(watched.file, EPOLLHUP);
        assert_eq!(take(&mut set, EPOLLIN | EPOLLHUP), [EPOLLIN | EPOLLHUP]);
    }

    #[test]
    fn one_shot_is_armed_anew_by_a_change() {
        let (mut set, watched) = set(EPOLLIN | EPOLLONESHOT);
        set.notify(watched.file, EPOLLIN);
        assert_eq!(take(&mut set, EPOLLIN), [EPOLLIN]);
        set.notify(watched.file, EPOLLIN);
        assert_eq!(take(&mut set, EPOLLIN), [0; 0]);
        let interest = EpollEvent {
            events: EPOLLIN,
            data: 7,
        };
        set.modify(watched, interest).unwrap();
        set.notify(watched.file, EPOLLIN);
        assert_eq!(take(&mut set, EPOLLIN), [EPOLLIN]);
    }

    #[test]
    fn an_item_is_there_once() {
        let (mut set, watched) = set(EPOLLIN);
        let interest = EpollEvent::default();
        assert_eq!(set.add(watched, interest), Err(Errno::EEXIST));
        let exclusive = EpollEvent {
            events: EPOLLEXCLUSIVE,
            data: 0,
        };
        assert_eq!(set.modify(watched, exclusive), Err(Errno::EINVAL));
        set.notify(watched.file, EPOLLHUP);
        assert_eq!(set.remove(watched), Ok(()));
        assert_eq!(set.remove(watched), Err(Errno::ENOENT));
        assert_eq!(set.modify(watched, interest), Err(Errno::ENOENT));
        assert_eq!(set.candidates(), []);
    }
}
