//! `tcp-tun connect`: standard input out, standard output in.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use tcp_tun::{Interface, TcpStream};

use super::link::{self, LinkArgs};
use super::signals::{self, Keys, Message};
use super::{status, text};

const EXAMPLES: &str = "\
Examples:
  sudo tcp-tun connect 10.7.0.1:22 --addr 10.7.0.2/24
        The greeting of this machine's own SSH server.
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | sudo tcp-tun connect '[fd07::1]:80'
        A page from this machine's own web server, over IPv6.
  sudo tcp-tun connect 10.7.0.1:9000 < file
        Send a file to `nc -l 9000`; ends once the other side has all of it and closes.

10.7.0.1 is the kernel's side of the link; hosts further away are reached only if the kernel
forwards and masquerades for 10.7.0.2.

At the end of input our direction is closed and theirs stays open, so that an answer can still
come. While it runs, `kill -USR1 PID` shows the connection as `ss -ti` does.";

/// Connect from our stack, as nc does: send standard input, print what comes
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ConnectArgs {
    /// The peer
    #[arg(value_name = "ADDR:PORT")]
    peer: SocketAddr,

    /// Give up connecting after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,

    #[command(flatten)]
    link: LinkArgs,
}

/// Bytes moved at a time.
const CHUNK: usize = 64 * 1024;

/// Talks to the peer until both sides have said all.
pub fn run(args: &ConnectArgs) -> anyhow::Result<()> {
    let link = args.link.open()?;
    link::check_family(&link.interface, args.peer)?;
    if args.link.is_verbose() {
        link.introduce(None);
    }
    let (sender, messages) = mpsc::channel();
    signals::watch(&sender, Keys::Unused)?;
    let (interface, peer) = (link.interface.clone(), args.peer);
    let timeout = Duration::from_secs(args.timeout);
    let verbose = args.link.is_verbose();
    thread::spawn(move || {
        let outcome = talk(&interface, peer, timeout, verbose);
        // The handle goes before the message: whoever gets it may end the interface.
        drop(interface);
        // Nobody listens any more after Ctrl-C.
        let _ = sender.send(Message::Finished(outcome));
    });
    let outcome = signals::until_ended(messages, || status::show(&link.interface))
        .unwrap_or_else(|| Err(anyhow!("interrupted")));
    let closed = link.close();
    outcome.and(closed)
}

fn talk(
    interface: &Interface,
    peer: SocketAddr,
    timeout: Duration,
    verbose: bool,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect_timeout(interface, &peer, timeout)
        .map_err(|error| explain_connect(&error, peer, timeout))?;
    if verbose {
        let local = stream.local_addr()?;
        text::note(format_args!("{local} is connected to {peer}"));
    }
    let stream = Arc::new(stream);
    let sending = Arc::clone(&stream);
    let sender = thread::spawn(move || send_input(&sending));
    receive(&stream)?;
    // The peer has said all; what is left of our input may still go to it, as with nc.
    match sender.join() {
        Ok(sent) => sent?,
        Err(_) => return Err(anyhow!("the thread that sends has panicked")),
    }
    // Everything is acknowledged before the stack ends with the program.
    (&*stream).flush().context("the peer did not take all")?;
    if verbose {
        status::show(interface);
    }
    Ok(())
}

/// Standard input to the peer, then the end of our direction.
fn send_input(stream: &TcpStream) -> anyhow::Result<()> {
    let mut buf = vec![0; CHUNK];
    let mut writer = stream;
    let mut stdin = io::stdin().lock();
    loop {
        let count = match stdin.read(&mut buf) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("cannot read standard input"),
        };
        if count == 0 {
            break;
        }
        writer
            .write_all(&buf[..count])
            .context("the peer takes no more")?;
    }
    stream
        .shutdown(Shutdown::Write)
        .context("cannot close our direction")
}

/// What the peer says to standard output, until its end.
fn receive(mut stream: &TcpStream) -> anyhow::Result<()> {
    let mut buf = vec![0; CHUNK];
    let mut stdout = io::stdout().lock();
    loop {
        let count = stream.read(&mut buf).context("the connection broke")?;
        if count == 0 {
            return Ok(());
        }
        // At once, for whoever talks with the peer line by line.
        let written = stdout.write_all(&buf[..count]);
        written
            .and_then(|()| stdout.flush())
            .map_err(text::output_error)?;
    }
}

fn explain_connect(error: &io::Error, peer: SocketAddr, timeout: Duration) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            anyhow!("{peer}: connection refused: nobody listens there")
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => anyhow!(
            "{peer}: timed out: no answer in {} s; is it the kernel's address on the link, or \
             does the kernel forward to it?",
            timeout.as_secs()
        ),
        _ => anyhow!("{peer}: {error}"),
    }
}
