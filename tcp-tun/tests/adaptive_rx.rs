//! Packets that are let gather, where the kernel sends in bulk.

mod common;

use std::io::{Read, Write};
use std::net::{self, Shutdown};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt::TcpCongestion};

use common::PATIENCE;
use common::namespace::in_namespace;
use tcp_tun::{Interface, InterfaceBuilder, TcpListener, TcpStream};

const OURS: &str = "10.7.0.2:9";

/// Bytes in a write. They repeat after [`PERIOD`], which does not divide it.
const PIECE: usize = 256 * 1024;
const PERIOD: usize = 251;

fn byte(at: usize) -> u8 {
    (at % PERIOD) as u8
}

fn interface(option: impl FnOnce(InterfaceBuilder) -> InterfaceBuilder) -> Interface {
    let builder = Interface::builder()
        .name("gather%d")
        .address("10.7.0.2/24".parse().unwrap())
        .kernel_address("10.7.0.1/24".parse().unwrap());
    option(builder).build().unwrap()
}

/// Takes what comes until its end, and says how many bytes. It looks at the ends of what it gets, lest it be slower
/// than the kernel: then nothing would have to gather.
fn take(mut stream: TcpStream) -> usize {
    let (mut buf, mut taken) = (vec![0; PIECE], 0);
    loop {
        let len = stream.read(&mut buf).unwrap();
        if len == 0 {
            return taken;
        }
        assert_eq!(buf[0], byte(taken));
        taken += len;
        assert_eq!(buf[len - 1], byte(taken - 1));
    }
}

/// The kernel sends until `enough` is, or for so long; says how often packets were let gather.
fn naps(interface: &Interface, enough: impl Fn(u64, usize) -> bool, most: Duration) -> u64 {
    let listener = TcpListener::bind(interface, OURS).unwrap();
    let mut kernel = net::TcpStream::connect(OURS).unwrap();
    // Not by BBR, which would send each packet at a time of its own.
    setsockopt(&kernel, TcpCongestion, &"reno".into()).unwrap();
    kernel.set_write_timeout(Some(PATIENCE)).unwrap();
    let (ours, _) = listener.accept_timeout(PATIENCE).unwrap();
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    let bytes: Vec<u8> = (0..PIECE + PERIOD).map(byte).collect();
    let naps = || interface.device_counters().rx_naps;
    thread::scope(|scope| {
        let taker = scope.spawn(|| take(ours));
        let (began, mut sent) = (Instant::now(), 0);
        while !enough(naps(), sent) && began.elapsed() < most {
            for _ in 0..256 {
                kernel.write_all(&bytes[sent % PERIOD..][..PIECE]).unwrap();
                sent += PIECE;
            }
        }
        kernel.shutdown(Shutdown::Write).unwrap();
        assert_eq!(taker.join().unwrap(), sent);
    });
    naps()
}

/// That it does happen is not certain on a machine that does much else.
#[test]
fn bulk_from_the_kernel_arrives_whether_or_not_it_is_let_gather() {
    in_namespace(
        "bulk_from_the_kernel_arrives_whether_or_not_it_is_let_gather",
        || {
            let interface = interface(|builder| builder);
            let enough = |naps, sent| naps > 0 && sent > 256 << 20;
            let naps = naps(&interface, enough, Duration::from_secs(3));
            eprintln!("let gather {naps} times");
            // Where answers are waited for, nothing is.
            let listener = TcpListener::bind(&interface, "10.7.0.2:7").unwrap();
            let mut kernel = net::TcpStream::connect("10.7.0.2:7").unwrap();
            let (mut ours, _) = listener.accept_timeout(PATIENCE).unwrap();
            let before = interface.device_counters().rx_naps;
            let mut byte = [7];
            for _ in 0..1_000 {
                kernel.write_all(&byte).unwrap();
                ours.read_exact(&mut byte).unwrap();
                ours.write_all(&byte).unwrap();
                kernel.read_exact(&mut byte).unwrap();
            }
            let after = interface.device_counters().rx_naps;
            assert!(after - before <= 4, "{before}, then {after}");
        },
    );
}

#[test]
fn nothing_is_let_gather_where_it_is_not_wanted() {
    in_namespace("nothing_is_let_gather_where_it_is_not_wanted", || {
        for option in [
            |builder: InterfaceBuilder| builder.adaptive_rx(false),
            |builder: InterfaceBuilder| builder.busy_poll(Duration::from_micros(1)),
        ] {
            let interface = interface(option);
            let enough = |_, sent| sent > 1 << 30;
            assert_eq!(naps(&interface, enough, PATIENCE), 0);
            interface.shutdown().unwrap();
        }
    });
}
