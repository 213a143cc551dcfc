//! A flow: two applications, and what they do on the network.

use std::time::Duration;

use tcp_core::{
    ConnectError, ConnectionId, Instant, ListenerId, ReadError, Shutdown, ValidConfig, WriteError,
};

use super::hosts::Owners;
use super::sums::InfoSums;
use super::watchers::Watchers;
use crate::app::{
    Answerer, App, Asker, Counter, Exchanges, LateAnswerer, Opened, Quitter, Receiver, Role,
    Sender, SlowReader, Sockets, Status, Visitor, Witness,
};
use crate::pattern::{Pattern, mix};
use crate::record::NodeId;
use crate::scenario::AppConfig;
use crate::world::Network;

/// A flow under way.
pub(super) struct Flow {
    pub(super) client: Box<dyn App>,
    pub(super) server: Box<dyn App>,
    pub(super) ends: Ends,
}

/// What both applications of a flow share.
pub(super) struct Ends {
    pub(super) index: usize,
    pub(super) hosts: [NodeId; 2],
    pub(super) remote: std::net::SocketAddr,
    pub(super) listener: ListenerId,
    /// The client's.
    pub(super) tcp: ValidConfig,
    /// Where its bytes come from.
    pub(super) seed: u64,
    pub(super) start: Duration,
    pub(super) has_started: bool,
    pub(super) counts: Counts,
}

/// What is counted of a flow, by the client's end and the server's.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) connections: [u64; 2],
    pub(super) bytes_read: [u64; 2],
    /// What was said of the connections that were closed.
    pub(super) infos: [InfoSums; 2],
    /// When the second of its applications had ended.
    pub(super) ended: Option<Instant>,
}

/// The two applications.
pub(super) fn apps(config: &AppConfig) -> (Box<dyn App>, Box<dyn App>) {
    let exchanges = |count: u32, request: u64, response: u64| Exchanges {
        count: count.into(),
        request,
        response,
    };
    let client = |bytes, expected| Box::new(Sender::new(Role::Client, bytes, expected));
    match *config {
        AppConfig::Bulk { bytes } => (client(bytes.0, 0), Box::new(Receiver::new(bytes.0))),
        AppConfig::SlowReader {
            bytes,
            piece,
            every,
        } => {
            let reader = SlowReader::new(bytes.0, piece.0.max(1), every);
            (client(bytes.0, 0), Box::new(reader))
        }
        AppConfig::RequestResponse {
            requests,
            request,
            response,
            think,
        } => {
            let exchanges = exchanges(requests, request.0, response.0);
            let asker = Asker::new(exchanges, think);
            (Box::new(asker), Box::new(Answerer::new(exchanges)))
        }
        AppConfig::ManyShort {
            connections,
            parallel,
            request,
            response,
        } => {
            let exchanges = exchanges(connections, request.0, response.0);
            let visitor = Visitor::new(exchanges, parallel.into());
            (Box::new(visitor), Box::new(Counter::new(exchanges)))
        }
        AppConfig::HalfClose { request, response } => {
            let answerer = LateAnswerer::new(request.0, response.0);
            (client(request.0, response.0), Box::new(answerer))
        }
        AppConfig::Duplex { bytes } => {
            let server = Sender::new(Role::Server, bytes.0, bytes.0);
            (client(bytes.0, bytes.0), Box::new(server))
        }
        AppConfig::Abort { after } => (Box::new(Quitter::new(after.0)), Box::new(Witness::new())),
    }
}

/// The name of an application, and the bytes that will be read if all goes well.
pub(super) fn describe(config: &AppConfig) -> (&'static str, u64) {
    match *config {
        AppConfig::Bulk { bytes } => ("bulk", bytes.0),
        AppConfig::SlowReader { bytes, .. } => ("slow_reader", bytes.0),
        AppConfig::RequestResponse {
            requests,
            request,
            response,
            ..
        } => (
            "request_response",
            u64::from(requests).saturating_mul(request.0.saturating_add(response.0)),
        ),
        AppConfig::ManyShort {
            connections,
            request,
            response,
            ..
        } => (
            "many_short",
            u64::from(connections).saturating_mul(request.0.saturating_add(response.0)),
        ),
        AppConfig::HalfClose { request, response } => {
            ("half_close", request.0.saturating_add(response.0))
        }
        AppConfig::Duplex { bytes } => ("duplex", bytes.0.saturating_mul(2)),
        AppConfig::Abort { after } => ("abort", after.0),
    }
}

impl Flow {
    /// Whether both applications have done what they were to do.
    pub(super) fn is_complete(&self, app: &AppConfig) -> bool {
        // A server that never heard of a connection that was reset has nothing to hear of.
        let is_abort = matches!(app, AppConfig::Abort { .. });
        let server = match self.server.status() {
            Status::Done => true,
            Status::Waiting => is_abort,
            Status::Busy | Status::Failed(_) => false,
        };
        self.client.status() == Status::Done && server
    }

    /// Whether neither will do anything more.
    pub(super) fn is_over(&self) -> bool {
        let has_ended = |app: &dyn App| matches!(app.status(), Status::Done | Status::Failed(_));
        has_ended(&*self.client)
            && (has_ended(&*self.server) || self.server.status() == Status::Waiting)
    }

    /// Why it went wrong.
    pub(super) fn error(&self) -> Option<String> {
        let words = |name: &str, app: &dyn App| match app.status() {
            Status::Failed(error) => Some(format!("{name}: {error}")),
            Status::Waiting | Status::Busy | Status::Done => None,
        };
        words("client", &*self.client).or_else(|| words("server", &*self.server))
    }
}

impl Role {
    /// 0 for the client, 1 for the server.
    pub(super) fn index(self) -> usize {
        match self {
            Role::Client => 0,
            Role::Server => 1,
        }
    }
}

/// The hands of one application of a flow.
pub(super) struct Hands<'a> {
    pub(super) network: &'a mut Network<Watchers>,
    pub(super) owners: &'a mut Owners,
    pub(super) ends: &'a mut Ends,
    pub(super) role: Role,
    /// Room for what is written or read at once.
    pub(super) buffer: &'a mut [u8],
}

impl Hands<'_> {
    fn host(&self) -> NodeId {
        self.ends.hosts[self.role.index()]
    }

    fn opened(&mut self, id: ConnectionId) -> Opened {
        let role = self.role.index();
        let count = &mut self.ends.counts.connections[role];
        *count += 1;
        let pattern = Pattern::new(mix(self.ends.seed.wrapping_add(2 * *count + role as u64)));
        let host = self.host();
        self.owners.add(host, id, self.ends.index, self.role);
        self.network.will_write(host, id, pattern);
        Opened { id, pattern }
    }
}

impl Sockets for Hands<'_> {
    fn now(&self) -> Instant {
        self.network.now()
    }

    fn connect(&mut self) -> Result<Opened, ConnectError> {
        let tcp = self.ends.tcp.clone();
        let id = self
            .network
            .connect(self.host(), None, self.ends.remote, tcp)?;
        Ok(self.opened(id))
    }

    fn accept(&mut self) -> Option<Opened> {
        let id = self.network.accept(self.host(), self.ends.listener)?;
        Some(self.opened(id))
    }

    fn write(
        &mut self,
        id: ConnectionId,
        pattern: &Pattern,
        offset: u64,
        len: u64,
    ) -> Result<u64, WriteError> {
        let host = self.host();
        let room = self
            .network
            .on(host, id, |connection| connection.send_room());
        // Where nothing fits, one byte asks to be told when something does.
        let len = len.min(room.max(1) as u64).min(self.buffer.len() as u64);
        let piece = &mut self.buffer[..len as usize];
        pattern.fill(offset, piece);
        let written = self.network.write(host, id, piece)?;
        Ok(written as u64)
    }

    fn read(&mut self, id: ConnectionId, len: u64) -> Result<u64, ReadError> {
        let len = len.min(self.buffer.len() as u64) as usize;
        let host = self.host();
        let count = self.network.read(host, id, &mut self.buffer[..len])? as u64;
        self.ends.counts.bytes_read[self.role.index()] += count;
        Ok(count)
    }

    fn shutdown_write(&mut self, id: ConnectionId) {
        self.network.shutdown(self.host(), id, Shutdown::Write);
    }

    fn close(&mut self, id: ConnectionId) {
        let host = self.host();
        let info = self.network.on(host, id, |connection| connection.info());
        self.ends.counts.infos[self.role.index()].add(&info);
        self.owners.remove(host, id);
        self.network.close(host, id);
    }

    fn abort(&mut self, id: ConnectionId) {
        self.network.abort(self.host(), id);
    }

    fn wake_after(&mut self, span: Duration) {
        let at = self.network.now() + span;
        self.network.wake_at(alarm(self.ends.index, self.role), at);
    }
}

/// The number of the alarm of one application.
pub(super) fn alarm(flow: usize, role: Role) -> u32 {
    (2 * flow + role.index()) as u32
}

/// Whose alarm a number is.
pub(super) fn sleeper(alarm: u32) -> (usize, Role) {
    let role = if alarm.is_multiple_of(2) {
        Role::Client
    } else {
        Role::Server
    };
    (alarm as usize / 2, role)
}
