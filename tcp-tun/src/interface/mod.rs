//! An interface: one device, and for each of its queues a stack and a thread.

mod builder;
mod open;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tcp_core::{Counters, Offload, State, TcpInfo};

pub use builder::{InterfaceBuilder, MAX_QUEUES};
pub use open::TunMode;

use crate::device::Cidr;
use crate::driver::{DeviceCounters, Queues};
use crate::listener::TcpListener;
use crate::stream::TcpStream;

/// A TCP stack behind a device, driven by a thread of its own; or several, of a device with several
/// [queues](InterfaceBuilder::queues), which to everybody else are one.
///
/// This is a handle: clones name the same interface. When the last is dropped, or by
/// [`shutdown`](Interface::shutdown), the interface ends: its listeners and streams fail from then
/// on, and so do calls that wait in other threads; what was written is still delivered, for as long
/// as [`InterfaceBuilder::shutdown_timeout`] allows. Listeners and streams do not keep it alive.
///
/// ```
/// use tcp_tun::{Interface, MemoryDevice};
///
/// let (device, _other_end) = MemoryDevice::pair(1500)?;
/// let interface = Interface::builder()
///     .address("10.7.0.2/24".parse()?)
///     .address("fd07::2/64".parse()?)
///     .device(device)
///     .build()?;
/// assert_eq!(interface.mtu(), 1500);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Interface {
    inner: Arc<Inner>,
}

struct Inner {
    queues: Queues,
    name: Option<String>,
    addresses: Vec<Cidr>,
    mtu: u16,
    offload: Offload,
    shutdown_timeout: Duration,
    /// Taken by whoever waits for their end.
    threads: Mutex<Vec<JoinHandle<io::Result<()>>>>,
}

impl Interface {
    /// Makes the TUN device `name`, on which the stack has these addresses and the kernel, as their
    /// [neighbour](Cidr::neighbour), one of each of the same networks. Everything else is as the
    /// [`builder`](Interface::builder) has it by default.
    ///
    /// # Errors
    ///
    /// Those of [`InterfaceBuilder::build`]; `InvalidInput` also for an address whose prefix leaves
    /// no room for a neighbour.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use tcp_tun::{Interface, TcpStream};
    ///
    /// let interface = Interface::new("tun0", &["10.7.0.2/24".parse()?, "fd07::2/64".parse()?])?;
    /// let stream = TcpStream::connect(&interface, "10.7.0.1:80")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(name: &str, addresses: &[Cidr]) -> io::Result<Interface> {
        let mut builder = Interface::builder().name(name);
        for &address in addresses {
            let neighbour = address.neighbour().ok_or_else(|| {
                invalid(format!(
                    "{address}: the prefix leaves no room for the kernel"
                ))
            })?;
            builder = builder.address(address).kernel_address(neighbour);
        }
        builder.build()
    }

    /// An interface with options.
    pub fn builder() -> InterfaceBuilder {
        InterfaceBuilder::default()
    }

    /// Listens at `addr`: [`TcpListener::bind`].
    ///
    /// # Errors
    ///
    /// Those of [`TcpListener::bind`].
    pub fn listen(&self, addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        TcpListener::bind(self, addr)
    }

    /// Connects to `addr`: [`TcpStream::connect`].
    ///
    /// # Errors
    ///
    /// Those of [`TcpStream::connect`].
    pub fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        TcpStream::connect(self, addr)
    }

    /// The TUN device's name; `None` on another device.
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    /// The stack's own addresses.
    pub fn addresses(&self) -> &[Cidr] {
        &self.inner.addresses
    }

    /// The largest IP packet sent and announced, in bytes.
    pub fn mtu(&self) -> u16 {
        self.inner.mtu
    }

    /// What the device does for the stack: nothing, where it is a plain one.
    pub fn offload(&self) -> Offload {
        self.inner.offload
    }

    /// How many queues the device has, and so how many stacks share the work: as many as were
    /// [asked for](InterfaceBuilder::queues), or one where the kernel refuses.
    pub fn queues(&self) -> usize {
        self.inner.queues.all().len()
    }

    /// What the stack has counted, as `nstat`; the sum over the queues. Works after the shutdown, too.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for shared in self.inner.queues.all() {
            sum += shared.lock().stack.counters();
        }
        sum
    }

    /// What the device has carried, as `ip -s link`; the sum over the queues. Works after the shutdown,
    /// too.
    pub fn device_counters(&self) -> DeviceCounters {
        let mut sum = DeviceCounters::default();
        for shared in self.inner.queues.all() {
            sum += shared.lock().device_counters();
        }
        sum
    }

    /// Bytes that the buffers of all connections hold, as [`MemoryLimits`](tcp_core::MemoryLimits) counts them; the sum over
    /// the queues.
    pub fn memory(&self) -> usize {
        let queues = self.inner.queues.all().iter();
        queues.map(|shared| shared.lock().stack.memory()).sum()
    }

    /// Every connection, as `ss -ti`, queue by queue. For people to look at: the cost is linear in their
    /// number, and a queue's stack stands still meanwhile.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the shutdown.
    pub fn sockets(&self) -> io::Result<Vec<SocketStatus>> {
        let mut all = Vec::new();
        for (queue, shared) in self.inner.queues.all().iter().enumerate() {
            shared.act(|state, now| {
                let sockets: Vec<_> = state.stack.sockets().collect();
                all.extend(sockets.into_iter().map(|(id, local, remote, tcp_state)| {
                    let connection = id.and_then(|id| state.stack.connection(now, id));
                    SocketStatus {
                        local,
                        remote,
                        state: tcp_state,
                        queue,
                        info: connection.map(|connection| connection.info()),
                    }
                }));
            })?;
        }
        Ok(all)
    }

    /// Ends the interface and waits for its threads: closes all connections, delivers what was
    /// written for as long as [`InterfaceBuilder::shutdown_timeout`] allows, gives up the device,
    /// and drops the observer. A second call waits for the first.
    ///
    /// # Errors
    ///
    /// What ended it before, if a device failed.
    pub fn shutdown(&self) -> io::Result<()> {
        self.inner.shutdown()
    }

    pub(crate) fn all_queues(&self) -> &Queues {
        &self.inner.queues
    }
}

impl Inner {
    fn shutdown(&self) -> io::Result<()> {
        for shared in self.queues.all() {
            shared.begin_shutdown(self.shutdown_timeout);
        }
        let mut threads = self.threads.lock();
        let mut outcome = Ok(());
        while let Some(thread) = threads.pop() {
            // An observer that owns the last handle drops it in such a thread itself, which cannot wait
            // for its own end. The others have let go of the observer by then, and hold nothing.
            if thread.thread().id() == thread::current().id() {
                continue;
            }
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the interface's thread has panicked")));
            outcome = outcome.and(ended);
        }
        outcome
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody is left to tell: calls that were waiting have got the error already.
        let _ = self.shutdown();
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interface")
            .field("name", &self.inner.name)
            .field("addresses", &self.inner.addresses)
            .field("mtu", &self.inner.mtu)
            .finish_non_exhaustive()
    }
}

/// One connection as [`Interface::sockets`] saw it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SocketStatus {
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The state (RFC 9293 §3.3.2).
    pub state: State,
    /// The queue whose stack has it, counted from 0.
    pub queue: usize,
    /// Everything else; `None` for those that are half open or in TIME-WAIT, of which the stack
    /// keeps only a small record.
    pub info: Option<TcpInfo>,
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
