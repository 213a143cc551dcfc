//! A direction of a link in its place.

use tcp_core::Instant;

use crate::link::{Link, QueueLen};
use crate::record::{Event, LinkId, NodeId, Observer};

/// One direction of a link, and the nodes that it joins.
#[derive(Debug)]
pub(super) struct Pipe {
    /// The sender, and the receiver.
    pub(super) ends: [NodeId; 2],
    pub(super) link: Link,
    /// The queue as it was last told of.
    queue: QueueLen,
}

impl Pipe {
    pub(super) fn new(ends: [NodeId; 2], link: Link) -> Pipe {
        Pipe {
            ends,
            link,
            queue: QueueLen::default(),
        }
    }

    /// Tells how much waits, where that has changed, with the time at which it did: a queue moves on
    /// without anybody looking.
    pub(super) fn tell_queue(&mut self, link: LinkId, now: Instant, observer: &mut impl Observer) {
        let latest = (now, self.link.queue_len());
        for &(at, queue) in self.link.queue_changes().iter().chain([&latest]) {
            if queue == self.queue {
                continue;
            }
            self.queue = queue;
            let QueueLen { packets, bytes } = queue;
            let changed = Event::Queue {
                link,
                packets,
                bytes,
            };
            observer.observe(at, &changed);
        }
    }
}
