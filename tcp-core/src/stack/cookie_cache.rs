//! What clients remember of servers that they opened fast to (RFC 7413 §4.1.3; Linux's `tcp_fastopen_cache_set`).

use alloc::collections::{BTreeMap, VecDeque};
use core::net::IpAddr;

use crate::wire::{Cookie, FastOpenForm, FastOpenOption};

/// Whom something is remembered of: our address, and the server's.
pub(super) type Path = (IpAddr, IpAddr);

/// Servers, at most as many as the configuration allows; the one learnt first gives way.
#[derive(Clone, Debug, Default)]
pub(super) struct CookieCache {
    servers: BTreeMap<Path, Server>,
    /// The same in the order in which they were learnt.
    by_age: VecDeque<Path>,
}

/// What is known of one server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Server {
    /// The MSS that it announced last.
    pub(super) mss: Option<u16>,
    /// Its cookie, in the form in which it gave it.
    cookie: Option<FastOpenOption>,
    /// Forms of the option that it has not understood.
    refused: Refused,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Refused {
    #[default]
    None,
    /// The next request is in the experimental form.
    Assigned,
    /// So is none any more.
    Both,
}

impl Server {
    /// The option of the next SYN: the cookie, or the request for one.
    pub(super) fn option(&self) -> FastOpenOption {
        let form = match self.refused {
            Refused::Assigned => FastOpenForm::Experimental,
            Refused::None | Refused::Both => FastOpenForm::Assigned,
        };
        let cookie = Cookie::REQUEST;
        self.cookie.unwrap_or(FastOpenOption { cookie, form })
    }
}

impl CookieCache {
    pub(super) fn get(&self, path: Path) -> Server {
        self.servers.get(&path).copied().unwrap_or_default()
    }

    /// A SYN-ACK told this; of `limit` servers something is remembered.
    pub(super) fn learn(
        &mut self,
        path: Path,
        mss: u16,
        cookie: Option<FastOpenOption>,
        refused: Option<FastOpenForm>,
        limit: usize,
    ) {
        if limit == 0 {
            return;
        }
        if !self.servers.contains_key(&path) {
            while self.by_age.len() >= limit {
                let oldest = self.by_age.pop_front();
                oldest.map(|oldest| self.servers.remove(&oldest));
            }
            self.by_age.push_back(path);
        }
        let server = self.servers.entry(path).or_default();
        server.mss = Some(mss);
        server.cookie = cookie.or(server.cookie);
        if server.cookie.is_none() {
            let refused = match refused {
                None => Refused::None,
                Some(FastOpenForm::Assigned) => Refused::Assigned,
                Some(FastOpenForm::Experimental) => Refused::Both,
            };
            server.refused = server.refused.max(refused);
        }
    }

    /// Forgets everything (`ip tcp_metrics flush all`).
    pub(super) fn clear(&mut self) {
        *self = CookieCache::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    fn path(last: u8) -> Path {
        let ours = Ipv4Addr::new(10, 0, 0, 1);
        (ours.into(), Ipv4Addr::new(10, 0, 0, last).into())
    }

    fn given(byte: u8) -> Option<FastOpenOption> {
        let cookie = Cookie::new(&[byte; 8]).unwrap();
        let form = FastOpenForm::Assigned;
        Some(FastOpenOption { cookie, form })
    }

    #[test]
    fn the_one_learnt_first_gives_way() {
        let mut cache = CookieCache::default();
        for last in 2..6 {
            cache.learn(path(last), 1_000, given(last), None, 3);
        }
        cache.learn(path(3), 500, None, None, 3);
        assert_eq!(cache.get(path(2)), Server::default());
        assert_eq!(Some(cache.get(path(3)).option()), given(3));
        assert_eq!(cache.get(path(3)).mss, Some(500));
        assert_eq!((cache.servers.len(), cache.by_age.len()), (3, 3));
        cache.learn(path(7), 1_000, given(7), None, 0);
        assert_eq!(
            cache.get(path(7)),
            Server::default(),
            "nothing is to be kept"
        );
        cache.clear();
        assert_eq!(cache.get(path(5)), Server::default());
    }

    #[test]
    fn a_form_that_is_not_understood_gives_way_to_the_other() {
        let mut cache = CookieCache::default();
        let mut forms = alloc::vec::Vec::new();
        for _ in 0..4 {
            let form = cache.get(path(2)).option().form;
            forms.push(form);
            cache.learn(path(2), 1_000, None, Some(form), 9);
        }
        use FastOpenForm::{Assigned, Experimental};
        assert_eq!(forms, [Assigned, Experimental, Assigned, Assigned]);
    }
}
