//! The cookies that a server gives (RFC 7413 §4.1.2), as Linux makes them: whoever has the same key finds
//! the same.

use core::net::{IpAddr, SocketAddr};

use super::keys::Key;
use crate::config::FastOpenKeys;
use crate::wire::Cookie;

/// Which key a cookie was made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MadeBy {
    Primary,
    Backup,
}

/// The cookie that a server with this key gives a client (RFC 7413 §4.1.2), as Linux makes it: SipHash-2-4 of the client's
/// address and the server's, the least byte first.
pub fn fast_open_cookie(key: &[u8; 16], client: IpAddr, server: IpAddr) -> Cookie {
    let key = Key::from_bytes(key);
    let hash = match (client, server) {
        (IpAddr::V4(client), IpAddr::V4(server)) => {
            key.hash([client.octets(), server.octets()].as_flattened())
        }
        (client, server) => {
            let octets = [client, server].map(|ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            });
            key.hash(octets.as_flattened())
        }
    };
    Cookie::new(&hash.to_le_bytes()).unwrap_or(Cookie::REQUEST)
}

/// Which of the keys has made the cookie that this client shows.
pub(super) fn verify(
    keys: &FastOpenKeys,
    shown: &Cookie,
    client: SocketAddr,
    server: SocketAddr,
) -> Option<MadeBy> {
    let matches = |key: &[u8; 16]| fast_open_cookie(key, client.ip(), server.ip()) == *shown;
    if matches(&keys.primary) {
        return Some(MadeBy::Primary);
    }
    let backup = keys.backup.as_ref();
    backup.is_some_and(matches).then_some(MadeBy::Backup)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `net.ipv4.tcp_fastopen_key` of a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4.
    const KEY: [u8; 16] = [
        0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2, 0xc3, 0xc3, 0xc3, 0xc3, 0xd4, 0xd4, 0xd4,
        0xd4,
    ];

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn cookies_are_those_of_linux() {
        let made = |client: &str, server: &str| {
            fast_open_cookie(&KEY, client.parse().unwrap(), server.parse().unwrap())
        };
        let bytes = [0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb];
        assert_eq!(made("192.0.2.1", "192.168.0.1").as_bytes(), bytes);
    }

    #[test]
    fn a_cookie_holds_for_both_keys_and_for_one_client() {
        let keys = FastOpenKeys {
            primary: [1; 16],
            backup: Some(KEY),
        };
        let [client, other, server] = ["10.0.0.1:9", "10.0.0.2:9", "10.0.0.3:80"].map(address);
        let old = fast_open_cookie(&KEY, client.ip(), server.ip());
        let new = fast_open_cookie(&keys.primary, client.ip(), server.ip());
        assert_eq!(verify(&keys, &old, client, server), Some(MadeBy::Backup));
        assert_eq!(verify(&keys, &new, client, server), Some(MadeBy::Primary));
        assert_eq!(verify(&keys, &new, other, server), None);
        let keys = FastOpenKeys {
            backup: None,
            ..keys
        };
        assert_eq!(verify(&keys, &old, client, server), None);
    }
}
