//! Tables that a spreadsheet or a data frame reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use csv::Writer;
use serde::Serialize;
use tcp_core::wire::{self, Incoming, Options};
use tcp_core::{ConnectionId, Instant, ReceiveChecksum, TcpInfo};

use super::{Event, LinkId, Map, NodeId, Observer, flag_names};

/// Writes `packets.csv`, `connections.csv` and `queues.csv`.
///
/// Times are seconds of virtual time with nine decimals; sequence numbers are those on the wire,
/// windows the field as it stands there; sizes are bytes. `packets.csv` has a row for each packet
/// that was put on a link, and a further one (`event` is `dropped`) for each that the head of a
/// queue dropped afterwards. `connections.csv` has a row whenever one of its values changed.
pub struct CsvTables {
    map: Map,
    packets: Writer<File>,
    connections: Writer<File>,
    queues: Writer<File>,
    /// The last row of each connection.
    latest: BTreeMap<(NodeId, ConnectionId), ConnectionRow>,
    /// The first failure to write; nothing is written after it.
    failure: Option<csv::Error>,
}

#[derive(Serialize)]
struct PacketRow<'a> {
    time: String,
    event: &'a str,
    link: usize,
    from: &'a str,
    to: &'a str,
    src: String,
    dst: String,
    flags: String,
    seq: Option<u32>,
    ack: Option<u32>,
    len: usize,
    window: Option<u16>,
    options: String,
    fate: String,
}

#[derive(PartialEq, Serialize)]
struct ConnectionRow {
    time: String,
    host: String,
    local: String,
    remote: String,
    state: String,
    cwnd: u32,
    /// Empty before the first loss.
    ssthresh: Option<u32>,
    in_flight: u64,
    unacked: u64,
    sacked: u64,
    lost: u64,
    not_sent: u64,
    snd_wnd: u32,
    rcv_wnd: u32,
    unread: usize,
    srtt: String,
    rttvar: String,
    min_rtt: String,
    rto: String,
    retransmits: u8,
    total_retrans: u64,
    bytes_acked: u64,
    bytes_received: u64,
}

#[derive(Serialize)]
struct QueueRow<'a> {
    time: String,
    link: usize,
    from: &'a str,
    to: &'a str,
    packets: usize,
    bytes: usize,
}

impl CsvTables {
    /// Starts the tables in a directory, which is made where there is none.
    ///
    /// # Errors
    ///
    /// Where the directory or a file cannot be made.
    pub fn create(directory: impl AsRef<Path>, map: &Map) -> io::Result<CsvTables> {
        let directory = directory.as_ref();
        fs::create_dir_all(directory)?;
        let table = |name| Writer::from_path(directory.join(name)).map_err(io::Error::from);
        Ok(CsvTables {
            map: map.clone(),
            packets: table("packets.csv")?,
            connections: table("connections.csv")?,
            queues: table("queues.csv")?,
            latest: BTreeMap::new(),
            failure: None,
        })
    }

    /// Writes what is still in a buffer.
    ///
    /// # Errors
    ///
    /// Where this, or anything before, could not be written.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(failure) = self.failure.take() {
            return Err(failure.into());
        }
        self.packets.flush()?;
        self.connections.flush()?;
        self.queues.flush()
    }

    fn packet(
        &mut self,
        at: Instant,
        event: &str,
        link: LinkId,
        packet: &[u8],
        fate: String,
    ) -> csv::Result<()> {
        let [from, to] = self.map.end_names(link);
        let mut row = PacketRow {
            time: seconds(at.as_nanos()),
            event,
            link: link.0,
            from,
            to,
            src: String::new(),
            dst: String::new(),
            flags: String::new(),
            seq: None,
            ack: None,
            len: packet.len(),
            window: None,
            options: String::new(),
            fate,
        };
        // What is not TCP keeps those columns empty, and has the length of the whole packet.
        if let Ok(Incoming::Tcp(tcp)) = wire::parse(packet, ReceiveChecksum::Verified) {
            let header = &tcp.segment.header;
            row.src = tcp.src.to_string();
            row.dst = tcp.dst.to_string();
            row.flags = flag_names(header);
            row.seq = Some(header.seq.get());
            row.ack = header.ack.map(|ack| ack.get());
            row.len = tcp.segment.payload.len();
            row.window = Some(header.window.get());
            row.options = options_text(&header.options);
        }
        self.packets.serialize(row)
    }

    fn connection(&mut self, key: (NodeId, ConnectionId), row: ConnectionRow) -> csv::Result<()> {
        if let Some(latest) = self.latest.get_mut(&key) {
            let time = std::mem::replace(&mut latest.time, row.time.clone());
            if *latest == row {
                latest.time = time;
                return Ok(());
            }
        }
        self.connections.serialize(&row)?;
        self.latest.insert(key, row);
        Ok(())
    }

    fn write(&mut self, at: Instant, event: &Event<'_>) -> csv::Result<()> {
        match *event {
            Event::Sent { link, packet, fate } => {
                self.packet(at, "sent", link, packet, fate.to_string())
            }
            Event::Dropped {
                link,
                packet,
                reason,
            } => self.packet(at, "dropped", link, packet, reason.to_string()),
            Event::Arrived { .. } => Ok(()),
            Event::Queue {
                link,
                packets,
                bytes,
            } => {
                let [from, to] = self.map.end_names(link);
                let row = QueueRow {
                    time: seconds(at.as_nanos()),
                    link: link.0,
                    from,
                    to,
                    packets,
                    bytes,
                };
                self.queues.serialize(row)
            }
            Event::Connection {
                host,
                id,
                local,
                remote,
                info,
            } => {
                let host_name = self.map.node_name(host).to_owned();
                let ends = [local.to_string(), remote.to_string()];
                self.connection((host, id), connection_row(at, host_name, ends, info))
            }
        }
    }
}

impl Observer for CsvTables {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        if self.failure.is_none() {
            self.failure = self.write(at, event).err();
        }
    }

    fn wants_connections(&self) -> bool {
        true
    }
}

fn connection_row(
    at: Instant,
    host: String,
    [local, remote]: [String; 2],
    info: &TcpInfo,
) -> ConnectionRow {
    let span = |span: Duration| seconds(span.as_nanos() as u64);
    ConnectionRow {
        time: seconds(at.as_nanos()),
        host,
        local,
        remote,
        state: info.tcpi_state.to_string(),
        cwnd: info.tcpi_snd_cwnd,
        ssthresh: (info.tcpi_snd_ssthresh != u32::MAX).then_some(info.tcpi_snd_ssthresh),
        in_flight: info.in_flight_bytes,
        unacked: info.unacked_bytes,
        sacked: info.sacked_bytes,
        lost: info.lost_bytes,
        not_sent: info.tcpi_notsent_bytes,
        snd_wnd: info.tcpi_snd_wnd,
        rcv_wnd: info.tcpi_rcv_wnd,
        unread: info.unread_bytes,
        srtt: span(info.tcpi_rtt),
        rttvar: span(info.tcpi_rttvar),
        min_rtt: span(info.tcpi_min_rtt),
        rto: span(info.tcpi_rto),
        retransmits: info.tcpi_retransmits,
        total_retrans: info.tcpi_total_retrans,
        bytes_acked: info.tcpi_bytes_acked,
        bytes_received: info.tcpi_bytes_received,
    }
}

fn seconds(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// `mss 1460; wscale 7; sackOK; TS 5 3; sack 100-200 300-400`
fn options_text(options: &Options) -> String {
    let mut texts = Vec::new();
    if let Some(mss) = options.mss {
        texts.push(format!("mss {mss}"));
    }
    if let Some(scale) = options.window_scale {
        texts.push(format!("wscale {}", scale.shift()));
    }
    if options.sack_permitted {
        texts.push("sackOK".to_owned());
    }
    if let Some(timestamps) = options.timestamps {
        texts.push(format!("TS {} {}", timestamps.value, timestamps.echo));
    }
    if !options.sack.is_empty() {
        let blocks = options.sack.as_slice().iter();
        let blocks = blocks.map(|block| format!(" {}-{}", block.start.get(), block.end.get()));
        texts.push(format!("sack{}", blocks.collect::<String>()));
    }
    texts.join("; ")
}
