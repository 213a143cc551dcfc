//! A world that misbehaves: devices that fail and recover, an interface that goes down, a process that is stopped.

mod common;

use std::io::{self, Read, Write};
use std::net;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::namespace::in_namespace;
use common::process::Process;
use common::{PATIENCE, builder, connect_pair, hash_of_noise, receive, send_noise};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use tcp_tun::tcp_core::{PacketMeta, Transmit};
use tcp_tun::{Device, Interface, MemoryDevice, TcpListener, TcpStream};

/// What is wrong with a device.
#[derive(Default)]
struct Faults {
    /// Of so many packets that it is to send, it has no memory for one; 0 for none.
    no_buffer_each: u64,
    /// Of so many packets, it has no room for one at first.
    full_each: u64,
    /// It carries nothing in either direction, and says so to who sends.
    down: AtomicBool,
    sent: AtomicU64,
    refused: AtomicU64,
}

struct Faulty {
    device: MemoryDevice,
    faults: Arc<Faults>,
    is_full: bool,
}

impl Faulty {
    /// An interface over a device with these faults, and one over the other, sound end of the link.
    fn interfaces(faults: Faults) -> (Interface, Interface, Arc<Faults>) {
        let (left, right) = MemoryDevice::pair(1_500).unwrap();
        let faults = Arc::new(faults);
        let faulty = Faulty {
            device: left,
            faults: Arc::clone(&faults),
            is_full: false,
        };
        let server = builder(faulty, 1).build().unwrap();
        let client = builder(right, 2).build().unwrap();
        (server, client, faults)
    }
}

impl Device for Faulty {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<(usize, PacketMeta)> {
        loop {
            let received = self.device.recv(buf)?;
            if !self.faults.down.load(Ordering::Relaxed) {
                return Ok(received);
            }
        }
    }

    fn send(&mut self, packet: &[u8], transmit: &Transmit) -> io::Result<()> {
        let faults = &self.faults;
        let refuse = |errno: Errno| {
            faults.refused.fetch_add(1, Ordering::Relaxed);
            Err(errno.into())
        };
        if faults.down.load(Ordering::Relaxed) {
            return refuse(Errno::EIO);
        }
        let number = faults.sent.fetch_add(1, Ordering::Relaxed);
        let is_each = |each: u64| each > 0 && number.is_multiple_of(each);
        if is_each(faults.no_buffer_each) {
            return refuse(Errno::ENOBUFS);
        }
        // The packet is offered again once the descriptor is writable, as it is.
        self.is_full = is_each(faults.full_each) && !self.is_full;
        if self.is_full {
            return Err(Errno::EAGAIN.into());
        }
        self.device.send(packet, transmit)
    }

    fn mtu(&self) -> u16 {
        self.device.mtu()
    }
}

impl AsFd for Faulty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

/// Both ends send so many bytes at once; both streams arrive whole.
fn check_both_ways(one: TcpStream, other: TcpStream, len: usize) {
    let ends = [(one, 1), (other, 2)].map(|(stream, seed)| {
        let writer = stream.try_clone().unwrap();
        let sending = thread::spawn(move || {
            send_noise(&writer, seed, len).unwrap();
            writer.shutdown(net::Shutdown::Write).unwrap();
        });
        let receiving = thread::spawn(move || receive(stream).unwrap());
        (sending, receiving)
    });
    for ((sending, receiving), seed) in ends.into_iter().zip([2, 1]) {
        sending.join().unwrap();
        let (arrived, hash) = receiving.join().unwrap();
        assert_eq!(arrived, len);
        assert_eq!(hash, hash_of_noise(seed, len));
    }
}

#[test]
fn what_a_device_has_no_memory_for_is_sent_again() {
    let (server, client, faults) = Faulty::interfaces(Faults {
        no_buffer_each: 20,
        ..Faults::default()
    });
    let (theirs, ours) = connect_pair(&server, &client);
    check_both_ways(theirs, ours, 3_000_000);
    let counted = server.device_counters();
    assert!(counted.tx_errors > 20, "{counted:?}");
    assert_eq!(counted.tx_errors, faults.refused.load(Ordering::Relaxed));
    assert!(server.counters().retrans_segs > 0);
}

#[test]
fn a_device_that_is_full_keeps_nothing_from_its_way() {
    let (server, client, _) = Faulty::interfaces(Faults {
        full_each: 3,
        ..Faults::default()
    });
    let (theirs, ours) = connect_pair(&server, &client);
    check_both_ways(theirs, ours, 3_000_000);
    let counted = server.device_counters();
    assert!(counted.tx_blocked > 100, "{counted:?}");
    assert_eq!(counted.tx_errors, 0);
}

#[test]
fn a_link_that_was_down_goes_on_where_it_was() {
    let (server, client, faults) = Faulty::interfaces(Faults::default());
    let (theirs, ours) = connect_pair(&server, &client);
    let cable = Arc::clone(&faults);
    let pulled = thread::spawn(move || {
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(100));
            cable.down.store(true, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(700));
            cable.down.store(false, Ordering::Relaxed);
        }
    });
    let begin = Instant::now();
    for _ in 0..100 {
        (&theirs).write_all(&[b'x'; 1_000]).unwrap();
        (&ours).read_exact(&mut [0; 1_000]).unwrap();
        (&ours).write_all(&[b'y'; 1_000]).unwrap();
        (&theirs).read_exact(&mut [0; 1_000]).unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    pulled.join().unwrap();
    check_both_ways(theirs, ours, 1_000_000);
    assert!(faults.refused.load(Ordering::Relaxed) > 0);
    assert!(begin.elapsed() < PATIENCE);
}

/// What `ip` does in this namespace.
fn ip(args: &[&str]) {
    let status = Command::new("ip").args(args).status().unwrap();
    assert!(status.success(), "ip {args:?}");
}

#[test]
fn an_interface_goes_down_and_comes_back() {
    in_namespace("an_interface_goes_down_and_comes_back", || {
        let interface = Interface::new("tcptun", &["10.7.0.2/24".parse().unwrap()]).unwrap();
        let listener = TcpListener::bind(&interface, "10.7.0.2:7").unwrap();
        let kernel = net::TcpStream::connect("10.7.0.2:7").unwrap();
        let (ours, _) = listener.accept_timeout(PATIENCE).unwrap();
        let len = 200_000_000;
        let sending = thread::spawn(move || send_noise(ours, 3, len).unwrap());
        let mut first = vec![0; 1_000_000];
        (&kernel).read_exact(&mut first).unwrap();
        ip(&["link", "set", "tcptun", "down"]);
        thread::sleep(Duration::from_millis(1_500));
        ip(&["link", "set", "tcptun", "up"]);
        let (rest, hash) = receive(first.as_slice().chain(kernel)).unwrap();
        assert_eq!((rest, hash), (len, sending.join().unwrap()));
        assert!(interface.device_counters().tx_errors > 0);

        // Whoever comes now is served as well.
        let kernel = thread::spawn(|| net::TcpStream::connect("10.7.0.2:7").unwrap());
        listener.accept_timeout(PATIENCE).unwrap();
        kernel.join().unwrap();
    });
}

/// Ten seconds are more than any delay that TCP expects: every timer of the process is overdue when it goes on.
#[test]
fn a_process_that_is_stopped_for_ten_seconds_goes_on() {
    in_namespace("a_process_that_is_stopped_for_ten_seconds_goes_on", || {
        let child = Command::new(env!("CARGO_BIN_EXE_tcp-tun"))
            .args(["serve", "echo", "--tun", "tcptun", "--addr", "10.7.0.2/24"])
            .stderr(Stdio::null())
            .spawn();
        let server = Process(child.unwrap());
        let deadline = Instant::now() + PATIENCE;
        let connect = || loop {
            match net::TcpStream::connect_timeout(
                &"10.7.0.2:7".parse().unwrap(),
                Duration::from_secs(1),
            ) {
                Ok(stream) => return stream,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            thread::sleep(Duration::from_millis(50));
        };
        let (busy, mut idle) = (connect(), connect());
        let len = 200_000_000;
        let writer = busy.try_clone().unwrap();
        let sending = thread::spawn(move || {
            send_noise(&writer, 4, len).unwrap();
            writer.shutdown(net::Shutdown::Write).unwrap();
        });
        let arrived = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&arrived);
        let receiving = thread::spawn(move || receive(Counting(busy, counter)).unwrap());
        while arrived.load(Ordering::Relaxed) < 1_000_000 {
            thread::yield_now();
        }
        server.signal(Signal::SIGSTOP);
        thread::sleep(Duration::from_secs(10));
        let before = arrived.load(Ordering::Relaxed);
        assert!(before < len as u64, "it was over too soon");
        server.signal(Signal::SIGCONT);
        idle.write_all(b"still there?").unwrap();
        let mut answer = [0; 12];
        idle.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"still there?");
        sending.join().unwrap();
        assert_eq!(receiving.join().unwrap(), (len, hash_of_noise(4, len)));
    });
}

/// Counts what is read.
struct Counting(net::TcpStream, Arc<AtomicU64>);

impl Read for Counting {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.0.read(buf)?;
        self.1.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}
