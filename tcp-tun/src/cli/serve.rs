//! `tcp-tun serve`: the services of a server of old, and files by HTTP.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use tcp_tun::http::{self, Directory};
use tcp_tun::{Interface, TcpListener, TcpStream};

use super::link::{self, LinkArgs};
use super::services;
use super::signals::{self, Keys, Message};
use super::{status, text};

const EXAMPLES: &str = "\
Examples:
  tcp-tun serve http . --private
        The files of this directory at http://10.7.0.2/, in a network of its own. It prints how
        to run curl there.
  sudo tcp-tun serve echo --tun tun0 --addr 10.7.0.2/24
        `nc 10.7.0.2 7` on this machine talks to it.
  sudo tcp-tun serve discard --listen 10.7.0.2:9 --addr 10.7.0.2/24 --pcap discard.pcapng
  sudo tcp-tun serve http . --queues 4
        Four stacks behind one address, for as many processors.

While it runs, `kill -USR1 PID`, or the key s and Enter, shows the connections as `ss -ti` does.
Ctrl-C ends it and prints what was counted.";

/// Answer connections from our stack
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    #[command(subcommand)]
    service: Service,
}

#[derive(Subcommand, Debug)]
enum Service {
    /// Send back what comes (RFC 862); port 7
    Echo(#[command(flatten)] Common),
    /// Throw away what comes (RFC 863); port 9
    Discard(#[command(flatten)] Common),
    /// Send lines of characters without end (RFC 864); port 19
    Chargen(#[command(flatten)] Common),
    /// The files of a directory by HTTP/1.1; port 80
    Http {
        /// The directory
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args, Debug)]
struct Common {
    /// Where our stack listens; port 0 chooses one, and 0.0.0.0 or [::] is every address of ours
    /// [default: every address, and the service's own port]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,

    /// Connections served at a time, each by a thread; more than these wait
    #[arg(long, value_name = "N", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_connections: u32,

    #[command(flatten)]
    link: LinkArgs,
}

/// How long an HTTP connection may be idle.
const HTTP_IDLE: Duration = Duration::from_secs(30);

/// How long a client may take nothing of what is sent to it: one that never reads would hold its
/// place among the connections for ever.
const WRITE_STALL: Duration = Duration::from_secs(60);

/// Pause after a connection could not be taken, lest a lack that lasts keeps a processor busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is interrupted.
pub fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let common = args.service.common();
    // A directory that is not there is better told before anything is set up.
    let handler = Arc::new(args.service.handler()?);
    let link = common.link.open()?;
    let addr = common.listen.unwrap_or_else(|| args.service.default_addr());
    if !addr.ip().is_unspecified() {
        link::check_family(&link.interface, addr)?;
    }
    let listener = listen(&link.interface, addr)?;
    let local = listener.local_addr()?;

    // Before anything is said: who reads of SIGUSR1 may send it at once.
    let (sender, messages) = mpsc::channel();
    signals::watch(&sender, Keys::Watched)?;
    let places = places(&link.interface, local);
    link.introduce(Some(&args.service.example(places[0])));
    let places: Vec<String> = places.iter().map(SocketAddr::to_string).collect();
    text::note(format_args!(
        "{} at {}; `kill -USR1 {}` shows the connections, Ctrl-C ends it",
        args.service.name(),
        places.join(" and "),
        std::process::id()
    ));
    let server = Server {
        handler,
        slots: Arc::new(Slots::new(common.max_connections)),
        verbose: common.link.is_verbose(),
    };
    thread::spawn(move || server.accept_all(&listener, &sender));

    let outcome =
        signals::until_ended(messages, || status::show(&link.interface)).unwrap_or(Ok(()));
    let interface = link.interface.clone();
    let closed = link.close();
    status::show_counters(&interface);
    outcome.and(closed)
}

fn listen(interface: &Interface, addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(interface, addr).map_err(|error| {
        if error.kind() == io::ErrorKind::AddrNotAvailable {
            let ours = interface.addresses().iter();
            let ours: Vec<String> = ours.map(|cidr| cidr.addr().to_string()).collect();
            let ours = ours.join(", ");
            anyhow!("cannot listen at {addr}: {error}; our stack has {ours}, see --addr")
        } else {
            anyhow::Error::new(error).context(format!("cannot listen at {addr}"))
        }
    })
}

/// Where clients find the server: all our addresses, if it listens at "every" one.
fn places(interface: &Interface, local: SocketAddr) -> Vec<SocketAddr> {
    if !local.ip().is_unspecified() {
        return vec![local];
    }
    let ours = interface.addresses().iter();
    ours.map(|cidr| SocketAddr::new(cidr.addr(), local.port()))
        .collect()
}

impl Service {
    /// A command for a client on the kernel's side.
    fn example(&self, server: SocketAddr) -> String {
        match self {
            Service::Http { .. } => format!("curl http://{server}/"),
            _ => format!("nc -N {} {}", server.ip(), server.port()),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Service::Echo(_) => "echo",
            Service::Discard(_) => "discard",
            Service::Chargen(_) => "chargen",
            Service::Http { .. } => "http",
        }
    }

    fn common(&self) -> &Common {
        match self {
            Service::Echo(common) | Service::Discard(common) | Service::Chargen(common) => common,
            Service::Http { common, .. } => common,
        }
    }

    /// Every address, and the port that the service is known by.
    fn default_addr(&self) -> SocketAddr {
        let port = match self {
            Service::Echo(_) => 7,
            Service::Discard(_) => 9,
            Service::Chargen(_) => 19,
            Service::Http { .. } => 80,
        };
        SocketAddr::from(([0, 0, 0, 0], port))
    }

    fn handler(&self) -> anyhow::Result<Handler> {
        Ok(match self {
            Service::Echo(_) => Handler::Raw(services::echo),
            Service::Discard(_) => Handler::Raw(services::discard),
            Service::Chargen(_) => Handler::Raw(services::chargen),
            Service::Http { directory, .. } => {
                let site = Directory::new(directory)
                    .with_context(|| format!("cannot serve {}", directory.display()))?;
                Handler::Http(site)
            }
        })
    }
}

/// What is done with each connection.
enum Handler {
    Raw(fn(&TcpStream) -> io::Result<()>),
    Http(Directory),
}

impl Handler {
    fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_write_timeout(Some(WRITE_STALL))?;
        match self {
            Handler::Raw(service) => service(stream),
            Handler::Http(site) => {
                stream.set_read_timeout(Some(HTTP_IDLE))?;
                http::serve(stream, site, |exchange| {
                    text::note(format_args!("{peer} {exchange}"));
                })
            }
        }
    }
}

struct Server {
    handler: Arc<Handler>,
    slots: Arc<Slots>,
    verbose: bool,
}

impl Server {
    /// Takes connections until the interface ends.
    fn accept_all(&self, listener: &TcpListener, sender: &Sender<Message>) {
        loop {
            // Before a connection is taken: one that must wait does so in the listener's backlog,
            // where the stack bounds it.
            let slot = Slots::take(&self.slots);
            let (stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    // Where the interface failed by itself, this is how the command hears of it.
                    let finished = anyhow::Error::new(error).context("the interface has ended");
                    let _ = sender.send(Message::Finished(Err(finished)));
                    return;
                }
                Err(error) => {
                    // The peer hung up while it waited.
                    self.tell(format_args!("a connection was lost: {error}"));
                    continue;
                }
            };
            self.tell(format_args!("{peer} connected"));
            let (handler, verbose) = (Arc::clone(&self.handler), self.verbose);
            let spawned = thread::Builder::new().spawn(move || {
                let _slot = slot;
                let result = handler.handle(&stream, peer);
                if verbose {
                    tell_end(peer, &stream, &result);
                }
            });
            if let Err(error) = spawned {
                text::note(format_args!("{peer} turned away, no thread: {error}"));
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }

    fn tell(&self, line: std::fmt::Arguments<'_>) {
        if self.verbose {
            text::note(line);
        }
    }
}

fn tell_end(peer: SocketAddr, stream: &TcpStream, result: &io::Result<()>) {
    let how = match result {
        Ok(()) => "done".to_owned(),
        Err(error) => error.to_string(),
    };
    match stream.info() {
        Ok(info) => text::note(format_args!(
            "{peer} {how}: {} bytes received, {} sent, {} segments sent again",
            text::grouped(info.tcpi_bytes_received),
            text::grouped(info.tcpi_bytes_sent - info.tcpi_bytes_retrans),
            info.tcpi_total_retrans,
        )),
        Err(_) => text::note(format_args!("{peer} {how}")),
    }
}

/// How many connections may be served at a time.
struct Slots {
    free: Mutex<u32>,
    returned: Condvar,
}

impl Slots {
    fn new(count: u32) -> Slots {
        Slots {
            free: Mutex::new(count),
            returned: Condvar::new(),
        }
    }

    /// Waits until one is free; it is free again when the value is dropped.
    fn take(slots: &Arc<Slots>) -> Slot {
        let free = slots.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = slots
            .returned
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot(Arc::clone(slots))
    }
}

struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_tun::MemoryDevice;

    #[test]
    fn an_address_that_is_not_ours_is_refused_with_those_that_are() {
        let (device, _other_end) = MemoryDevice::pair(1_500).unwrap();
        let interface = Interface::builder()
            .address("10.7.0.2/24".parse().unwrap())
            .address("fd07::2/64".parse().unwrap())
            .device(device)
            .build()
            .unwrap();
        let error = listen(&interface, "10.7.0.9:80".parse().unwrap()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("10.7.0.9:80"), "{error}");
        assert!(error.contains("10.7.0.2, fd07::2"), "{error}");
        assert!(listen(&interface, "10.7.0.2:80".parse().unwrap()).is_ok());
    }

    #[test]
    fn a_slot_is_taken_once_at_a_time() {
        let slots = Arc::new(Slots::new(1));
        let first = Slots::take(&slots);
        let (sender, taken) = mpsc::channel();
        let waiting = thread::spawn(move || {
            let _second = Slots::take(&slots);
            sender.send(()).unwrap();
        });
        assert!(taken.recv_timeout(Duration::from_millis(50)).is_err());
        drop(first);
        taken.recv_timeout(Duration::from_secs(10)).unwrap();
        waiting.join().unwrap();
    }
}
