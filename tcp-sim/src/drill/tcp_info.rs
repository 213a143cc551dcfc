//! The members of `struct tcp_info` (linux/tcp.h) by their names.

/// Name, offset and width in bytes. Those that are bits of a byte are beside, in [`values`].
const MEMBERS: &[(&str, usize, usize)] = &[
    ("tcpi_state", 0, 1),
    ("tcpi_ca_state", 1, 1),
    ("tcpi_retransmits", 2, 1),
    ("tcpi_probes", 3, 1),
    ("tcpi_backoff", 4, 1),
    ("tcpi_options", 5, 1),
    ("tcpi_rto", 8, 4),
    ("tcpi_ato", 12, 4),
    ("tcpi_snd_mss", 16, 4),
    ("tcpi_rcv_mss", 20, 4),
    ("tcpi_unacked", 24, 4),
    ("tcpi_sacked", 28, 4),
    ("tcpi_lost", 32, 4),
    ("tcpi_retrans", 36, 4),
    ("tcpi_fackets", 40, 4),
    ("tcpi_last_data_sent", 44, 4),
    ("tcpi_last_ack_sent", 48, 4),
    ("tcpi_last_data_recv", 52, 4),
    ("tcpi_last_ack_recv", 56, 4),
    ("tcpi_pmtu", 60, 4),
    ("tcpi_rcv_ssthresh", 64, 4),
    ("tcpi_rtt", 68, 4),
    ("tcpi_rttvar", 72, 4),
    ("tcpi_snd_ssthresh", 76, 4),
    ("tcpi_snd_cwnd", 80, 4),
    ("tcpi_advmss", 84, 4),
    ("tcpi_reordering", 88, 4),
    ("tcpi_rcv_rtt", 92, 4),
    ("tcpi_rcv_space", 96, 4),
    ("tcpi_total_retrans", 100, 4),
    ("tcpi_pacing_rate", 104, 8),
    ("tcpi_max_pacing_rate", 112, 8),
    ("tcpi_bytes_acked", 120, 8),
    ("tcpi_bytes_received", 128, 8),
    ("tcpi_segs_out", 136, 4),
    ("tcpi_segs_in", 140, 4),
    ("tcpi_notsent_bytes", 144, 4),
    ("tcpi_min_rtt", 148, 4),
    ("tcpi_data_segs_in", 152, 4),
    ("tcpi_data_segs_out", 156, 4),
    ("tcpi_delivery_rate", 160, 8),
    ("tcpi_busy_time", 168, 8),
    ("tcpi_rwnd_limited", 176, 8),
    ("tcpi_sndbuf_limited", 184, 8),
    ("tcpi_delivered", 192, 4),
    ("tcpi_delivered_ce", 196, 4),
    ("tcpi_bytes_sent", 200, 8),
    ("tcpi_bytes_retrans", 208, 8),
    ("tcpi_dsack_dups", 216, 4),
    ("tcpi_reord_seen", 220, 4),
    ("tcpi_rcv_ooopack", 224, 4),
    ("tcpi_snd_wnd", 228, 4),
    ("tcpi_rcv_wnd", 232, 4),
    ("tcpi_rehash", 236, 4),
    ("tcpi_total_rto", 240, 2),
    ("tcpi_total_rto_recoveries", 242, 2),
    ("tcpi_total_rto_time", 244, 4),
];

/// Each member that the bytes have, by its name.
pub fn values(bytes: &[u8]) -> Vec<(&'static str, u64)> {
    let mut values: Vec<(&str, u64)> = MEMBERS
        .iter()
        .filter_map(|&(name, at, width)| Some((name, number(bytes.get(at..at + width)?))))
        .collect();
    if let Some(&[scales, bits]) = bytes.get(6..8) {
        values.push(("tcpi_snd_wscale", u64::from(scales & 15)));
        values.push(("tcpi_rcv_wscale", u64::from(scales >> 4)));
        values.push(("tcpi_delivery_rate_app_limited", u64::from(bits & 1)));
        values.push(("tcpi_fastopen_client_fail", u64::from(bits >> 1 & 3)));
    }
    values
}

fn number(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().rev();
    digits.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_in_the_machines_order() {
        let mut bytes = vec![0; 248];
        bytes[6] = 0x87;
        bytes[7] = 0b101;
        bytes[80..84].copy_from_slice(&10_u32.to_le_bytes());
        bytes[200..208].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        let values = values(&bytes);
        let value = |name| values.iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!(value("tcpi_snd_cwnd"), 10);
        assert_eq!(value("tcpi_bytes_sent"), 1 << 40);
        assert_eq!((value("tcpi_snd_wscale"), value("tcpi_rcv_wscale")), (7, 8));
        assert_eq!(value("tcpi_delivery_rate_app_limited"), 1);
        assert_eq!(value("tcpi_fastopen_client_fail"), 2);
    }

    #[test]
    fn no_members_overlap() {
        let mut end = 0;
        for &(name, at, width) in MEMBERS {
            assert!(at >= end && at % width == 0, "{name}");
            end = at + width;
        }
        assert!(values(&[0; 100]).len() < MEMBERS.len());
    }
}
