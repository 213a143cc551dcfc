//! The device as the driver uses it: with a packet in hand, an observer and counters.

use std::io;
use std::mem;
use std::ops::AddAssign;
use std::os::fd::{AsRawFd, RawFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use tcp_core::{Instant, LentWrite, PacketMeta, Stack, Transmit, TransmitParts};

use super::clock::Clock;
use super::observe::{Direction, Observer, TcpChecksum, Watcher};
use crate::device::{Device, MAX_PACKET};

/// What the device has carried since the interface began.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct DeviceCounters {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes of packets received, IP headers included.
    pub rx_bytes: u64,
    /// Times that packets were let gather ([`adaptive_rx`](crate::InterfaceBuilder::adaptive_rx)).
    pub rx_naps: u64,
    /// Packets that the device took.
    pub tx_packets: u64,
    /// Bytes of packets that the device took, IP headers included.
    pub tx_bytes: u64,
    /// Times that the device was full. The packet waits; none is lost by it.
    pub tx_blocked: u64,
    /// Packets that the device failed to send, and that so were lost.
    pub tx_errors: u64,
    /// Packets received at another queue than their flow's, and handed over to that.
    pub rx_handed_over: u64,
    /// Of packets received at another queue than their flow's, those that found no room there, and that
    /// so were lost.
    pub rx_handover_drops: u64,
}

impl AddAssign for DeviceCounters {
    fn add_assign(&mut self, other: DeviceCounters) {
        self.rx_packets += other.rx_packets;
        self.rx_bytes += other.rx_bytes;
        self.rx_naps += other.rx_naps;
        self.tx_packets += other.tx_packets;
        self.tx_bytes += other.tx_bytes;
        self.tx_blocked += other.tx_blocked;
        self.tx_errors += other.tx_errors;
        self.rx_handed_over += other.rx_handed_over;
        self.rx_handover_drops += other.rx_handover_drops;
    }
}

/// What has packets to send.
pub(super) trait Source {
    /// The next, written to the start of `buf`.
    fn next(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit>;

    /// The next, whose payload may be elsewhere.
    fn next_parts(&mut self, now: Instant, buf: &mut [u8]) -> Option<TransmitParts<'_>>;
}

impl Source for Stack {
    fn next(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.poll_transmit(now, buf)
    }

    fn next_parts(&mut self, now: Instant, buf: &mut [u8]) -> Option<TransmitParts<'_>> {
        self.poll_transmit_parts(now, buf)
    }
}

impl Source for LentWrite<'_> {
    fn next(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let parts = self.poll_transmit_parts(now, buf)?;
        parts.join(buf)?;
        Some(parts.transmit)
    }

    fn next_parts(&mut self, now: Instant, buf: &mut [u8]) -> Option<TransmitParts<'_>> {
        self.poll_transmit_parts(now, buf)
    }
}

/// The device, the packet that it had no room for, and who watches.
pub(super) struct Link {
    /// `None` once the interface has ended.
    device: Option<Box<dyn Device>>,
    registry: Registry,
    token: Token,
    interest: Interest,
    watcher: Option<Watcher>,
    counters: DeviceCounters,
    /// Holds `pending`, if there is one.
    tx_buf: Box<[u8]>,
    /// A packet that the stack has committed as sent, and the device has not taken.
    pending: Option<Transmit>,
    /// It has lost a packet that was longer than its header could say.
    lost_big: bool,
}

impl Link {
    pub(super) fn register(
        device: Box<dyn Device>,
        registry: Registry,
        token: Token,
        observer: Option<Observer>,
        largest_packet: usize,
    ) -> io::Result<Link> {
        let interest = Interest::READABLE;
        registry.register(&mut SourceFd(&raw_fd(&*device)), token, interest)?;
        Ok(Link {
            device: Some(device),
            registry,
            token,
            interest,
            watcher: observer.map(Watcher::new),
            counters: DeviceCounters::default(),
            tx_buf: vec![0; largest_packet].into_boxed_slice(),
            pending: None,
            lost_big: false,
        })
    }

    pub(super) fn counters(&self) -> DeviceCounters {
        self.counters
    }

    /// Receives one packet into `buf`, and says in [`PacketMeta::arrived`] when it was read; `None` when
    /// there is none.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub(super) fn recv(
        &mut self,
        clock: &Clock,
        buf: &mut [u8],
    ) -> io::Result<Option<(usize, PacketMeta)>> {
        let Some(device) = &mut self.device else {
            return Ok(None);
        };
        let (len, mut meta) = loop {
            match device.recv(buf) {
                Ok(received) => break received,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(None),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        };
        // Each packet has its own time: round trips and the order of arrival are judged by it. It must
        // not count what the observer does, nor the packets of the batch before it.
        meta.arrived = Some(clock.now());
        self.counters.rx_packets += 1;
        self.counters.rx_bytes += len as u64;
        if let Some(watcher) = &mut self.watcher {
            let checksum = TcpChecksum::received(&meta);
            watcher.show(Direction::Received, &buf[..len], checksum);
        }
        Ok(Some((len, meta)))
    }

    /// Sends all that the stack has to send. Where the device is full, the packet in hand waits, and
    /// the driver is told when there is room.
    pub(super) fn transmit(&mut self, now: Instant, stack: &mut impl Source) {
        let gathers = self.gathers();
        let Some(device) = &mut self.device else {
            return;
        };
        let mut blocked = false;
        loop {
            let (transmit, sent) = match self.pending.take() {
                None if gathers => {
                    let Some(parts) = stack.next_parts(now, &mut self.tx_buf) else {
                        break;
                    };
                    let headers = &self.tx_buf[..parts.in_buffer()];
                    let [first, second] = parts.payload;
                    let sent = device.send_parts([headers, first, second], &parts.transmit);
                    if sent.is_err() {
                        // It may have to wait, and what it is made of does not wait with it.
                        parts.join(&mut self.tx_buf);
                    }
                    (parts.transmit, sent)
                }
                pending => {
                    let next = pending.or_else(|| stack.next(now, &mut self.tx_buf));
                    let Some(transmit) = next else {
                        break;
                    };
                    let sent = device.send(&self.tx_buf[..transmit.len], &transmit);
                    (transmit, sent)
                }
            };
            match sent {
                Ok(()) => {
                    self.counters.tx_packets += 1;
                    self.counters.tx_bytes += transmit.len as u64;
                    if let Some(watcher) = &mut self.watcher {
                        let checksum = TcpChecksum::sent(&transmit);
                        let packet = &self.tx_buf[..transmit.len];
                        watcher.show(Direction::Sent, packet, checksum);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => self.pending = Some(transmit),
                    io::ErrorKind::WouldBlock => {
                        self.counters.tx_blocked += 1;
                        self.pending = Some(transmit);
                        blocked = true;
                        break;
                    }
                    // A link that is down, a queue without memory: to TCP it is loss like any
                    // other. A device that is gone says so to the next `recv`.
                    _ => {
                        self.counters.tx_errors += 1;
                        self.lost_big |= transmit.len > MAX_PACKET;
                    }
                },
            }
        }
        let flushed = device.flush();
        blocked |= flushed.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.watch_for_room(blocked);
    }

    /// Polls for writability only while the device is full: a socket reports every packet that its
    /// peer takes out. To change the interest also looks at the descriptor anew, so that room that
    /// came between the refusal and this call is reported as well.
    fn watch_for_room(&mut self, blocked: bool) {
        let interest = if blocked {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let Some(device) = &self.device else {
            return;
        };
        if interest != self.interest {
            let fd = raw_fd(&**device);
            let changed = self
                .registry
                .reregister(&mut SourceFd(&fd), self.token, interest);
            debug_assert!(
                changed.is_ok(),
                "the device is registered until it is closed"
            );
            self.interest = interest;
        }
    }

    /// Whether the device has lost a packet that was longer than its header could say, since this was asked last.
    pub(super) fn take_lost_big(&mut self) -> bool {
        mem::take(&mut self.lost_big)
    }

    pub(super) fn count_nap(&mut self) {
        self.counters.rx_naps += 1;
    }

    /// Packets received since the interface began.
    pub(super) fn rx_packets(&self) -> u64 {
        self.counters.rx_packets
    }

    /// Whether packets may go in parts: the device takes them so, and nobody watches, who is to see whole ones.
    fn gathers(&self) -> bool {
        let device = self.device.as_ref();
        self.watcher.is_none() && device.is_some_and(|device| device.gathers())
    }

    /// Whether the device has refused a packet that still waits.
    pub(super) fn is_blocked(&self) -> bool {
        self.pending.is_some()
    }

    /// Gives up the device, and returns the observer, which is the user's to drop: not under the lock.
    pub(super) fn close(&mut self) -> Option<Observer> {
        if let Some(device) = self.device.take() {
            // Nothing is left to poll, so a failure changes nothing.
            let _ = self.registry.deregister(&mut SourceFd(&raw_fd(&*device)));
        }
        self.pending = None;
        self.watcher.take().map(Watcher::into_observer)
    }
}

fn raw_fd(device: &dyn Device) -> RawFd {
    device.as_fd().as_raw_fd()
}
