//! Each single packet of a short conversation is lost once, doubled once, or passed by the next
//! one: the data arrives whole, both sides close, and nothing is left behind.
//!
//! Every combination of options is tried, and every way to close. The oracles of [`Pair`] watch
//! each step of each run.

use std::time::Duration;

use tcp_core::{AckMode, EcnMode, TcpConfig, WindowScaling};
use tcp_sim::Side;
use tcp_sim::app::{Closes, Talker, converse, pattern};
use tcp_sim::world::{Family, Fault, FaultPlan, Pair, PairConfig};

/// Long enough to have several segments under way, short enough to try each of them.
const REQUEST: usize = 3_000;
const REPLY: usize = 7_000;

/// Who closes first, and how.
#[derive(Clone, Copy, Debug)]
enum Closer {
    /// The client says all that it has to say and closes its direction; the server answers to the
    /// half-closed connection.
    Client,
    /// The server closes when it has answered; the client when it has seen that.
    Server,
    /// Both close when they have sent everything.
    Both,
    /// The client leaves for good when it has its reply.
    ClientForGood,
}

const CLOSERS: [Closer; 4] = [
    Closer::Client,
    Closer::Server,
    Closer::Both,
    Closer::ClientForGood,
];

impl Closer {
    fn talkers(self) -> [Talker; 2] {
        let (client, server) = match self {
            Closer::Client => (Closes::WhenSent, Closes::AfterPeer),
            Closer::Server => (Closes::AfterPeer, Closes::WhenSent),
            Closer::Both => (Closes::WhenSent, Closes::WhenSent),
            Closer::ClientForGood => (Closes::WhenReceived(REPLY), Closes::AfterPeer),
        };
        [
            Talker::new(pattern(1, REQUEST), client),
            Talker::new(pattern(2, REPLY), server),
        ]
    }
}

/// The options that change what a segment carries or how a loss is repaired, each on and off; then
/// acknowledgement on read, congestion notification, and a buffer so small that the window closes again and again.
fn option_sets() -> Vec<TcpConfig> {
    let mut sets = Vec::new();
    for sack in [true, false] {
        for timestamps in [true, false] {
            for window_scaling in [WindowScaling::Auto, WindowScaling::Off] {
                sets.push(TcpConfig {
                    sack,
                    timestamps,
                    window_scaling,
                    ..TcpConfig::default()
                });
            }
        }
    }
    sets.push(TcpConfig {
        ack_mode: AckMode::OnRead,
        ..TcpConfig::default()
    });
    sets.push(TcpConfig {
        ecn: EcnMode::Request,
        ..TcpConfig::default()
    });
    sets.push(TcpConfig {
        recv_buffer: 2_000.into(),
        send_buffer: 3_000.into(),
        ..TcpConfig::default()
    });
    sets
}

/// Runs the conversation to its very end under `plan`, checks it, and gives the pair back.
fn run(tcp: &TcpConfig, closer: Closer, plan: [FaultPlan; 2]) -> Pair {
    let mut pair = Pair::new(PairConfig {
        plan,
        ..PairConfig::with_tcp(tcp.clone())
    });
    let [client, server] = converse(&mut pair, closer.talkers());
    assert_eq!((client.error(), server.error()), (None, None));
    assert!(client.is_done() && server.is_done(), "both have closed");
    assert!(
        server.received() == pattern(1, REQUEST),
        "the request is whole"
    );
    assert!(client.received() == pattern(2, REPLY), "the reply is whole");
    for side in Side::BOTH {
        assert_eq!(pair.sockets(side), 0, "{side:?} keeps a connection");
        assert_eq!(pair.counters(side).curr_estab, 0);
        assert_eq!(pair.counters(side).estab_resets, 0);
    }
    pair
}

/// How many packets each side sends when nothing goes wrong.
fn packets(tcp: &TcpConfig, closer: Closer) -> [u64; 2] {
    let mut pair = run(tcp, closer, [FaultPlan::none(), FaultPlan::none()]);
    for side in Side::BOTH {
        let counters = pair.counters(side);
        assert_eq!(
            (counters.retrans_segs, counters.out_rsts),
            (0, 0),
            "nothing was lost"
        );
    }
    Side::BOTH.map(|side| pair.link(side).sent())
}

/// Tries `fault` on each packet of each direction, under each set of options and each way to close.
fn each_packet_once(fault: Fault) {
    for tcp in option_sets() {
        for closer in CLOSERS {
            let counts = packets(&tcp, closer);
            for side in Side::BOTH {
                for number in 1..=counts[side.index()] {
                    let mut plan = [FaultPlan::none(), FaultPlan::none()];
                    plan[side.index()] = FaultPlan::on(number, fault);
                    run(&tcp, closer, plan);
                }
            }
        }
    }
}

#[test]
fn each_packet_lost_once() {
    each_packet_once(Fault::Drop);
}

#[test]
fn each_packet_doubled_once() {
    each_packet_once(Fault::Duplicate);
}

#[test]
fn each_packet_passed_by_the_next() {
    each_packet_once(Fault::PastNext(Duration::from_millis(300)));
}

/// Late by more than the retransmission timeout: the original and its copy both arrive.
#[test]
fn each_packet_late_once() {
    each_packet_once(Fault::Delay(Duration::from_millis(1_700)));
}

/// Damage is found by the checksum, and is a loss.
#[test]
fn each_packet_damaged_once() {
    each_packet_once(Fault::Corrupt(101));
}

/// Nothing above the headers knows which version of IP it runs over.
#[test]
fn each_packet_lost_once_over_ipv6() {
    each_packet_over(
        &PairConfig {
            family: Family::V6,
            ..PairConfig::default()
        },
        Fault::Drop,
    );
}

/// Each piece of a large segment is a packet by itself.
#[test]
fn each_packet_of_large_segments_lost_or_late_once() {
    for sack in [true, false] {
        let large = PairConfig {
            large_segments: [true; 2],
            ..PairConfig::with_tcp(TcpConfig {
                sack,
                ..TcpConfig::default()
            })
        };
        each_packet_over(&large, Fault::Drop);
        each_packet_over(&large, Fault::PastNext(Duration::from_millis(300)));
    }
}

/// Tries `fault` on each packet of each direction between hosts like these.
fn each_packet_over(config: &PairConfig, fault: Fault) {
    let run = |plan: [FaultPlan; 2]| {
        let mut pair = Pair::new(PairConfig {
            plan,
            ..config.clone()
        });
        let [client, server] = converse(&mut pair, Closer::Client.talkers());
        assert!(server.received() == pattern(1, REQUEST) && client.received() == pattern(2, REPLY));
        Side::BOTH.map(|side| pair.link(side).sent())
    };
    let counts = run([FaultPlan::none(), FaultPlan::none()]);
    for side in Side::BOTH {
        for number in 1..=counts[side.index()] {
            let mut plan = [FaultPlan::none(), FaultPlan::none()];
            plan[side.index()] = FaultPlan::on(number, fault);
            run(plan);
        }
    }
}

/// Any two packets of the whole conversation are lost.
#[test]
fn each_pair_of_packets_lost() {
    for sack in [true, false] {
        let tcp = TcpConfig {
            sack,
            ..TcpConfig::default()
        };
        let closer = Closer::Client;
        let [from_a, from_b] = packets(&tcp, closer);
        let all: Vec<(usize, u64)> = (1..=from_a)
            .map(|number| (0, number))
            .chain((1..=from_b).map(|number| (1, number)))
            .collect();
        for (index, first) in all.iter().enumerate() {
            for second in &all[index + 1..] {
                let mut plan = [FaultPlan::none(), FaultPlan::none()];
                for (side, number) in [first, second] {
                    plan[*side] = std::mem::take(&mut plan[*side]).and(*number, Fault::Drop);
                }
                run(&tcp, closer, plan);
            }
        }
    }
}
