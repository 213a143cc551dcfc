//! The queue of a TUN device: a descriptor of `/dev/net/tun`, attached.
//!
//! Here are the `ioctl` calls of the driver (Documentation/networking/tuntap.rst).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::os::unix::fs::OpenOptionsExt;

use tun_tap::{Iface, Mode};

use super::config;
use super::vnet::HEADER_LEN;

/// What stands before each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Framing {
    /// Nothing.
    Bare,
    /// A [`VnetHeader`](super::vnet::VnetHeader).
    VnetHeader,
}

/// How many queues the device may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sharing {
    /// One.
    Alone,
    /// As many as are attached, up to 256 (`IFF_MULTI_QUEUE`).
    Several,
}

/// A queue, and the device that it belongs to.
#[derive(Debug)]
pub(super) struct Queue {
    file: File,
    name: String,
    mtu: u16,
    big_tcp: bool,
}

impl Queue {
    /// Makes the device `name`, or attaches to it; `""` or a name with `%d` lets the kernel choose.
    ///
    /// # Errors
    ///
    /// Those of opening `/dev/net/tun` and of `ioctl`: `PermissionDenied`, `ResourceBusy`,
    /// `InvalidInput` for a name too long, and `Unsupported` where the kernel does not know the framing.
    pub(super) fn open(name: &str, framing: Framing) -> io::Result<Queue> {
        config::check_name(name)?;
        Queue::attach(name, framing, Sharing::Alone).map_err(|error| match framing {
            Framing::Bare => error,
            Framing::VnetHeader => refusal(error, &UNKNOWN),
        })
    }

    /// As [`open`](Queue::open), with `count` queues. The kernel gives a flow's packets to the queue that
    /// wrote the last packet of the flow; those of flows that it has not heard of for some seconds, to any.
    ///
    /// # Errors
    ///
    /// As [`open`](Queue::open), and `Unsupported` where the kernel does not know the framing or so many
    /// queues, or the device was made by an administrator without them.
    pub(super) fn open_several(
        name: &str,
        framing: Framing,
        count: usize,
    ) -> io::Result<Vec<Queue>> {
        config::check_name(name)?;
        // The kernel would attach us beside another program, and each would miss the other's packets.
        if config::has_carrier(name)? {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        let first = Queue::attach(name, framing, Sharing::Several);
        let mut queues = vec![first.map_err(|error| refusal(error, &UNKNOWN))?];
        while queues.len() < count {
            let next = Queue::attach(queues[0].name(), framing, Sharing::Several);
            queues.push(next.map_err(|error| refusal(error, &NO_MORE))?);
        }
        Ok(queues)
    }

    fn attach(name: &str, framing: Framing, sharing: Sharing) -> io::Result<Queue> {
        // A persistent device may remember an earlier program's offloads, so none are said as well.
        let offloads = match framing {
            Framing::Bare => 0,
            Framing::VnetHeader => OFFLOADS,
        };
        let (file, name) = match (framing, sharing) {
            (Framing::Bare, Sharing::Alone) => open_bare(name),
            _ => open_by_ioctl(name, framing, sharing),
        }?;
        set_offloads(&file, offloads)?;
        let mtu = config::mtu(&name)?;
        let big_tcp = framing == Framing::VnetHeader && config::knows_big_tcp(&name)?;
        Ok(Queue {
            file,
            name,
            mtu,
            big_tcp,
        })
    }

    /// The device's name, as the kernel has completed it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The device's MTU in bytes, as of the last look at it.
    pub(super) fn mtu(&self) -> u16 {
        self.mtu
    }

    pub(super) fn refresh_mtu(&mut self) -> io::Result<u16> {
        self.mtu = config::mtu(&self.name)?;
        Ok(self.mtu)
    }

    /// Whether it takes IPv4 packets whose length their header cannot say; the plain device takes none.
    pub(super) fn knows_big_tcp(&self) -> bool {
        self.big_tcp
    }

    /// To read from and write to: one call, one packet.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// How a kernel refuses what it does not know: what stands before packets, or several queues.
const UNKNOWN: [i32; 3] = [libc::EINVAL, libc::ENOTTY, libc::EOPNOTSUPP];

/// How a kernel refuses one queue more than it can have.
const NO_MORE: [i32; 5] = [
    libc::EINVAL,
    libc::ENOTTY,
    libc::EOPNOTSUPP,
    libc::EBUSY,
    libc::E2BIG,
];

/// Tells a refusal, for which there is another way, from a failure.
fn refusal(error: io::Error, refusals: &[i32]) -> io::Error {
    let is_refusal = error
        .raw_os_error()
        .is_some_and(|errno| refusals.contains(&errno));
    match is_refusal {
        true => io::Error::new(io::ErrorKind::Unsupported, error),
        false => error,
    }
}

/// What we take: partial checksums, and large segments of TCP, also with CWR. Large datagrams (USO)
/// are not among them, since nobody here reads UDP.
const OFFLOADS: libc::c_uint =
    libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;

/// The plain device, as everybody has it.
fn open_bare(name: &str) -> io::Result<(File, String)> {
    let iface = Iface::without_packet_info(name, Mode::Tun)?;
    iface.set_non_blocking()?;
    let name = iface.name().to_owned();
    // SAFETY: `iface` has just opened the descriptor, and gives it up here: nobody else owns it.
    let file = unsafe { File::from_raw_fd(iface.into_raw_fd()) };
    Ok((file, name))
}

/// What `tun-tap` cannot ask for: a header before each packet, and several queues.
fn open_by_ioctl(name: &str, framing: Framing, sharing: Sharing) -> io::Result<(File, String)> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    let header = match framing {
        Framing::Bare => 0,
        Framing::VnetHeader => libc::IFF_VNET_HDR,
    };
    let queues = match sharing {
        Sharing::Alone => 0,
        Sharing::Several => libc::IFF_MULTI_QUEUE,
    };
    let flags = libc::IFF_TUN | libc::IFF_NO_PI | header | queues;
    let name = attach(&file, name, flags)?;
    if framing == Framing::VnetHeader {
        set_header_len(&file, HEADER_LEN as libc::c_int)?;
    }
    Ok((file, name))
}

fn attach(file: &File, name: &str, flags: libc::c_int) -> io::Result<String> {
    // SAFETY: `ifreq` is made of integers, and of a union of such and one pointer, all of which may
    // be zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The name is shorter than the field, so its end stays zero.
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which `request` is and which outlives the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    let name = request.ifr_name.iter().map(|&byte| byte as u8);
    let name: Vec<u8> = name.take_while(|&byte| byte != 0).collect();
    String::from_utf8(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn set_header_len(file: &File, len: libc::c_int) -> io::Result<()> {
    // SAFETY: TUNSETVNETHDRSZ reads one `int`, which outlives the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const len) })
}

fn set_offloads(file: &File, offloads: libc::c_uint) -> io::Result<()> {
    let offloads = libc::c_ulong::from(offloads);
    // SAFETY: the argument of TUNSETOFFLOAD is a number, not an address.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETOFFLOAD, offloads) })
}

fn check(code: libc::c_int) -> io::Result<()> {
    match code {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_a_failure() {
        let kind = |errno: i32, refusals: &[i32]| {
            refusal(io::Error::from_raw_os_error(errno), refusals).kind()
        };
        let refused = io::ErrorKind::Unsupported;
        assert_eq!(kind(libc::EINVAL, &UNKNOWN), refused);
        assert_eq!(kind(libc::ENOTTY, &UNKNOWN), refused);
        assert_eq!(kind(libc::EBUSY, &UNKNOWN), io::ErrorKind::ResourceBusy);
        assert_eq!(kind(libc::EBUSY, &NO_MORE), refused);
        assert_eq!(kind(libc::E2BIG, &NO_MORE), refused);
        let denied = io::ErrorKind::PermissionDenied;
        assert_eq!(kind(libc::EPERM, &NO_MORE), denied);
    }
}
