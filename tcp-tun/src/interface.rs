//! An interface: one stack, one device, one thread.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tcp_core::{Counters, Stack, StackConfig, State, TcpInfo, ValidConfig};

use crate::device::config::{self, LinkConfig};
use crate::device::{Cidr, Device, TunDevice};
use crate::driver::{self, DeviceCounters, Direction, Observer, Setup, Shared};
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

/// Options of an [`Interface`] to be.
///
/// ```no_run
/// use std::time::Duration;
/// use tcp_tun::{Interface, tcp_core::TcpConfig};
///
/// let interface = Interface::builder()
///     .name("tun0")
///     .address("10.7.0.2/24".parse()?)
///     .kernel_address("10.7.0.1/24".parse()?)
///     .mtu(9000)
///     .tcp(TcpConfig { nagle: false, ..TcpConfig::default() }.validate()?)
///     .on_packet(|direction, _, packet| println!("{direction:?} {} bytes", packet.len()))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct InterfaceBuilder {
    name: String,
    addresses: Vec<Cidr>,
    kernel_addresses: Vec<Cidr>,
    mtu: Option<u16>,
    tcp: ValidConfig,
    stack: StackConfig,
    secret: Option<[u8; 32]>,
    device: Option<Box<dyn Device>>,
    observer: Option<Observer>,
    shutdown_timeout: Duration,
}

impl Default for InterfaceBuilder {
    fn default() -> Self {
        InterfaceBuilder {
            name: String::new(),
            addresses: Vec::new(),
            kernel_addresses: Vec::new(),
            mtu: None,
            tcp: ValidConfig::default(),
            stack: StackConfig::default(),
            secret: None,
            device: None,
            observer: None,
            shutdown_timeout: Duration::from_secs(2),
        }
    }
}

impl InterfaceBuilder {
    /// The TUN device's name; by default the kernel chooses. Without meaning beside
    /// [`device`](InterfaceBuilder::device).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds an address of the stack's own. The first of each family is the source of connections
    /// that name none.
    pub fn address(mut self, address: Cidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Adds an address of the kernel's on the TUN device, which also makes the kernel's route to its
    /// network. With at least one, the device is also brought up and gets its MTU, for which the
    /// process needs `CAP_NET_ADMIN`; without any, it is used as the administrator has left it.
    pub fn kernel_address(mut self, address: Cidr) -> Self {
        self.kernel_addresses.push(address);
        self
    }

    /// The largest IP packet, in bytes: by default what the device carries.
    pub fn mtu(mut self, mtu: u16) -> Self {
        self.mtu = Some(mtu);
        self
    }

    /// How connections and listeners behave that are not told otherwise.
    pub fn tcp(mut self, config: ValidConfig) -> Self {
        self.tcp = config;
        self
    }

    /// What all of the stack's random choices derive from. By default the system's random source:
    /// a secret that others know lets them guess sequence numbers.
    pub fn secret(mut self, secret: [u8; 32]) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Takes packets for any unicast destination, as a transparent proxy or a tunnel does.
    pub fn any_address(mut self, any: bool) -> Self {
        self.stack.any_address = any;
        self
    }

    /// First and last port of those chosen for connections (`net.ipv4.ip_local_port_range`).
    pub fn ephemeral_ports(mut self, first: u16, last: u16) -> Self {
        self.stack.ephemeral_ports = (first, last);
        self
    }

    /// A device in place of a TUN device.
    pub fn device(mut self, device: impl Device + 'static) -> Self {
        self.device = Some(Box::new(device));
        self
    }

    /// Shows every packet to `observer`, with the wall clock's time: for captures. The observer runs
    /// under the interface's lock, so it should be quick, and must not call the interface.
    pub fn on_packet(
        mut self,
        observer: impl FnMut(Direction, SystemTime, &[u8]) + Send + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// How long the end of the interface waits for peers to acknowledge what was written to them; 2 s
    /// by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Makes the interface, and starts its thread.
    ///
    /// A TUN device is made in the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// `InvalidInput` without any address (unless [`any_address`](InterfaceBuilder::any_address) is
    /// set), and for an MTU below 576, or below 1280 with an IPv6 address. Then those of
    /// [`TunDevice::open`] and [`config::configure`], and of `epoll` and thread creation.
    pub fn build(mut self) -> io::Result<Interface> {
        let (device, name) = match self.device.take() {
            Some(device) => (device, None),
            None => self.open_tun()?,
        };
        let mtu = self.mtu.map_or(device.mtu(), |mtu| mtu.min(device.mtu()));
        self.check(mtu)?;
        let stack = StackConfig {
            addresses: self.addresses.iter().map(|cidr| cidr.addr()).collect(),
            mtu,
            offload: device.offload(),
            clock_offset: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
            ..self.stack
        };
        let secret = match self.secret {
            Some(secret) => secret,
            None => random_secret()?,
        };
        let (shared, thread) = driver::spawn(Setup {
            device,
            observer: self.observer,
            stack: Stack::new(stack, secret),
            tcp: self.tcp,
        })?;
        let inner = Inner {
            shared,
            name,
            addresses: self.addresses,
            mtu,
            shutdown_timeout: self.shutdown_timeout,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Interface {
            inner: Arc::new(inner),
        })
    }

    fn open_tun(&self) -> io::Result<(Box<dyn Device>, Option<String>)> {
        let mut device = TunDevice::open(&self.name)?;
        let name = device.name().to_owned();
        if !self.kernel_addresses.is_empty() {
            let link = LinkConfig {
                mtu: self.mtu,
                addresses: self.kernel_addresses.clone(),
            };
            config::configure(&name, &link)?;
            device.refresh_mtu()?;
        }
        Ok((Box::new(device), Some(name)))
    }

    fn check(&self, mtu: u16) -> io::Result<()> {
        if self.addresses.is_empty() && !self.stack.any_address {
            return Err(invalid("an interface needs an address".to_owned()));
        }
        let has_ipv6 = self.addresses.iter().any(|cidr| cidr.addr().is_ipv6());
        let least = if has_ipv6 { 1_280 } else { 576 };
        if mtu < least {
            return Err(invalid(format!("an MTU of {mtu} is below {least}")));
        }
        if let Some(cidr) = self.addresses.iter().find(|cidr| !is_host(cidr.addr())) {
            return Err(invalid(format!("{cidr} is not an address of a host")));
        }
        Ok(())
    }
}

impl fmt::Debug for InterfaceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterfaceBuilder")
            .field("name", &self.name)
            .field("addresses", &self.addresses)
            .field("kernel_addresses", &self.kernel_addresses)
            .field("mtu", &self.mtu)
            .finish_non_exhaustive()
    }
}

fn is_host(addr: IpAddr) -> bool {
    !addr.is_unspecified() && !addr.is_multicast()
}

fn random_secret() -> io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    Ok(secret)
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
