//! The send queue: how much may be written, and where segments of it have to end.

use super::machine::Connection;
use crate::send::chunks::Unsent;

/// Largest window up to which a chunk may be as large as all of it (Linux's `TCP_MSS_DEFAULT`).
const SMALL_WINDOW: u64 = 536;

/// Bytes that Linux reserves beside a segment's payload (`MAX_TCP_HEADER` and `struct skb_shared_info`), and those of
/// its `struct sk_buff`.
const HEADERS: usize = 640;
const BUFFER: usize = 256;

/// Bytes of the largest chunk: 64 KiB less the longest headers (Linux's `GSO_LEGACY_MAX_SIZE` and `MAX_TCP_HEADER`).
const LARGEST: u64 = 65_536 - 1 - 320;

impl Connection {
    /// Free room in the send buffer, in bytes, as far as it may be used: with a
    /// [bound](Connection::set_notsent_lowat) on what waits to be sent, up to the end of the segment that
    /// reaches it.
    pub fn send_room(&self) -> usize {
        let room = self.queue_room();
        let Some(lowat) = self.options.notsent_lowat else {
            return room;
        };
        let more = u64::from(lowat).saturating_sub(self.notsent());
        let more = match &self.snd.chunks {
            // As Linux: a chunk that begins below the bound is filled.
            Some(chunks) => chunks.room_below(more, self.unsent_chunks()),
            None => more.next_multiple_of(u64::from(self.full_payload())),
        };
        room.min(usize::try_from(more).unwrap_or(usize::MAX))
    }

    /// Whether it is worth while to write: a third of the send buffer is free, and less waits to be sent
    /// than half of what [may](Connection::set_notsent_lowat) (Linux's `sk_stream_is_writeable`, and so
    /// what `poll` tells and what wakes a writer). A writer may find room before.
    pub fn is_writable(&self) -> bool {
        let lowat = self.options.notsent_lowat.unwrap_or(u32::MAX);
        let (used, capacity) = (self.queue_charge(), self.snd.buffer.capacity() as u64);
        let room = capacity.saturating_sub(used);
        room > 0 && room >= used / 2 && 2 * self.notsent() < u64::from(lowat)
    }

    /// Says that what was written last is a record: what is written later does not follow it in the same segment
    /// (`MSG_EOR`), nor when it is sent again.
    pub fn end_record(&mut self) {
        self.snd.buffer.end_record();
        let unsent = self.unsent_chunks();
        if let Some(chunks) = &mut self.snd.chunks {
            chunks.end_record(unsent);
        }
    }

    /// Bytes after which a write has filled a chunk of the [send queue](crate::SendQueue), in bytes. As Linux sends
    /// what may go whenever a chunk is full, who writes more than that and wants the same segments writes so much at
    /// once, and lets them go out between.
    pub fn chunk_room(&self) -> usize {
        match &self.snd.chunks {
            Some(chunks) => chunks.next_len(self.unsent_chunks()) as usize,
            None => usize::MAX,
        }
    }

    /// Bytes of a chunk that is full, as Linux's `tcp_xmit_size_goal`: as many as a device that cuts could take,
    /// whether or not ours does, but no more than half of the largest window.
    fn size_goal(&self) -> u64 {
        let piece = u64::from(self.full_payload());
        let window = u64::from(self.snd.window.max());
        let most = if window > SMALL_WINDOW {
            window / 2
        } else {
            window
        };
        let bytes = if most > 0 { LARGEST.min(most) } else { LARGEST };
        (bytes / piece).max(1) * piece
    }

    /// What the send buffer had better count, as Linux's `tcp_sndbuf_expand`: one window waits for its
    /// acknowledgement, and the next waits to be sent; chunks count their overhead, and their memory in powers of
    /// two.
    pub(super) fn wanted_buffer(&self) -> usize {
        let windows = 2 * self.cwnd() as usize;
        if self.snd.chunks.is_none() {
            return windows;
        }
        let piece = self.full_payload() as usize;
        windows / piece * ((piece + HEADERS).next_power_of_two() + BUFFER)
    }

    /// Whether nothing may be written because of what is held.
    pub(super) fn is_queue_full(&self) -> bool {
        self.queue_charge() >= self.snd.buffer.capacity() as u64
    }

    /// Something was written.
    pub(super) fn note_written(&mut self) {
        if self.fast_open.is_some() {
            self.release_syn();
        }
        let unsent = self.unsent_chunks();
        let half = u64::from(self.snd.window.max() / 2);
        if let Some(chunks) = &mut self.snd.chunks {
            chunks.on_written(unsent, &mut self.snd.pushed, half);
        }
    }

    /// Where the first unsent segments have to end.
    pub(super) fn first_chunk_end(&self) -> u64 {
        let end = self.snd.buffer.end();
        match &self.snd.chunks {
            Some(chunks) => chunks.first_end(end),
            None => self.snd.buffer.record_end(self.snd.nxt).unwrap_or(end),
        }
    }

    fn queue_room(&self) -> usize {
        match &self.snd.chunks {
            Some(chunks) => {
                let capacity = self.snd.buffer.capacity() as u64;
                let room = chunks.room(self.queue_charge(), capacity, self.unsent_chunks());
                usize::try_from(room).unwrap_or(usize::MAX)
            }
            None => self.snd.buffer.room(),
        }
    }

    /// What the send queue counts, in bytes (`sk_wmem_queued`).
    fn queue_charge(&self) -> u64 {
        let held = self.snd.buffer.len() as u64;
        match &self.snd.chunks {
            Some(chunks) => chunks.charge(held, self.snd.scoreboard.runs(), self.unsent_chunks()),
            None => held,
        }
    }

    fn unsent_chunks(&self) -> Unsent {
        Unsent {
            nxt: self.snd.nxt.max(1),
            end: self.snd.buffer.end(),
            goal: self.size_goal(),
        }
    }

    /// Bytes of data that have not been sent.
    fn notsent(&self) -> u64 {
        let end = self.snd.buffer.end();
        end.saturating_sub(self.snd.nxt.max(1))
    }
}
