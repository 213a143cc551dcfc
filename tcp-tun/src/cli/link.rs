//! The link that every command works over: its options, and how it comes to be.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::{ArgAction, Args};
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};
use tcp_core::{Offload, TcpConfig, ValidConfig};
use tcp_tun::capture::Capture;
use tcp_tun::{Cidr, Direction, Interface, InterfaceBuilder, MAX_QUEUES, TunMode, netns};

use super::advice;
use super::tcp::TcpArgs;
use super::text;
use super::trace;

/// Our addresses where none is given; the kernel is `.1` and `::1` then.
const DEFAULT_ADDRESSES: [&str; 2] = ["10.7.0.2/24", "fd07::2/64"];

/// The MTU where none is given: that of Ethernet.
pub const DEFAULT_MTU: u16 = 1_500;

#[derive(Args, Debug)]
#[command(next_help_heading = "The link between our stack and the kernel")]
pub struct LinkArgs {
    /// Name of the TUN device, as `ip link` shows it [default: the kernel chooses]
    #[arg(long, value_name = "NAME")]
    tun: Option<String>,

    /// An address of OUR stack and the length of its network's prefix, IPv4 or IPv6; give it once
    /// for each address [default: 10.7.0.2/24 and fd07::2/64]
    ///
    /// The kernel takes another address of the same network, the first that is free: 10.7.0.1 and
    /// fd07::1 by default. `--kernel-addr` gives it a certain one.
    #[arg(long, value_name = "CIDR")]
    addr: Vec<Cidr>,

    /// An address of the KERNEL's side of the link [default: the first of each network of --addr
    /// that is not ours]
    #[arg(long, value_name = "CIDR")]
    kernel_addr: Vec<Cidr>,

    /// Use the device --tun as an administrator has set it up, and change nothing about it
    ///
    /// Needs no privilege where the device was made for you:
    /// `ip tuntap add tun0 mode tun user YOU; ip addr add 10.7.0.1/24 dev tun0; ip link set tun0 up`.
    #[arg(long, requires = "tun", conflicts_with_all = ["kernel_addr", "private"])]
    attach: bool,

    /// Largest IP packet in bytes: at least 576, or 1280 with IPv6 [default: 1500; of the
    /// demo, 9000]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(576..))]
    mtu: Option<u16>,

    /// Carry every packet by itself, as on the wire, and not up to 64 KiB of segments at once
    ///
    /// This is also what is done where the kernel has no offloads for TUN devices.
    #[arg(long)]
    plain: bool,

    /// Give the device at most so many bytes of segments at once [default: 65535, and 131072 to the
    /// kernel's own addresses if they are IPv4 and it takes so many]
    ///
    /// Packets of more than 65535 bytes are BIG TCP's: their header says a length of 0. Linux takes them
    /// since 6.6.
    #[arg(long, value_name = "BYTES", conflicts_with = "plain")]
    gso_max_size: Option<u32>,

    /// Share connections out among so many stacks, each with a queue of the device and a thread of its
    /// own, for as many processors
    ///
    /// A connection belongs to one of them, so this speeds up many, and not one. The kernel may have no
    /// more than one queue for the device; of one that was made before, it has several where that was said
    /// to `ip tuntap add ... multi_queue`.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=MAX_QUEUES as i64))]
    queues: u16,

    /// Make a network of its own for this, which nothing outside can see or be disturbed by
    ///
    /// It needs no root where users may make user namespaces and /dev/net/tun is open to them.
    #[arg(long)]
    private: bool,

    /// Record every packet to this file (pcapng), for Wireshark
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,

    /// Derive initial sequence numbers, ports and all other random choices from this number, to see
    /// the same again [default: from the system's random source, as is safe]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Tell more: -v what happens to connections, -vv every packet
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    #[command(flatten)]
    tcp: TcpArgs,
}

/// An interface in place, and what was decided about it.
pub struct Link {
    /// Our stack.
    pub interface: Interface,
    /// The kernel's addresses on the link, if we gave them.
    pub kernel_addresses: Vec<Cidr>,
    /// Where packets are recorded.
    pub capture: Option<Capture>,
    /// Whether the link is in a network namespace of our own.
    private: bool,
}

/// Something that looks at every packet.
pub type Observer = Box<dyn FnMut(Direction, &[u8]) + Send>;

impl LinkArgs {
    /// Whether to tell what happens to connections.
    pub fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Whether a device is to be used that an administrator has set up.
    pub fn is_attached(&self) -> bool {
        self.attach
    }

    /// How connections behave, where `base` is how they do unless the user says otherwise.
    pub fn tcp_over(&self, base: TcpConfig) -> anyhow::Result<ValidConfig> {
        Ok(self.tcp.over(base).validate()?)
    }

    /// Our addresses.
    pub fn addresses(&self) -> Vec<Cidr> {
        if self.addr.is_empty() {
            let addresses = DEFAULT_ADDRESSES.iter();
            return addresses.flat_map(|text| text.parse()).collect();
        }
        self.addr.clone()
    }

    /// The kernel's addresses.
    pub fn kernel_addresses(&self) -> anyhow::Result<Vec<Cidr>> {
        if !self.kernel_addr.is_empty() {
            return Ok(self.kernel_addr.clone());
        }
        let neighbour = |cidr: Cidr| {
            cidr.neighbour().with_context(|| {
                format!(
                    "--addr {cidr}: its network has no second address for the kernel; \
                     give a shorter prefix ({}/24, say), or name one with --kernel-addr",
                    cidr.addr()
                )
            })
        };
        let mut kernel: Vec<Cidr> = Vec::new();
        for ours in self.addresses() {
            // Two addresses of ours in one network need but one neighbour.
            if !kernel.iter().any(|cidr| cidr.contains(ours.addr())) {
                kernel.push(neighbour(ours)?);
            }
        }
        Ok(kernel)
    }

    /// Our addresses that are in no network of the kernel's on the link.
    fn unrouted(&self, kernel: &[Cidr]) -> Vec<IpAddr> {
        let ours = self.addresses().into_iter().map(Cidr::addr);
        // Where an administrator has set the link up, the routes are known to them.
        ours.filter(|ours| !self.attach && !kernel.iter().any(|cidr| cidr.contains(*ours)))
            .collect()
    }

    /// The TUN device's name; empty where the kernel chooses.
    pub fn device_name(&self) -> &str {
        self.tun.as_deref().unwrap_or_default()
    }

    /// The MTU to use.
    pub fn mtu(&self) -> u16 {
        self.mtu_or(DEFAULT_MTU)
    }

    /// The MTU, where `default` is what it is unless the user says otherwise.
    pub fn mtu_or(&self, default: u16) -> u16 {
        self.mtu.unwrap_or(default)
    }

    /// Which TUN device to make.
    pub fn tun_mode(&self) -> TunMode {
        match self.plain {
            true => TunMode::Plain,
            false => TunMode::Offload,
        }
    }

    /// Says where the device is not the one that was wanted.
    pub fn note_fallback(&self, interface: &Interface) {
        if interface.queues() < self.queues.into() {
            text::note(format_args!(
                "the kernel does not give the device {} queues: it has one, and so there is one stack",
                self.queues
            ));
        }
        if self.tun_mode() == TunMode::Offload && interface.offload() == Offload::NONE {
            text::note(format_args!(
                "this kernel has no offloads for TUN devices: each packet goes by itself"
            ));
        }
    }

    /// Makes the TUN device and our stack behind it. Must be called before threads are started.
    pub fn open(&self) -> anyhow::Result<Link> {
        if self.private {
            netns::enter()?;
        }
        let kernel_addresses = match self.attach {
            true => Vec::new(),
            false => self.kernel_addresses()?,
        };
        let name = self.device_name();
        let capture = self.create_capture()?;
        let tcp = self.tcp_over(TcpConfig::default())?;
        let mut builder = self.builder(capture.clone(), None).name(name).tcp(tcp);
        for &address in &kernel_addresses {
            builder = builder.kernel_address(address);
        }
        if !self.attach || self.mtu.is_some() {
            builder = builder.mtu(self.mtu());
        }
        let interface = builder
            .build()
            .map_err(|error| advice::explain_tun(&error, name))?;
        let device = interface.name().unwrap_or_default();
        self.note_fallback(&interface);
        for ours in self.unrouted(&kernel_addresses) {
            text::note(format_args!(
                "no network of the kernel's holds {ours}: the kernel needs a route to it, \
                 `ip route add {ours} dev {device}`"
            ));
        }
        Ok(Link {
            interface,
            kernel_addresses,
            capture,
            private: self.private,
        })
    }

    /// An interface with our addresses, not yet with a device.
    pub fn builder(
        &self,
        capture: Option<Capture>,
        observer: Option<Observer>,
    ) -> InterfaceBuilder {
        let mut builder = Interface::builder()
            .tun_mode(self.tun_mode())
            .queues(self.queues.into());
        for address in self.addresses() {
            builder = builder.address(address);
        }
        if let Some(bytes) = self.gso_max_size {
            builder = builder.gso_max_size(bytes);
        }
        if let Some(seed) = self.seed {
            builder = builder.secret(Sha256::digest(seed.to_be_bytes()).into());
        }
        match self.observer(capture, observer) {
            Some(observer) => builder.on_packet(observer),
            None => builder,
        }
    }

    fn observer(
        &self,
        capture: Option<Capture>,
        mut observer: Option<Observer>,
    ) -> Option<impl FnMut(Direction, SystemTime, &[u8]) + Send + use<>> {
        let trace = self.verbose > 1;
        let wanted = capture.is_some() || observer.is_some() || trace;
        wanted.then_some(move |direction, time, packet: &[u8]| {
            if let Some(capture) = &capture {
                capture.record(direction, time, packet);
            }
            if let Some(observer) = &mut observer {
                observer(direction, packet);
            }
            if trace {
                text::note(format_args!("{}", trace::Line { direction, packet }));
            }
        })
    }

    fn create_capture(&self) -> anyhow::Result<Option<Capture>> {
        let start = |path: &PathBuf| {
            Capture::create(path, self.device_name())
                .with_context(|| format!("cannot write a capture to {}", path.display()))
        };
        self.pcap.as_ref().map(start).transpose()
    }
}

impl Link {
    /// Says who is who, and how to run a command on the kernel's side of a private network.
    pub fn introduce(&self, example: Option<&str>) {
        let ours = join(self.interface.addresses());
        let kernel = match self.kernel_addresses.is_empty() {
            true => "as configured".to_owned(),
            false => join(&self.kernel_addresses),
        };
        let name = self.interface.name().unwrap_or("memory");
        let queues = match self.interface.queues() {
            1 => String::new(),
            count => format!(", {count} queues"),
        };
        text::note(format_args!(
            "our stack: {ours}; the kernel: {kernel}; {name}, MTU {}{queues}",
            self.interface.mtu()
        ));
        if self.private {
            let user = if geteuid_outside_is_root() {
                ""
            } else {
                " --user --preserve-credentials"
            };
            text::note(format_args!(
                "this is a private network; a command runs on the kernel's side of it by:\n  \
                 nsenter --target {}{user} --net {}",
                std::process::id(),
                example.unwrap_or("COMMAND")
            ));
        }
    }

    /// Ends the interface and the capture.
    pub fn close(self) -> anyhow::Result<()> {
        let ended = self.interface.shutdown();
        if let Some(capture) = self.capture {
            capture.finish().context("the capture is incomplete")?;
        }
        ended.context("the device failed")
    }
}

/// Whether the user namespace is the one that the program was started in: root maps to itself.
fn geteuid_outside_is_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let outside = map.split_whitespace().nth(1);
    geteuid().is_root() && outside == Some("0")
}

fn join(addresses: &[Cidr]) -> String {
    let texts: Vec<String> = addresses.iter().map(Cidr::to_string).collect();
    texts.join(", ")
}

/// An address with a port of this interface's families.
pub fn check_family(interface: &Interface, addr: SocketAddr) -> anyhow::Result<()> {
    let ours = interface.addresses();
    if ours
        .iter()
        .all(|cidr| cidr.addr().is_ipv4() != addr.is_ipv4())
    {
        let family = if addr.is_ipv4() { "IPv4" } else { "IPv6" };
        bail!("{addr}: our stack has no {family} address; give it one with --addr");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        link: LinkArgs,
    }

    fn parse(args: &[&str]) -> Result<LinkArgs, clap::Error> {
        Only::try_parse_from([&["test"], args].concat()).map(|only| only.link)
    }

    fn kernel(args: &[&str]) -> String {
        join(&parse(args).unwrap().kernel_addresses().unwrap())
    }

    #[test]
    fn the_kernel_gets_a_neighbour_in_each_network() {
        assert_eq!(kernel(&[]), "10.7.0.1/24, fd07::1/64");
        assert_eq!(kernel(&["--addr", "192.0.2.1/24"]), "192.0.2.2/24");
        let two = ["--addr", "192.0.2.7/24", "--addr", "192.0.2.8/24"];
        assert_eq!(kernel(&two), "192.0.2.1/24");
        let named = ["--addr", "192.0.2.7", "--kernel-addr", "192.0.2.9/24"];
        assert_eq!(kernel(&named), "192.0.2.9/24");
    }

    #[test]
    fn an_address_outside_of_the_kernel_s_networks_is_noticed() {
        let unrouted = |args: &[&str]| {
            let args = parse(args).unwrap();
            args.unrouted(&args.kernel_addresses().unwrap()).len()
        };
        assert_eq!(unrouted(&[]), 0);
        let elsewhere = ["--addr", "192.0.2.7/24", "--kernel-addr", "198.51.100.1/24"];
        assert_eq!(unrouted(&elsewhere), 1);
    }

    #[test]
    fn an_address_alone_leaves_no_room_for_the_kernel() {
        let args = parse(&["--addr", "192.0.2.7"]).unwrap();
        let error = args.kernel_addresses().unwrap_err().to_string();
        assert!(error.contains("192.0.2.7/24"), "{error}");
    }

    #[test]
    fn senseless_options_are_refused() {
        assert!(parse(&["--addr", "10.7.0.2/33"]).is_err());
        assert!(parse(&["--mtu", "575"]).is_err());
        assert!(parse(&["--mtu", "65536"]).is_err());
        assert!(parse(&["--attach"]).is_err());
        assert!(parse(&["--queues", "0"]).is_err());
        assert!(parse(&["--plain", "--gso-max-size", "65535"]).is_err());
        assert!(parse(&["--queues", "257"]).is_err());
    }
}
