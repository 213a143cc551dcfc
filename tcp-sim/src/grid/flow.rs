//! One transfer: both its ends, and what is seen of it from outside.

use std::time::Duration;

use tcp_core::Instant;

use super::endpoint::Endpoint;

/// A transfer of so many bytes.
pub(super) struct Flow {
    pub(super) sender: Box<dyn Endpoint>,
    pub(super) receiver: Box<dyn Endpoint>,
    /// Bytes that are still to be written.
    to_write: u64,
    bytes: u64,
    progress: Progress,
    sent: Sent,
}

/// What the receiver has read, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Progress {
    pub(super) delivered: u64,
    pub(super) last_read: Instant,
    pub(super) longest_gap: Duration,
}

/// What the sender has put on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sent {
    /// The sequence number behind the last byte ever sent.
    snd_max: Option<u32>,
    /// Payload bytes, those sent again included.
    pub(super) bytes: u64,
    /// Payload bytes sent again.
    pub(super) again: u64,
}

impl Flow {
    pub(super) fn new(sender: Box<dyn Endpoint>, receiver: Box<dyn Endpoint>, bytes: u64) -> Flow {
        Flow {
            sender,
            receiver,
            to_write: bytes,
            bytes,
            progress: Progress::default(),
            sent: Sent::default(),
        }
    }

    /// Lets the application write what there is room for; whether there was any.
    pub(super) fn write(&mut self, now: Instant) -> bool {
        if self.to_write == 0 {
            return false;
        }
        let written = self.sender.write(now, self.to_write);
        self.to_write -= written;
        if self.to_write == 0 {
            self.sender.finish(now);
        }
        written > 0
    }

    /// Lets the application read what there is; whether there was anything.
    pub(super) fn read(&mut self, now: Instant) -> bool {
        let read = self.receiver.read(now);
        if read > 0 {
            self.progress.note(now, read);
        }
        read > 0
    }

    /// Takes note of a packet of the sender.
    pub(super) fn note_sent(&mut self, packet: &[u8]) {
        self.sent.note(packet);
    }

    pub(super) fn is_done(&self) -> bool {
        self.progress.delivered >= self.bytes
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    pub(super) fn sent(&self) -> Sent {
        self.sent
    }
}

impl Progress {
    fn note(&mut self, now: Instant, bytes: u64) {
        self.delivered += bytes;
        let gap = now.saturating_duration_since(self.last_read);
        self.longest_gap = self.longest_gap.max(gap);
        self.last_read = now;
    }
}

impl Sent {
    fn note(&mut self, packet: &[u8]) {
        let header = usize::from(packet[0] & 0x0f) * 4;
        let tcp = &packet[header..];
        let payload = (tcp.len() - usize::from(tcp[12] >> 4) * 4) as u32;
        if payload == 0 {
            return;
        }
        let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        let end = seq.wrapping_add(payload);
        let snd_max = self.snd_max.unwrap_or(seq);
        // A flow is far shorter than half of the sequence space.
        let beyond = end.wrapping_sub(snd_max) as i32;
        let new = beyond.clamp(0, payload as i32) as u32;
        self.bytes += u64::from(payload);
        self.again += u64::from(payload - new);
        self.snd_max = Some(if beyond > 0 { end } else { snd_max });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(seq: u32, payload: usize) -> Vec<u8> {
        let mut packet = vec![0; 40 + payload];
        packet[0] = 0x45;
        packet[24..28].copy_from_slice(&seq.to_be_bytes());
        packet[32] = 0x50;
        packet
    }

    #[test]
    fn what_is_sent_again_is_told_from_what_is_new() {
        let mut sent = Sent::default();
        let start = u32::MAX - 50;
        // Nothing, 0 to 100, 100 to 200, 50 to 150, 150 to 250.
        for (offset, len) in [(0, 0), (0, 100), (100, 100), (50, 100), (150, 100)] {
            sent.note(&packet(start.wrapping_add(offset), len));
        }
        assert_eq!((sent.bytes, sent.again), (400, 150));
    }

    #[test]
    fn the_longest_gap_is_kept() {
        let mut progress = Progress::default();
        for millis in [100, 110, 500, 510] {
            progress.note(Instant::from_millis(millis), 10);
        }
        assert_eq!(progress.delivered, 40);
        assert_eq!(progress.longest_gap, Duration::from_millis(390));
    }
}
