//! The stack that is attacked.

use std::net::SocketAddr;
use std::time::Duration;

use tcp_core::{
    ConnectionId, Instant, ListenConfig, ListenerId, PacketMeta, ReadError, Stack, StackConfig,
};

use crate::Side;
use crate::world::{Family, Host};

/// A stack, its clock, and what it held at most.
pub(super) struct Victim {
    pub(super) stack: Stack,
    pub(super) now: Instant,
    buf: Vec<u8>,
    peak: usize,
}

/// The port of the victim's listener.
pub(super) const PORT: u16 = 80;

/// More packets than any answer is made of.
const ENDLESS: usize = 1_000_000;

impl Victim {
    /// With its address added to what `config` says.
    pub(super) fn new(config: StackConfig) -> Victim {
        let config = StackConfig {
            addresses: Host::stack_config(Side::A.index()).addresses,
            ..config
        };
        Victim {
            buf: vec![0; config.largest_packet()],
            stack: Stack::new(config, [0x5e; 32]),
            now: Instant::from_millis(1_000),
            peak: 0,
        }
    }

    /// Where it listens.
    pub(super) fn addr() -> SocketAddr {
        Side::A.addr(Family::V4, PORT)
    }

    pub(super) fn listen(&mut self, config: ListenConfig) -> ListenerId {
        let listener = self.stack.listen(Victim::addr(), config);
        listener.expect("nobody else listens")
    }

    /// A packet arrives.
    #[inline]
    pub(super) fn hand(&mut self, packet: &[u8]) {
        let meta = PacketMeta::default();
        self.stack.handle_packet(self.now, packet, meta);
    }

    /// Drops all that it has to say; gives how many packets.
    pub(super) fn hush(&mut self) -> usize {
        self.say(|_| {})
    }

    /// All that it has to say.
    pub(super) fn answers(&mut self) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        self.say(|packet| answers.push(packet.to_vec()));
        answers
    }

    /// Gives each packet that it has to say to `take`; the memory that it held is noted before and after.
    pub(super) fn say(&mut self, mut take: impl FnMut(&[u8])) -> usize {
        self.note_memory();
        let mut count = 0;
        while let Some(transmit) = self.stack.poll_transmit(self.now, &mut self.buf) {
            take(&self.buf[..transmit.len]);
            count += 1;
            assert!(count < ENDLESS, "the victim does not stop sending");
        }
        while self.stack.poll_event().is_some() {}
        self.note_memory();
        count
    }

    /// Lets time pass; what its timers make it say goes to `take`.
    pub(super) fn pass(&mut self, span: Duration, mut take: impl FnMut(&[u8])) {
        let until = self.now + span;
        while let Some(due) = self.stack.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.stack.handle_timeout(self.now);
            self.say(&mut take);
        }
        self.now = until;
    }

    /// The next connection of the accept queue.
    pub(super) fn accept(&mut self, listener: ListenerId) -> ConnectionId {
        self.stack.accept(listener).expect("one has been opened")
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&mut self, id: ConnectionId, data: &[u8]) -> usize {
        let connection = self.stack.connection(self.now, id);
        connection.map_or(0, |mut it| it.write(data).unwrap_or(0))
    }

    /// Reads all that there is; each piece goes to `take`.
    pub(super) fn read(
        &mut self,
        id: ConnectionId,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), ReadError> {
        let mut buf = [0; 4_096];
        loop {
            let Some(mut connection) = self.stack.connection(self.now, id) else {
                return Ok(());
            };
            match connection.read(&mut buf) {
                Ok(0) | Err(ReadError::WouldBlock) => return Ok(()),
                Ok(count) => take(&buf[..count]),
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes that buffers held at most, whenever somebody looked.
    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    pub(super) fn note_memory(&mut self) {
        self.peak = self.peak.max(self.stack.memory());
    }
}
