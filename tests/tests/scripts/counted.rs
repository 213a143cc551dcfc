//! What the stack has counted at the end of each script, and what it says of each connection: as it was noted, to the
//! number. Packets show what a TCP does; only this shows whether it tells its users the truth about it.
//!
//! Where a change of behaviour moves a number on purpose, `TCP_NOTE_COUNTS=1` notes them anew; each line that differs is
//! to be understood then.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tcp_core::TcpInfo;
use tcp_sim::drill::{Checked, Family, Job, check, families};

use crate::{root, scripts};

macro_rules! fields {
    ($($field:ident)*) => {
        /// The fields that a connection that never was has otherwise.
        fn fields(info: &TcpInfo) -> Vec<String> {
            let TcpInfo { $($field),* } = info;
            let nothing = TcpInfo::default();
            let mut fields = Vec::new();
            $(if *$field != nothing.$field {
                let name = stringify!($field);
                fields.push(format!("{}={:?}", name.strip_prefix("tcpi_").unwrap_or(name), $field));
            })*
            fields
        }
    };
}

// All of them: one that is missing here does not compile.
fields! {
    tcpi_state tcpi_retransmits tcpi_probes timestamps sack tcpi_snd_wscale tcpi_rcv_wscale tcpi_rto tcpi_ato tcpi_snd_mss
    tcpi_rcv_mss path_mss mtu_search tcpi_advmss unacked_bytes sacked_bytes lost_bytes in_flight_bytes tcpi_rtt tcpi_rttvar
    tcpi_min_rtt tcpi_snd_ssthresh tcpi_snd_cwnd tcpi_snd_wnd tcpi_rcv_wnd tcpi_rcv_ssthresh tcpi_rcv_space tcpi_rcv_rtt
    recv_buffer send_buffer unread_bytes tcpi_notsent_bytes tcpi_segs_out tcpi_segs_in tcpi_data_segs_out
    tcpi_data_segs_in tcpi_bytes_sent tcpi_bytes_retrans tcpi_bytes_acked tcpi_bytes_received tcpi_total_retrans
    tcpi_rcv_ooopack tcpi_dsack_dups congestion tcpi_ca_state tcpi_backoff tcpi_unacked tcpi_sacked tcpi_lost tcpi_retrans
    tcpi_reordering tcpi_reord_seen reordering_window tcpi_pacing_rate tcpi_max_pacing_rate tcpi_delivery_rate
    tcpi_delivery_rate_app_limited delivered_bytes lost_total_bytes tcpi_delivered_ce ecn ecn_seen syn_data
    tcpi_fastopen_client_fail tcpi_total_rto tcpi_total_rto_recoveries tcpi_total_rto_time tcpi_busy_time
    tcpi_rwnd_limited tcpi_sndbuf_limited tcpi_last_data_sent tcpi_last_data_recv tcpi_last_ack_recv
}

/// As the file has it, of one script.
fn noted(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    let family = families(path, &text, &Family::ALL)[0];
    let directory = path.parent().unwrap();
    let Checked {
        counters,
        connections,
        ..
    } = check(&name, &text, directory, family, &Job::default());
    let mut lines = format!("{name}\n");
    let counted = counters.iter().filter(|&(_, count)| count > 0);
    let counted: Vec<String> = counted
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    writeln!(lines, "  stack {}", counted.join(" ")).unwrap();
    for info in &connections {
        writeln!(lines, "  connection {}", fields(info).join(" ")).unwrap();
    }
    lines
}

/// What one line says that the other does not.
fn news(line: &str, other: &str) -> Vec<String> {
    let other: Vec<&str> = other.split(' ').collect();
    let words = line.split(' ').filter(|word| !other.contains(word));
    words.map(str::to_owned).collect()
}

#[test]
fn what_is_counted_is_what_was_noted() {
    let file = root().join("counted.txt");
    let now: String = scripts().iter().map(|path| noted(path)).collect();
    if std::env::var_os("TCP_NOTE_COUNTS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let before = fs::read_to_string(&file).unwrap();
    let mut script = "";
    for (is, was) in now.lines().zip(before.lines()) {
        if !is.starts_with(' ') {
            script = is;
        }
        let (is, was) = (news(is, was), news(was, is));
        assert!(
            is.is_empty() && was.is_empty(),
            "{script}: {is:?}, noted {was:?}"
        );
    }
    assert_eq!(
        now.len(),
        before.len(),
        "scripts without a note, or notes without a script"
    );
}
