//! One chapter of the demo: one side serves, the other fetches.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde::Serialize;
use tcp_core::{State, TcpInfo};
use tcp_tun::http::{self, Client};

use super::Stage;
use super::content::{BLOB, DemoSite, Hasher, PAGE};
use super::far_end::{self, Accept};
use super::story::Step;

/// Which part our stack plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Our stack listens and sends the bytes.
    Server,
    /// Our stack connects and receives the bytes.
    Client,
}

/// Everything fetched in one role.
#[derive(Debug, Serialize)]
pub struct Chapter {
    /// Which part our stack played.
    pub our_role: Role,
    /// Where the server listened.
    pub server: SocketAddr,
    /// What was fetched, each over a connection of its own.
    pub fetches: Vec<Fetch>,
}

/// One connection, and what came through it.
#[derive(Debug, Serialize)]
pub struct Fetch {
    /// The path on the server.
    pub path: &'static str,
    /// Bytes of the body.
    pub bytes: u64,
    /// SHA-256 of the body that was served.
    pub sha256_sent: String,
    /// SHA-256 of the body that arrived.
    pub sha256_received: String,
    /// From the request to the last byte of the body.
    pub seconds: f64,
    /// The body's bits in that time.
    pub bits_per_second: f64,
    /// Segments that our stack sent again.
    pub segments_sent_again: u64,
    /// Times that our stack probed for the end of what it had sent, since nobody acknowledged it: the
    /// peer's processor was busy, or its reader was. Each is a segment that was sent again.
    pub tail_probes: u64,
    /// Our stack's smoothed round-trip time.
    pub rtt_seconds: f64,
    /// The least round-trip time that our stack measured.
    pub min_rtt_seconds: f64,
    /// The states that our end passed.
    pub states: Vec<Step>,
}

impl Fetch {
    /// Whether every byte arrived.
    pub fn ok(&self) -> bool {
        self.sha256_sent == self.sha256_received
    }
}

/// How long the end of a connection may take to come through.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);

/// Serves and fetches the page and the blob.
pub fn run(stage: &Stage, role: Role, site: DemoSite) -> anyhow::Result<Chapter> {
    let server = server_addr(stage, role)?;
    let mut fetches = Vec::new();
    for path in [PAGE, BLOB] {
        let fetch = fetch(stage, role, site, server, path)
            .with_context(|| format!("fetching http://{server}{path}"))?;
        fetches.push(fetch);
    }
    Ok(Chapter {
        our_role: role,
        server,
        fetches,
    })
}

/// The server's address: IPv4 where ours serves, IPv6 where the other end does, if there is both.
fn server_addr(stage: &Stage, role: Role) -> anyhow::Result<SocketAddr> {
    let addresses: Vec<IpAddr> = match role {
        Role::Server => stage.interface.addresses(),
        Role::Client => &stage.far_addresses,
    }
    .iter()
    .map(|cidr| cidr.addr())
    .collect();
    let wanted = match role {
        Role::Server => IpAddr::is_ipv4,
        Role::Client => IpAddr::is_ipv6,
    };
    let addr = addresses.iter().find(|addr| wanted(addr));
    let addr = addr
        .or(addresses.first())
        .context("no address to serve at")?;
    Ok(SocketAddr::new(*addr, 80))
}

fn fetch(
    stage: &Stage,
    role: Role,
    site: DemoSite,
    server: SocketAddr,
    path: &'static str,
) -> anyhow::Result<Fetch> {
    let sha256_sent = expected_hash(site, path)?;
    let accept = match role {
        Role::Server => far_end::listen(&stage.interface, server),
        Role::Client => stage.far_end.listen(server),
    }
    .context("cannot listen")?;

    // Not a scoped thread: should the client fail to connect, nobody would wait for the server.
    let serving = thread::spawn(move || serve_one(accept, site));
    let stream = match role {
        Role::Server => stage.far_end.connect(server),
        Role::Client => far_end::connect(&stage.interface, server),
    }
    .context("cannot connect")?;
    let (client, peer) = (stream.local_addr()?, stream.peer_addr()?);

    let mut received = Hasher::default();
    let mut http = Client::new(stream, server.to_string());
    let probes_before = stage.interface.counters().loss_probes;
    let start = Instant::now();
    let response = http.get(path, &mut received)?;
    let seconds = start.elapsed().as_secs_f64();
    if response.status != 200 {
        return Err(anyhow!("the server answered {}", response.status));
    }
    let client_info = http.get_ref().info();
    // The client has all it wanted; the server sees the end and closes as well.
    drop(http);
    let server_info = serving
        .join()
        .map_err(|_| anyhow!("the server panicked"))?
        .context("the server failed")?;

    let (info, local, remote) = match role {
        Role::Server => (server_info, peer, client),
        Role::Client => (client_info, client, peer),
    };
    let info = info.context("our stack knows nothing of the connection")?;
    let states = await_end(stage, local, remote);
    Ok(Fetch {
        path,
        bytes: response.body_bytes,
        sha256_sent,
        sha256_received: received.hex(),
        seconds,
        bits_per_second: response.body_bytes as f64 * 8.0 / seconds,
        segments_sent_again: info.tcpi_total_retrans,
        tail_probes: stage.interface.counters().loss_probes - probes_before,
        rtt_seconds: info.tcpi_rtt.as_secs_f64(),
        min_rtt_seconds: info.tcpi_min_rtt.as_secs_f64(),
        states,
    })
}

/// Serves one connection to its end; gives what our TCP knows of it, if it is ours.
fn serve_one(accept: Accept, site: DemoSite) -> io::Result<Option<TcpInfo>> {
    let mut stream = accept()?;
    http::serve(&mut stream, &site, |_| {})?;
    Ok(stream.info())
}

fn expected_hash(site: DemoSite, path: &str) -> io::Result<String> {
    let mut hasher = Hasher::default();
    if let Some((_, mut body)) = site.body(path) {
        io::copy(&mut body, &mut hasher)?;
    }
    Ok(hasher.hex())
}

/// The states of a connection once it has ended: the last packets may still be under way.
fn await_end(stage: &Stage, local: SocketAddr, remote: SocketAddr) -> Vec<Step> {
    let deadline = Instant::now() + CLOSING_PATIENCE;
    loop {
        let story = stage.story.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = story.steps(local, remote);
        drop(story);
        let ended = steps
            .last()
            .is_some_and(|step| matches!(step.state, State::TimeWait | State::Closed));
        if ended || Instant::now() >= deadline {
            return steps;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
