//! What a stack must do to be measured.

use tcp_core::Instant;

/// One end of one connection over a stack of its own, driven in virtual time: packets, timers and
/// the calls of an application that has nothing else to do.
///
/// After anything has gone in, [`poll_transmit`](Self::poll_transmit) is called until it gives
/// nothing; then nothing happens until a packet arrives or it is
/// [`poll_timeout`](Self::poll_timeout).
pub(super) trait Endpoint {
    /// A packet has arrived.
    fn handle_packet(&mut self, now: Instant, packet: Vec<u8>);
    /// The time has come that `poll_timeout` named.
    fn handle_timeout(&mut self, now: Instant);
    /// The next packet to send.
    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>>;
    /// When the stack next wants to be called.
    fn poll_timeout(&mut self, now: Instant) -> Option<Instant>;
    /// Writes as many bytes as there is room for, `most` at most, and says how many.
    fn write(&mut self, now: Instant, most: u64) -> u64;
    /// Nothing will be written any more.
    fn finish(&mut self, now: Instant);
    /// Reads all that has arrived, and says how many bytes that was.
    fn read(&mut self, now: Instant) -> u64;
}

/// What both ends of one flow are made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EndConfig {
    /// The flow's number, from which the addresses follow.
    pub(super) flow: u16,
    /// Bytes of the send buffer and of the receive buffer, each.
    pub(super) buffer: usize,
    /// Whether the device of ours takes large segments, and cuts them.
    pub(super) large_segments: bool,
    /// Where everything random comes from.
    pub(super) seed: u64,
}

/// Bytes of the largest IP packet.
pub(super) const MTU: u16 = 1_500;
/// Where the receiver listens.
pub(super) const PORT: u16 = 5_001;

impl EndConfig {
    /// Who opens the connection and sends.
    pub(super) fn sender(self) -> [u8; 4] {
        self.address(1)
    }

    /// Who listens and reads.
    pub(super) fn receiver(self) -> [u8; 4] {
        self.address(2)
    }

    fn address(self, last: u8) -> [u8; 4] {
        let [high, low] = self.flow.to_be_bytes();
        [10, high, low, last]
    }
}

/// The number of the flow that an IPv4 packet belongs to.
pub(super) fn flow_of(packet: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([packet[17], packet[18]]))
}
