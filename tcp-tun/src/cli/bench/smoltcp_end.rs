//! smoltcp behind a plain TUN device, with the same services and as large buffers.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time;

use anyhow::{Context, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};
use tcp_tun::device::MAX_PACKET;
use tcp_tun::device::config::{self, LinkConfig};
use tcp_tun::tcp_core::{Transmit, TransmitChecksum};
use tcp_tun::{Cidr, Device, TunDevice};

use super::place::MTU;
use super::services::{CHUNK, Service};

/// A thread that drives smoltcp.
pub struct SmoltcpEnd {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

/// Sockets for each service, as many as a path has flows at most; and as many more for connections
/// that come one after another, while earlier ones are on their way out.
const SOCKETS: usize = 4;
const SOCKETS_FOR_CONNECTIONS: usize = 32;
/// Bytes of each of their buffers, which do not grow.
const BUFFER: usize = 1 << 20;

/// How long it takes at most until a request to stop is seen.
const ATTENTION: time::Duration = time::Duration::from_millis(50);

impl SmoltcpEnd {
    /// Makes the device in the namespace of the calling thread, and serves.
    pub fn start(near: Cidr, far: Cidr) -> anyhow::Result<SmoltcpEnd> {
        let mut device = TunDevice::open("tun0")?;
        let link = LinkConfig {
            mtu: Some(MTU),
            addresses: vec![near],
        };
        config::configure(device.name(), &link)?;
        device.refresh_mtu()?;
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let mut end = End::new(device, far)?;
        let thread = thread::Builder::new()
            .name("smoltcp".to_owned())
            .spawn(move || {
                while !asked.load(Ordering::Relaxed) {
                    end.turn()?;
                }
                Ok(())
            })?;
        Ok(SmoltcpEnd { stop, thread })
    }

    /// Ends the thread.
    pub fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let result = self.thread.join();
        result
            .unwrap_or_else(|payload| std::panic::resume_unwind(payload))
            .context("smoltcp's device failed")
    }
}

struct End {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    served: Vec<(SocketHandle, Service)>,
    /// Where its user has what it sends and takes, as at the other ends.
    buf: Vec<u8>,
}

impl End {
    fn new(device: TunDevice, far: Cidr) -> anyhow::Result<End> {
        let mut wire = Wire {
            device,
            rx: vec![0; MAX_PACKET],
            tx: vec![0; MAX_PACKET],
        };
        let config = Config::new(HardwareAddress::Ip);
        let IpAddr::V4(addr) = far.addr() else {
            bail!("{far}: smoltcp is built for IPv4 here");
        };
        let mut interface = Interface::new(config, &mut wire, Instant::now());
        interface.update_ip_addrs(|list| {
            let added = list.push(IpCidr::new(addr.into(), far.prefix_len()));
            debug_assert!(added.is_ok(), "there is room for the first address");
        });
        let mut end = End {
            wire,
            interface,
            sockets: SocketSet::new(Vec::new()),
            served: Vec::new(),
            buf: vec![0; CHUNK],
        };
        for service in Service::ALL {
            let (sockets, buffer) = match service {
                Service::Once => (SOCKETS_FOR_CONNECTIONS, 4_096),
                _ => (SOCKETS, BUFFER),
            };
            for _ in 0..sockets {
                end.add(service, buffer)?;
            }
        }
        Ok(end)
    }

    fn add(&mut self, service: Service, buffer: usize) -> anyhow::Result<()> {
        let ring = || SocketBuffer::new(vec![0; buffer]);
        let mut socket = Socket::new(ring(), ring());
        socket.set_congestion_control(CongestionControl::Cubic);
        socket.set_nagle_enabled(false);
        socket
            .listen(service.port())
            .context("smoltcp cannot listen")?;
        self.served.push((self.sockets.add(socket), service));
        Ok(())
    }

    /// Serves what there is, and sleeps until there is more.
    fn turn(&mut self) -> io::Result<()> {
        let now = Instant::now();
        self.interface.poll(now, &mut self.wire, &mut self.sockets);
        let mut busy = false;
        for (handle, service) in &self.served {
            busy |= serve(
                self.sockets.get_mut::<Socket>(*handle),
                *service,
                &mut self.buf,
            );
        }
        if busy {
            return Ok(());
        }
        let delay = self.interface.poll_delay(now, &self.sockets);
        let delay = delay.map_or(ATTENTION, |delay| ATTENTION.min(delay.into()));
        let mut fds = [PollFd::new(self.wire.device.as_fd(), PollFlags::POLLIN)];
        // It counts milliseconds. What is due sooner is looked for at once.
        poll(
            &mut fds,
            PollTimeout::try_from(delay).unwrap_or(PollTimeout::ZERO),
        )?;
        Ok(())
    }
}

/// Does what a service does to a connection; says whether anything was done.
fn serve(socket: &mut Socket<'_>, service: Service, buf: &mut [u8]) -> bool {
    if !socket.is_open() || socket.state() == State::TimeWait {
        // One that waits for stragglers would keep its socket for ten seconds.
        socket.abort();
        return socket.listen(service.port()).is_ok();
    }
    let mut busy = false;
    match service {
        Service::Source => {
            while socket.can_send() {
                busy |= socket.send_slice(buf).is_ok();
            }
        }
        Service::Sink => {
            while socket.can_recv() {
                busy |= socket.recv_slice(buf).is_ok();
            }
        }
        Service::Echo | Service::Once => {
            let mut bytes = [0; 64];
            while socket.can_recv() {
                let len = socket.recv_slice(&mut bytes).unwrap_or(0);
                // What is echoed is a byte at a time, for which there is room.
                busy |= socket.send_slice(&bytes[..len]).is_ok();
            }
            if service == Service::Once && busy {
                socket.close();
            }
        }
    }
    if socket.state() == State::CloseWait {
        socket.close();
        busy = true;
    }
    busy
}

/// smoltcp's view of the device.
struct Wire {
    device: TunDevice,
    rx: Vec<u8>,
    tx: Vec<u8>,
}

struct RxToken<'a>(&'a [u8]);

struct TxToken<'a> {
    device: &'a mut TunDevice,
    buf: &'a mut [u8],
}

impl phy::Device for Wire {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let (len, _) = self.device.recv(&mut self.rx).ok()?;
        let tx = TxToken {
            device: &mut self.device,
            buf: &mut self.tx,
        };
        Some((RxToken(&self.rx[..len]), tx))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken {
            device: &mut self.device,
            buf: &mut self.tx,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = usize::from(MTU);
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let packet = &mut self.buf[..len];
        let result = write(packet);
        let transmit = Transmit {
            len,
            segment_size: None,
            checksum: TransmitChecksum::Complete,
        };
        // What the device has no room for is lost, as on any link.
        let _ = self.device.send(packet, &transmit);
        result
    }
}
