//! A link between two interfaces of one process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;

use nix::sys::socket::{setsockopt, sockopt};
use tcp_core::{PacketMeta, ReceiveChecksum, Transmit};

use super::Device;

/// One end of a link in memory: what one end sends, the other receives, in order and whole.
///
/// Underneath is a pair of Unix datagram sockets, so that the ends can be polled as any device, and
/// so that a link that is full blocks its sender, as any device does. Needs no privilege.
///
/// ```
/// use tcp_tun::{Interface, MemoryDevice, TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// let (left, right) = MemoryDevice::pair(1500)?;
/// let server = Interface::builder().address("10.0.0.1/24".parse()?).device(left).build()?;
/// let client = Interface::builder().address("10.0.0.2/24".parse()?).device(right).build()?;
///
/// let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
/// let mut ours = TcpStream::connect(&client, "10.0.0.1:80")?;
/// let (mut theirs, _) = listener.accept()?;
/// ours.write_all(b"hello")?;
/// let mut greeting = [0; 5];
/// theirs.read_exact(&mut greeting)?;
/// assert_eq!(&greeting, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryDevice {
    socket: UnixDatagram,
    mtu: u16,
}

impl MemoryDevice {
    /// The two ends of a link that carries packets of up to `mtu` bytes.
    ///
    /// # Errors
    ///
    /// Those of `socketpair`: too many open files.
    pub fn pair(mtu: u16) -> io::Result<(MemoryDevice, MemoryDevice)> {
        let (left, right) = UnixDatagram::pair()?;
        left.set_nonblocking(true)?;
        right.set_nonblocking(true)?;
        let end = |socket| MemoryDevice { socket, mtu };
        Ok((end(left), end(right)))
    }

    /// As [`pair`](MemoryDevice::pair), with room for about `bytes` bytes in each direction
    /// (`SO_SNDBUF`; the kernel counts its own overhead, and allows no less than a few kilobytes).
    ///
    /// # Errors
    ///
    /// Those of `socketpair` and `setsockopt`.
    pub fn pair_with_buffer(mtu: u16, bytes: usize) -> io::Result<(MemoryDevice, MemoryDevice)> {
        let (left, right) = MemoryDevice::pair(mtu)?;
        setsockopt(&left.socket, sockopt::SndBuf, &bytes)?;
        setsockopt(&right.socket, sockopt::SndBuf, &bytes)?;
        Ok((left, right))
    }
}

impl Device for MemoryDevice {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        let len = self.socket.recv(buf).map_err(|error| {
            // A peer that is gone is a cable that is unplugged: nothing comes any more.
            if is_unplugged(&error) {
                io::ErrorKind::WouldBlock.into()
            } else {
                error
            }
        })?;
        let meta = PacketMeta {
            checksum: ReceiveChecksum::Unchecked,
            segment_size: None,
            ..PacketMeta::default()
        };
        Ok((len, meta))
    }

    fn send(&mut self, packet: &[u8], _transmit: &Transmit) -> io::Result<()> {
        self.socket.send(packet).map(drop)
    }

    fn mtu(&self) -> u16 {
        self.mtu
    }
}

impl AsFd for MemoryDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn is_unplugged(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotConnected
            | io::ErrorKind::BrokenPipe
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MAX_PACKET;
    use tcp_core::TransmitChecksum;

    fn transmit(len: usize) -> Transmit {
        Transmit {
            len,
            segment_size: None,
            checksum: TransmitChecksum::Complete,
        }
    }

    #[test]
    fn packets_arrive_whole_and_in_order() {
        let (mut left, mut right) = MemoryDevice::pair(MAX_PACKET as u16).unwrap();
        let mut buf = vec![0; MAX_PACKET];
        for len in [1, 1_500, MAX_PACKET] {
            left.send(&vec![len as u8; len], &transmit(len)).unwrap();
        }
        for len in [1, 1_500, MAX_PACKET] {
            assert_eq!(right.recv(&mut buf).unwrap().0, len);
            assert!(buf[..len].iter().all(|&byte| byte == len as u8));
        }
        let error = right.recv(&mut buf).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_full_link_blocks_its_sender_until_the_other_end_reads() {
        let (mut left, mut right) = MemoryDevice::pair_with_buffer(1_500, 1).unwrap();
        let packet = [7; 1_500];
        let mut sent = 0;
        let error = loop {
            match left.send(&packet, &transmit(packet.len())) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!((1..10).contains(&sent), "{sent}");
        right.recv(&mut [0; 1_500]).unwrap();
        left.send(&packet, &transmit(packet.len())).unwrap();
    }

    #[test]
    fn an_unplugged_link_is_silent() {
        let (mut left, right) = MemoryDevice::pair(1_500).unwrap();
        left.send(&[0; 20], &transmit(20)).unwrap();
        drop(right);
        for _ in 0..3 {
            let error = left.recv(&mut [0; 1_500]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        assert!(left.send(&[0; 20], &transmit(20)).is_err());
    }
}
