//! Tests against the kernel: each in a network namespace of its own, in which a TUN device joins
//! the kernel's TCP with ours.
//!
//! A namespace belongs to a thread, so each test runs in a thread of its own with its own; sockets
//! of `std::net` made there, and commands started there, are on the kernel's side of the device.
//! Whoever is not root runs the test again as root of a user namespace. Where neither is allowed,
//! the test says what it would need, and passes.
//!
//! `TCP_TUN_TEST_PCAP=DIR` records each test's packets to `DIR/TEST-MODE.pcapng`.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tcp_tun::capture::Capture;
use tcp_tun::device::TunDevice;
use tcp_tun::tcp_core::{Offload, TcpConfig};
use tcp_tun::{Interface, TunMode, netns};

/// Long enough for anything that works, on a machine with other work to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Set in the test process that is root of a user namespace.
const INSIDE: &str = "TCP_TUN_TEST_INSIDE";

/// Which version of IP a test goes over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Family; 2] = [Family::V4, Family::V6];

    /// Our stack's address, with this port.
    pub fn ours(self, port: u16) -> SocketAddr {
        self.host(2, port)
    }

    /// The kernel's address, with this port.
    pub fn kernel(self, port: u16) -> SocketAddr {
        self.host(1, port)
    }

    fn host(self, host: u8, port: u16) -> SocketAddr {
        let addr = match self {
            Family::V4 => IpAddr::from([10, 7, 0, host]),
            Family::V6 => IpAddr::from([0xfd07, 0, 0, 0, 0, 0, 0, u16::from(host)]),
        };
        SocketAddr::new(addr, port)
    }
}

/// How our side of the link is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The MTU of the link. Below 1280, there is no IPv6.
    pub mtu: u16,
    /// What connections and listeners are like.
    pub tcp: TcpConfig,
    /// How many queues the device has.
    pub queues: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            mtu: 1_500,
            tcp: TcpConfig::default(),
            queues: 1,
        }
    }
}

/// Runs `body`, as the test called `name`, with our stack at one end of a TUN device and the kernel
/// at the other: with offloads, and then, in a namespace of its own, on the plain device.
pub fn run(name: &str, options: &Options, body: impl Fn(&Interface) + Sync) {
    for mode in [TunMode::Offload, TunMode::Plain] {
        let outcome = netns::run(|| {
            // With the device tried alone, a lack of privilege is told from a failure to set it up.
            if let Err(error) = TunDevice::open("") {
                skip(name, format_args!("a TUN device: {error}"));
                return;
            }
            let interface = interface(name, mode, options);
            let offloads = interface.offload() != Offload::NONE;
            assert_eq!(offloads, mode == TunMode::Offload, "{mode:?}");
            assert_eq!(interface.queues(), options.queues, "{mode:?}");
            body(&interface);
            interface.shutdown().unwrap();
        });
        if let Err(error) = outcome {
            // There, it runs in both modes.
            if !run_as_root_of_user_namespace(name) {
                skip(name, format_args!("a network namespace: {error}"));
            }
            return;
        }
    }
}

/// Says that a test did not run, and why; past the harness, which keeps what passing tests print.
/// Where `TCP_REQUIRE_KERNEL` is set, as the project's own check does, it fails instead.
pub fn skip(name: &str, needs: fmt::Arguments<'_>) {
    assert!(
        env::var_os("TCP_REQUIRE_KERNEL").is_none(),
        "{name} may not be skipped, and needs {needs}"
    );
    let _ = writeln!(io::stderr(), "{name}: skipped: needs {needs}");
}

/// Whether a command is installed; says that the test is skipped if it is not.
pub fn has_command(test: &str, command: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|directory| directory.join(command).is_file());
    if !found {
        skip(test, format_args!("the command {command}"));
    }
    found
}

/// A command on the kernel's side; it inherits the namespace.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Connects by the kernel to a command that may not listen yet, or from ours: tries until it does.
pub fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) if Instant::now() >= deadline => panic!("gave up: {error}"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Connects by the kernel, with patience for every read and write.
pub fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE).unwrap();
    patient(stream)
}

/// Takes a connection by the kernel, with patience for every read and write.
pub fn accept(listener: &TcpListener) -> TcpStream {
    patient(listener.accept().unwrap().0)
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Connects by our stack, with patience for every read and write.
pub fn connect_ours(interface: &Interface, addr: SocketAddr) -> tcp_tun::TcpStream {
    patient_ours(tcp_tun::TcpStream::connect_timeout(interface, &addr, PATIENCE).unwrap())
}

/// Takes a connection by our stack, with patience for every read and write.
pub fn accept_ours(listener: &tcp_tun::TcpListener) -> tcp_tun::TcpStream {
    patient_ours(listener.accept_timeout(PATIENCE).unwrap().0)
}

fn patient_ours(stream: tcp_tun::TcpStream) -> tcp_tun::TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn interface(name: &str, mode: TunMode, options: &Options) -> Interface {
    let mut builder = Interface::builder()
        .name("tun0")
        .tun_mode(mode)
        .mtu(options.mtu)
        .queues(options.queues)
        .tcp(options.tcp.clone().validate().unwrap());
    for family in Family::BOTH {
        let prefix_len = match family {
            Family::V4 => 24,
            Family::V6 if options.mtu < 1_280 => continue,
            Family::V6 => 64,
        };
        let cidr = |addr: SocketAddr| tcp_tun::Cidr::new(addr.ip(), prefix_len).unwrap();
        builder = builder
            .address(cidr(family.ours(0)))
            .kernel_address(cidr(family.kernel(0)));
    }
    if let Some(directory) = env::var_os("TCP_TUN_TEST_PCAP") {
        let path = PathBuf::from(directory).join(format!("{name}-{mode:?}.pcapng"));
        let capture = Capture::create(path, "tun0").unwrap();
        builder = builder.on_packet(move |direction, time, packet| {
            capture.record(direction, time, packet);
        });
    }
    builder.build().unwrap()
}

/// Runs the test again where it is root; says whether that was possible.
fn run_as_root_of_user_namespace(name: &str) -> bool {
    let unshare = |program: &OsStr, args: &[&str]| {
        Command::new("unshare")
            .arg("--map-root-user")
            .arg(program)
            .args(args)
            .env(INSIDE, "1")
            .status()
    };
    if env::var_os(INSIDE).is_some() {
        return false;
    }
    let possible = unshare("test".as_ref(), &["-w", "/dev/net/tun"]);
    if !possible.is_ok_and(|status| status.success()) {
        return false;
    }
    let test = env::current_exe().unwrap();
    let status = unshare(test.as_ref(), &["--exact", name, "--nocapture"]).unwrap();
    assert!(status.success(), "{name} failed in a user namespace");
    true
}
