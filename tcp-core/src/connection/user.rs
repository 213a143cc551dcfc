//! The user's calls (RFC 9293 §3.10.2 to §3.10.6).

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::agreed::announced_mss;
use super::machine::{Connection, Shutdown};
use super::timers::Timer;
use crate::config::{AckMode, BufferSize, CongestionAlgorithm, KeepAlive};
use crate::congestion::BoxedController;
use crate::error::{ConnectionError, ReadError, WriteError};
use crate::seq::SeqNumber;
use crate::state::State;
use crate::stats::Counters;
use crate::time::Instant;

impl Connection {
    /// Takes bytes out of the receive buffer, as many as there are and fit; 0 is end of stream.
    ///
    /// # Errors
    ///
    /// [`ReadError::WouldBlock`] while nothing is there. Once what arrived before the connection
    /// died is read: [`ReadError::Connection`], the first time; later reads give 0.
    pub fn read(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, ReadError> {
        if self.rcv.reassembly.unread() == 0 {
            return self.nothing_to_read(buf.is_empty());
        }
        let count = self.rcv.reassembly.read(buf);
        self.after_read(now);
        Ok(count)
    }

    /// As [`read`](Connection::read), but leaves the bytes, and an error, where they are.
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize, ReadError> {
        if self.rcv.reassembly.unread() > 0 {
            return Ok(self.rcv.reassembly.peek(buf));
        }
        if self.is_at_end() || buf.is_empty() {
            return Ok(0);
        }
        match self.error {
            Some(error) => Err(ReadError::Connection(error)),
            None if self.state == State::Closed => Ok(0),
            None => Err(ReadError::WouldBlock),
        }
    }

    /// As [`read`](Connection::read), into several buffers in turn (`readv`).
    ///
    /// # Errors
    ///
    /// Those of [`read`](Connection::read).
    pub fn read_vectored<B>(&mut self, now: Instant, bufs: &mut [B]) -> Result<usize, ReadError>
    where
        B: DerefMut<Target = [u8]>,
    {
        if self.rcv.reassembly.unread() == 0 {
            return self.nothing_to_read(bufs.iter().all(|buf| buf.is_empty()));
        }
        let mut count = 0;
        for buf in bufs {
            count += self.rcv.reassembly.read(buf);
        }
        self.after_read(now);
        Ok(count)
    }

    /// The bytes that wait to be read, where they are: they follow each other, and the second part is
    /// often empty. [`consume`](Connection::consume) takes them out; so nothing is copied.
    pub fn read_chunks(&self) -> [&[u8]; 2] {
        self.rcv.reassembly.chunks()
    }

    /// Takes the first `count` of [`read_chunks`](Connection::read_chunks)' bytes out of the receive buffer, or
    /// all where there are fewer; says how many.
    pub fn consume(&mut self, now: Instant, count: usize) -> usize {
        let count = self.rcv.reassembly.consume(count);
        if count > 0 {
            self.after_read(now);
        }
        count
    }

    /// Puts bytes into the send buffer, as many as fit; before the handshake is complete they wait.
    ///
    /// # Errors
    ///
    /// [`WriteError::WouldBlock`] when nothing fits; [`WriteError::Closed`] after the user shut the
    /// direction down, or the connection ended; [`WriteError::Connection`], once, after it died.
    pub fn write(&mut self, now: Instant, data: &[u8]) -> Result<usize, WriteError> {
        self.write_vectored(now, &[data])
    }

    /// The place of the next bytes of the stream, at most `most` of them, to be written to before they are
    /// [committed](Connection::commit_written): so nothing is copied. It is in two parts that follow each other,
    /// of which the second is often empty; what it holds at first means nothing.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Connection::write).
    pub fn write_chunks(&mut self, most: usize) -> Result<[&mut [u8]; 2], WriteError> {
        self.check_writable()?;
        let room = self.send_room();
        if room < most {
            self.user.wants_room = true;
        }
        if room == 0 && most > 0 {
            return Err(WriteError::WouldBlock);
        }
        Ok(self.snd.buffer.spare(most.min(room)))
    }

    /// Writes the first `count` bytes of [`write_chunks`](Connection::write_chunks)'s place, or as many as there is room
    /// for; says how many.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Connection::write), but for `WouldBlock`.
    pub fn commit_written(&mut self, now: Instant, count: usize) -> Result<usize, WriteError> {
        self.check_writable()?;
        let count = count.min(self.send_room());
        self.snd.buffer.commit(count);
        if count > 0 {
            self.note_written();
            self.user.wants_flush = true;
            self.user.expects_more = false;
            self.slow_start_after_idle(now);
        }
        Ok(count)
    }

    /// As [`write`](Connection::write), from several buffers in turn, as if they were one (`writev`).
    ///
    /// # Errors
    ///
    /// Those of [`write`](Connection::write).
    pub fn write_vectored<B>(&mut self, now: Instant, bufs: &[B]) -> Result<usize, WriteError>
    where
        B: Deref<Target = [u8]>,
    {
        self.check_writable()?;
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        if len == 0 {
            return Ok(0);
        }
        let room = self.send_room();
        let count = bufs.iter().fold(0, |count, buf| {
            let fits = buf.len().min(room - count);
            self.snd.buffer.append(&buf[..fits]);
            count + fits
        });
        if count > 0 {
            self.note_written();
        }
        self.user.holds_more = count < len;
        self.user.wants_room |= self.user.holds_more;
        if count == 0 {
            return Err(WriteError::WouldBlock);
        }
        self.user.wants_flush = true;
        self.user.expects_more = false;
        self.slow_start_after_idle(now);
        Ok(count)
    }

    /// Counts up to `len` bytes as written, though they are still with the user, if there is nothing else to be sent: the
    /// stream offset and the sequence number of the first, and how many there was room for. Until they are
    /// [taken](Connection::take_lent) what the send buffer holds in their place means nothing.
    pub(crate) fn lend(&mut self, now: Instant, len: usize) -> Option<(u64, SeqNumber, usize)> {
        let start = self.snd.buffer.end();
        let is_plain = matches!(self.state, State::Established | State::CloseWait)
            && self.error.is_none()
            && self.snd.nxt == start
            && self.snd.fin.is_none()
            && self.snd.chunks.is_none()
            && !self.is_urgent();
        if !is_plain || self.send_room().min(len) == 0 {
            return None;
        }
        self.write_chunks(len).ok()?;
        let count = self.commit_written(now, len).ok()?;
        self.user.holds_more = count < len;
        Some((start, self.snd.isn.at_offset(start), count))
    }

    /// Takes what has not been acknowledged of `data`, which was [lent](Connection::lend) at the offset `start`.
    pub(crate) fn take_lent(&mut self, start: u64, data: &[u8]) {
        self.snd.buffer.overwrite(start, data);
    }

    /// Closes one or both directions; the user keeps the connection.
    pub fn shutdown(&mut self, now: Instant, how: Shutdown, counters: &mut Counters) {
        if matches!(how, Shutdown::Read | Shutdown::Both) && !self.user.read_shut {
            self.user.read_shut = true;
            self.refuse_text();
            self.events.readable = true;
            if self.rcv.reassembly.unread() > 0 {
                self.rcv.reassembly.discard_unread();
                self.after_read(now);
            }
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            self.finish_writing(now, counters);
        }
    }

    /// The user gives the connection up. What was written is still delivered, unless data is unread
    /// or `linger` is zero: then the peer gets RST (RFC 9293 §3.6, SHLD-3). No event follows.
    pub fn close(&mut self, now: Instant, counters: &mut Counters) {
        if core::mem::replace(&mut self.user.closed, true) {
            return;
        }
        let unread = self.rcv.reassembly.unread() > 0;
        let reset = unread || self.options.linger == Some(Duration::ZERO);
        match self.state {
            State::Closed | State::TimeWait => {}
            _ if reset => {
                counters.abort_on_close += 1;
                self.abort(now, counters);
            }
            _ => {
                self.finish_writing(now, counters);
                if self.state == State::FinWait2 {
                    self.wait_for_peer_fin(now, counters);
                }
            }
        }
        // Not before the reset has its acknowledgement number, which with acknowledgement on read
        // must not cover what was not read.
        self.rcv.reassembly.discard_unread();
    }

    /// Ends the connection at once, with RST where the peer knows of it (RFC 9293 §3.10.5).
    pub fn abort(&mut self, _now: Instant, counters: &mut Counters) {
        match self.state {
            State::Closed => return,
            State::SynSent => {}
            State::TimeWait => return self.die(None, counters),
            _ => self.reset_peer(),
        }
        self.die(Some(ConnectionError::Aborted), counters);
    }

    /// Takes the error that ended the connection, once (`SO_ERROR`).
    pub fn take_error(&mut self) -> Option<ConnectionError> {
        self.error.take()
    }

    /// Whether every byte written, and the FIN if there is one, is acknowledged.
    pub fn is_flushed(&self) -> bool {
        self.snd.is_flushed()
    }

    /// Bytes in order that wait to be read (`SIOCINQ`).
    pub fn unread(&self) -> usize {
        self.rcv.reassembly.unread()
    }

    /// Changes what the receive buffer may hold (`SO_RCVBUF`). What the peer has been offered stays
    /// offered, so a smaller one takes effect as the window is used; and the shift count of windows is
    /// the handshake's, so that a larger one than [`TcpConfig::recv_buffer`](crate::TcpConfig::recv_buffer)
    /// could become is of use only as far as that reaches. A size out of bounds is moved into them.
    pub fn set_recv_buffer(&mut self, now: Instant, size: BufferSize) {
        let size = size.clamped();
        let mss = announced_mss(&self.config, &self.setup);
        self.rcv.set_buffer(now, size, mss);
    }

    /// Changes what the send buffer may hold (`SO_SNDBUF`); what it holds stays. A size out of bounds
    /// is moved into them.
    pub fn set_send_buffer(&mut self, size: BufferSize) {
        let size = size.clamped();
        let mss = announced_mss(&self.config, &self.setup);
        self.snd.buffer.resize(size.initial_for(mss), size.max());
        self.note_room();
    }

    /// Turns Nagle's algorithm off or on (`TCP_NODELAY`). Turning it off sends what waits.
    pub fn set_nodelay(&mut self, nodelay: bool) {
        self.options.nagle = !nodelay;
        self.pending.flush |= nodelay && self.snd.unsent() > 0;
    }

    /// Whether Nagle's algorithm is off.
    pub fn nodelay(&self) -> bool {
        !self.options.nagle
    }

    /// Holds partial segments back for up to 200 ms (`TCP_CORK`). Uncorking sends what waits, unless Nagle's algorithm
    /// holds it.
    pub fn set_cork(&mut self, cork: bool) {
        self.options.corked = cork;
    }

    /// Changes keep-alive probing (`SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`).
    /// Values outside of what [`TcpConfig::validate`](crate::TcpConfig::validate) takes are moved
    /// to the nearest that it does.
    pub fn set_keep_alive(&mut self, now: Instant, keep_alive: Option<KeepAlive>) {
        self.options.keep_alive = keep_alive.map(|it| Box::new(it.clamped()));
        self.keep_alive_probes = 0;
        match &self.options.keep_alive {
            Some(keep_alive) if self.state.is_synchronized() && self.state != State::TimeWait => {
                let at = self.last_heard + keep_alive.idle;
                self.timers.arm(Timer::KeepAlive, at.max(now));
            }
            Some(_) => {}
            None => self.timers.disarm(Timer::KeepAlive),
        }
    }

    /// Changes the user timeout (`TCP_USER_TIMEOUT`); it counts from the next time that the
    /// retransmission timer is started. Zero leaves it to `retries2`, as `None` does.
    pub fn set_user_timeout(&mut self, user_timeout: Option<Duration>) {
        self.options.user_timeout = user_timeout.filter(|limit| !limit.is_zero());
    }

    /// Changes what `close` does with unsent data (`SO_LINGER`).
    pub fn set_linger(&mut self, linger: Option<Duration>) {
        self.options.linger = linger;
    }

    /// What `close` does with unsent data.
    pub fn linger(&self) -> Option<Duration> {
        self.options.linger
    }

    /// Changes the Diffserv code point, cut to six bits (`IP_TOS >> 2`).
    pub fn set_dscp(&mut self, dscp: u8) {
        self.options.dscp = dscp & 0x3f;
    }

    /// Changes the congestion control (`TCP_CONGESTION`). The new one takes over window and threshold.
    pub fn set_congestion(&mut self, algorithm: CongestionAlgorithm) {
        if self.state.is_synchronized() {
            let (window, ssthresh) = (self.congestion.window(), self.congestion.ssthresh());
            let mut controller = algorithm.build(self.full_payload(), window);
            controller.on_take_over(window, ssthresh);
            self.congestion = BoxedController(controller);
        }
        self.options.congestion = algorithm;
    }

    /// The congestion control in use.
    pub fn congestion(&self) -> &CongestionAlgorithm {
        &self.options.congestion
    }

    fn check_writable(&mut self) -> Result<(), WriteError> {
        if let Some(error) = self.error.take() {
            return Err(WriteError::Connection(error));
        }
        let open = matches!(
            self.state,
            State::SynSent | State::SynReceived | State::Established | State::CloseWait
        );
        if open && self.snd.fin.is_none() {
            Ok(())
        } else {
            Err(WriteError::Closed)
        }
    }

    fn nothing_to_read(&mut self, empty_buffer: bool) -> Result<usize, ReadError> {
        if self.is_at_end() || empty_buffer {
            return Ok(0);
        }
        match self.error.take() {
            Some(error) => Err(ReadError::Connection(error)),
            None if self.state == State::Closed => Ok(0),
            None => Err(ReadError::WouldBlock),
        }
    }

    /// Whether the stream has ended for the reader.
    fn is_at_end(&self) -> bool {
        self.user.read_shut || self.rcv.has_ended()
    }

    /// Room was made: the peer may have to hear of it (RFC 9293 §3.8.6.2.2).
    pub(super) fn after_read(&mut self, now: Instant) {
        if !self.state.is_synchronized() || self.state == State::TimeWait {
            return;
        }
        self.rcv.grow(now, self.headroom);
        let (ack, read) = (self.ack_offset(), self.rcv.reassembly.read_offset());
        if self.config.ack_mode == AckMode::OnRead && ack > self.rcv.acked {
            // The receipt; what is read in one go is acknowledged in one segment.
            self.pending.ack = true;
        }
        let mss = self.rcv.ack_policy.rcv_mss();
        let worthwhile = self.rcv.window.is_worth_an_update(ack, read, mss);
        let is_drained = self.rcv.reassembly.unread() == 0 && ack > self.rcv.acked;
        let is_due = is_drained && self.rcv.ack_policy.is_due_when_drained();
        if is_due || (self.state.may_receive() && worthwhile) {
            self.pending.ack = true;
        } else {
            self.schedule_ack(now);
        }
    }

    /// FIN follows what was written (RFC 9293 §3.10.4).
    fn finish_writing(&mut self, _now: Instant, counters: &mut Counters) {
        if self.state != State::SynSent && self.snd.fin.is_some() {
            return;
        }
        match self.state {
            State::SynSent if self.user.closed => {
                return self.die(None, counters);
            }
            State::SynSent | State::SynReceived => {}
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => return,
        }
        self.snd.fin = Some(self.snd.buffer.end());
        self.user.wants_flush = true;
        // Whoever waits for room learns that there is none to come.
        self.events.writable |= core::mem::take(&mut self.user.wants_room);
    }

    /// RFC 5681 §4.1, as Linux does it when the first data after a pause is written.
    pub(super) fn slow_start_after_idle(&mut self, now: Instant) {
        let Some(last) = self.snd.last_sent else {
            return;
        };
        let idle = now.saturating_duration_since(last);
        let rto = self.rtt.rto();
        let enabled = self.config.slow_start_after_idle && self.state.may_transmit();
        if enabled && self.snd.scoreboard.is_empty() && idle > rto {
            self.congestion.on_idle(now, idle, rto);
            self.snd.last_sent = Some(now);
        }
    }
}
