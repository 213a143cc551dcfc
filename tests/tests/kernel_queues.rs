//! Several queues of a TUN device, each with a stack of its own: to the kernel they are one host.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;

use integration_tests::kernel::{
    self, Family, Options, accept, accept_ours, command, connect, connect_ours, eventually,
    has_command,
};
use integration_tests::noise;
use tcp_tun::tcp_core::State;
use tcp_tun::{Interface, TunMode};

const MIB: u64 = 1 << 20;

fn with_queues(name: &str, body: impl Fn(&Interface) + Sync) {
    for queues in [2, 4] {
        let options = Options {
            queues,
            ..Options::default()
        };
        kernel::run(name, &options, &body);
    }
}

/// So many connections, half of them made by us: our ends, and the kernel's.
fn pairs(interface: &Interface, count: usize) -> Vec<(tcp_tun::TcpStream, TcpStream)> {
    let mut pairs = Vec::new();
    for family in Family::BOTH {
        let ours = interface.listen(family.ours(0)).unwrap();
        let kernels = TcpListener::bind(family.kernel(0)).unwrap();
        for _ in 0..count / 4 {
            let kernel = connect(ours.local_addr().unwrap());
            pairs.push((accept_ours(&ours), kernel));
            let connected = connect_ours(interface, kernels.local_addr().unwrap());
            pairs.push((connected, accept(&kernels)));
        }
    }
    for (ours, kernel) in &pairs {
        assert_eq!(ours.local_addr().unwrap(), kernel.peer_addr().unwrap());
        assert_eq!(ours.peer_addr().unwrap(), kernel.local_addr().unwrap());
    }
    pairs
}

#[test]
fn many_flows_each_way_over_several_queues() {
    let name = "many_flows_each_way_over_several_queues";
    with_queues(name, |interface| {
        let pairs = pairs(interface, 16);
        thread::scope(|scope| {
            for (seed, (ours, kernel)) in (0..).step_by(2).zip(&pairs) {
                scope.spawn(move || noise::send(ours, 4 * MIB, seed).unwrap());
                scope.spawn(move || noise::send(kernel, 4 * MIB, seed + 1).unwrap());
                scope.spawn(move || expect(ours, 4 * MIB, seed + 1));
                scope.spawn(move || expect(kernel, 4 * MIB, seed));
            }
        });
        let queues: BTreeSet<usize> = interface
            .sockets()
            .unwrap()
            .iter()
            .map(|socket| socket.queue)
            .collect();
        assert!(queues.len() > 1, "all in {queues:?}");
        let (counters, device) = (interface.counters(), interface.device_counters());
        assert_eq!((counters.active_opens, counters.passive_opens), (8, 8));
        // Another stack than a flow's own would not know it.
        assert_eq!((counters.out_rsts, counters.estab_resets), (0, 0));
        // The kernel gives packets to the queue by which it has heard of their flow; of a flow that we
        // have not yet answered, to any.
        assert!(device.rx_handed_over * 10 < device.rx_packets, "{device:?}");
        assert_eq!(device.rx_handover_drops, 0);
        for (mut ours, mut kernel) in pairs {
            ours.shutdown(Shutdown::Write).unwrap();
            assert_eq!(kernel.read(&mut [0]).unwrap(), 0);
            drop(kernel);
            assert_eq!(ours.read(&mut [0]).unwrap(), 0);
        }
    });
}

fn expect(from: impl Read, bytes: u64, seed: u64) {
    let expected = noise::send(io::sink(), bytes, seed).unwrap();
    assert_eq!(noise::receive(from.take(bytes)).unwrap(), (bytes, expected));
}

#[test]
fn hundreds_of_short_connections_at_once_over_several_queues() {
    let name = "hundreds_of_short_connections_at_once_over_several_queues";
    with_queues(name, |interface| {
        let listener = interface.listen(Family::V4.ours(0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let kernels = TcpListener::bind(Family::V4.kernel(0)).unwrap();
        let kernel_addr = kernels.local_addr().unwrap();
        let all = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        echo_byte(accept_ours(&listener));
                    }
                });
                scope.spawn(|| {
                    for _ in 0..200 {
                        echo_byte(accept(&kernels));
                    }
                });
            }
            for byte in 0..4 {
                let all = &all;
                scope.spawn(move || {
                    all.wait();
                    for _ in 0..100 {
                        ask(connect(addr), byte);
                    }
                });
                scope.spawn(move || {
                    all.wait();
                    for _ in 0..100 {
                        ask(connect_ours(interface, kernel_addr), byte);
                    }
                });
            }
        });
        let counters = interface.counters();
        assert_eq!((counters.active_opens, counters.passive_opens), (400, 400));
        eventually("nothing is left but TIME-WAIT", || {
            let sockets = interface.sockets().unwrap();
            sockets.iter().all(|socket| socket.state == State::TimeWait)
        });
    });
}

/// Sends one byte back; whoever asked closes first.
fn echo_byte(mut stream: impl Read + Write) {
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    stream.write_all(&byte).unwrap();
    assert_eq!(stream.read(&mut byte).unwrap(), 0);
}

fn ask(mut stream: impl Read + Write, byte: u8) {
    stream.write_all(&[byte]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [byte]);
}

#[test]
fn nobody_listens_any_more_in_any_queue() {
    let name = "nobody_listens_any_more_in_any_queue";
    with_queues(name, |interface| {
        let listener = interface.listen(Family::V4.ours(0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let waiting: Vec<TcpStream> = (0..16).map(|_| connect(addr)).collect();
        drop(listener);
        for mut stream in waiting {
            let error = stream.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        for _ in 0..16 {
            let error = TcpStream::connect(addr).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

/// A device that an administrator has made has several queues if that was said.
#[test]
fn a_device_made_before_has_the_queues_that_it_was_made_with() {
    let name = "a_device_made_before_has_the_queues_that_it_was_made_with";
    if !has_command(name, "ip") {
        return;
    }
    kernel::run(name, &Options::default(), |_| {
        let ip = |args: &[&str]| {
            let status = command("ip").args(args).status().unwrap();
            assert!(status.success(), "ip {args:?}");
        };
        ip(&["tuntap", "add", "dev", "single", "mode", "tun"]);
        ip(&["tuntap", "add", "dev", "many", "mode", "tun", "multi_queue"]);
        let open = |device: &str, queues| {
            let builder = Interface::builder()
                .name(device)
                .address("10.9.0.2/24".parse().unwrap());
            builder.queues(queues).build()
        };
        for (device, expected) in [("single", 1), ("many", 3)] {
            let interface = open(device, 3).unwrap();
            assert_eq!(interface.queues(), expected, "{device}");
            // The kernel would attach another program to several queues, and divide the packets.
            let error = open(device, 3).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ResourceBusy, "{device}");
            interface.shutdown().unwrap();
        }
        let plain = Interface::builder()
            .name("many")
            .tun_mode(TunMode::Plain)
            .address("10.9.0.2/24".parse().unwrap())
            .queues(256);
        assert_eq!(plain.build().unwrap().queues(), 256);
    });
}
