//! A long transfer to a peer that the test plays, counted in segments.

use std::ops::Range;
use std::time::Duration;

use tcp_core::{BufferSize, CongestionAlgorithm, ListenConfig, RecoveryConfig, TcpConfig, TcpInfo};
use tcp_sim::script::{LoneStack, Seg, Sent, Tester, ack, syn};

/// Bytes in a segment.
const MSS: u32 = 1_000;

/// Our number of the first byte of segment 0.
const FIRST: u32 = 301;

/// A connection that has half a megabyte to send, in segments of 1,000 bytes that are numbered from 0. The
/// handshake has taken 100 ms; from then on, time passes where the test [waits](Transfer::wait).
pub struct Transfer {
    pub tester: Tester<LoneStack>,
    /// The segment up to which the peer has acknowledged.
    una: u32,
}

/// Reno without pacing, so that a window of so many segments is so many at once; nothing is taken for
/// spurious; the repair is as RFC 5681 and RFC 6582 have it where the peer has no SACK, and as RFC 6675 has it where
/// it does.
pub fn plain() -> TcpConfig {
    TcpConfig {
        congestion: CongestionAlgorithm::Reno,
        pacing: false,
        send_buffer: BufferSize::Fixed(1 << 20),
        recovery: RecoveryConfig {
            rack: false,
            tail_loss_probe: false,
            proportional_rate_reduction: false,
            forward_rto: false,
            undo: false,
            ..RecoveryConfig::default()
        },
        ..TcpConfig::default()
    }
}

impl Transfer {
    /// The peer has no SACK.
    pub fn without_sack(config: TcpConfig) -> Transfer {
        Transfer::begin(config, syn(100).mss(1_000))
    }

    /// The peer has SACK.
    pub fn with_sack(config: TcpConfig) -> Transfer {
        Transfer::begin(config, syn(100).mss(1_000).sack_permitted())
    }

    fn begin(config: TcpConfig, first: Seg) -> Transfer {
        let mut tester = Tester::stack();
        tester.listen(ListenConfig {
            tcp: config.validate().expect("the configuration is valid"),
            ..ListenConfig::default()
        });
        tester.inject(first);
        tester.expect(syn(300).ack(101));
        tester.advance(Duration::from_millis(100));
        tester.inject(ack(101, 301));
        tester.write(&vec![1; 500_000]);
        Transfer { tester, una: 0 }
    }

    /// The peer acknowledges everything before segment `number`. Where that is what it has acknowledged before,
    /// it repeats itself.
    pub fn ack(&mut self, number: u32) {
        self.una = number;
        self.tester.inject(ack(101, at(number)));
    }

    /// It repeats its last acknowledgement, and reports these segments.
    pub fn sack(&mut self, block: Range<u32>) {
        self.sack_all(&[block]);
    }

    /// The same with several blocks.
    pub fn sack_all(&mut self, blocks: &[Range<u32>]) {
        let blocks: Vec<_> = blocks
            .iter()
            .map(|block| (at(block.start), at(block.end)))
            .collect();
        self.tester.inject(ack(101, at(self.una)).sack(&blocks));
    }

    /// So many duplicates of the last acknowledgement.
    pub fn duplicates(&mut self, count: usize) {
        for _ in 0..count {
            self.ack(self.una);
        }
    }

    /// All segments before `number` are acknowledged one by one, each after so many milliseconds; gives what is
    /// sent meanwhile.
    pub fn ack_each(&mut self, number: u32, millis: u64) -> Vec<u32> {
        let mut sent = Vec::new();
        while self.una < number {
            self.wait(millis);
            self.ack(self.una + 1);
            sent.extend(self.sent());
        }
        sent
    }

    /// Time passes, in milliseconds.
    pub fn wait(&mut self, millis: u64) {
        self.tester.advance(Duration::from_millis(millis));
    }

    /// The numbers of the segments that have been sent since this was asked last.
    pub fn sent(&mut self) -> Vec<u32> {
        let sent = std::iter::from_fn(|| self.tester.take_sent());
        let sent: Vec<_> = sent.collect();
        let first = self.tester.to_wire(FIRST);
        let number = |sent: &Sent| {
            let offset = sent.header.seq.distance_from(first) as u32;
            assert_eq!((offset % MSS, sent.payload.len()), (0, MSS as usize));
            offset / MSS
        };
        sent.iter().map(number).collect()
    }

    /// How long it takes until something is sent, in milliseconds, and what that is.
    pub fn until_sent(&mut self) -> (u64, Vec<u32>) {
        assert_eq!(self.sent(), [0; 0], "nothing is sent at once");
        let start = self.tester.now();
        loop {
            self.tester.run_next_deadline();
            let sent = self.sent();
            if !sent.is_empty() {
                let waited = self.tester.now().saturating_duration_since(start);
                return (waited.as_millis() as u64, sent);
            }
        }
    }

    /// The first segment that has not been sent.
    pub fn nxt(&mut self) -> u32 {
        self.una + self.info().tcpi_unacked as u32
    }

    /// The congestion window in segments.
    pub fn cwnd(&mut self) -> u32 {
        self.info().tcpi_snd_cwnd / MSS
    }

    /// The slow start threshold in segments; no number of them before the first loss.
    pub fn ssthresh(&mut self) -> Option<u32> {
        let ssthresh = self.info().tcpi_snd_ssthresh;
        (ssthresh != u32::MAX).then_some(ssthresh / MSS)
    }

    pub fn info(&mut self) -> TcpInfo {
        self.tester.info()
    }
}

/// Our number of the first byte of a segment.
fn at(number: u32) -> u32 {
    FIRST + number * MSS
}
