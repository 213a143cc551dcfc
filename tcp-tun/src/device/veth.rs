//! A pair of Ethernet devices of the kernel's, joined back to back (veth(4)).

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::config::check_name;
use super::netlink::{Request, Socket, push_attribute};

/// Makes the devices `name`, in the network namespace of the calling thread, and `peer`, in `peer_ns`.
/// What one sends, the other receives. To give them addresses and bring them up is the work of
/// [`config::configure`](super::config::configure), on either side.
///
/// # Errors
///
/// `PermissionDenied` without `CAP_NET_ADMIN` in both namespaces, `AlreadyExists` where a device has
/// one of the names, `Unsupported` on a kernel without veth devices.
pub fn make_pair(name: &str, peer: &str, peer_ns: BorrowedFd<'_>) -> io::Result<()> {
    check_name(name)?;
    check_name(peer)?;
    let no_link = [0; size_of::<libc::ifinfomsg>()];
    let mut peer_link = no_link.to_vec();
    push_attribute(&mut peer_link, libc::IFLA_IFNAME, &c_string(peer));
    let peer_ns = (peer_ns.as_raw_fd() as u32).to_ne_bytes();
    push_attribute(&mut peer_link, libc::IFLA_NET_NS_FD, &peer_ns);
    let mut data = Vec::new();
    push_attribute(&mut data, VETH_INFO_PEER, &peer_link);
    let mut info = Vec::new();
    push_attribute(&mut info, libc::IFLA_INFO_KIND, b"veth");
    push_attribute(&mut info, libc::IFLA_INFO_DATA, &data);

    let flags = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
    let mut request = Request::new(libc::RTM_NEWLINK, flags, &no_link);
    request.push_attribute(libc::IFLA_IFNAME, &c_string(name));
    request.push_attribute(libc::IFLA_LINKINFO, &info);
    Socket::open()?.tell(request)
}

/// Turns checksum, segmentation and receive offloads of the device `name` off, as `ethtool -K NAME tx
/// off sg off tso off gso off gro off` does: every packet is then one of the wire.
///
/// # Errors
///
/// `NotFound` where there is no such device, `PermissionDenied` without `CAP_NET_ADMIN`.
pub fn turn_offloads_off(name: &str) -> io::Result<()> {
    check_name(name)?;
    // Any socket will do: it says which network namespace is meant.
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // Segmentation first: without checksums it is no more to be had, nor to be turned off.
    for command in [STSO, SGSO, SGRO, STXCSUM, SSG] {
        turn_off(&socket, name, command)?;
    }
    Ok(())
}

/// `struct ethtool_value`: a request, and a setting of which 0 is "off".
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

fn turn_off(socket: &UdpSocket, name: &str, command: u32) -> io::Result<()> {
    let mut value = EthtoolValue { command, data: 0 };
    // SAFETY: `ifreq` is made of integers, and of a union of such and one pointer, all of which may
    // be zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: SIOCETHTOOL reads one `ifreq`, and by the pointer in it one `ethtool_value` for these
    // commands; both outlive the call.
    let code = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    match code {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Requests of `linux/ethtool.h`.
const STXCSUM: u32 = 0x17;
const SSG: u32 = 0x19;
const STSO: u32 = 0x1f;
const SGSO: u32 = 0x24;
const SGRO: u32 = 0x2c;

/// The attribute of a veth device that describes its peer (`linux/veth.h`).
const VETH_INFO_PEER: u16 = 1;

fn c_string(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}
