//! Which link leads where.

use std::collections::{BTreeMap, VecDeque};

use crate::record::{LinkId, NodeId};

/// The way from any node to any host along the fewest links; of several such ways, the one over
/// the links that were named first. Hosts do not forward.
///
/// A host with one link is reached over its neighbour, so that tables are as large as the middle of
/// a network and not as its rim.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    hosts: usize,
    /// The links that leave each node.
    leaving: Vec<Vec<Hop>>,
    /// For each destination in the middle, the link that each node takes.
    tables: BTreeMap<usize, Vec<Option<LinkId>>>,
}

#[derive(Clone, Copy, Debug)]
struct Hop {
    link: LinkId,
    to: usize,
}

impl Routes {
    /// The routes among nodes of which the first `hosts` are hosts, over links from and to them.
    pub(super) fn new(hosts: usize, nodes: usize, links: &[[NodeId; 2]]) -> Routes {
        let mut leaving = vec![Vec::new(); nodes];
        for (index, [from, to]) in links.iter().enumerate() {
            leaving[from.0].push(Hop {
                link: LinkId(index),
                to: to.0,
            });
        }
        let mut routes = Routes {
            hosts,
            leaving,
            tables: BTreeMap::new(),
        };
        for host in 0..hosts {
            let middle = routes.door(host).map_or(host, |(neighbour, _)| neighbour);
            if !routes.tables.contains_key(&middle) {
                let table = routes.table(middle, links);
                routes.tables.insert(middle, table);
            }
        }
        routes
    }

    /// The link that `node` sends on to reach `host`. A node with one link has no choice, and sends
    /// on it what is for nobody, too.
    pub(super) fn next(&self, node: NodeId, host: Option<usize>) -> Option<LinkId> {
        if let [only] = self.leaving[node.0].as_slice() {
            return Some(only.link);
        }
        let host = host.filter(|host| *host < self.hosts)?;
        let (middle, last) = match self.door(host) {
            Some((neighbour, link)) => (neighbour, Some(link)),
            None => (host, None),
        };
        if node.0 == middle {
            return last;
        }
        self.tables.get(&middle)?[node.0]
    }

    /// Whether packets from one host come to another.
    pub(super) fn reaches(&self, from: usize, to: usize) -> bool {
        let mut node = from;
        for _ in 0..=self.leaving.len() {
            if node == to {
                return true;
            }
            if node != from && node < self.hosts {
                return false;
            }
            let Some(link) = self.next(NodeId(node), Some(to)) else {
                return false;
            };
            let hop = self.leaving[node].iter().find(|hop| hop.link == link);
            let Some(hop) = hop else { return false };
            node = hop.to;
        }
        false
    }

    /// The neighbour of a host that has but one link, and the neighbour's link to it.
    fn door(&self, host: usize) -> Option<(usize, LinkId)> {
        let [only] = self.leaving[host].as_slice() else {
            return None;
        };
        let back = self.leaving[only.to].iter().find(|hop| hop.to == host)?;
        Some((only.to, back.link))
    }

    /// The first link of the way from each node to `destination`, found from there backwards.
    fn table(&self, destination: usize, links: &[[NodeId; 2]]) -> Vec<Option<LinkId>> {
        let mut first = vec![None; self.leaving.len()];
        let mut queue = VecDeque::from([destination]);
        while let Some(node) = queue.pop_front() {
            for hop in &self.leaving[node] {
                // The two directions of a link have neighbouring numbers.
                let towards = LinkId(hop.link.0 ^ 1);
                debug_assert_eq!(links[towards.0], [NodeId(hop.to), NodeId(node)]);
                if hop.to == destination || first[hop.to].is_some() {
                    continue;
                }
                first[hop.to] = Some(towards);
                if hop.to >= self.hosts {
                    queue.push_back(hop.to);
                }
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duplex(pairs: &[(usize, usize)]) -> Vec<[NodeId; 2]> {
        let both = |&(a, b): &(usize, usize)| [[NodeId(a), NodeId(b)], [NodeId(b), NodeId(a)]];
        pairs.iter().flat_map(both).collect()
    }

    /// Where a packet goes from `from` on its way to `to`.
    fn way(routes: &Routes, links: &[[NodeId; 2]], from: usize, to: usize) -> Vec<usize> {
        let mut nodes = vec![from];
        while let Some(at) = nodes.last().copied()
            && at != to
        {
            let link = routes.next(NodeId(at), Some(to)).expect("a way");
            nodes.push(links[link.0][1].0);
        }
        nodes
    }

    #[test]
    fn the_shortest_way_is_taken() {
        // Hosts 0 to 2, routers 3 to 6: a ring of routers with a host at three of them.
        let links = duplex(&[(3, 4), (4, 5), (5, 6), (6, 3), (0, 3), (1, 4), (2, 5)]);
        let routes = Routes::new(3, 7, &links);
        assert_eq!(way(&routes, &links, 0, 1), [0, 3, 4, 1]);
        assert_eq!(way(&routes, &links, 1, 2), [1, 4, 5, 2]);
        // Two ways of the same length: always the same one.
        assert_eq!(way(&routes, &links, 0, 2), [0, 3, 4, 5, 2]);
        assert!(routes.reaches(2, 0));
    }

    #[test]
    fn hosts_do_not_forward() {
        // Host 1 has a link to 0 and one to 2; routers 3 and 4 are apart.
        let links = duplex(&[(0, 1), (1, 2), (3, 4)]);
        let routes = Routes::new(3, 5, &links);
        assert!(routes.reaches(0, 1) && routes.reaches(1, 2) && routes.reaches(2, 1));
        assert!(!routes.reaches(0, 2));
        assert_eq!(way(&routes, &links, 1, 2), [1, 2]);
        assert_eq!(routes.next(NodeId(1), Some(7)), None);
        assert_eq!(routes.next(NodeId(0), None), Some(LinkId(0)));
    }

    #[test]
    fn a_host_with_two_links_is_reached_over_the_nearer() {
        // Hosts 0 and 1; routers 2 and 3. Host 0 is joined to both, host 1 to router 3.
        let links = duplex(&[(2, 3), (0, 2), (0, 3), (1, 3)]);
        let routes = Routes::new(2, 4, &links);
        assert_eq!(way(&routes, &links, 0, 1), [0, 3, 1]);
        assert_eq!(way(&routes, &links, 1, 0), [1, 3, 0]);
    }
}
