//! The plain TUN device: one packet a system call.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use tcp_core::{PacketMeta, ReceiveChecksum, Transmit};
use tun_tap::{Iface, Mode};

use super::{Device, config};

/// A TUN device of the kernel: a network interface whose other end is this process.
///
/// [`open`](TunDevice::open) makes the device, or attaches to a persistent one that an administrator
/// has made and given to this user (`ip tuntap add mode tun user NAME`). To give it addresses and
/// bring it up is the work of [`config::configure`], or of an
/// [`InterfaceBuilder`](crate::InterfaceBuilder).
pub struct TunDevice {
    iface: Iface,
    mtu: u16,
}

impl TunDevice {
    /// Opens the TUN device `name`; `""` or a name with `%d` lets the kernel choose.
    ///
    /// The device appears in the network namespace of the calling thread, and stays there.
    ///
    /// # Errors
    ///
    /// `NotFound` without `/dev/net/tun`, `PermissionDenied` without the right to make the device
    /// (`CAP_NET_ADMIN` in the namespace), `ResourceBusy` where another process holds it, and
    /// `InvalidInput` for a name of 16 bytes or more.
    pub fn open(name: &str) -> io::Result<TunDevice> {
        config::check_name(name)?;
        let iface = Iface::without_packet_info(name, Mode::Tun)?;
        iface.set_non_blocking()?;
        let mtu = config::mtu(iface.name())?;
        Ok(TunDevice { iface, mtu })
    }

    /// The device's name, as `ip link` shows it.
    pub fn name(&self) -> &str {
        self.iface.name()
    }

    /// Reads the MTU from the kernel again, after it has been configured.
    ///
    /// # Errors
    ///
    /// Those of `ioctl(SIOCGIFMTU)`: the device is gone.
    pub fn refresh_mtu(&mut self) -> io::Result<u16> {
        self.mtu = config::mtu(self.name())?;
        Ok(self.mtu)
    }
}

impl Device for TunDevice {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        let len = self.iface.recv(buf)?;
        let meta = PacketMeta {
            checksum: ReceiveChecksum::Unchecked,
            segment_size: None,
            ..PacketMeta::default()
        };
        Ok((len, meta))
    }

    fn send(&mut self, packet: &[u8], _transmit: &Transmit) -> io::Result<()> {
        self.iface.send(packet).map(drop)
    }

    fn mtu(&self) -> u16 {
        self.mtu
    }
}

impl AsFd for TunDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: `iface` owns the descriptor and closes it only when it is dropped, which the
        // borrow of `self` in the returned lifetime rules out.
        unsafe { BorrowedFd::borrow_raw(self.iface.as_raw_fd()) }
    }
}

impl fmt::Debug for TunDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunDevice")
            .field("name", &self.name())
            .field("mtu", &self.mtu)
            .finish()
    }
}
