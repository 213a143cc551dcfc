//! `TcpInfo` for one connection and `Counters` for a stack, with Linux's names.

use core::ops::AddAssign;
use core::time::Duration;

use crate::state::{FastOpenFail, Phase, State};

/// A snapshot of one connection, named as Linux's `struct tcp_info` (`TCP_INFO`). Counts of bytes
/// and segments are since the connection began; times are durations, sizes bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TcpInfo {
    /// The connection's state (RFC 9293 §3.3.2).
    pub tcpi_state: State,
    /// Consecutive retransmission timeouts without progress.
    pub tcpi_retransmits: u8,
    /// Unanswered window or keep-alive probes.
    pub tcpi_probes: u8,
    /// Whether timestamps were agreed on.
    pub timestamps: bool,
    /// Whether SACK was agreed on.
    pub sack: bool,
    /// Shift count of the windows that the peer announces; `None` without window scaling.
    pub tcpi_snd_wscale: Option<u8>,
    /// Shift count of the windows that we announce; `None` without window scaling.
    pub tcpi_rcv_wscale: Option<u8>,
    /// The retransmission timeout, backoff included.
    pub tcpi_rto: Duration,
    /// The delay that an acknowledgement may have now.
    pub tcpi_ato: Duration,
    /// Payload bytes of a full segment that we send.
    pub tcpi_snd_mss: u32,
    /// Payload bytes of a full segment that the peer sends, as far as seen.
    pub tcpi_rcv_mss: u32,
    /// Payload bytes that fit into the largest packet of the path, without options (`tcpi_pmtu` less the
    /// headers).
    pub path_mss: u32,
    /// Bytes of payload and options of the largest segment that is known to pass, and of the largest that may, where
    /// the path's MTU is [searched for](crate::TcpConfig::mtu_probing).
    pub mtu_search: Option<(u16, u16)>,
    /// The MSS that we announced.
    pub tcpi_advmss: u32,
    /// Bytes sent and not cumulatively acknowledged.
    pub unacked_bytes: u64,
    /// Of those, bytes that the peer has selectively acknowledged.
    pub sacked_bytes: u64,
    /// Of those, bytes deemed lost and not yet sent again.
    pub lost_bytes: u64,
    /// Of those, bytes thought to be in the network.
    pub in_flight_bytes: u64,
    /// Smoothed round-trip time; zero before the first measurement.
    pub tcpi_rtt: Duration,
    /// Mean deviation of the round-trip time.
    pub tcpi_rttvar: Duration,
    /// Least round-trip time seen; zero before the first measurement.
    pub tcpi_min_rtt: Duration,
    /// Slow start threshold in bytes; `u32::MAX` before the first loss.
    pub tcpi_snd_ssthresh: u32,
    /// Congestion window in bytes.
    pub tcpi_snd_cwnd: u32,
    /// The peer's window in bytes.
    pub tcpi_snd_wnd: u32,
    /// The window that we last announced, in bytes.
    pub tcpi_rcv_wnd: u32,
    /// The window that is offered at most while everything that arrives is read, in bytes.
    pub tcpi_rcv_ssthresh: u64,
    /// The most bytes that were read in one round trip; zero where the receive buffer is fixed.
    pub tcpi_rcv_space: u64,
    /// The round-trip time as the receiver sees it; zero where the receive buffer is fixed, and before
    /// the first measurement.
    pub tcpi_rcv_rtt: Duration,
    /// Bytes that may wait to be read, now (`SO_RCVBUF`).
    pub recv_buffer: usize,
    /// Bytes that may wait to be sent or acknowledged, now (`SO_SNDBUF`).
    pub send_buffer: usize,
    /// Bytes in order that wait to be read (`SIOCINQ`).
    pub unread_bytes: usize,
    /// Bytes written that have not been sent (`SIOCOUTQNSD`).
    pub tcpi_notsent_bytes: u64,
    /// Segments sent.
    pub tcpi_segs_out: u64,
    /// Segments received.
    pub tcpi_segs_in: u64,
    /// Segments with data sent, retransmissions included.
    pub tcpi_data_segs_out: u64,
    /// Segments with data received.
    pub tcpi_data_segs_in: u64,
    /// Payload bytes sent, retransmissions included.
    pub tcpi_bytes_sent: u64,
    /// Payload bytes sent again.
    pub tcpi_bytes_retrans: u64,
    /// Payload bytes acknowledged.
    pub tcpi_bytes_acked: u64,
    /// Payload bytes received in order.
    pub tcpi_bytes_received: u64,
    /// Segments sent again.
    pub tcpi_total_retrans: u64,
    /// Segments that arrived out of order.
    pub tcpi_rcv_ooopack: u64,
    /// Duplicate SACKs received.
    pub tcpi_dsack_dups: u64,
    /// The congestion control's name.
    pub congestion: &'static str,
    /// Where the repair of losses stands.
    pub tcpi_ca_state: Phase,
    /// How often the retransmission timeout has been doubled.
    pub tcpi_backoff: u8,
    /// Segments sent and not cumulatively acknowledged.
    pub tcpi_unacked: u64,
    /// Of those, segments that the peer has selectively acknowledged.
    pub tcpi_sacked: u64,
    /// Of those, segments deemed lost and not yet sent again.
    pub tcpi_lost: u64,
    /// Segments sent again that are thought to be in the network.
    pub tcpi_retrans: u64,
    /// By how many segments data has been overtaken at most: 3 before it was by more.
    pub tcpi_reordering: u32,
    /// Events of reordering seen: data that was sent once arrived after later data.
    pub tcpi_reord_seen: u64,
    /// How long RACK waits for what may have been overtaken.
    pub reordering_window: Duration,
    /// The rate that the window comes to, and that sending is spread at where it is spread, in bytes a second; `None`
    /// before a round trip was measured.
    pub tcpi_pacing_rate: Option<u64>,
    /// The most bytes a second that the user lets go (`SO_MAX_PACING_RATE`); `None` for no bound.
    pub tcpi_max_pacing_rate: Option<u64>,
    /// The last measure of the rate of delivery, in bytes a second; 0 before the first.
    pub tcpi_delivery_rate: u64,
    /// Whether that measure was bound by what the application sent.
    pub tcpi_delivery_rate_app_limited: bool,
    /// Bytes delivered to the peer, selectively reported ones included.
    pub delivered_bytes: u64,
    /// Bytes found lost, those found wrongly included.
    pub lost_total_bytes: u64,
    /// Segments acknowledged with an ECN echo.
    pub tcpi_delivered_ce: u64,
    /// Whether ECN was agreed on.
    pub ecn: bool,
    /// Whether a packet with an ECN-capable transport has arrived (`TCPI_OPT_ECN_SEEN`).
    pub ecn_seen: bool,
    /// Whether data in the SYN, or in the SYN-ACK that answered one of ours, was acknowledged
    /// (`TCPI_OPT_SYN_DATA`).
    pub syn_data: bool,
    /// Why the client's fast open did without data in the SYN, or had to repeat it.
    pub tcpi_fastopen_client_fail: FastOpenFail,
    /// Retransmission timeouts.
    pub tcpi_total_rto: u64,
    /// Times that a connection recovered from a timeout.
    pub tcpi_total_rto_recoveries: u64,
    /// Time spent recovering from timeouts.
    pub tcpi_total_rto_time: Duration,
    /// Time in which there was something to send or outstanding.
    pub tcpi_busy_time: Duration,
    /// Of that, time in which the peer's window kept the sender from sending.
    pub tcpi_rwnd_limited: Duration,
    /// Of that, time in which the send buffer was full and all of it sent.
    pub tcpi_sndbuf_limited: Duration,
    /// Time since data was last sent; `None` before the first.
    pub tcpi_last_data_sent: Option<Duration>,
    /// Time since data last arrived; `None` before the first.
    pub tcpi_last_data_recv: Option<Duration>,
    /// Time since a segment with an acceptable acknowledgement last arrived.
    pub tcpi_last_ack_recv: Duration,
}

macro_rules! counters {
    ($( $(#[$doc:meta])* $field:ident = $name:literal, )*) => {
        /// Counts of one [`Stack`](crate::Stack) since it began; each names what `nstat` calls it
        /// where Linux counts the same.
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
        pub struct Counters {
            $( $(#[$doc])* #[doc = concat!("\n\n`nstat`: `", $name, "`.")] pub $field: u64, )*
        }

        impl Counters {
            /// Every counter with the name that `nstat` prints.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
                [$( ($name, self.$field), )*].into_iter()
            }
        }

        /// The sum of what several stacks have counted.
        impl AddAssign<&Counters> for Counters {
            fn add_assign(&mut self, other: &Counters) {
                $( self.$field += other.$field; )*
            }
        }
    };
}

counters! {
    /// IP packets handed in.
    ip_in_receives = "IpInReceives",
    /// IP packets dropped for their header: version, length, checksum.
    ip_in_hdr_errors = "IpInHdrErrors",
    /// IP packets whose destination is not ours, or not unicast.
    ip_in_addr_errors = "IpInAddrErrors",
    /// IP packets whose protocol is neither TCP nor ICMP.
    ip_in_unknown_protos = "IpInUnknownProtos",
    /// IP packets shorter than they say.
    ip_in_truncated = "IpExtInTruncatedPkts",
    /// IP fragments refused: there is no reassembly of datagrams here.
    ip_fragments_refused = "IpReasmFails",
    /// Packets whose source is not a possible sender: unspecified, broadcast, multicast.
    ip_in_martians = "IpInMartians",
    /// ICMP messages received.
    icmp_in_msgs = "IcmpInMsgs",
    /// ICMP messages dropped as malformed or with a bad checksum.
    icmp_in_errors = "IcmpInErrors",
    /// ICMP errors whose sequence number is outside of what is outstanding.
    icmp_out_of_window = "TcpExtOutOfWindowIcmps",
    /// TCP segments received, errors included; of those that came in one packet, each.
    in_segs = "TcpInSegs",
    /// TCP segments sent, retransmissions not included.
    out_segs = "TcpOutSegs",
    /// TCP segments sent again.
    retrans_segs = "TcpRetransSegs",
    /// TCP segments dropped as malformed, bad checksums included.
    in_errs = "TcpInErrs",
    /// TCP segments whose checksum was wrong.
    in_csum_errors = "TcpInCsumErrors",
    /// TCP segments with a malformed option; the options before it are used.
    bad_options = "TcpExtTCPBadOptions",
    /// RST segments sent.
    out_rsts = "TcpOutRsts",
    /// Connections that we opened: transitions to SYN-SENT.
    active_opens = "TcpActiveOpens",
    /// Connections that peers opened: handshakes completed from LISTEN.
    passive_opens = "TcpPassiveOpens",
    /// Handshakes that failed.
    attempt_fails = "TcpAttemptFails",
    /// Established connections that ended by a reset or an error.
    estab_resets = "TcpEstabResets",
    /// Connections in ESTABLISHED or CLOSE-WAIT now.
    curr_estab = "TcpCurrEstab",
    /// Completed handshakes that found the accept queue full.
    listen_overflows = "TcpExtListenOverflows",
    /// SYNs and final ACKs dropped at a listener.
    listen_drops = "TcpExtListenDrops",
    /// SYNs answered by a cookie because the SYN queue was full.
    req_q_full_do_cookies = "TcpExtTCPReqQFullDoCookies",
    /// SYN cookies sent.
    syncookies_sent = "TcpExtSyncookiesSent",
    /// SYN cookies that came back.
    syncookies_recv = "TcpExtSyncookiesRecv",
    /// Acknowledgements that should have brought a cookie back, and did not.
    syncookies_failed = "TcpExtSyncookiesFailed",
    /// SYNs dropped because the SYN queue was full.
    req_q_full_drop = "TcpExtTCPReqQFullDrop",
    /// Retransmission timeouts.
    timeouts = "TcpExtTCPTimeouts",
    /// SYN and SYN-ACK segments sent again.
    syn_retrans = "TcpExtTCPSynRetrans",
    /// Segments sent again by fast retransmit.
    fast_retrans = "TcpExtTCPFastRetrans",
    /// Entries into recovery with SACK.
    sack_recovery = "TcpExtTCPSackRecovery",
    /// Entries into recovery without SACK.
    reno_recovery = "TcpExtTCPRenoRecovery",
    /// Segments found lost again after they had been sent again.
    lost_retransmit = "TcpExtTCPLostRetransmit",
    /// Segments sent again after a timeout.
    slow_start_retrans = "TcpExtTCPSlowStartRetrans",
    /// Tail loss probes sent.
    loss_probes = "TcpExtTCPLossProbes",
    /// Tail losses that the probe itself repaired.
    loss_probe_recovery = "TcpExtTCPLossProbeRecovery",
    /// Reductions taken back during recovery, by timestamps.
    partial_undo = "TcpExtTCPPartialUndo",
    /// Reductions taken back at the end of recovery, by timestamps.
    full_undo = "TcpExtTCPFullUndo",
    /// Reductions taken back because all that was sent again was reported as duplicate.
    dsack_undo = "TcpExtTCPDSACKUndo",
    /// Timeouts taken back, by timestamps or by F-RTO.
    loss_undo = "TcpExtTCPLossUndo",
    /// Timeouts found to be spurious by F-RTO.
    spurious_rtos = "TcpExtTCPSpuriousRTOs",
    /// Timeouts during recovery.
    recovery_fail = "TcpExtTCPSackRecoveryFail",
    /// Peers that took back what they had reported by SACK.
    sack_reneging = "TcpExtTCPSACKReneging",
    /// Times that reordering was seen by SACK.
    sack_reorder = "TcpExtTCPSACKReorder",
    /// Probes of the path's MTU that were lost, and nothing else.
    mtup_fail = "TcpExtTCPMTUPFail",
    /// Probes of the path's MTU that arrived.
    mtup_success = "TcpExtTCPMTUPSuccess",
    /// TCP packets received that the network had marked (CE).
    in_ce_pkts = "IpExtInCEPkts",
    /// TCP packets received with ECT(0).
    in_ect0_pkts = "IpExtInECT0Pkts",
    /// TCP packets received with ECT(1).
    in_ect1_pkts = "IpExtInECT1Pkts",
    /// TCP packets received without an ECN-capable transport.
    in_no_ect_pkts = "IpExtInNoECTPkts",
    /// Segments acknowledged with an ECN echo.
    delivered_ce = "TcpExtTCPDeliveredCE",
    /// Segments that arrived out of order and were kept.
    ofo_queue = "TcpExtTCPOFOQueue",
    /// Segments with data beyond the window offered, or that found no room.
    rcv_q_drop = "TcpExtTCPRcvQDrop",
    /// Duplicate SACKs sent.
    dsack_sent = "TcpExtTCPDSACKOldSent",
    /// Duplicate SACKs received.
    dsack_recv = "TcpExtTCPDSACKRecv",
    /// Segments rejected by PAWS.
    paws_estab = "TcpExtPAWSEstab",
    /// Challenge ACKs sent (RFC 5961).
    challenge_ack = "TcpExtTCPChallengeACK",
    /// Segments whose acknowledgement number was unacceptable.
    ack_unacceptable = "TcpExtTCPAckUnacceptable",
    /// Answers to out-of-window segments withheld by the rate limit.
    ack_skipped = "TcpExtTCPACKSkippedSeq",
    /// Acknowledgements sent after a delay.
    delayed_acks = "TcpExtDelayedACKs",
    /// Segments received that were as predicted.
    hp_hits = "TcpExtTCPHPHits",
    /// Pure acknowledgements received.
    pure_acks = "TcpExtTCPPureAcks",
    /// Window probes sent.
    win_probes = "TcpExtTCPWinProbe",
    /// Keep-alive probes sent.
    keep_alives = "TcpExtTCPKeepAlive",
    /// Windows of zero announced.
    to_zero_window = "TcpExtTCPToZeroWindowAdv",
    /// Windows opened again after zero.
    from_zero_window = "TcpExtTCPFromZeroWindowAdv",
    /// Connections ended because data arrived after close.
    abort_on_data = "TcpExtTCPAbortOnData",
    /// Connections ended because they were closed with data unread, or by `linger` of zero.
    abort_on_close = "TcpExtTCPAbortOnClose",
    /// Connections ended by retransmission, probe, keep-alive or user timeout.
    abort_on_timeout = "TcpExtTCPAbortOnTimeout",
    /// Connections that entered TIME-WAIT.
    time_wait = "TcpExtTW",
    /// Connections in TIME-WAIT that a new SYN reopened.
    time_wait_recycled = "TcpExtTWRecycled",
    /// Connections that found no room in TIME-WAIT.
    time_wait_overflow = "TcpExtTCPTimeWaitOverflow",
    /// Our SYNs whose data was acknowledged by the SYN-ACK (fast open).
    fast_open_active = "TcpExtTCPFastOpenActive",
    /// Our SYNs with data of which not all was acknowledged by the SYN-ACK, and fast opens that met with
    /// repeated timeouts.
    fast_open_active_fail = "TcpExtTCPFastOpenActiveFail",
    /// Connections that peers opened by fast open.
    fast_open_passive = "TcpExtTCPFastOpenPassive",
    /// SYNs whose cookie was wrong.
    fast_open_passive_fail = "TcpExtTCPFastOpenPassiveFail",
    /// SYNs whose cookie was made by the backup key.
    fast_open_passive_alt_key = "TcpExtTCPFastOpenPassiveAltKey",
    /// SYNs that found a listener's queue of fast opens full.
    fast_open_listen_overflow = "TcpExtTCPFastOpenListenOverflow",
    /// SYNs that asked for a cookie.
    fast_open_cookie_reqd = "TcpExtTCPFastOpenCookieReqd",
    /// Times that fast open was paused because the network seems to swallow it.
    fast_open_blackhole = "TcpExtTCPFastOpenBlackhole",
    /// Stateless answers that found no room in the output queue.
    reply_drops = "TcpExtReplyDrops",
    /// Segments of no connection that were not answered by a reset, since too many were.
    reset_rate_limited = "TcpExtResetRateLimited",
    /// Challenge ACKs withheld by the stack's limit.
    ack_skipped_challenge = "TcpExtTCPACKSkippedChallenge",
    /// Connections, and SYNs, refused because there were too many connections.
    too_many_connections = "TcpExtTooManyConnections",
    /// Connections, and SYNs, refused because buffers held too much.
    refused_for_memory = "TcpExtRefusedForMemory",
    /// Times that memory pressure began.
    memory_pressures = "TcpExtTCPMemoryPressures",
    /// Connections ended for want of memory, or since there were too many orphans.
    abort_on_memory = "TcpExtTCPAbortOnMemory",
    /// Segments out of order dropped for want of memory, or as too far or too many.
    ofo_drop = "TcpExtTCPOFODrop",
    /// Orphans now.
    orphans = "SockstatTCPOrphan",
}
