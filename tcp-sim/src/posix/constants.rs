//! Linux's numbers on x86-64, by their names.

macro_rules! constants {
    ($( $about:literal $type:ty { $( $name:ident = $value:expr, )* } )*) => {
        $( $( #[doc = concat!("`", stringify!($name), "`. ", $about)] pub const $name: $type = $value; )* )*

        /// Every constant of this module by name.
        const ALL: &[(&str, i64)] = &[ $( $( (stringify!($name), $value as $type as i64), )* )* ];
    };
}

/// The number that a C program means by this name.
pub fn by_name(name: &str) -> Option<i64> {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

/// Every name, in groups.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

constants! {
    "Address families and socket types (socket(2))." i32 {
        AF_UNSPEC = 0,
        AF_UNIX = 1,
        AF_INET = 2,
        AF_INET6 = 10,
        PF_INET = 2,
        PF_INET6 = 10,
        SOCK_STREAM = 1,
        SOCK_DGRAM = 2,
        SOCK_RAW = 3,
        SOCK_SEQPACKET = 5,
        SOCK_NONBLOCK = 0o4000,
        SOCK_CLOEXEC = 0o2000000,
        IPPROTO_IP = 0,
        IPPROTO_ICMP = 1,
        IPPROTO_TCP = 6,
        IPPROTO_UDP = 17,
        IPPROTO_IPV6 = 41,
        IPPROTO_MPTCP = 262,
        INADDR_ANY = 0,
        SOMAXCONN = 4096,
    }
    "Levels of options (getsockopt(2))." i32 {
        SOL_IP = 0,
        SOL_SOCKET = 1,
        SOL_TCP = 6,
        SOL_IPV6 = 41,
    }
    "Options of SOL_SOCKET (socket(7))." i32 {
        SO_DEBUG = 1,
        SO_REUSEADDR = 2,
        SO_TYPE = 3,
        SO_ERROR = 4,
        SO_DONTROUTE = 5,
        SO_BROADCAST = 6,
        SO_SNDBUF = 7,
        SO_RCVBUF = 8,
        SO_KEEPALIVE = 9,
        SO_OOBINLINE = 10,
        SO_PRIORITY = 12,
        SO_LINGER = 13,
        SO_REUSEPORT = 15,
        SO_RCVLOWAT = 18,
        SO_SNDLOWAT = 19,
        SO_RCVTIMEO = 20,
        SO_SNDTIMEO = 21,
        SO_BINDTODEVICE = 25,
        SO_TIMESTAMP = 29,
        SO_ACCEPTCONN = 30,
        SO_SNDBUFFORCE = 32,
        SO_RCVBUFFORCE = 33,
        SO_MARK = 36,
        SO_TIMESTAMPING = 37,
        SO_PROTOCOL = 38,
        SO_DOMAIN = 39,
        SO_BUSY_POLL = 46,
        SO_MAX_PACING_RATE = 47,
        SO_INCOMING_CPU = 49,
        SO_MEMINFO = 55,
        SO_ZEROCOPY = 60,
    }
    "Options of SOL_TCP (tcp(7))." i32 {
        TCP_NODELAY = 1,
        TCP_MAXSEG = 2,
        TCP_CORK = 3,
        TCP_KEEPIDLE = 4,
        TCP_KEEPINTVL = 5,
        TCP_KEEPCNT = 6,
        TCP_SYNCNT = 7,
        TCP_LINGER2 = 8,
        TCP_DEFER_ACCEPT = 9,
        TCP_WINDOW_CLAMP = 10,
        TCP_INFO = 11,
        TCP_QUICKACK = 12,
        TCP_CONGESTION = 13,
        TCP_MD5SIG = 14,
        TCP_THIN_LINEAR_TIMEOUTS = 16,
        TCP_THIN_DUPACK = 17,
        TCP_USER_TIMEOUT = 18,
        TCP_REPAIR = 19,
        TCP_FASTOPEN = 23,
        TCP_TIMESTAMP = 24,
        TCP_NOTSENT_LOWAT = 25,
        TCP_CC_INFO = 26,
        TCP_SAVE_SYN = 27,
        TCP_SAVED_SYN = 28,
        TCP_FASTOPEN_CONNECT = 30,
        TCP_ULP = 31,
        TCP_FASTOPEN_KEY = 33,
        TCP_FASTOPEN_NO_COOKIE = 34,
        TCP_ZEROCOPY_RECEIVE = 35,
        TCP_INQ = 36,
        TCP_CM_INQ = 36,
        TCP_TX_DELAY = 37,
    }
    "Options of SOL_IP and SOL_IPV6 (ip(7), ipv6(7))." i32 {
        IP_TOS = 1,
        IP_TTL = 2,
        IP_RETOPTS = 7,
        IP_MTU_DISCOVER = 10,
        IP_RECVERR = 11,
        IP_RECVTTL = 12,
        IP_RECVTOS = 13,
        IP_MTU = 14,
        IP_FREEBIND = 15,
        IP_TRANSPARENT = 19,
        IP_BIND_ADDRESS_NO_PORT = 24,
        IP_PMTUDISC_DONT = 0,
        IP_PMTUDISC_WANT = 1,
        IP_PMTUDISC_DO = 2,
        IP_PMTUDISC_PROBE = 3,
        IP_PMTUDISC_INTERFACE = 4,
        IP_PMTUDISC_OMIT = 5,
        IPV6_UNICAST_HOPS = 16,
        IPV6_MTU_DISCOVER = 23,
        IPV6_MTU = 24,
        IPV6_RECVERR = 25,
        IPV6_V6ONLY = 26,
        IPV6_RECVTCLASS = 66,
        IPV6_TCLASS = 67,
        IPV6_PMTUDISC_DONT = 0,
        IPV6_PMTUDISC_WANT = 1,
        IPV6_PMTUDISC_DO = 2,
        IPV6_PMTUDISC_PROBE = 3,
    }
    "Flags of messages (send(2), recv(2))." i32 {
        MSG_OOB = 0x1,
        MSG_PEEK = 0x2,
        MSG_DONTROUTE = 0x4,
        MSG_CTRUNC = 0x8,
        MSG_TRUNC = 0x20,
        MSG_DONTWAIT = 0x40,
        MSG_EOR = 0x80,
        MSG_WAITALL = 0x100,
        MSG_CONFIRM = 0x800,
        MSG_ERRQUEUE = 0x2000,
        MSG_NOSIGNAL = 0x4000,
        MSG_MORE = 0x8000,
        MSG_SPLICE_PAGES = 0x8000000,
        MSG_ZEROCOPY = 0x4000000,
        MSG_FASTOPEN = 0x20000000,
        MSG_CMSG_CLOEXEC = 0x40000000,
    }
    "What is told of sending (kernel: networking/timestamping, networking/msg_zerocopy)." u32 {
        SOF_TIMESTAMPING_TX_HARDWARE = 1 << 0,
        SOF_TIMESTAMPING_TX_SOFTWARE = 1 << 1,
        SOF_TIMESTAMPING_RX_HARDWARE = 1 << 2,
        SOF_TIMESTAMPING_RX_SOFTWARE = 1 << 3,
        SOF_TIMESTAMPING_SOFTWARE = 1 << 4,
        SOF_TIMESTAMPING_SYS_HARDWARE = 1 << 5,
        SOF_TIMESTAMPING_RAW_HARDWARE = 1 << 6,
        SOF_TIMESTAMPING_OPT_ID = 1 << 7,
        SOF_TIMESTAMPING_TX_SCHED = 1 << 8,
        SOF_TIMESTAMPING_TX_ACK = 1 << 9,
        SOF_TIMESTAMPING_OPT_CMSG = 1 << 10,
        SOF_TIMESTAMPING_OPT_TSONLY = 1 << 11,
        SOF_TIMESTAMPING_OPT_STATS = 1 << 12,
        SOF_TIMESTAMPING_OPT_ID_TCP = 1 << 16,
        SCM_TSTAMP_SND = 0,
        SCM_TSTAMP_SCHED = 1,
        SCM_TSTAMP_ACK = 2,
    }
    "Origins and codes of extended errors (ip(7))." u8 {
        SO_EE_ORIGIN_TIMESTAMPING = 4,
        SO_EE_ORIGIN_ZEROCOPY = 5,
        SO_EE_CODE_ZEROCOPY_COPIED = 1,
    }
    "Kinds of ancillary data beside the options of their name (recvmsg(2))." i32 {
        SCM_TIMESTAMPING = 37,
    }
    "Ways to shut down (shutdown(2))." i32 {
        SHUT_RD = 0,
        SHUT_WR = 1,
        SHUT_RDWR = 2,
    }
    "Commands and flags of fcntl(2)." i32 {
        F_DUPFD = 0,
        F_GETFD = 1,
        F_SETFD = 2,
        F_GETFL = 3,
        F_SETFL = 4,
        F_DUPFD_CLOEXEC = 1030,
        FD_CLOEXEC = 1,
        O_RDONLY = 0,
        O_WRONLY = 1,
        O_RDWR = 2,
        O_NONBLOCK = 0o4000,
        O_CLOEXEC = 0o2000000,
    }
    "Requests of ioctl(2) (tcp(7), sockios(7))." i32 {
        FIONREAD = 0x541B,
        SIOCINQ = 0x541B,
        SIOCOUTQ = 0x5411,
        FIONBIO = 0x5421,
        SIOCATMARK = 0x8905,
        SIOCOUTQNSD = 0x894B,
    }
    "Events of poll(2)." i16 {
        POLLIN = 0x1,
        POLLPRI = 0x2,
        POLLOUT = 0x4,
        POLLERR = 0x8,
        POLLHUP = 0x10,
        POLLNVAL = 0x20,
        POLLRDNORM = 0x40,
        POLLRDBAND = 0x80,
        POLLWRNORM = 0x100,
        POLLWRBAND = 0x200,
        POLLMSG = 0x400,
        POLLRDHUP = 0x2000,
    }
    "Events of epoll_ctl(2)." u32 {
        EPOLLIN = 0x1,
        EPOLLPRI = 0x2,
        EPOLLOUT = 0x4,
        EPOLLERR = 0x8,
        EPOLLHUP = 0x10,
        EPOLLRDNORM = 0x40,
        EPOLLRDBAND = 0x80,
        EPOLLWRNORM = 0x100,
        EPOLLWRBAND = 0x200,
        EPOLLMSG = 0x400,
        EPOLLRDHUP = 0x2000,
        EPOLLEXCLUSIVE = 0x1000_0000,
        EPOLLWAKEUP = 0x2000_0000,
        EPOLLONESHOT = 0x4000_0000,
        EPOLLET = 0x8000_0000,
    }
    "Operations of epoll_ctl(2)." i32 {
        EPOLL_CTL_ADD = 1,
        EPOLL_CTL_DEL = 2,
        EPOLL_CTL_MOD = 3,
        EPOLL_CLOEXEC = 0o2000000,
    }
    "States of tcpi_state (netinet/tcp.h)." i32 {
        TCP_ESTABLISHED = 1,
        TCP_SYN_SENT = 2,
        TCP_SYN_RECV = 3,
        TCP_FIN_WAIT1 = 4,
        TCP_FIN_WAIT2 = 5,
        TCP_TIME_WAIT = 6,
        TCP_CLOSE = 7,
        TCP_CLOSE_WAIT = 8,
        TCP_LAST_ACK = 9,
        TCP_LISTEN = 10,
        TCP_CLOSING = 11,
    }
    "States of tcpi_ca_state (linux/tcp.h)." i32 {
        TCP_CA_OPEN = 0,
        TCP_CA_DISORDER = 1,
        TCP_CA_CWR = 2,
        TCP_CA_RECOVERY = 3,
        TCP_CA_LOSS = 4,
    }
    "Bits of tcpi_options (linux/tcp.h)." i32 {
        TCPI_OPT_TIMESTAMPS = 1,
        TCPI_OPT_SACK = 2,
        TCPI_OPT_WSCALE = 4,
        TCPI_OPT_ECN = 8,
        TCPI_OPT_ECN_SEEN = 16,
        TCPI_OPT_SYN_DATA = 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_found() {
        assert_eq!(by_name("SO_REUSEPORT"), Some(15));
        assert_eq!(by_name("EPOLLET"), Some(1 << 31));
        assert_eq!(by_name("SO_NONSENSE"), None);
        for (index, (name, value)) in ALL.iter().enumerate() {
            assert_eq!(by_name(name), Some(*value));
            assert!(
                ALL[..index].iter().all(|(other, _)| other != name),
                "{name}"
            );
        }
    }
}
