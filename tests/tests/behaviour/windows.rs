//! Windows: scaled, closed, lost, shrunk, and acknowledged on read.

use std::time::Duration;

use tcp_core::wire::Control;
use tcp_core::{AckMode, BufferSize, State, TcpConfig, WindowScaling};
use tcp_sim::Side;
use tcp_sim::app::{Closes, Talker, converse, pattern};
use tcp_sim::script::{Seg, Tester, ack, fin, syn};
use tcp_sim::world::{Fault, FaultPlan, Pair, PairConfig};

/// A conversation of 300 kB each way under this configuration.
fn transfer(tcp: TcpConfig) -> Pair {
    let mut pair = Pair::new(PairConfig::with_tcp(tcp));
    let [client, server] = converse(
        &mut pair,
        [
            Talker::new(pattern(1, 300_000), Closes::WhenSent),
            Talker::new(pattern(2, 300_000), Closes::AfterPeer),
        ],
    );
    assert_eq!((client.error(), server.error()), (None, None));
    assert!(server.received() == pattern(1, 300_000) && client.received() == pattern(2, 300_000));
    pair
}

/// RFC 7323 §2.2: the option on both SYNs, and the shift that was asked for.
#[test]
fn a_fixed_window_scale_is_announced_and_used() {
    for shift in [0, 1, 7, 14] {
        let pair = transfer(TcpConfig {
            recv_buffer: (1 << 20).into(),
            window_scaling: WindowScaling::Fixed(shift),
            ..TcpConfig::default()
        });
        for entry in pair.trace().entries() {
            let is_syn = entry.header.control == Control::Syn;
            let option = entry.header.options.window_scale.map(|scale| scale.shift());
            assert_eq!(option, is_syn.then_some(shift));
            if !is_syn {
                // A buffer of 1 MiB, in units of the shift; never more than one unit beyond it.
                let bytes = u64::from(entry.header.window.get()) << shift;
                assert!(bytes < (1 << 20) + (1 << shift), "{bytes} bytes offered");
            }
        }
    }
}

/// Without the option no window goes beyond 65,535 bytes, and none is scaled.
#[test]
fn without_window_scaling_there_is_no_option() {
    let pair = transfer(TcpConfig {
        window_scaling: WindowScaling::Off,
        ..TcpConfig::default()
    });
    let scaled = |entry: &tcp_sim::world::TraceEntry| entry.header.options.window_scale.is_some();
    assert!(!pair.trace().entries().iter().any(scaled));
}

/// A buffer that is no multiple of the window field's unit, and a buffer smaller than a segment.
#[test]
fn a_buffer_that_the_window_field_cannot_express_still_works() {
    for (recv_buffer, shift) in [(10_000, 13), (100, 0), (1_000, 7), (70_000, 14)] {
        let tcp = TcpConfig {
            recv_buffer: BufferSize::Fixed(recv_buffer),
            window_scaling: WindowScaling::Fixed(shift),
            ..TcpConfig::default()
        };
        let mut pair = Pair::new(PairConfig::with_tcp(tcp));
        let [client, server] = converse(
            &mut pair,
            [
                Talker::new(pattern(1, 20_000), Closes::WhenSent),
                Talker::new(pattern(2, 20_000), Closes::AfterPeer),
            ],
        );
        assert_eq!((client.error(), server.error()), (None, None));
        assert!(
            server.received() == pattern(1, 20_000),
            "{recv_buffer} {shift}"
        );
        assert!(
            client.received() == pattern(2, 20_000),
            "{recv_buffer} {shift}"
        );
        let minutes = pair.now().as_millis() / 60_000;
        assert!(
            minutes < 5,
            "{recv_buffer} bytes, shift {shift}: {minutes} minutes"
        );
    }
}

/// RFC 9293 §3.8.6.1: a reader that stops closes the window; probes keep the connection; reading on
/// opens it.
#[test]
fn a_reader_that_pauses_closes_and_opens_the_window() {
    let mut pair = Pair::new(PairConfig::with_tcp(TcpConfig {
        recv_buffer: 20_000.into(),
        send_buffer: 100_000.into(),
        ..TcpConfig::default()
    }));
    let (client, server) = pair.establish(80);
    let data = pattern(3, 100_000);
    assert_eq!(pair.write(Side::A, client, &data), Ok(100_000));
    pair.run_for(Duration::from_secs(300));
    assert_eq!(pair.info(Side::A, client).tcpi_snd_wnd, 0);
    let unread = pair.info(Side::B, server).unread_bytes;
    assert!(
        (19_000..=20_100).contains(&unread),
        "{unread} of 20,000 bytes are used"
    );
    assert!(pair.counters(Side::A).win_probes >= 5);
    assert_eq!(pair.counters(Side::B).to_zero_window, 1);

    let mut received = Vec::new();
    pair.run_until_true(|pair| {
        let (bytes, _) = pair.read_available(Side::B, server).expect("all is well");
        received.extend(bytes);
        received.len() == data.len()
    });
    assert!(received == data);
    assert!(pair.counters(Side::B).from_zero_window >= 1);
}

/// RFC 9293 §3.8.6.1: the segment that opens the window is lost, and probing finds that it is open.
#[test]
fn a_lost_window_update_does_not_stall() {
    let mut pair = Pair::new(PairConfig::with_tcp(TcpConfig {
        recv_buffer: 20_000.into(),
        ..TcpConfig::default()
    }));
    let (client, server) = pair.establish(80);
    let data = pattern(3, 40_000);
    assert_eq!(pair.write(Side::A, client, &data), Ok(40_000));
    pair.run_for(Duration::from_secs(3));
    assert_eq!(pair.info(Side::A, client).tcpi_snd_wnd, 0);

    let next = pair.link(Side::B).sent() + 1;
    pair.link(Side::B)
        .set_plan(FaultPlan::on(next, Fault::Drop));
    let (first, _) = pair.read_available(Side::B, server).expect("all is well");
    assert_eq!(
        pair.link(Side::B).sent(),
        next,
        "reading announces the window"
    );
    let mut received = first.len();
    pair.run_until_true(|pair| {
        let (bytes, _) = pair.read_available(Side::B, server).expect("all is well");
        received += bytes.len();
        received == data.len()
    });
}

/// RFC 9293 §3.8.6.2.2, MUST-39: reading a little does not announce a little.
#[test]
fn small_reads_do_not_open_the_window_by_crumbs() {
    let mut tester = Tester::established(TcpConfig {
        recv_buffer: 8_000.into(),
        ..TcpConfig::default()
    });
    let mut next = 101;
    for _ in 0..8 {
        tester.inject(ack(next, 301).len(1_000));
        next += 1_000;
    }
    tester.advance(Duration::from_secs(1));
    let mut window = None;
    while let Some(sent) = tester.take_sent() {
        window = Some(sent.header.window.get());
    }
    assert_eq!(window, Some(0));
    let mut announced = Vec::new();
    for _ in 0..80 {
        let read = tester.call(|end, now| end.connection(now, |it| it.read(&mut [0; 100])));
        assert_eq!(read, Ok(100));
        while let Some(sent) = tester.take_sent() {
            announced.push(sent.header.window.get());
        }
    }
    assert!(announced.len() <= 8, "{announced:?}");
    assert!(
        announced.iter().all(|window| *window >= 1_000),
        "{announced:?}"
    );
}

/// RFC 9293 §3.8.6.2.1, MUST-38: a sender does not fill a small window in small pieces.
#[test]
fn a_sender_waits_for_a_window_worth_filling() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.inject(ack(101, 301).window(10_000));
    tester.write(&[b'.'; 20_000]);
    let mut sent = 0;
    while let Some(segment) = tester.take_sent() {
        assert_eq!(segment.payload.len(), 1_460);
        sent += 1_460;
    }
    assert_eq!(
        sent, 8_760,
        "six full segments, and no crumb for the rest of the window"
    );
    // One byte acknowledged, one byte of window more: nothing to send for that.
    tester.inject(ack(101, 302).window(10_000));
    tester.expect_nothing();
}

/// RFC 9293 §3.8.6, SHLD-15 to SHLD-17 and MUST-34: the peer takes back what it had offered. Nothing
/// new is sent, what was sent is retransmitted, and the connection goes on.
#[test]
fn a_window_that_shrinks_is_survived() {
    let mut tester = Tester::established(TcpConfig::default());
    tester.write(&[b'.'; 2_920]);
    tester.expect(ack(301, 101).len(1_460));
    tester.expect(ack(1_761, 101).len(1_460));
    tester.inject(ack(101, 301).window(1_460));
    tester.write(&[b'.'; 1_460]);
    tester.expect_nothing();
    tester.expect_within(
        Duration::from_millis(200)..=Duration::from_secs(2),
        ack(301, 101).len(1_460),
    );
    tester.inject(ack(101, 1_761).window(0));
    for _ in 0..3 {
        // Beyond the right edge now: sent again all the same, or probed; but the connection lives.
        tester.advance(Duration::from_secs(60));
        while let Some(sent) = tester.take_sent() {
            let end = sent.header.seq.advanced_by(sent.payload.len() as u32);
            assert!(tester.to_wire(3_221).distance_from(end) >= 0, "nothing new");
        }
        tester.inject(ack(101, 1_761).window(0));
    }
    tester.inject(ack(101, 3_221).window(10_000));
    tester.expect_state(State::Established);
    tester.expect(ack(3_221, 101).len(1_460));
}

/// `AckMode::OnRead`: no acknowledgement before the application has the bytes.
#[test]
fn acknowledgement_on_read_is_a_receipt() {
    let mut tester = Tester::established(TcpConfig {
        ack_mode: AckMode::OnRead,
        ..TcpConfig::default()
    });
    tester.inject(ack(101, 301).data(b"hello, "));
    tester.inject(ack(108, 301).data(b"world"));
    tester.expect_nothing_for(Duration::from_secs(1));
    // What is retransmitted meanwhile is answered by the receipt that there is.
    tester.inject(ack(101, 301).data(b"hello, "));
    tester.expect(ack(301, 101));
    let read = tester.call(|end, now| end.connection(now, |it| it.read(&mut [0; 7])));
    assert_eq!(read, Ok(7));
    tester.expect(ack(301, 108));
    tester.read(b"world");
    tester.expect(ack(301, 113));

    // The end of the stream as well.
    tester.inject(fin(118, 301).data(b"."));
    tester.expect(ack(301, 113));
    tester.inject(ack(113, 301).data(b"bye, "));
    let unread = tester.info().unread_bytes;
    assert_eq!(unread, 6);
    while let Some(sent) = tester.take_sent() {
        assert_eq!(sent.header.ack.map(|it| it.get()), Some(113));
    }
    tester.read(b"bye, .");
    tester.expect(ack(301, 120));
    tester.read(b"");
}

/// RFC 7323 §2.2 and §2.3: a shift above 14 counts as 14, and both sides must offer.
#[test]
fn the_peers_shift_scales_its_windows() {
    let window_after = |first: Seg| {
        let mut tester = Tester::established_by(TcpConfig::default(), first);
        tester.inject(ack(101, 301).window(100));
        tester.info().tcpi_snd_wnd
    };
    let plain = || syn(100).mss(1_460);
    assert_eq!(window_after(plain()), 100);
    assert_eq!(window_after(plain().window_scale(0)), 100);
    assert_eq!(window_after(plain().window_scale(7)), 12_800);
    assert_eq!(window_after(plain().window_scale(14)), 100 << 14);
}
