//! Where packets come from and go to.
//!
//! A [`Device`] carries whole IP packets. [`TunDevice`] joins the kernel; [`MemoryDevice`] joins two
//! interfaces of one process, without privilege. Anything that moves IP packets and has a file
//! descriptor to poll can be a third.

mod cidr;
pub mod config;
mod memory;
mod netlink;
mod queue;
mod tun;
pub mod veth;
mod vnet;

use std::io;
use std::os::fd::AsFd;

use tcp_core::{Offload, PacketMeta, Transmit};

pub use cidr::{Cidr, ParseCidrError};
pub use memory::MemoryDevice;
pub use tun::TunDevice;

/// The buffer that [`Device::recv`] may count on: the largest IP packet whose header says its length, and so the largest
/// chain of coalesced segments that one call can bring.
pub const MAX_PACKET: usize = 65_535;

/// A non-blocking carrier of IP packets.
///
/// The driver of an [`Interface`](crate::Interface) polls the file descriptor edge-triggered: it
/// waits only after `recv` or `send` said [`WouldBlock`](io::ErrorKind::WouldBlock). A device that
/// holds packets of its own (a batch read ahead) must therefore hand them out before it says so.
///
/// All calls come under one lock, one at a time, from the interface's thread and from the user's.
pub trait Device: AsFd + Send {
    /// Receives one packet into the start of `buf`, which holds [`MAX_PACKET`] bytes: its length, and
    /// what the device knows of it. A device that coalesces segments says so in
    /// [`PacketMeta::segment_size`], one that has checked the checksum in [`PacketMeta::checksum`].
    /// The driver fills [`PacketMeta::arrived`], right after the call: its clock is not the device's.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none, `Interrupted` when a signal came first. Any other error
    /// says that the device is gone for good, and ends the interface.
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)>;

    /// Sends one packet. `transmit` says what is left to the device, a checksum or a cut into
    /// segments; neither is ever left to a device that did not offer it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room: the caller keeps the packet and offers it again once the
    /// descriptor is writable. `Interrupted`: the caller tries again. With any other error the
    /// packet counts as lost on the way.
    fn send(&mut self, packet: &[u8], transmit: &Transmit) -> io::Result<()>;

    /// Whether [`send_parts`](Device::send_parts) saves copying: what is in several places goes from there.
    fn gathers(&self) -> bool {
        false
    }

    /// As [`send`](Device::send), of a packet in parts, the first of which holds all headers. Only where the device
    /// [gathers](Device::gathers) them.
    ///
    /// # Errors
    ///
    /// As [`send`](Device::send).
    fn send_parts(&mut self, parts: [&[u8]; 3], transmit: &Transmit) -> io::Result<()> {
        self.send(&parts.concat(), transmit)
    }

    /// Called after the last `send` of a burst, for devices that collect packets into batches.
    ///
    /// # Errors
    ///
    /// As [`send`](Device::send); `WouldBlock` asks for another call once the descriptor is writable.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The largest IP packet that fits on the link, in bytes.
    fn mtu(&self) -> u16;

    /// What the device does with packets that it is given to send, beside sending them. Where that is to take more than
    /// [`MAX_PACKET`] bytes at once, [`send`](Device::send) may get IPv4 packets that say a length of 0; if it fails with
    /// one of them, it gets no more.
    fn offload(&self) -> Offload {
        Offload::NONE
    }
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        (**self).recv(buf)
    }

    fn send(&mut self, packet: &[u8], transmit: &Transmit) -> io::Result<()> {
        (**self).send(packet, transmit)
    }

    fn gathers(&self) -> bool {
        (**self).gathers()
    }

    fn send_parts(&mut self, parts: [&[u8]; 3], transmit: &Transmit) -> io::Result<()> {
        (**self).send_parts(parts, transmit)
    }

    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }

    fn mtu(&self) -> u16 {
        (**self).mtu()
    }

    fn offload(&self) -> Offload {
        (**self).offload()
    }
}
