//! The user's hand on one connection of a stack.

use core::net::SocketAddr;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::Stack;
use super::connections::Entry;
use super::slab::SlotId;
use crate::config::{BufferSize, CongestionAlgorithm, KeepAlive, MtuDiscovery};
use crate::connection::{Connection, QuickAck, Shutdown};
use crate::error::{ConnectionError, ReadError, SoftError, WriteError};
use crate::seq::SeqNumber;
use crate::stats::{Counters, TcpInfo};
use crate::time::Instant;

/// One connection of a [`Stack`], borrowed for calls: dereferences to [`Connection`] for what only
/// looks. When dropped, the stack takes note of what the calls changed.
pub struct ConnectionMut<'a> {
    stack: &'a mut Stack,
    /// A slot that is occupied for as long as the stack is borrowed.
    index: u32,
    now: Instant,
    /// Whether it was packed until now.
    woken: bool,
    touched: bool,
}

impl<'a> ConnectionMut<'a> {
    /// `None` where the user holds no connection of this name.
    pub(super) fn new(stack: &'a mut Stack, id: SlotId, now: Instant) -> Option<Self> {
        let headroom = stack.holdings.headroom();
        let entry = stack.connections.get_key_mut(id)?;
        if !entry.is_users() {
            return None;
        }
        let woken = entry.resident.awake().is_none();
        entry.resident.rouse().set_headroom(headroom);
        Some(ConnectionMut {
            stack,
            index: id.index,
            now,
            woken,
            touched: false,
        })
    }

    /// Our address.
    pub fn local_addr(&self) -> SocketAddr {
        self.entry().tuple.local()
    }

    /// The peer's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.entry().tuple.remote()
    }

    /// See [`Connection::read`].
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, ReadError> {
        let now = self.now;
        let result = self.connection_mut().read(now, buf);
        self.after_read(result)
    }

    /// See [`Connection::peek`].
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.connection().peek(buf)
    }

    /// See [`Connection::read_vectored`].
    pub fn read_vectored<B>(&mut self, bufs: &mut [B]) -> Result<usize, ReadError>
    where
        B: DerefMut<Target = [u8]>,
    {
        let now = self.now;
        let result = self.connection_mut().read_vectored(now, bufs);
        self.after_read(result)
    }

    /// See [`Connection::consume`].
    pub fn consume(&mut self, count: usize) -> usize {
        let now = self.now;
        self.touch().0.consume(now, count)
    }

    /// See [`Connection::write`].
    pub fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        let now = self.now;
        self.touch().0.write(now, data)
    }

    /// See [`Connection::write_chunks`].
    pub fn write_chunks(&mut self, most: usize) -> Result<[&mut [u8]; 2], WriteError> {
        self.touch().0.write_chunks(most)
    }

    /// See [`Connection::commit_written`].
    pub fn commit_written(&mut self, count: usize) -> Result<usize, WriteError> {
        let now = self.now;
        self.touch().0.commit_written(now, count)
    }

    /// See [`Connection::write_vectored`].
    pub fn write_vectored<B>(&mut self, bufs: &[B]) -> Result<usize, WriteError>
    where
        B: Deref<Target = [u8]>,
    {
        let now = self.now;
        self.touch().0.write_vectored(now, bufs)
    }

    /// See [`Connection::lend`].
    pub(super) fn lend(&mut self, len: usize) -> Option<(u64, SeqNumber, usize)> {
        let now = self.now;
        self.touch().0.lend(now, len)
    }

    /// Bounds the packets of this connection that the device is given to be cut, in bytes (`sk_gso_max_size`), to at
    /// most what it [takes](crate::Offload::max_packet). A connection begins with the largest whose header can say its
    /// length. More is for a peer behind nobody who might not know such packets.
    pub fn set_gso_max_size(&mut self, bytes: u32) {
        let tuple = self.entry().tuple;
        let gso_max_size = self.stack.gso_max_size(&tuple, bytes);
        self.touch().0.set_gso_max_size(gso_max_size);
    }

    /// See [`Connection::shutdown`].
    pub fn shutdown(&mut self, how: Shutdown) {
        let now = self.now;
        let (connection, counters) = self.touch();
        connection.shutdown(now, how, counters);
    }

    /// See [`Connection::close`]. The id is stale from now on; the stack finishes by itself.
    pub fn close(mut self) {
        let now = self.now;
        let (connection, counters) = self.touch();
        connection.close(now, counters);
        self.stack.note_orphan(self.index);
    }

    /// See [`Connection::abort`]. The id stays valid until `close`.
    pub fn abort(&mut self) {
        let now = self.now;
        let (connection, counters) = self.touch();
        connection.abort(now, counters);
    }

    /// See [`Connection::take_error`].
    pub fn take_error(&mut self) -> Option<ConnectionError> {
        self.touch().0.take_error()
    }

    /// See [`Connection::info`].
    pub fn info(&self) -> TcpInfo {
        self.connection().info(self.now)
    }

    /// See [`Connection::set_recv_buffer`].
    pub fn set_recv_buffer(&mut self, size: impl Into<BufferSize>) {
        let now = self.now;
        self.touch().0.set_recv_buffer(now, size.into());
    }

    /// See [`Connection::set_send_buffer`].
    pub fn set_send_buffer(&mut self, size: impl Into<BufferSize>) {
        self.touch().0.set_send_buffer(size.into());
    }

    /// See [`Connection::set_nodelay`].
    pub fn set_nodelay(&mut self, nodelay: bool) {
        self.touch().0.set_nodelay(nodelay);
    }

    /// See [`Connection::set_cork`].
    pub fn set_cork(&mut self, cork: bool) {
        self.touch().0.set_cork(cork);
    }

    /// See [`Connection::set_keep_alive`].
    pub fn set_keep_alive(&mut self, keep_alive: Option<KeepAlive>) {
        let now = self.now;
        self.touch().0.set_keep_alive(now, keep_alive);
    }

    /// See [`Connection::set_user_timeout`].
    pub fn set_user_timeout(&mut self, user_timeout: Option<Duration>) {
        self.touch().0.set_user_timeout(user_timeout);
    }

    /// See [`Connection::set_linger`].
    pub fn set_linger(&mut self, linger: Option<Duration>) {
        self.touch().0.set_linger(linger);
    }

    /// See [`Connection::set_dscp`].
    pub fn set_dscp(&mut self, dscp: u8) {
        self.touch().0.set_dscp(dscp);
    }

    /// See [`Connection::set_mtu_discovery`].
    pub fn set_mtu_discovery(&mut self, mtu_discovery: MtuDiscovery) {
        self.touch().0.set_mtu_discovery(mtu_discovery);
    }

    /// See [`Connection::set_max_pacing_rate`].
    pub fn set_max_pacing_rate(&mut self, rate: Option<u64>) {
        self.touch().0.set_max_pacing_rate(rate);
    }

    /// See [`Connection::set_hop_limit`].
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.touch().0.set_hop_limit(hop_limit);
    }

    /// See [`Connection::take_soft_error`].
    pub fn take_soft_error(&mut self) -> Option<SoftError> {
        self.touch().0.take_soft_error()
    }

    /// See [`Connection::set_soft_errors`].
    pub fn set_soft_errors(&mut self, told: bool) {
        self.touch().0.set_soft_errors(told);
    }

    /// See [`Connection::set_fin_timeout`].
    pub fn set_fin_timeout(&mut self, timeout: Duration) {
        self.touch().0.set_fin_timeout(timeout);
    }

    /// See [`Connection::set_notsent_lowat`].
    pub fn set_notsent_lowat(&mut self, bytes: Option<u32>) {
        self.touch().0.set_notsent_lowat(bytes);
    }

    /// See [`Connection::refuse_text`].
    pub fn refuse_text(&mut self) {
        self.touch().0.refuse_text();
    }

    /// See [`Connection::set_quick_ack`].
    pub fn set_quick_ack(&mut self, quick: QuickAck) {
        self.touch().0.set_quick_ack(quick);
    }

    /// See [`Connection::release_syn_without_data`].
    pub fn release_syn_without_data(&mut self) {
        self.touch().0.release_syn_without_data();
    }

    /// See [`Connection::release_syn`].
    pub fn release_syn(&mut self) {
        self.touch().0.release_syn();
    }

    /// See [`Connection::expect_more`].
    pub fn expect_more(&mut self) {
        self.touch().0.expect_more();
    }

    /// See [`Connection::take_urgent`].
    pub fn take_urgent(&mut self) -> Option<u8> {
        self.touch().0.take_urgent()
    }

    /// See [`Connection::mark_urgent`].
    pub fn mark_urgent(&mut self) {
        self.touch().0.mark_urgent();
    }

    /// See [`Connection::end_record`].
    pub fn end_record(&mut self) {
        self.touch().0.end_record();
    }

    /// See [`Connection::want_room`].
    pub fn want_room(&mut self) {
        self.touch().0.want_room();
    }

    /// See [`Connection::set_congestion`].
    pub fn set_congestion(&mut self, algorithm: CongestionAlgorithm) {
        self.touch().0.set_congestion(algorithm);
    }

    fn entry(&self) -> &Entry {
        let entry = self.stack.connections.get(self.index);
        entry.expect("the slot was occupied when the stack was borrowed, and it still is borrowed")
    }

    fn connection(&self) -> &Connection {
        let connection = self.entry().resident.awake();
        connection.expect("it was woken when the stack was borrowed")
    }

    fn connection_mut(&mut self) -> &mut Connection {
        self.borrow().0
    }

    /// A read that finds nothing changes nothing.
    fn after_read(&mut self, result: Result<usize, ReadError>) -> Result<usize, ReadError> {
        self.touched |= result != Err(ReadError::WouldBlock);
        result
    }

    fn touch(&mut self) -> (&mut Connection, &mut Counters) {
        self.touched = true;
        self.borrow()
    }

    fn borrow(&mut self) -> (&mut Connection, &mut Counters) {
        let entry = self.stack.connections.get_mut(self.index);
        let entry = entry
            .expect("the slot was occupied when the stack was borrowed, and it still is borrowed");
        (entry.resident.rouse(), &mut self.stack.counters)
    }
}

impl Deref for ConnectionMut<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection()
    }
}

impl core::fmt::Debug for ConnectionMut<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ConnectionMut")
            .field("local", &self.local_addr())
            .field("remote", &self.remote_addr())
            .field("connection", self.connection())
            .finish_non_exhaustive()
    }
}

impl Drop for ConnectionMut<'_> {
    fn drop(&mut self) {
        if self.touched {
            if let Some(lesson) = self.connection_mut().take_fast_open_lesson() {
                self.stack.learn_of_fast_open(self.now, self.index, lesson);
            }
            self.stack.settle(self.index);
        } else if self.woken {
            self.stack.note_rest(self.index);
        }
    }
}
