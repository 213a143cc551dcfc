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

/// A queue, and the device that it belongs to.
#[derive(Debug)]
pub(super) struct Queue {
    file: File,
    name: String,
    mtu: u16,
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
        // A persistent device may remember an earlier program's offloads, so none are said as well.
        let (opened, offloads) = match framing {
            Framing::Bare => (open_bare(name), 0),
            Framing::VnetHeader => (open_with_header(name), OFFLOADS),
        };
        let (file, name) = opened.map_err(|error| refusal(error, framing))?;
        set_offloads(&file, offloads).map_err(|error| refusal(error, framing))?;
        let mtu = config::mtu(&name)?;
        Ok(Queue { file, name, mtu })
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

/// A kernel that does not know what stands before packets calls the argument or the request invalid.
fn refusal(error: io::Error, framing: Framing) -> io::Error {
    let unknown = matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::ENOTTY | libc::EOPNOTSUPP)
    );
    match framing {
        Framing::VnetHeader if unknown => io::Error::new(io::ErrorKind::Unsupported, error),
        _ => error,
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

/// What `tun-tap` cannot ask for: a header before each packet.
fn open_with_header(name: &str) -> io::Result<(File, String)> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    let name = attach(&file, name, flags)?;
    set_header_len(&file, HEADER_LEN as libc::c_int)?;
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
    fn a_kernel_without_offloads_is_told_from_a_failure() {
        let kind =
            |errno: i32, framing| refusal(io::Error::from_raw_os_error(errno), framing).kind();
        let refused = io::ErrorKind::Unsupported;
        assert_eq!(kind(libc::EINVAL, Framing::VnetHeader), refused);
        assert_eq!(kind(libc::ENOTTY, Framing::VnetHeader), refused);
        assert_eq!(
            kind(libc::EINVAL, Framing::Bare),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(
            kind(libc::EBUSY, Framing::VnetHeader),
            io::ErrorKind::ResourceBusy
        );
    }
}
