//! Connections and counters, as `ss -ti` and `nstat` show them.

use std::fmt;

use tcp_core::{Counters, TcpInfo};
use tcp_tun::{Interface, SocketStatus};

use super::text::{self, millis};

/// Prints every connection of the interface to standard error, so that it does not mix with what
/// the command moves.
pub fn show(interface: &Interface) {
    match interface.sockets() {
        Ok(sockets) => text::note(format_args!("{}", Table(&sockets))),
        Err(error) => text::note(format_args!("no status: {error}")),
    }
}

/// Prints what was counted, without what was not.
pub fn show_counters(counters: &Counters) {
    text::note(format_args!("Counted, under the names of nstat:"));
    for (name, value) in counters.iter().filter(|(_, value)| *value > 0) {
        text::note(format_args!("{name:<32}{value:>16}"));
    }
}

/// Connections; displays as `ss -ti` prints them.
struct Table<'a>(&'a [SocketStatus]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<11} {:>8} {:>8} {:<28} Peer Address:Port",
            "State", "Recv-Q", "Send-Q", "Local Address:Port"
        )?;
        for socket in self.0 {
            // As ss: Recv-Q is what the user has not read, Send-Q what the peer has not acknowledged.
            let info = socket.info.as_ref();
            let recv_q = info.map_or(0, |info| info.unread_bytes as u64);
            let send_q = info.map_or(0, |info| info.tcpi_notsent_bytes + info.unacked_bytes);
            let local = socket.local.to_string();
            write!(
                f,
                "\n{:<11} {recv_q:>8} {send_q:>8} {local:<28} {}",
                socket.state, socket.remote
            )?;
            if let Some(info) = info {
                write!(f, "\n\t{}", Details(info))?;
            }
        }
        Ok(())
    }
}

/// One connection's numbers, under the names and in the order of `ss -i`.
struct Details<'a>(&'a TcpInfo);

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.0;
        let mut items: Vec<String> = Vec::new();
        for (agreed, name) in [(info.timestamps, "ts"), (info.sack, "sack")] {
            if agreed {
                items.push(name.into());
            }
        }
        items.push(info.congestion.into());
        if let (Some(theirs), Some(ours)) = (info.tcpi_snd_wscale, info.tcpi_rcv_wscale) {
            items.push(format!("wscale:{theirs},{ours}"));
        }
        items.push(format!("rto:{}", info.tcpi_rto.as_millis()));
        items.push(format!(
            "rtt:{}/{}",
            millis(info.tcpi_rtt),
            millis(info.tcpi_rttvar)
        ));
        items.push(format!("ato:{}", info.tcpi_ato.as_millis()));
        items.push(format!("mss:{}", info.tcpi_snd_mss));
        items.push(format!("rcvmss:{}", info.tcpi_rcv_mss));
        items.push(format!("advmss:{}", info.tcpi_advmss));
        // ss counts segments here; so does the kernel.
        let segments = |bytes: u64| bytes.div_ceil(u64::from(info.tcpi_snd_mss).max(1));
        items.push(format!("cwnd:{}", segments(info.tcpi_snd_cwnd.into())));
        if info.tcpi_snd_ssthresh != u32::MAX {
            let ssthresh = segments(info.tcpi_snd_ssthresh.into());
            items.push(format!("ssthresh:{ssthresh}"));
        }
        self.push_counts(&mut items);
        items.push(format!("snd_wnd:{}", info.tcpi_snd_wnd));
        items.push(format!("rcv_wnd:{}", info.tcpi_rcv_wnd));
        items.push(format!("minrtt:{}", millis(info.tcpi_min_rtt)));
        f.write_str(&items.join(" "))
    }
}

impl Details<'_> {
    /// The counts, without those that are zero.
    fn push_counts(&self, items: &mut Vec<String>) {
        let info = self.0;
        let counts = [
            ("bytes_sent", info.tcpi_bytes_sent),
            ("bytes_retrans", info.tcpi_bytes_retrans),
            ("bytes_acked", info.tcpi_bytes_acked),
            ("bytes_received", info.tcpi_bytes_received),
            ("segs_out", info.tcpi_segs_out),
            ("segs_in", info.tcpi_segs_in),
            ("data_segs_out", info.tcpi_data_segs_out),
            ("data_segs_in", info.tcpi_data_segs_in),
            ("unacked", info.unacked_bytes),
            ("sacked", info.sacked_bytes),
            ("lost", info.lost_bytes),
            ("notsent", info.tcpi_notsent_bytes),
            ("dsack_dups", info.tcpi_dsack_dups),
            ("rcv_ooopack", info.tcpi_rcv_ooopack),
            ("backoff", info.tcpi_retransmits.into()),
            ("probes", info.tcpi_probes.into()),
            ("retrans", info.tcpi_total_retrans),
        ];
        for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
            items.push(format!("{name}:{count}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tcp_core::State;

    fn info() -> TcpInfo {
        TcpInfo {
            tcpi_state: State::Established,
            tcpi_retransmits: 0,
            tcpi_probes: 0,
            timestamps: true,
            sack: true,
            tcpi_snd_wscale: Some(7),
            tcpi_rcv_wscale: Some(5),
            tcpi_rto: Duration::from_millis(204),
            tcpi_ato: Duration::from_millis(40),
            tcpi_snd_mss: 1_448,
            tcpi_rcv_mss: 1_448,
            tcpi_advmss: 1_460,
            unacked_bytes: 100,
            sacked_bytes: 0,
            lost_bytes: 0,
            in_flight_bytes: 100,
            tcpi_rtt: Duration::from_micros(42),
            tcpi_rttvar: Duration::from_micros(7),
            tcpi_min_rtt: Duration::from_micros(30),
            tcpi_snd_ssthresh: u32::MAX,
            tcpi_snd_cwnd: 14_480,
            tcpi_snd_wnd: 65_536,
            tcpi_rcv_wnd: 1_048_576,
            unread_bytes: 5,
            tcpi_notsent_bytes: 23,
            tcpi_segs_out: 4,
            tcpi_segs_in: 3,
            tcpi_data_segs_out: 1,
            tcpi_data_segs_in: 1,
            tcpi_bytes_sent: 100,
            tcpi_bytes_retrans: 0,
            tcpi_bytes_acked: 0,
            tcpi_bytes_received: 5,
            tcpi_total_retrans: 0,
            tcpi_rcv_ooopack: 0,
            tcpi_dsack_dups: 0,
            congestion: "reno",
            ..TcpInfo::default()
        }
    }

    #[test]
    fn connections_read_as_in_ss() {
        let sockets = [
            SocketStatus {
                local: "10.7.0.2:80".parse().unwrap(),
                remote: "10.7.0.1:4000".parse().unwrap(),
                state: State::Established,
                info: Some(info()),
            },
            SocketStatus {
                local: "[fd07::2]:80".parse().unwrap(),
                remote: "[fd07::1]:4000".parse().unwrap(),
                state: State::TimeWait,
                info: None,
            },
        ];
        let text = Table(&sockets).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>(),
            ["ESTAB", "5", "123", "10.7.0.2:80", "10.7.0.1:4000"]
        );
        assert_eq!(
            lines[2],
            "\tts sack reno wscale:7,5 rto:204 rtt:0.042/0.007 ato:40 mss:1448 rcvmss:1448 \
             advmss:1460 cwnd:10 bytes_sent:100 bytes_received:5 segs_out:4 segs_in:3 \
             data_segs_out:1 data_segs_in:1 unacked:100 notsent:23 snd_wnd:65536 \
             rcv_wnd:1048576 minrtt:0.030"
        );
        assert!(lines[3].starts_with("TIME-WAIT"), "{}", lines[3]);
        assert_eq!(lines.len(), 4);
    }
}
