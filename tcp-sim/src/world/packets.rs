//! Buffers of packets, used again and again.

use tcp_core::{Instant, Stack, Transmit};

use super::host::Host;

/// Buffers that nobody holds, and one to write into.
#[derive(Debug)]
pub(super) struct Packets {
    free: Vec<Vec<u8>>,
    /// As large as the largest packet of any.
    scratch: Vec<u8>,
}

/// More would be kept for nothing: so many are under way only where memory is no matter.
const KEPT: usize = 4_096;

impl Packets {
    pub(super) fn new(hosts: &[Host]) -> Packets {
        let largest = hosts
            .iter()
            .map(|host| host.stack.config().largest_packet());
        Packets {
            free: Vec::new(),
            scratch: vec![0; largest.max().unwrap_or_default()],
        }
    }

    /// The next packet that a stack has to send.
    ///
    /// # Panics
    ///
    /// When it is larger than what the stack is configured for.
    pub(super) fn polled(
        &mut self,
        stack: &mut Stack,
        now: Instant,
    ) -> Option<(Vec<u8>, Transmit)> {
        let largest = stack.config().largest_packet();
        let transmit = stack.poll_transmit(now, &mut self.scratch[..largest])?;
        assert!(
            transmit.len <= largest,
            "{} bytes of at most {largest}",
            transmit.len
        );
        let mut packet = self.free.pop().unwrap_or_default();
        packet.extend_from_slice(&self.scratch[..transmit.len]);
        Some((packet, transmit))
    }

    /// Keeps a copy of a packet that is about to go.
    pub(super) fn copy(&mut self, packet: &[u8]) {
        if self.scratch.len() < packet.len() {
            self.scratch.resize(packet.len(), 0);
        }
        self.scratch[..packet.len()].copy_from_slice(packet);
    }

    /// The packet of so many bytes that was polled or copied last.
    pub(super) fn latest(&self, len: usize) -> &[u8] {
        &self.scratch[..len]
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, mut packet: Vec<u8>) {
        if self.free.len() < KEPT {
            packet.clear();
            self.free.push(packet);
        }
    }
}
