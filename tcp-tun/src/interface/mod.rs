//! An interface: one stack, one device, one thread.

mod builder;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tcp_core::{Counters, Offload, State, TcpInfo};

pub use builder::{InterfaceBuilder, TunMode};

use crate::device::Cidr;
use crate::driver::{DeviceCounters, Shared};
use crate::listener::TcpListener;
use crate::stream::TcpStream;

/// A TCP stack behind a device, driven by a thread of its own.
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
    shared: Arc<Shared>,
    name: Option<String>,
    addresses: Vec<Cidr>,
    mtu: u16,
    offload: Offload,
    shutdown_timeout: Duration,
    /// Taken by whoever waits for the loop's end.
    thread: Mutex<Option<JoinHandle<io::Result<()>>>>,
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

    /// What the stack has counted, as `nstat`. Works after the shutdown, too.
    pub fn counters(&self) -> Counters {
        self.inner.shared.lock().stack.counters().clone()
    }

    /// What the device has carried, as `ip -s link`. Works after the shutdown, too.
    pub fn device_counters(&self) -> DeviceCounters {
        self.inner.shared.lock().device_counters()
    }

    /// Every connection, as `ss -ti`. For people to look at: the cost is linear in their number, and
    /// the stack stands still meanwhile.
    ///
    /// # Errors
    ///
    /// `NotConnected` after the shutdown.
    pub fn sockets(&self) -> io::Result<Vec<SocketStatus>> {
        self.inner.shared.act(|state, now| {
            let sockets: Vec<_> = state.stack.sockets().collect();
            sockets
                .into_iter()
                .map(|(id, local, remote, tcp_state)| SocketStatus {
                    local,
                    remote,
                    state: tcp_state,
                    info: id
                        .and_then(|id| state.stack.connection(now, id))
                        .map(|connection| connection.info()),
                })
                .collect()
        })
    }

    /// Ends the interface and waits for its thread: closes all connections, delivers what was
    /// written for as long as [`InterfaceBuilder::shutdown_timeout`] allows, gives up the device,
    /// and drops the observer. A second call waits for the first.
    ///
    /// # Errors
    ///
    /// What ended the loop before, if a device failed.
    pub fn shutdown(&self) -> io::Result<()> {
        self.inner.shutdown()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }
}

impl Inner {
    fn shutdown(&self) -> io::Result<()> {
        self.shared.begin_shutdown(self.shutdown_timeout);
        let mut slot = self.thread.lock();
        // An observer that owns the last handle drops it in the loop itself, which cannot wait for
        // its own end.
        if slot.as_ref().map(|loop_thread| loop_thread.thread().id())
            == Some(thread::current().id())
        {
            return Ok(());
        }
        match slot.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the interface's thread has panicked")),
        }
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
    /// Everything else; `None` for those that are half open or in TIME-WAIT, of which the stack
    /// keeps only a small record.
    pub info: Option<TcpInfo>,
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
