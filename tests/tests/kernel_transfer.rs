//! Bulk data between our stack and the kernel's: every byte, in both roles, over both versions of
//! IP, over every size of packet and with every scale of window.

use std::fs;
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use integration_tests::kernel::{
    self, Family, Options, accept, accept_ours, connect, connect_ours, eventually,
};
use integration_tests::noise;
use socket2::SockRef;
use tcp_tun::Interface;
use tcp_tun::tcp_core::{TcpConfig, TcpInfo, WindowScaling};

const MIB: u64 = 1 << 20;

/// Who opens the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// The kernel connects to us.
    Server,
    /// We connect to the kernel.
    Client,
}

/// Bytes of the large transfers: `TCP_TUN_TEST_BYTES`, or 1 GiB.
fn large() -> u64 {
    std::env::var("TCP_TUN_TEST_BYTES").map_or(1 << 30, |text| text.parse().unwrap())
}

/// A connection: our end, then the kernel's.
fn pair(
    interface: &Interface,
    role: Role,
    family: Family,
) -> (tcp_tun::TcpStream, std::net::TcpStream) {
    match role {
        Role::Server => {
            let listener = tcp_tun::TcpListener::bind(interface, family.ours(0)).unwrap();
            let kernel = connect(listener.local_addr().unwrap());
            (accept_ours(&listener), kernel)
        }
        Role::Client => {
            let listener = TcpListener::bind(family.kernel(0)).unwrap();
            let ours = connect_ours(interface, listener.local_addr().unwrap());
            (ours, accept(&listener))
        }
    }
}

/// Sends `bytes` bytes to the kernel and, when it has seen their end, as many back; gives what our
/// end knows of the connection after the first half, and after both.
fn there_and_back(
    (ours, kernel): (tcp_tun::TcpStream, std::net::TcpStream),
    bytes: u64,
) -> (TcpInfo, TcpInfo) {
    thread::scope(|scope| {
        let far = scope.spawn(|| {
            let received = noise::receive(&kernel).unwrap();
            let sent = noise::send(&kernel, bytes, 2).unwrap();
            kernel.shutdown(Shutdown::Write).unwrap();
            (received, sent)
        });
        let sent = noise::send(&ours, bytes, 1).unwrap();
        let halfway = ours.info().unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        let received = noise::receive(&ours).unwrap();
        let end = ours.info().unwrap();
        let (far_received, far_sent) = far.join().unwrap();
        assert_eq!(far_received, (bytes, sent), "from us to the kernel");
        assert_eq!(received, (bytes, far_sent), "from the kernel to us");
        (halfway, end)
    })
}

fn large_transfer(name: &str, role: Role, family: Family) {
    kernel::run(name, &Options::default(), |interface| {
        let (_, info) = there_and_back(pair(interface, role, family), large());
        assert_eq!(info.tcpi_bytes_received, large());
        assert_eq!(interface.counters().in_csum_errors, 0);
    });
}

#[test]
fn a_gibibyte_each_way_as_server_over_ipv4() {
    let name = "a_gibibyte_each_way_as_server_over_ipv4";
    large_transfer(name, Role::Server, Family::V4);
}

#[test]
fn a_gibibyte_each_way_as_server_over_ipv6() {
    let name = "a_gibibyte_each_way_as_server_over_ipv6";
    large_transfer(name, Role::Server, Family::V6);
}

#[test]
fn a_gibibyte_each_way_as_client_over_ipv4() {
    let name = "a_gibibyte_each_way_as_client_over_ipv4";
    large_transfer(name, Role::Client, Family::V4);
}

#[test]
fn a_gibibyte_each_way_as_client_over_ipv6() {
    let name = "a_gibibyte_each_way_as_client_over_ipv6";
    large_transfer(name, Role::Client, Family::V6);
}

#[test]
fn both_ways_at_once() {
    kernel::run("both_ways_at_once", &Options::default(), |interface| {
        let (ours, kernel) = pair(interface, Role::Server, Family::V6);
        let bytes = large() / 4;
        thread::scope(|scope| {
            let sent = scope.spawn(|| {
                let hash = noise::send(&ours, bytes, 1).unwrap();
                ours.shutdown(Shutdown::Write).unwrap();
                hash
            });
            let far_sent = scope.spawn(|| {
                let hash = noise::send(&kernel, bytes, 2).unwrap();
                kernel.shutdown(Shutdown::Write).unwrap();
                hash
            });
            let far_received = scope.spawn(|| noise::receive(&kernel).unwrap());
            let received = noise::receive(&ours).unwrap();
            assert_eq!(received, (bytes, far_sent.join().unwrap()));
            assert_eq!(far_received.join().unwrap(), (bytes, sent.join().unwrap()));
        });
    });
}

fn transfer_with_mtu(name: &str, mtu: u16) {
    let options = Options {
        mtu,
        ..Options::default()
    };
    kernel::run(name, &options, |interface| {
        for family in Family::BOTH {
            let ip_header = match family {
                Family::V4 => 20,
                Family::V6 if mtu < 1_280 => continue,
                Family::V6 => 40,
            };
            for role in [Role::Server, Role::Client] {
                let (_, info) = there_and_back(pair(interface, role, family), 64 * MIB);
                // 20 bytes of TCP header, 12 of timestamps.
                let mss = u32::from(mtu) - ip_header - 20 - 12;
                assert_eq!(info.tcpi_snd_mss, mss, "{family:?} {role:?}");
                assert_eq!(info.tcpi_advmss, mss + 12, "{family:?} {role:?}");
            }
        }
    });
}

#[test]
fn mtu_576() {
    transfer_with_mtu("mtu_576", 576);
}

#[test]
fn mtu_1500() {
    transfer_with_mtu("mtu_1500", 1_500);
}

#[test]
fn mtu_9000() {
    transfer_with_mtu("mtu_9000", 9_000);
}

/// What the kernel announces follows from its limit of the receive buffer, which is one of the
/// namespace; scale 0 also takes a listening socket with a small buffer of its own.
fn transfer_with_scale(name: &str, our_scale: u8, kernel_scale: u8) {
    let options = Options {
        tcp: TcpConfig {
            window_scaling: WindowScaling::Fixed(our_scale),
            ..TcpConfig::default()
        },
        ..Options::default()
    };
    kernel::run(name, &options, |interface| {
        let limits = match kernel_scale {
            0 => "4096 32768 32768",
            _ => "4096 131072 1073725440",
        };
        fs::write("/proc/sys/net/ipv4/tcp_rmem", limits).unwrap();
        let listener = TcpListener::bind(Family::V4.kernel(0)).unwrap();
        if kernel_scale == 0 {
            SockRef::from(&listener)
                .set_recv_buffer_size(24_000)
                .unwrap();
        }
        let ours = connect_ours(interface, listener.local_addr().unwrap());
        let kernel = accept(&listener);
        let (_, info) = there_and_back((ours, kernel), 64 * MIB);
        assert_eq!(info.tcpi_rcv_wscale, Some(our_scale));
        assert_eq!(info.tcpi_snd_wscale, Some(kernel_scale));
    });
}

#[test]
fn window_scale_0_at_both_ends() {
    transfer_with_scale("window_scale_0_at_both_ends", 0, 0);
}

#[test]
fn window_scale_0_at_ours() {
    transfer_with_scale("window_scale_0_at_ours", 0, 14);
}

#[test]
fn window_scale_14_at_ours() {
    transfer_with_scale("window_scale_14_at_ours", 14, 0);
}

#[test]
fn window_scale_14_at_both_ends() {
    transfer_with_scale("window_scale_14_at_both_ends", 14, 14);
}

#[test]
fn without_window_scaling() {
    let options = Options {
        tcp: TcpConfig {
            window_scaling: WindowScaling::Off,
            ..TcpConfig::default()
        },
        ..Options::default()
    };
    kernel::run("without_window_scaling", &options, |interface| {
        for role in [Role::Server, Role::Client] {
            let (_, info) = there_and_back(pair(interface, role, Family::V4), 64 * MIB);
            assert_eq!(info.tcpi_rcv_wscale, None, "{role:?}");
            assert_eq!(info.tcpi_snd_wscale, None, "{role:?}");
        }
    });
}

/// How long a reader stands still.
const PAUSE: Duration = Duration::from_secs(5);

#[test]
fn a_kernel_that_stops_reading_and_goes_on() {
    let name = "a_kernel_that_stops_reading_and_goes_on";
    kernel::run(name, &Options::default(), |interface| {
        let (ours, kernel) = pair(interface, Role::Server, Family::V4);
        let (go, wait) = mpsc::channel();
        thread::scope(|scope| {
            // Goes with this closure, so that nobody waits for a test that has failed.
            let go = go;
            let kernel = &kernel;
            let received = scope.spawn(move || {
                wait.recv().unwrap();
                noise::receive(kernel).unwrap()
            });
            let sent = scope.spawn(|| {
                let hash = noise::send(&ours, 64 * MIB, 1).unwrap();
                ours.shutdown(Shutdown::Write).unwrap();
                hash
            });
            eventually("the kernel's window closes", || {
                let info = ours.info().unwrap();
                info.tcpi_snd_wnd == 0 && info.unacked_bytes == 0
            });
            let stalled = ours.info().unwrap();
            thread::sleep(PAUSE);
            let info = ours.info().unwrap();
            assert_eq!(info.tcpi_bytes_acked, stalled.tcpi_bytes_acked);
            let probes = interface.counters().win_probes;
            assert!(probes >= 2, "{probes} probes in {PAUSE:?}: {info:?}");
            go.send(()).unwrap();
            let sent = sent.join().unwrap();
            assert_eq!(received.join().unwrap(), (64 * MIB, sent));
        });
    });
}

#[test]
fn we_stop_reading_and_go_on() {
    kernel::run(
        "we_stop_reading_and_go_on",
        &Options::default(),
        |interface| {
            let (ours, kernel) = pair(interface, Role::Client, Family::V6);
            thread::scope(|scope| {
                let sent = scope.spawn(|| {
                    let hash = noise::send(&kernel, 64 * MIB, 1).unwrap();
                    kernel.shutdown(Shutdown::Write).unwrap();
                    hash
                });
                eventually("our window closes", || {
                    interface.counters().to_zero_window > 0
                });
                let stalled = ours.info().unwrap();
                thread::sleep(PAUSE);
                let info = ours.info().unwrap();
                assert_eq!(info.tcpi_bytes_received, stalled.tcpi_bytes_received);
                let received = noise::receive(&ours).unwrap();
                assert_eq!(received, (64 * MIB, sent.join().unwrap()));
                let counters = interface.counters();
                assert!(counters.to_zero_window > 0, "{counters:?}");
                assert!(counters.from_zero_window > 0, "{counters:?}");
            });
        },
    );
}
