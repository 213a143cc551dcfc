//! Constants that scripts name and sockets here do not: the others are
//! [`posix::constants`](crate::posix::constants).

use crate::posix::{Errno, constants};

/// The number of a C constant of Linux on x86-64.
pub fn by_name(name: &str) -> Option<i64> {
    let other = OTHERS.iter().find(|(known, _)| *known == name);
    constants::by_name(name)
        .or(other.map(|(_, value)| *value))
        .or_else(|| Errno::by_name(name).map(|errno| i64::from(errno.number())))
}

/// The names that assertions in Python use beside those of `struct tcp_info`.
pub fn for_code() -> impl Iterator<Item = (&'static str, i64)> {
    let ours = OTHERS.iter().copied();
    let ours =
        ours.filter(|(name, _)| name.starts_with("TCP_CA_") || name.starts_with("TCPI_OPT_"));
    let shared = [
        "TCP_CA_CWR",
        "TCP_ESTABLISHED",
        "TCP_SYN_SENT",
        "TCP_SYN_RECV",
        "TCP_FIN_WAIT1",
        "TCP_FIN_WAIT2",
        "TCP_TIME_WAIT",
        "TCP_CLOSE",
        "TCP_CLOSE_WAIT",
        "TCP_LAST_ACK",
        "TCP_LISTEN",
        "TCP_CLOSING",
        "TCPI_OPT_TIMESTAMPS",
        "TCPI_OPT_SACK",
        "TCPI_OPT_WSCALE",
        "TCPI_OPT_ECN",
        "TCPI_OPT_ECN_SEEN",
        "TCPI_OPT_SYN_DATA",
    ];
    let shared = shared.into_iter();
    ours.chain(shared.filter_map(|name| Some((name, constants::by_name(name)?))))
}

/// What Python and scripts call the states of congestion control and the bits of `tcpi_options`, and other
/// names of headers.
const OTHERS: &[(&str, i64)] = &[
    ("NULL", 0),
    ("TCP_CA_Open", 0),
    ("TCP_CA_Disorder", 1),
    ("TCP_CA_Recovery", 3),
    ("TCP_CA_Loss", 4),
    ("TCP_NEW_SYN_RECV", 12),
    ("TCPI_OPT_USEC_TS", 64),
    ("TCP_REPAIR_QUEUE", 20),
    ("TCP_QUEUE_SEQ", 21),
    ("TCP_REPAIR_OPTIONS", 22),
    ("TCP_REPAIR_WINDOW", 29),
    ("TCP_COOKIE_TRANSACTIONS", 15),
    ("TCP_MD5SIG_EXT", 32),
    ("SO_TIMESTAMPNS", 35),
    ("SO_RXQ_OVFL", 40),
    ("SO_PEEK_OFF", 42),
    ("SO_TXTIME", 61),
    ("SCM_TIMESTAMP", 29),
    ("SCM_TIMESTAMPNS", 35),
    ("SO_EE_ORIGIN_NONE", 0),
    ("SO_EE_ORIGIN_LOCAL", 1),
    ("SO_EE_ORIGIN_ICMP", 2),
    ("SO_EE_ORIGIN_ICMP6", 3),
    ("SO_EE_ORIGIN_TXSTATUS", 4),
    ("O_CREAT", 0o100),
    ("O_EXCL", 0o200),
    ("O_TRUNC", 0o1000),
    ("O_APPEND", 0o2000),
    ("O_TMPFILE", 0o20200000),
    ("EWOULDBLOCK", 11),
    ("F_SETPIPE_SZ", 1031),
    ("F_GETPIPE_SZ", 1032),
    ("SPLICE_F_MOVE", 1),
    ("SPLICE_F_NONBLOCK", 2),
    ("SPLICE_F_MORE", 4),
    ("SPLICE_F_GIFT", 8),
    ("CAP_NET_ADMIN", 12),
    ("CAP_NET_RAW", 13),
    ("IPPROTO_SCTP", 132),
    ("IPPROTO_UDPLITE", 136),
    ("IPPROTO_ICMPV6", 58),
    ("SOL_UDP", 17),
    ("EPOLL_NONBLOCK", 0o4000),
    ("SIOCGSTAMP", 0x8906),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_sources_are_found() {
        let cases = [("EPOLLIN", 1), ("SCM_TSTAMP_ACK", 2), ("ENOTCONN", 107)];
        for (name, value) in cases {
            assert_eq!(by_name(name), Some(value), "{name}");
        }
        assert_eq!(by_name("NOTHING"), None);
    }

    #[test]
    fn no_name_has_two_sources() {
        for (index, (name, _)) in OTHERS.iter().enumerate() {
            assert!(
                OTHERS[..index].iter().all(|(other, _)| other != name),
                "{name}"
            );
            assert_eq!(constants::by_name(name), None, "{name}");
        }
    }
}
