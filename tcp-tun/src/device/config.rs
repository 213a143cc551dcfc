//! The kernel's side of a TUN device: addresses, MTU, up.
//!
//! What `ip address add`, `ip link set mtu` and `ip link set up` do, and in the same way: by
//! rtnetlink(7). The older `ioctl` calls of netdevice(7) know one IPv4 address for each name, cannot
//! do without duplicate address detection, and refuse the queue length to the root of a user
//! namespace. Everything here acts on the network namespace of the calling thread.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

use nix::net::if_::if_nametoindex;

use super::Cidr;
use super::netlink::{Request, Socket};

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
const TX_QUEUE_LEN: u32 = 10_000;

/// Gives the device `name` its MTU and addresses, and brings it up. What it has already stays: a
/// persistent device may be configured again at each start of a program.
///
/// # Errors
///
/// `NotFound` where there is no such device, `PermissionDenied` without `CAP_NET_ADMIN` in the
/// namespace; the message says at which step.
pub fn configure(name: &str, config: &LinkConfig) -> io::Result<()> {
    let index = index_of(name)?;
    let socket = Socket::open()?;
    let step = |what: &str, result: io::Result<()>| {
        result.map_err(|error| io::Error::new(error.kind(), format!("{name}: {what}: {error}")))
    };
    step("bring it up", bring_up(&socket, index, config.mtu))?;
    for &cidr in &config.addresses {
        let result = match cidr.addr() {
            IpAddr::V4(_) => add_address(&socket, index, cidr),
            IpAddr::V6(addr) => enable_ipv6(name)
                .and_then(|()| add_address(&socket, index, cidr))
                .and_then(|()| await_delivery(&socket, addr)),
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
    let mtu = link_attribute(name, libc::IFLA_MTU)?
        .and_then(|value| value.try_into().ok())
        .map(u32::from_ne_bytes)
        .ok_or_else(|| io::Error::other(format!("{name}: the kernel tells no MTU")))?;
    Ok(u16::try_from(mtu).unwrap_or(u16::MAX))
}

/// Whether the kernel knows IPv4 packets whose length their header cannot say (BIG TCP): it tells then how large those may
/// be that it sends by the device `name`. Linux does since 6.3; from TUN devices it takes them since 6.6.
///
/// # Errors
///
/// As [`mtu`].
pub(super) fn knows_big_tcp(name: &str) -> io::Result<bool> {
    Ok(link_attribute(name, IFLA_GSO_IPV4_MAX_SIZE)?.is_some())
}

/// Of `linux/if_link.h`; `libc` does not know it.
const IFLA_GSO_IPV4_MAX_SIZE: libc::c_ushort = 63;

/// Whether somebody is at the other end of the device `name`: of a TUN device, a program that has opened
/// it. Nobody is where there is no such device.
///
/// # Errors
///
/// Those of netlink sockets.
pub(super) fn has_carrier(name: &str) -> io::Result<bool> {
    match link_attribute(name, libc::IFLA_CARRIER) {
        Ok(carrier) => Ok(carrier == Some(vec![1])),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn link_attribute(name: &str, kind: libc::c_ushort) -> io::Result<Option<Vec<u8>>> {
    let request = Request::new(libc::RTM_GETLINK, 0, &link_message(index_of(name)?, 0));
    let reply = Socket::open()?.ask(request)?;
    let value = reply.attribute(size_of::<libc::ifinfomsg>(), kind);
    Ok(value.map(<[u8]>::to_vec))
}

/// Refuses a name that the kernel would cut short or that holds a NUL.
pub(super) fn check_name(name: &str) -> io::Result<()> {
    if name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        let message = format!("{name:?}: a device name has at most 15 bytes, and no NUL");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

fn index_of(name: &str) -> io::Result<u32> {
    if_nametoindex(name).map_err(|_| {
        let message = format!("{name}: there is no such device");
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

fn bring_up(socket: &Socket, index: u32, mtu: Option<u16>) -> io::Result<()> {
    let link = link_message(index, libc::IFF_UP as u32);
    let mut request = Request::new(libc::RTM_NEWLINK, 0, &link);
    request.push_attribute(libc::IFLA_TXQLEN, &TX_QUEUE_LEN.to_ne_bytes());
    if let Some(mtu) = mtu {
        request.push_attribute(libc::IFLA_MTU, &u32::from(mtu).to_ne_bytes());
    }
    socket.tell(request)
}

/// Duplicate address detection is left out: on a link of two ends it has nothing to find, and it
/// would hold every address back for a second.
fn add_address(socket: &Socket, index: u32, cidr: Cidr) -> io::Result<()> {
    let (family, octets) = match cidr.addr() {
        IpAddr::V4(addr) => (libc::AF_INET, addr.octets().to_vec()),
        IpAddr::V6(addr) => (libc::AF_INET6, addr.octets().to_vec()),
    };
    // `struct ifaddrmsg`: family, prefix length, flags, scope (the universe is 0), index.
    let mut message = vec![family as u8, cidr.prefix_len(), libc::IFA_F_NODAD as u8, 0];
    message.extend(index.to_ne_bytes());
    let flags = (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
    let mut request = Request::new(libc::RTM_NEWADDR, flags, &message);
    request.push_attribute(libc::IFA_LOCAL, &octets);
    request.push_attribute(libc::IFA_ADDRESS, &octets);
    socket.tell(request)
}

/// Waits until the kernel takes packets for its new address. For IPv6 it says that it has the address
/// before it has the route that delivers to it, which a queue of works adds a moment later; what
/// comes meanwhile it drops, as for somebody else (`Ip6InAddrErrors`).
fn await_delivery(socket: &Socket, addr: Ipv6Addr) -> io::Result<()> {
    let deadline = Instant::now() + DELIVERY_PATIENCE;
    // `struct rtmsg`: family, length of the destination's prefix, then what is for the kernel to say.
    let mut message = [0; ROUTE_MESSAGE_LEN];
    message[..2].copy_from_slice(&[libc::AF_INET6 as u8, 128]);
    loop {
        let mut request = Request::new(libc::RTM_GETROUTE, 0, &message);
        request.push_attribute(libc::RTA_DST, &addr.octets());
        match socket.ask(request) {
            Ok(reply) if reply.message().get(ROUTE_TYPE) == Some(&libc::RTN_LOCAL) => {
                return Ok(());
            }
            // A route that leads elsewhere, or none.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NetworkUnreachable => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(100));
    }
}

/// How long the kernel may take to use an address that it has accepted; it takes milliseconds.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(5);

/// The size of `struct rtmsg`, which `libc` does not know.
const ROUTE_MESSAGE_LEN: usize = 12;

/// Where `rtm_type` is in it.
const ROUTE_TYPE: usize = 7;

/// Turns IPv6 on for the device where the system's default is off. Where it is on, nothing is
/// written: containers often see these files, but may not change them.
fn enable_ipv6(name: &str) -> io::Result<()> {
    let knob = format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6");
    match fs::read_to_string(&knob)?.trim() {
        "0" => Ok(()),
        _ => fs::write(&knob, "0"),
    }
}

/// `struct ifinfomsg`: family, padding, type, index, flags, and which flags to change.
fn link_message(index: u32, set_flags: u32) -> [u8; size_of::<libc::ifinfomsg>()] {
    let mut message = [0; size_of::<libc::ifinfomsg>()];
    message[4..8].copy_from_slice(&index.to_ne_bytes());
    message[8..12].copy_from_slice(&set_flags.to_ne_bytes());
    message[12..16].copy_from_slice(&set_flags.to_ne_bytes());
    message
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
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("no-such-device: "), "{error}");
    }
}
