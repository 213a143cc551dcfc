//! What an interface is made of.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tcp_core::{FastOpenConfig, Limits, Offload, Stack, StackConfig, Steering, ValidConfig};

use super::open::{self, TunMode, Wish};
use super::{Inner, Interface, invalid};
use crate::device::config::{self, LinkConfig};
use crate::device::{Cidr, Device, MAX_PACKET};
use crate::driver::{self, Direction, Observer, Running, Setup};

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
    gso_max_size: u32,
    tcp: ValidConfig,
    stack: StackConfig,
    secret: Option<[u8; 32]>,
    queues: usize,
    /// Those of the device that was given, if one was.
    devices: Option<DeviceQueues>,
    observer: Option<Observer>,
    shutdown_timeout: Duration,
    busy_poll: Duration,
    adaptive_rx: bool,
}

type DeviceQueues = Vec<Box<dyn Device>>;

impl Default for InterfaceBuilder {
    fn default() -> Self {
        InterfaceBuilder {
            name: String::new(),
            addresses: Vec::new(),
            kernel_addresses: Vec::new(),
            mtu: None,
            tun_mode: TunMode::default(),
            gso_max_size: Offload::MAX,
            tcp: ValidConfig::default(),
            stack: StackConfig::default(),
            secret: None,
            queues: 1,
            devices: None,
            observer: None,
            shutdown_timeout: Duration::from_secs(2),
            busy_poll: Duration::ZERO,
            adaptive_rx: true,
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
    ///
    /// Whatever the device, packets for it are taken to go nowhere else, and may be
    /// [larger](InterfaceBuilder::gso_max_size) than others.
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

    /// The largest packet that the device is given to cut, in bytes (`gso_max_size` of `ip link`), where it takes large
    /// ones. Beyond 65,535 their IPv4 headers cannot say their length (BIG TCP); they are given to a device that takes
    /// them for [the kernel's own addresses](InterfaceBuilder::kernel_address) alone, as another card than the one that
    /// packets came by may not be able to cut them, and never where packets are
    /// [watched](InterfaceBuilder::on_packet).
    pub fn gso_max_size(mut self, bytes: u32) -> Self {
        self.gso_max_size = bytes;
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

    /// Data in the SYN (RFC 7413): with `server` set, listeners take it whose
    /// [`ListenConfig::fast_open`](tcp_core::ListenConfig::fast_open) has a queue, and accept what opened so before the
    /// handshake is complete.
    pub fn fast_open(mut self, config: FastOpenConfig) -> Self {
        self.stack.fast_open = config;
        self
    }

    /// What strangers can make the interface spend: half-open connections, connections, orphans, memory, answers. Several
    /// [`queues`](InterfaceBuilder::queues) share what is given here.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.stack.limits = limits;
        self
    }

    /// First and last port of those chosen for connections (`net.ipv4.ip_local_port_range`).
    pub fn ephemeral_ports(mut self, first: u16, last: u16) -> Self {
        self.stack.ephemeral_ports = (first, last);
        self
    }

    /// A device in place of a TUN device.
    pub fn device(self, device: impl Device + 'static) -> Self {
        self.device_queues([device])
    }

    /// A device with several queues in place of a TUN device: each value is one of them, and gets a stack
    /// of its own, as with [`queues`](InterfaceBuilder::queues).
    pub fn device_queues<D: Device + 'static>(
        mut self,
        queues: impl IntoIterator<Item = D>,
    ) -> Self {
        let boxed = |queue| Box::new(queue) as Box<dyn Device>;
        self.devices = Some(queues.into_iter().map(boxed).collect());
        self
    }

    /// How many queues the TUN device gets (`IFF_MULTI_QUEUE`), 1 to [`MAX_QUEUES`]; by default one. Each
    /// has a stack, a lock and a thread of its own, so that as many processors can work. Where the kernel
    /// refuses, there is one: [`Interface::queues`] tells.
    ///
    /// A connection belongs to one queue, by a keyed hash of its addresses and ports, and never changes it;
    /// a packet that comes by another is handed over. So several queues serve several connections, and
    /// none is faster by them. A listener's limits ([`ListenConfig`](tcp_core::ListenConfig)) hold for
    /// each queue by itself; who waits for it waits for all queues, and so leaves it to others to receive,
    /// which costs a hand-over between threads for each connection.
    pub fn queues(mut self, count: usize) -> Self {
        self.queues = count;
        self
    }

    /// Shows every packet to `observer`, with the wall clock's time: for captures. The observer runs
    /// under the interface's lock, so it should be quick, and must not call the interface. Of several
    /// [queues](InterfaceBuilder::queues) it sees all, one packet at a time, in the order of time.
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

    /// Whether packets are let gather where large ones come in bulk for one call that reads, and nothing for anybody
    /// else (`adaptive-rx` of `ethtool -C`): the device is not listened to for 20 µs at a time, and what the kernel adds
    /// (up to 50 µs, unless the thread has another timer slack). That spares the kernel that sends wake-ups and
    /// acknowledgements, and is given up for a while where the transfer gains nothing by it. What comes for others after
    /// 10 ms of nothing may wait as long, once. So by default; not where calls are to
    /// [poll](InterfaceBuilder::busy_poll).
    pub fn adaptive_rx(mut self, adaptive: bool) -> Self {
        self.adaptive_rx = adaptive;
        self
    }

    /// Makes the interface, and starts its threads.
    ///
    /// A TUN device is made in the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// `InvalidInput` without any address (unless [`any_address`](InterfaceBuilder::any_address) is
    /// set), for an MTU below 576, or below 1280 with an IPv6 address, and for a number of queues that
    /// cannot be. Then those of [`TunDevice::open`](crate::TunDevice::open) and [`config::configure`], and
    /// of `epoll` and thread creation.
    pub fn build(mut self) -> io::Result<Interface> {
        let (devices, name) = match self.devices.take() {
            Some(devices) => (devices, None),
            None => self.open_tun()?,
        };
        let queues = queue_count(devices.len())?;
        let offload = self.offload(&devices);
        let device_mtu = devices.iter().map(Device::mtu).min().unwrap_or(u16::MAX);
        let mtu = self.mtu.map_or(device_mtu, |mtu| mtu.min(device_mtu));
        self.check(mtu)?;
        let secret = match self.secret {
            Some(secret) => secret,
            None => random_secret()?,
        };
        let count = usize::from(queues.get());
        let config = StackConfig {
            addresses: self.addresses.iter().map(|cidr| cidr.addr()).collect(),
            mtu,
            offload,
            clock_offset: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
            // What is bounded for the sake of memory is so for all of them together.
            max_time_wait: self.stack.max_time_wait.div_ceil(count),
            limits: self.stack.limits.divided(count),
            awake_connections: self.stack.awake_connections.div_ceil(count),
            ..self.stack
        };
        let steering = (count > 1).then(|| Steering::new(&secret, queues));
        let stacks: Vec<Stack> = match steering {
            None => vec![Stack::new(config, secret)],
            Some(steering) => steering
                .shards()
                .map(|shard| Stack::sharded(config.clone(), secret, shard))
                .collect(),
        };
        let Running { queues, threads } = driver::spawn(Setup {
            queues: devices.into_iter().zip(stacks).collect(),
            steering,
            observer: self.observer,
            tcp: self.tcp,
            busy_poll: self.busy_poll,
            adaptive_rx: self.adaptive_rx,
            ends_here: self
                .kernel_addresses
                .iter()
                .map(|cidr| cidr.addr())
                .collect(),
        })?;
        let inner = Inner {
            queues,
            name,
            addresses: self.addresses,
            mtu,
            offload,
            shutdown_timeout: self.shutdown_timeout,
            threads: Mutex::new(threads),
        };
        Ok(Interface {
            inner: Arc::new(inner),
        })
    }

    fn open_tun(&self) -> io::Result<(DeviceQueues, Option<String>)> {
        let wish = Wish {
            mode: self.tun_mode,
            queues: queue_count(self.queues)?.get().into(),
        };
        let mut queues = open::open_tun(&self.name, wish)?;
        let name = queues.first().map(|queue| queue.name().to_owned());
        if let Some(name) = &name
            && !self.kernel_addresses.is_empty()
        {
            let link = LinkConfig {
                mtu: self.mtu,
                addresses: self.kernel_addresses.clone(),
            };
            config::configure(name, &link)?;
            for queue in &mut queues {
                queue.refresh_mtu()?;
            }
        }
        let boxed = |queue| Box::new(queue) as Box<dyn Device>;
        Ok((queues.into_iter().map(boxed).collect(), name))
    }

    /// What is asked of the device of what it does.
    fn offload(&self, queues: &[Box<dyn Device>]) -> Offload {
        let offload = least_offload(queues);
        let most = match self.observer {
            Some(_) => self.gso_max_size.min(MAX_PACKET as u32),
            None => self.gso_max_size,
        };
        Offload {
            max_packet: offload.max_packet.min(most),
            ..offload
        }
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

/// The most queues that an interface can have: as many as Linux gives to a TUN device.
pub const MAX_QUEUES: usize = 256;

fn queue_count(queues: usize) -> io::Result<NonZeroU16> {
    u16::try_from(queues)
        .ok()
        .filter(|_| queues <= MAX_QUEUES)
        .and_then(NonZeroU16::new)
        .ok_or_else(|| invalid(format!("{queues} queues: there may be 1 to {MAX_QUEUES}")))
}

/// What every queue of a device does for the stack.
fn least_offload(queues: &[Box<dyn Device>]) -> Offload {
    let both = |one: Offload, other: Offload| Offload {
        max_packet: one.max_packet.min(other.max_packet),
        checksum: one.checksum && other.checksum,
    };
    let offloads = queues.iter().map(Device::offload);
    offloads.reduce(both).unwrap_or_default()
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
    use crate::MemoryDevice;

    fn build(queues: usize) -> io::Result<Interface> {
        let (devices, _others): (Vec<_>, Vec<_>) = (0..queues)
            .map(|_| MemoryDevice::pair(1_500).unwrap())
            .unzip();
        Interface::builder()
            .address("10.7.0.2/24".parse().unwrap())
            .device_queues(devices)
            .build()
    }

    #[test]
    fn the_number_of_queues_has_bounds() {
        for queues in [0, MAX_QUEUES + 1, usize::MAX] {
            let builder = Interface::builder().address("10.7.0.2/24".parse().unwrap());
            let error = builder.queues(queues).build().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{queues}");
            assert!(error.to_string().contains("1 to 256"), "{error}");
        }
        for queues in [0, MAX_QUEUES + 1] {
            let error = build(queues).unwrap_err();
            assert!(error.to_string().contains(&format!("{queues} queues")));
        }
        assert_eq!(build(3).unwrap().queues(), 3);
    }
}
