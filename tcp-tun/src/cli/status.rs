//! Connections and counters, as `ss -ti` and `nstat` show them.

use std::fmt;

use tcp_core::TcpInfo;
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
pub fn show_counters(interface: &Interface) {
    text::note(format_args!("Counted, under the names of nstat:"));
    let (counters, device) = (interface.counters(), interface.device_counters());
    // Of these nstat knows nothing: the kernel has one stack, and network cards count for themselves.
    let of_the_device = [
        ("DeviceRxNaps", device.rx_naps),
        ("QueueHandedOver", device.rx_handed_over),
        ("QueueHandoverDrops", device.rx_handover_drops),
    ];
    let all = counters.iter().chain(of_the_device);
    for (name, value) in all.filter(|(_, value)| *value > 0) {
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

/// One connection's numbers, under the names, in the units and in the order of `ss -ti`. What is zero
/// is left out where ss leaves it out.
struct Details<'a>(&'a TcpInfo);

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items: Vec<String> = Vec::new();
        self.push_agreed(&mut items);
        self.push_state(&mut items);
        self.push_volume(&mut items);
        self.push_rates(&mut items);
        self.push_limits(&mut items);
        self.push_repair(&mut items);
        self.push_windows(&mut items);
        f.write_str(&items.join(" "))
    }
}

impl Details<'_> {
    fn push_agreed(&self, items: &mut Vec<String>) {
        let info = self.0;
        let agreed = [
            (info.timestamps, "ts"),
            (info.sack, "sack"),
            (info.ecn, "ecn"),
            (info.ecn_seen, "ecnseen"),
        ];
        items.extend(names(&agreed));
        items.push(info.congestion.into());
        if let (Some(theirs), Some(ours)) = (info.tcpi_snd_wscale, info.tcpi_rcv_wscale) {
            items.push(format!("wscale:{theirs},{ours}"));
        }
    }

    fn push_state(&self, items: &mut Vec<String>) {
        let info = self.0;
        items.push(format!("rto:{}", info.tcpi_rto.as_millis()));
        items.extend(counts(&[("backoff", info.tcpi_backoff.into())]));
        items.push(format!(
            "rtt:{}/{}",
            millis(info.tcpi_rtt),
            millis(info.tcpi_rttvar)
        ));
        items.push(format!("ato:{}", info.tcpi_ato.as_millis()));
        items.push(format!("mss:{}", info.tcpi_snd_mss));
        items.push(format!("rcvmss:{}", info.tcpi_rcv_mss));
        items.push(format!("advmss:{}", info.tcpi_advmss));
        let cwnd = self.segments(info.tcpi_snd_cwnd.into());
        items.push(format!("cwnd:{cwnd}"));
        if info.tcpi_snd_ssthresh != u32::MAX {
            let ssthresh = self.segments(info.tcpi_snd_ssthresh.into());
            items.push(format!("ssthresh:{ssthresh}"));
        }
    }

    fn push_volume(&self, items: &mut Vec<String>) {
        let info = self.0;
        items.extend(counts(&[
            ("bytes_sent", info.tcpi_bytes_sent),
            ("bytes_retrans", info.tcpi_bytes_retrans),
            ("bytes_acked", info.tcpi_bytes_acked),
            ("bytes_received", info.tcpi_bytes_received),
            ("segs_out", info.tcpi_segs_out),
            ("segs_in", info.tcpi_segs_in),
            ("data_segs_out", info.tcpi_data_segs_out),
            ("data_segs_in", info.tcpi_data_segs_in),
        ]));
    }

    fn push_rates(&self, items: &mut Vec<String>) {
        let info = self.0;
        if let Some(pace) = info.tcpi_pacing_rate {
            items.push(format!("pacing_rate {}", bits_per_second(pace)));
        }
        if info.tcpi_delivery_rate > 0 {
            let rate = bits_per_second(info.tcpi_delivery_rate);
            items.push(format!("delivery_rate {rate}"));
        }
        items.extend(counts(&[
            ("delivered", self.segments(info.delivered_bytes)),
            ("delivered_ce", info.tcpi_delivered_ce),
        ]));
        let limits = [(info.tcpi_delivery_rate_app_limited, "app_limited")];
        items.extend(names(&limits));
    }

    /// How long there was something to send, and what kept it from being sent.
    fn push_limits(&self, items: &mut Vec<String>) {
        let info = self.0;
        let busy = info.tcpi_busy_time;
        if busy.is_zero() {
            return;
        }
        items.push(format!("busy:{}ms", busy.as_millis()));
        for (name, span) in [
            ("rwnd_limited", info.tcpi_rwnd_limited),
            ("sndbuf_limited", info.tcpi_sndbuf_limited),
        ] {
            if !span.is_zero() {
                let percent = 100.0 * span.as_secs_f64() / busy.as_secs_f64();
                items.push(format!("{name}:{}ms({percent:.1}%)", span.as_millis()));
            }
        }
    }

    fn push_repair(&self, items: &mut Vec<String>) {
        let info = self.0;
        items.extend(counts(&[
            ("unacked", info.tcpi_unacked),
            ("retrans", info.tcpi_total_retrans),
            ("lost", info.tcpi_lost),
            ("sacked", info.tcpi_sacked),
            ("dsack_dups", info.tcpi_dsack_dups),
            ("reord_seen", info.tcpi_reord_seen),
            ("probes", info.tcpi_probes.into()),
        ]));
    }

    fn push_windows(&self, items: &mut Vec<String>) {
        let info = self.0;
        items.extend(counts(&[("notsent", info.tcpi_notsent_bytes)]));
        items.push(format!("minrtt:{}", millis(info.tcpi_min_rtt)));
        items.extend(counts(&[("rcv_ooopack", info.tcpi_rcv_ooopack)]));
        items.push(format!("snd_wnd:{}", info.tcpi_snd_wnd));
        items.push(format!("rcv_wnd:{}", info.tcpi_rcv_wnd));
    }

    /// ss counts segments where we count bytes; so does the kernel.
    fn segments(&self, bytes: u64) -> u64 {
        bytes.div_ceil(u64::from(self.0.tcpi_snd_mss).max(1))
    }
}

/// The counts that are not zero.
fn counts(counts: &[(&str, u64)]) -> impl Iterator<Item = String> {
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    counts.map(|(name, count)| format!("{name}:{count}"))
}

/// The names of what is the case.
fn names(facts: &[(bool, &str)]) -> impl Iterator<Item = String> {
    let facts = facts.iter().filter(|(is_so, _)| *is_so);
    facts.map(|(_, name)| (*name).to_owned())
}

/// A rate in bytes a second as ss writes it.
fn bits_per_second(bytes: u64) -> String {
    let bits = bytes as f64 * 8.0;
    for (unit, name) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")] {
        if bits > unit {
            return format!("{:.1}{name}bps", bits / unit);
        }
    }
    format!("{bits}bps")
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
            tcpi_unacked: 1,
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
                queue: 0,
                info: Some(info()),
            },
            SocketStatus {
                local: "[fd07::2]:80".parse().unwrap(),
                remote: "[fd07::1]:4000".parse().unwrap(),
                state: State::TimeWait,
                queue: 0,
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
             data_segs_out:1 data_segs_in:1 unacked:1 notsent:23 minrtt:0.030 snd_wnd:65536 \
             rcv_wnd:1048576"
        );
        assert!(lines[3].starts_with("TIME-WAIT"), "{}", lines[3]);
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_sender_in_trouble_reads_as_in_ss() {
        let info = TcpInfo {
            ecn: true,
            ecn_seen: true,
            congestion: "cubic",
            tcpi_backoff: 2,
            tcpi_snd_ssthresh: 7_240,
            tcpi_pacing_rate: Some(15_625_000),
            tcpi_delivery_rate: 1_234,
            tcpi_delivery_rate_app_limited: true,
            delivered_bytes: 14_480,
            tcpi_delivered_ce: 3,
            tcpi_busy_time: Duration::from_millis(40),
            tcpi_rwnd_limited: Duration::from_millis(10),
            tcpi_sndbuf_limited: Duration::from_millis(5),
            tcpi_total_retrans: 6,
            tcpi_lost: 2,
            tcpi_sacked: 4,
            tcpi_dsack_dups: 1,
            tcpi_reord_seen: 5,
            ..info()
        };
        let text = Details(&info).to_string();
        assert_eq!(
            text,
            "ts sack ecn ecnseen cubic wscale:7,5 rto:204 backoff:2 rtt:0.042/0.007 ato:40 \
             mss:1448 rcvmss:1448 advmss:1460 cwnd:10 ssthresh:5 bytes_sent:100 bytes_received:5 \
             segs_out:4 segs_in:3 data_segs_out:1 data_segs_in:1 pacing_rate 125.0Mbps \
             delivery_rate 9.9Kbps delivered:10 delivered_ce:3 app_limited busy:40ms \
             rwnd_limited:10ms(25.0%) sndbuf_limited:5ms(12.5%) unacked:1 retrans:6 lost:2 sacked:4 \
             dsack_dups:1 reord_seen:5 notsent:23 minrtt:0.030 snd_wnd:65536 rcv_wnd:1048576"
        );
    }

    #[test]
    fn rates_have_units_from_a_thousand_on() {
        assert_eq!(bits_per_second(100), "800bps");
        assert_eq!(bits_per_second(1_000), "8.0Kbps");
        assert_eq!(bits_per_second(250_000_000), "2.0Gbps");
    }
}
