//! Network namespaces to put ends of a path in.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use nix::sched::{CloneFlags, setns, unshare};
use tcp_tun::device::config::{self, LinkConfig};

/// The MTU of every path, in bytes.
pub const MTU: u16 = 1_500;

/// A network namespace of its own. It lasts as long as something is in it, this handle included.
pub struct Place {
    file: File,
}

impl Place {
    /// Makes a namespace whose loopback interface is up.
    pub fn new() -> anyhow::Result<Place> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            config::configure("lo", &LinkConfig::default())?;
            File::open("/proc/thread-self/ns/net")
        });
        let file = join(made).context("cannot make a network namespace")?;
        Ok(Place { file })
    }

    /// Does something in it; threads that it starts, and sockets that it makes, stay there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.file, CloneFlags::CLONE_NEWNET)?;
                Ok::<T, io::Error>(work())
            });
            let result = thread.join();
            result
                .unwrap_or_else(|payload| std::panic::resume_unwind(payload))
                .context("cannot enter a network namespace")
        })
    }
}

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}
