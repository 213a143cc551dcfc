//! What an interface is made of.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tcp_core::{Stack, StackConfig, ValidConfig};

use super::{Inner, Interface, invalid};
use crate::device::config::{self, LinkConfig};
use crate::device::{Cidr, Device, TunDevice};
use crate::driver::{self, Direction, Observer, Setup};

/// Which TUN device an interface makes for itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TunMode {
    /// The one with offloads, or the plain one where the kernel refuses:
    /// [`Interface::offload`] tells.
    #[default]
    Offload,
    /// The plain one: every packet that passes is one of the wire, with its checksum.
    Plain,
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
    tun_mode: TunMode,
    tcp: ValidConfig,
    stack: StackConfig,
    secret: Option<[u8; 32]>,
    device: Option<Box<dyn Device>>,
    observer: Option<Observer>,
    shutdown_timeout: Duration,
    busy_poll: Duration,
}

impl Default for InterfaceBuilder {
    fn default() -> Self {
        InterfaceBuilder {
            name: String::new(),
            addresses: Vec::new(),
            kernel_addresses: Vec::new(),
            mtu: None,
            tun_mode: TunMode::default(),
            tcp: ValidConfig::default(),
            stack: StackConfig::default(),
            secret: None,
            device: None,
            observer: None,
            shutdown_timeout: Duration::from_secs(2),
            busy_poll: Duration::ZERO,
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

    /// Which TUN device is made. Without meaning beside [`device`](InterfaceBuilder::device).
    pub fn tun_mode(mut self, mode: TunMode) -> Self {
        self.tun_mode = mode;
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

    /// How long a call that waits asks the device again and again before it sleeps (`SO_BUSY_POLL`):
    /// a processor's time for some microseconds of latency. Not at all by default.
    pub fn busy_poll(mut self, time: Duration) -> Self {
        self.busy_poll = time;
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
        let offload = device.offload();
        let mtu = self.mtu.map_or(device.mtu(), |mtu| mtu.min(device.mtu()));
        self.check(mtu)?;
        let stack = StackConfig {
            addresses: self.addresses.iter().map(|cidr| cidr.addr()).collect(),
            mtu,
            offload,
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
            busy_poll: self.busy_poll,
        })?;
        let inner = Inner {
            shared,
            name,
            addresses: self.addresses,
            mtu,
            offload,
            shutdown_timeout: self.shutdown_timeout,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Interface {
            inner: Arc::new(inner),
        })
    }

    fn open_tun(&self) -> io::Result<(Box<dyn Device>, Option<String>)> {
        let plain = || TunDevice::open(&self.name);
        let mut device = match self.tun_mode {
            TunMode::Offload => or_plain(TunDevice::open_with_offload(&self.name), plain)?,
            TunMode::Plain => plain()?,
        };
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

/// The device with offloads, or the plain one where the kernel has no other. Any other failure would
/// meet the plain one as well.
fn or_plain<T>(
    with_offload: io::Result<T>,
    plain: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    match with_offload {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => plain(),
        result => result,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_offloads_gives_a_plain_device() {
        let plain = || Ok("plain");
        let refused = Err(io::ErrorKind::Unsupported.into());
        assert_eq!(or_plain(refused, plain).unwrap(), "plain");
        assert_eq!(or_plain(Ok("offload"), plain).unwrap(), "offload");
        let error = or_plain(Err(io::ErrorKind::ResourceBusy.into()), plain).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    }
}
