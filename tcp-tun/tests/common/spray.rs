//! A link in memory whose ends have several queues, and that puts packets into them as it likes.

use std::io::{self, ErrorKind};
use std::num::NonZeroU16;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tcp_tun::Device;
use tcp_tun::tcp_core::{PacketMeta, Steering, Transmit};

/// Which of the receiver's queues a packet comes by.
#[derive(Clone, Copy, Debug)]
pub enum Spray {
    /// Any.
    Random(u64),
    /// One after another.
    InTurn,
    /// Always this one, or the last.
    Only(usize),
    /// That of its flow's stack.
    Right,
    /// That after its flow's stack: a wrong one wherever there are two.
    Wrong,
}

impl Spray {
    /// Whether the packets of a flow all come by one queue. By several, who reads one of them late makes a
    /// packet late.
    pub fn keeps_order(self) -> bool {
        match self {
            Spray::Random(_) | Spray::InTurn => false,
            Spray::Only(_) | Spray::Right | Spray::Wrong => true,
        }
    }
}

/// One queue of one end.
pub struct Queue {
    received: UnixDatagram,
    far: Arc<FarEnd>,
    spray: Spray,
    sent: usize,
    /// Reading fails from now on.
    pub broken: Arc<AtomicBool>,
}

/// The ways into the queues of the other end, and its own choice of them.
pub struct FarEnd {
    queues: Vec<UnixDatagram>,
    steering: Steering,
}

/// A link between hosts whose stacks have these secrets, and so many queues: the queues of each, and what
/// leads into those of the first.
pub fn link(
    secrets: [[u8; 32]; 2],
    queues: [u16; 2],
    spray: Spray,
) -> ([Vec<Queue>; 2], Arc<FarEnd>) {
    let end = |index: usize| {
        let count = NonZeroU16::new(queues[index]).unwrap();
        let pairs = (0..queues[index]).map(|_| UnixDatagram::pair().unwrap());
        let (senders, receivers): (Vec<_>, Vec<_>) = pairs.unzip();
        for socket in senders.iter().chain(&receivers) {
            socket.set_nonblocking(true).unwrap();
        }
        let far = FarEnd {
            queues: senders,
            steering: Steering::new(&secrets[index], count),
        };
        (Arc::new(far), receivers)
    };
    let ((to_first, first), (to_second, second)) = (end(0), end(1));
    let queue = |received, far: &Arc<FarEnd>| Queue {
        received,
        far: Arc::clone(far),
        spray,
        sent: 0,
        broken: Arc::default(),
    };
    let first = first.into_iter().map(|rx| queue(rx, &to_second)).collect();
    let second = second.into_iter().map(|rx| queue(rx, &to_first)).collect();
    ([first, second], to_first)
}

impl FarEnd {
    /// Puts a packet into one of the queues. Where that is full it is lost.
    pub fn put(&self, queue: usize, packet: &[u8]) {
        let sent = self.queues[queue % self.queues.len()].send(packet);
        if let Err(error) = sent {
            let lost = [
                ErrorKind::WouldBlock,
                ErrorKind::ConnectionRefused,
                ErrorKind::ConnectionReset,
                ErrorKind::BrokenPipe,
                ErrorKind::NotConnected,
            ];
            assert!(lost.contains(&error.kind()), "{error}");
        }
    }

    /// The queue of the stack that a packet is for.
    pub fn owner(&self, packet: &[u8]) -> usize {
        self.steering.owner_of_packet(packet).map_or(0, usize::from)
    }
}

impl Queue {
    fn choose(&mut self, packet: &[u8]) -> usize {
        self.sent += 1;
        match &mut self.spray {
            Spray::Random(seed) => {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (*seed >> 33) as usize
            }
            Spray::InTurn => self.sent,
            Spray::Only(queue) => *queue,
            Spray::Right => self.far.owner(packet),
            Spray::Wrong => self.far.owner(packet) + 1,
        }
    }
}

impl Device for Queue {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("pulled out"));
        }
        Ok((self.received.recv(buf)?, PacketMeta::default()))
    }

    fn send(&mut self, packet: &[u8], _: &Transmit) -> io::Result<()> {
        let queue = self.choose(packet);
        self.far.put(queue, packet);
        Ok(())
    }

    fn mtu(&self) -> u16 {
        1_500
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.received.as_fd()
    }
}
