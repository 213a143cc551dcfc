//! The kernel's side of a TUN device: addresses, MTU, up.
//!
//! What `ip address add`, `ip link set mtu` and `ip link set up` do, by the `ioctl` calls of
//! netdevice(7). They act on the network namespace of the calling thread.

use std::fs;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::Cidr;

/// What [`configure`] gives a device.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LinkConfig {
    /// The MTU in bytes; `None` leaves it as it is.
    pub mtu: Option<u16>,
    /// The kernel's own addresses on the link; each also makes a route to its network.
    pub addresses: Vec<Cidr>,
}

/// Packets that the kernel may queue on the device for us to read.
///
/// The kernel drops what exceeds it, so it must hold a full receive window: 1 MiB in segments of an
/// MTU of 576 is 2,000 packets. The default of 500 loses packets to any reader that is late once.
const TX_QUEUE_LEN: libc::c_int = 10_000;

/// Gives the device `name` its MTU and addresses, and brings it up.
///
/// # Errors
///
/// `NotFound` where there is no such device, `PermissionDenied` without `CAP_NET_ADMIN` in the
/// namespace; the message says at which step.
pub fn configure(name: &str, config: &LinkConfig) -> io::Result<()> {
    check_name(name)?;
    let step = |what: &str, result: io::Result<()>| {
        result.map_err(|error| io::Error::new(error.kind(), format!("{name}: {what}: {error}")))
    };
    if let Some(mtu) = config.mtu {
        step("set the MTU", set_mtu(name, mtu))?;
    }
    step("set the queue length", set_queue_len(name, TX_QUEUE_LEN))?;
    if config.addresses.iter().any(|cidr| cidr.addr().is_ipv6()) {
        step("prepare IPv6", prepare_ipv6(name))?;
    }
    step("bring it up", bring_up(name))?;
    let mut ipv4_count = 0;
    for &cidr in &config.addresses {
        let result = match cidr.addr() {
            IpAddr::V4(addr) => {
                let label = ipv4_label(name, ipv4_count);
                ipv4_count += 1;
                add_ipv4(&label, addr, cidr)
            }
            IpAddr::V6(addr) => add_ipv6(name, addr, cidr.prefix_len()),
        };
        step(&format!("add the address {cidr}"), result)?;
    }
    Ok(())
}

/// The MTU of the device `name` in bytes; more than 65,535 reads as 65,535, which no IP packet
/// exceeds.
///
/// # Errors
///
/// `NotFound` where there is no such device.
pub fn mtu(name: &str) -> io::Result<u16> {
    let mut request = Request::new(name)?;
    request.0.ifr_ifru.ifru_mtu = 0;
    control_ipv4(libc::SIOCGIFMTU, &mut request)?;
    // SAFETY: the kernel has filled in the MTU, and any bits are a valid integer.
    let mtu = unsafe { request.0.ifr_ifru.ifru_mtu };
    Ok(u16::try_from(mtu).unwrap_or(u16::MAX))
}

/// Refuses a name that the kernel would cut short or that holds a NUL.
pub(super) fn check_name(name: &str) -> io::Result<()> {
    if name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        let message = format!("{name:?}: a device name has at most 15 bytes, and no NUL");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

/// `SIOCSIFADDR` replaces the address of its label, so each further address needs one of its own.
fn ipv4_label(name: &str, index: usize) -> String {
    match index {
        0 => name.to_owned(),
        _ => format!("{name}:{index}"),
    }
}

fn set_mtu(name: &str, mtu: u16) -> io::Result<()> {
    let mut request = Request::new(name)?;
    request.0.ifr_ifru.ifru_mtu = libc::c_int::from(mtu);
    control_ipv4(libc::SIOCSIFMTU, &mut request)
}

fn set_queue_len(name: &str, len: libc::c_int) -> io::Result<()> {
    let mut request = Request::new(name)?;
    // C calls the field `ifr_qlen`, another name for this integer at the start of the union.
    request.0.ifr_ifru.ifru_metric = len;
    control_ipv4(libc::SIOCSIFTXQLEN, &mut request)
}

fn bring_up(name: &str) -> io::Result<()> {
    let mut request = Request::new(name)?;
    request.0.ifr_ifru.ifru_flags = 0;
    control_ipv4(libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the kernel has filled in the flags, and any bits are a valid integer.
    let flags = unsafe { request.0.ifr_ifru.ifru_flags };
    request.0.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    control_ipv4(libc::SIOCSIFFLAGS, &mut request)
}

fn add_ipv4(label: &str, addr: Ipv4Addr, cidr: Cidr) -> io::Result<()> {
    let mut request = Request::new(label)?;
    request.0.ifr_ifru.ifru_addr = sockaddr(addr);
    control_ipv4(libc::SIOCSIFADDR, &mut request)?;
    if let IpAddr::V4(netmask) = cidr.netmask() {
        request.0.ifr_ifru.ifru_netmask = sockaddr(netmask);
    }
    control_ipv4(libc::SIOCSIFNETMASK, &mut request)
}

/// Turns IPv6 on for the device, and duplicate address detection off: on a link of two ends it has
/// nothing to find, and it would hold every address back for a second.
fn prepare_ipv6(name: &str) -> io::Result<()> {
    for (knob, value) in [("disable_ipv6", "0"), ("accept_dad", "0")] {
        fs::write(format!("/proc/sys/net/ipv6/conf/{name}/{knob}"), value)?;
    }
    Ok(())
}

fn add_ipv6(name: &str, addr: Ipv6Addr, prefix_len: u8) -> io::Result<()> {
    let mut request = libc::in6_ifreq {
        ifr6_addr: libc::in6_addr {
            s6_addr: addr.octets(),
        },
        ifr6_prefixlen: u32::from(prefix_len),
        ifr6_ifindex: nix::net::if_::if_nametoindex(name)? as libc::c_int,
    };
    let socket = control_socket(AddressFamily::Inet6)?;
    // SAFETY: on an IPv6 socket SIOCSIFADDR reads one `in6_ifreq`, which `request` is, and keeps
    // no pointer to it.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFADDR as _, &mut request) };
    Errno::result(result)?;
    Ok(())
}

/// A request about the device of one name, its other half still zero.
struct Request(libc::ifreq);

impl Request {
    fn new(name: &str) -> io::Result<Request> {
        check_name(name)?;
        // SAFETY: `ifreq` is plain C data, for which zero is a value.
        let mut request: libc::ifreq = unsafe { mem::zeroed() };
        for (to, &from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
            *to = from as libc::c_char;
        }
        Ok(Request(request))
    }
}

/// An `ioctl` of netdevice(7) that takes an `ifreq`.
fn control_ipv4(operation: libc::c_ulong, request: &mut Request) -> io::Result<()> {
    let socket = control_socket(AddressFamily::Inet)?;
    // SAFETY: each operation that this module passes reads and writes at most one `ifreq`, which
    // `request` is, and keeps no pointer to it.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), operation as _, &mut request.0) };
    Errno::result(result)?;
    Ok(())
}

/// A socket only to name a network namespace and an address family to `ioctl`.
fn control_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let fd = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    Ok(fd)
}

fn sockaddr(addr: Ipv4Addr) -> libc::sockaddr {
    let addr = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(addr.octets()),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: both are plain C data of 16 bytes, and `sockaddr` is what `sockaddr_in` is passed as.
    unsafe { mem::transmute::<libc::sockaddr_in, libc::sockaddr>(addr) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_do_not_fit_are_refused() {
        assert!(check_name("tun0").is_ok());
        assert!(check_name("fifteen-letters").is_ok());
        assert!(check_name("sixteen-letters!").is_err());
        assert!(check_name("tun\0x").is_err());
    }

    #[test]
    fn the_mtu_of_the_loopback_is_read() {
        assert!(mtu("lo").unwrap() >= 1_500);
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        let error = configure("no-such-device", &LinkConfig::default()).unwrap_err();
        assert!(error.to_string().starts_with("no-such-device: "), "{error}");
    }
}
