//! Which TUN device there is to be: what was wished for, or else what the kernel has.

use std::io;

use crate::device::TunDevice;

/// Which TUN device an interface makes for itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TunMode {
    /// The one with offloads, or the plain one where the kernel refuses:
    /// [`Interface::offload`](crate::Interface::offload) tells.
    #[default]
    Offload,
    /// The plain one: every packet that passes is one of the wire, with its checksum.
    Plain,
}

/// What was wished for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wish {
    pub(super) mode: TunMode,
    pub(super) queues: usize,
}

impl Wish {
    /// What to try, in this order: offloads save more work than a second processor can do.
    fn fallbacks(self) -> impl Iterator<Item = Wish> {
        let modes: &[TunMode] = match self.mode {
            TunMode::Offload => &[TunMode::Offload, TunMode::Plain],
            TunMode::Plain => &[TunMode::Plain],
        };
        let queues = [self.queues, 1];
        let several = if self.queues == 1 { 1 } else { 0 };
        modes.iter().flat_map(move |&mode| {
            let queues = queues.into_iter().skip(several);
            queues.map(move |queues| Wish { mode, queues })
        })
    }
}

/// Makes the TUN device `name`, or attaches to it: its queues.
///
/// # Errors
///
/// Those of [`TunDevice::open`].
pub(super) fn open_tun(name: &str, wish: Wish) -> io::Result<Vec<TunDevice>> {
    let one = |device| vec![device];
    first_supported(wish.fallbacks(), |wish| match (wish.mode, wish.queues) {
        (TunMode::Offload, 1) => TunDevice::open_with_offload(name).map(one),
        (TunMode::Plain, 1) => TunDevice::open(name).map(one),
        (TunMode::Offload, count) => TunDevice::open_queues_with_offload(name, count),
        (TunMode::Plain, count) => TunDevice::open_queues(name, count),
    })
}

/// The first of these that the kernel does not refuse. Any other failure would meet the next as well.
fn first_supported<T>(
    wishes: impl Iterator<Item = Wish>,
    mut open: impl FnMut(Wish) -> io::Result<T>,
) -> io::Result<T> {
    let mut refused = io::Error::from(io::ErrorKind::Unsupported);
    for wish in wishes {
        match open(wish) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => refused = error,
            result => return result,
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kernel gives that knows some wishes, and what is tried on the way to it.
    fn opened(mode: TunMode, queues: usize, knows: impl Fn(Wish) -> bool) -> (Option<Wish>, usize) {
        let mut tries = 0;
        let got = first_supported(Wish { mode, queues }.fallbacks(), |wish| {
            tries += 1;
            match knows(wish) {
                true => Ok(wish),
                false => Err(io::ErrorKind::Unsupported.into()),
            }
        });
        (got.ok(), tries)
    }

    #[test]
    fn what_the_kernel_refuses_is_done_without() {
        use TunMode::{Offload, Plain};
        let wish = |mode, queues| Some(Wish { mode, queues });
        assert_eq!(opened(Offload, 4, |_| true), (wish(Offload, 4), 1));
        let one_queue = |wish: Wish| wish.queues == 1;
        assert_eq!(opened(Offload, 4, one_queue), (wish(Offload, 1), 2));
        let plain = |wish: Wish| wish.mode == Plain;
        assert_eq!(opened(Offload, 4, plain), (wish(Plain, 4), 3));
        assert_eq!(opened(Offload, 1, plain), (wish(Plain, 1), 2));
        let plainest = |wish: Wish| plain(wish) && one_queue(wish);
        assert_eq!(opened(Offload, 4, plainest), (wish(Plain, 1), 4));
        assert_eq!(opened(Plain, 4, plainest), (wish(Plain, 1), 2));
        assert_eq!(opened(Plain, 1, |_| false), (None, 1));
    }

    #[test]
    fn a_failure_is_no_refusal() {
        let wish = Wish {
            mode: TunMode::Offload,
            queues: 2,
        };
        let mut tries = 0;
        let result: io::Result<()> = first_supported(wish.fallbacks(), |_| {
            tries += 1;
            Err(io::ErrorKind::ResourceBusy.into())
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(tries, 1);
    }
}
