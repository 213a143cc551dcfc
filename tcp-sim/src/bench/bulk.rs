//! One flow, as fast as it goes.

use std::time::Duration;

use serde::Serialize;

use super::config::{BenchConfig, Limit, Reader};
use super::contest::{Contest, Entry, Figures, Trial, contests, rounded};
use super::couple::{Couple, Ends};
use super::host::{Host, HostConfig, Read};
use super::size::{ETHERNET, Size};
use super::stopwatch::Stopwatch;
use crate::figures::median;
use crate::pattern::Pattern;

/// A row: a flow with packets of one size.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BulkRow {
    /// The size of packets.
    pub size: Size,
    /// By throughput.
    #[serde(flatten)]
    pub contest: Contest<BulkRun>,
}

/// What one run reached.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct BulkRun {
    /// Bits that were read in a nanosecond.
    pub gbit_per_second: f64,
    /// Nanoseconds at both ends together, for each packet to the reader.
    pub ns_per_packet: f64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Packets to the reader.
    pub packets: u64,
    /// How long it took.
    pub seconds: f64,
}

struct BulkTrial {
    hosts: HostConfig,
    limit: Limit,
    reader: Reader,
}

/// Makes the table.
pub(super) fn rows(config: &BenchConfig, progress: &dyn Fn()) -> Vec<BulkRow> {
    let trial = |mtu, largest| BulkTrial {
        hosts: HostConfig {
            mtu,
            largest,
            ..config.hosts()
        },
        limit: config.limit,
        reader: config.reader,
    };
    let entry = |size: &Size| {
        let (ours, peers) = match *size {
            Size::Mtu(mtu) => (trial(mtu, 0), trial(mtu, 0)),
            Size::Gso => (trial(ETHERNET, u16::MAX), trial(u16::MAX, 0)),
        };
        let peers = Some(peers);
        Entry { ours, peers }
    };
    let entries: Vec<_> = config.sizes.iter().map(entry).collect();
    let contests = contests(config.runs, &entries, progress);
    let row = |(&size, contest)| BulkRow { size, contest };
    config.sizes.iter().zip(contests).map(row).collect()
}

impl Trial for BulkTrial {
    type Run = BulkRun;

    fn run<H: Host>(&self) -> BulkRun {
        let mut couple = Couple::<H>::new(self.hosts);
        let ends = couple.open_one();
        Flow::new(couple, ends, self.reader).measure(self.limit)
    }
}

/// One flow, from the client's user to the server's.
pub(super) struct Flow<H: Host> {
    couple: Couple<H>,
    ends: Ends<H>,
    /// What the user writes, again and again.
    source: Vec<u8>,
    /// What the user reads into.
    sink: Vec<u8>,
    reader: Reader,
    written: u64,
    read: u64,
}

/// Bytes of a user's buffer. A prime, so that bytes that come from a wrong place do not look right.
const USER_BUFFER: usize = 65_521;
/// Bytes that are sent, and compared, before anything is measured.
const WARM_UP: u64 = 1 << 20;

/// What the reader does with what it reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Compares it with what was written.
    Compares,
    /// Counts it.
    Counts,
}

/// Turns in which nothing is read, one after the other, that show that nothing will be: each lets the
/// next timer run.
const PATIENCE: u32 = 1_000;

impl<H: Host> Flow<H> {
    pub(super) fn new(couple: Couple<H>, ends: Ends<H>, reader: Reader) -> Flow<H> {
        let mut source = vec![0; USER_BUFFER];
        Pattern::new(1).fill(0, &mut source);
        Flow {
            couple,
            ends,
            source,
            sink: vec![0; USER_BUFFER],
            reader,
            written: 0,
            read: 0,
        }
    }

    /// Sends a little, every byte of which is compared; then measures until the limit; and compares
    /// a little more.
    ///
    /// # Panics
    ///
    /// Where what is read is not what was written: there is nothing to be measured then.
    pub(super) fn measure(mut self, limit: Limit) -> BulkRun {
        self.run_until(Check::Compares, |flow| flow.read >= WARM_UP);
        let (bytes_before, packets_before) = (self.read, self.couple.there.carried());
        let end = limit.bytes.map_or(u64::MAX, |bytes| bytes_before + bytes);
        let watch = Stopwatch::start();
        self.run_until(Check::Counts, |flow| {
            flow.read >= end || watch.passed() >= limit.time
        });
        let elapsed = watch.elapsed();
        let bytes = self.read - bytes_before;
        let packets = self.couple.there.carried() - packets_before;
        let end = self.read + WARM_UP;
        self.run_until(Check::Compares, |flow| flow.read >= end);
        BulkRun::new(bytes, packets, elapsed)
    }

    /// The writer writes, both ends exchange packets, the reader reads: again and again.
    fn run_until(&mut self, check: Check, is_over: impl Fn(&Flow<H>) -> bool) {
        let mut in_vain = 0;
        while !is_over(self) {
            let before = self.read;
            self.write();
            match self.reader {
                Reader::Waits => {
                    let (source, read) = (&self.source, &mut self.read);
                    let take = |bytes: &[u8]| note(source, read, bytes, check);
                    self.couple
                        .exchange_for(self.ends.server, &mut self.sink, take);
                }
                Reader::Looks => drop(self.couple.exchange()),
            }
            self.read(check);
            in_vain = if self.read > before { 0 } else { in_vain + 1 };
            assert!(in_vain < PATIENCE, "nothing arrives after {before} bytes");
        }
    }

    fn write(&mut self) {
        let Couple { client, now, .. } = &mut self.couple;
        loop {
            let data = &self.source[(self.written % USER_BUFFER as u64) as usize..];
            let count = client.write(*now, self.ends.client, data);
            self.written += count as u64;
            if count < data.len() {
                break;
            }
        }
    }

    fn read(&mut self, check: Check) {
        loop {
            let Couple { server, now, .. } = &mut self.couple;
            match server.read(*now, self.ends.server, &mut self.sink) {
                Read::Bytes(count) => {
                    note(&self.source, &mut self.read, &self.sink[..count], check);
                }
                Read::Nothing | Read::End => break,
            }
        }
    }
}

/// The reader, which has `read` so many bytes, has these beside.
fn note(source: &[u8], read: &mut u64, bytes: &[u8], check: Check) {
    if check == Check::Compares {
        let at = (*read % USER_BUFFER as u64) as usize;
        let (first, second) = bytes.split_at(bytes.len().min(USER_BUFFER - at));
        let same = source[at..].starts_with(first) && source.starts_with(second);
        assert!(same, "what is read after {read} bytes is wrong");
    }
    *read += bytes.len() as u64;
}

impl BulkRun {
    fn new(bytes: u64, packets: u64, elapsed: Duration) -> BulkRun {
        let nanos = elapsed.as_nanos().max(1) as f64;
        BulkRun {
            gbit_per_second: rounded(bytes as f64 * 8.0 / nanos),
            ns_per_packet: rounded(nanos / packets.max(1) as f64),
            bytes,
            packets,
            seconds: elapsed.as_secs_f64(),
        }
    }
}

impl Figures for BulkRun {
    fn median(runs: &[BulkRun]) -> BulkRun {
        let of = |figure: fn(&BulkRun) -> f64| median(runs.iter().map(figure));
        BulkRun {
            gbit_per_second: of(|run| run.gbit_per_second),
            ns_per_packet: of(|run| run.ns_per_packet),
            bytes: of(|run| run.bytes as f64) as u64,
            packets: of(|run| run.packets as f64) as u64,
            seconds: of(|run| run.seconds),
        }
    }

    fn main(&self) -> f64 {
        self.gbit_per_second
    }
}
