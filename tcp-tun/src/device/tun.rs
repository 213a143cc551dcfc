//! The TUN device: plain, one packet of at most an MTU a system call; or with offloads, 64 KiB and more.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use tcp_core::{Offload, PacketMeta, Transmit};

use super::queue::{Framing, Queue};
use super::vnet::{HEADER_LEN, VnetHeader};
use super::{Device, MAX_PACKET};

/// A TUN device of the kernel: a network interface whose other end is this process.
///
/// [`open`](TunDevice::open) makes the device, or attaches to a persistent one that an administrator
/// has made and given to this user (`ip tuntap add mode tun user NAME`). To give it addresses and
/// bring it up is the work of [`config::configure`](super::config::configure), or of an
/// [`InterfaceBuilder`](crate::InterfaceBuilder).
///
/// # With offloads
///
/// [`open_with_offload`](TunDevice::open_with_offload) gives a device that does what a network card
/// with TSO does. The kernel hands over what its TCP would have given to such a card: up to 64 KiB in
/// one packet, of which [`PacketMeta::segment_size`] tells the size of the parts. Its checksum was
/// never made where the packet began on this machine; so there is nothing to check, and it counts as
/// [`Verified`](tcp_core::ReceiveChecksum::Verified). What the device is given is cut, and its
/// checksum completed, only where the packet leaves the machine. The MTU stays what it is: segments
/// are no larger for being carried together.
///
/// A kernel that knows BIG TCP is given up to 128 KiB in one IPv4 packet, whose header says a length of 0 then; what it
/// hands over itself stays within 64 KiB. Linux takes them from a TUN device since 6.6.
///
/// # With several queues
///
/// [`open_queues`](TunDevice::open_queues) opens the device several times. Each of what it gives is a
/// queue, a [`Device`] by itself. What is sent by one of them is seen by the kernel, which then puts the
/// packets that it has for the same flow into that queue; but those of a flow that it has not heard of for
/// some seconds come by any.
pub struct TunDevice {
    queue: Queue,
    framing: Framing,
}

impl TunDevice {
    /// Opens the plain TUN device `name`; `""` or a name with `%d` lets the kernel choose.
    ///
    /// The device appears in the network namespace of the calling thread, and stays there.
    ///
    /// # Errors
    ///
    /// `NotFound` without `/dev/net/tun`, `PermissionDenied` without the right to make the device
    /// (`CAP_NET_ADMIN` in the namespace), `ResourceBusy` where another process holds it, and
    /// `InvalidInput` for a name of 16 bytes or more.
    pub fn open(name: &str) -> io::Result<TunDevice> {
        TunDevice::open_queue(name, Framing::Bare)
    }

    /// As [`open`](TunDevice::open), with offloads.
    ///
    /// # Errors
    ///
    /// As [`open`](TunDevice::open), and `Unsupported` where the kernel has no such device
    /// (`IFF_VNET_HDR`, `TUNSETOFFLOAD`).
    pub fn open_with_offload(name: &str) -> io::Result<TunDevice> {
        TunDevice::open_queue(name, Framing::VnetHeader)
    }

    /// Opens the plain TUN device `name` with `count` queues, of which each is one of the values returned.
    ///
    /// # Errors
    ///
    /// As [`open`](TunDevice::open), and `Unsupported` where the kernel does not give the device so many
    /// queues (`IFF_MULTI_QUEUE`): it has 256 at most, and one where an administrator made it without
    /// `multi_queue`.
    pub fn open_queues(name: &str, count: usize) -> io::Result<Vec<TunDevice>> {
        TunDevice::open_several(name, Framing::Bare, count)
    }

    /// As [`open_queues`](TunDevice::open_queues), with offloads.
    ///
    /// # Errors
    ///
    /// As [`open_queues`](TunDevice::open_queues), and `Unsupported` also where the kernel has no offloads.
    pub fn open_queues_with_offload(name: &str, count: usize) -> io::Result<Vec<TunDevice>> {
        TunDevice::open_several(name, Framing::VnetHeader, count)
    }

    fn open_several(name: &str, framing: Framing, count: usize) -> io::Result<Vec<TunDevice>> {
        let queues = Queue::open_several(name, framing, count)?.into_iter();
        Ok(queues.map(|queue| TunDevice { queue, framing }).collect())
    }

    fn open_queue(name: &str, framing: Framing) -> io::Result<TunDevice> {
        let queue = Queue::open(name, framing)?;
        Ok(TunDevice { queue, framing })
    }

    /// The device's name, as `ip link` shows it.
    pub fn name(&self) -> &str {
        self.queue.name()
    }

    /// Reads the MTU from the kernel again, after it has been configured.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub fn refresh_mtu(&mut self) -> io::Result<u16> {
        self.queue.refresh_mtu()
    }
}

impl Device for TunDevice {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        let mut file = self.queue.file();
        match self.framing {
            Framing::Bare => Ok((file.read(buf)?, PacketMeta::default())),
            Framing::VnetHeader => {
                let mut header = [0; HEADER_LEN];
                let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(buf)];
                let len = file.read_vectored(&mut parts)?;
                let len = len.checked_sub(HEADER_LEN).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidData, "a packet without its header")
                })?;
                Ok((len, VnetHeader::from_bytes(header).meta()))
            }
        }
    }

    fn send(&mut self, packet: &[u8], transmit: &Transmit) -> io::Result<()> {
        let mut file = self.queue.file();
        match self.framing {
            Framing::Bare => file.write(packet).map(drop),
            Framing::VnetHeader => {
                let header = vnet_header(packet, transmit)?;
                file.write_vectored(&[&header, packet].map(IoSlice::new))
                    .map(drop)
            }
        }
    }

    fn gathers(&self) -> bool {
        self.framing == Framing::VnetHeader
    }

    fn send_parts(&mut self, parts: [&[u8]; 3], transmit: &Transmit) -> io::Result<()> {
        let mut file = self.queue.file();
        let [headers, first, second] = parts;
        match self.framing {
            Framing::Bare => file.write_vectored(&parts.map(IoSlice::new)).map(drop),
            Framing::VnetHeader => {
                let header = vnet_header(headers, transmit)?;
                let parts = [&header, headers, first, second];
                file.write_vectored(&parts.map(IoSlice::new)).map(drop)
            }
        }
    }

    fn mtu(&self) -> u16 {
        self.queue.mtu()
    }

    fn offload(&self) -> Offload {
        match self.framing {
            Framing::Bare => Offload::NONE,
            Framing::VnetHeader => Offload {
                max_packet: match self.queue.knows_big_tcp() {
                    true => BIG_PACKET,
                    false => MAX_PACKET as u32,
                },
                checksum: true,
            },
        }
    }
}

/// What a kernel with BIG TCP is given at once, in bytes: as much as fits into as many pages as one of its buffers has
/// place for (`MAX_SKB_FRAGS`), if they come in pairs; larger packets it may not find memory for.
const BIG_PACKET: u32 = 128 * 1024;

/// What stands before a packet that begins with these headers.
fn vnet_header(headers: &[u8], transmit: &Transmit) -> io::Result<[u8; HEADER_LEN]> {
    let header = VnetHeader::for_transmit(headers, transmit)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no TCP packet to cut"))?;
    Ok(header.to_bytes())
}

impl AsFd for TunDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

impl fmt::Debug for TunDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunDevice")
            .field("name", &self.name())
            .field("mtu", &self.mtu())
            .field("framing", &self.framing)
            .finish()
    }
}
