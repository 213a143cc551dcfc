//! What the demo has to say: to people, and to programs.

use std::path::PathBuf;

use serde::Serialize;
use tcp_core::Counters;
use tcp_tun::Cidr;

use super::super::text::{grouped, print, rate};
use super::Stage;
use super::content::{BLOB, PAGE};
use super::story::{self, Step};
use super::transfer::{Chapter, Fetch, Role};

/// What joined the two ends.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "link", rename_all = "lowercase")]
pub enum LinkKind {
    /// A TUN device: the other end is the kernel.
    Tun,
    /// Memory: the other end is a stack of ours.
    Memory {
        /// Why there is no TUN device, and what to do.
        reason: String,
    },
}

/// Everything that was found; as JSON it is what `--json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    ok: bool,
    #[serde(flatten)]
    kind: LinkKind,
    device: Option<String>,
    mtu: u16,
    our_addresses: Vec<String>,
    far_addresses: Vec<String>,
    /// What was fetched in each role.
    #[serde(rename = "transfers")]
    pub chapters: Vec<Chapter>,
    capture: PathBuf,
    captured_packets: u64,
    counters: serde_json::Map<String, serde_json::Value>,
}

impl Report {
    /// A report of a stage on which nothing has happened yet.
    pub fn new(stage: &Stage) -> Report {
        let texts = |addresses: &[Cidr]| addresses.iter().map(Cidr::to_string).collect();
        Report {
            ok: false,
            kind: stage.kind.clone(),
            device: stage.interface.name().map(str::to_owned),
            mtu: stage.interface.mtu(),
            our_addresses: texts(stage.interface.addresses()),
            far_addresses: texts(&stage.far_addresses),
            chapters: Vec::new(),
            capture: stage.capture_path.clone(),
            captured_packets: 0,
            counters: serde_json::Map::new(),
        }
    }

    /// Adds what is known only at the end.
    pub fn finish(&mut self, counters: &Counters, captured_packets: u64) {
        let counted = counters.iter().filter(|(_, value)| *value > 0);
        self.counters = counted
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        self.captured_packets = captured_packets;
        let fetches = || self.chapters.iter().flat_map(|chapter| &chapter.fetches);
        self.ok = fetches().count() > 0 && fetches().all(Fetch::ok);
    }

    /// Whether everything arrived as it was sent.
    pub fn ok(&self) -> bool {
        self.ok
    }

    /// The whole as one object.
    pub fn print_json(&self) -> anyhow::Result<()> {
        let json = serde_json::to_string_pretty(self)?;
        print(format_args!("{json}"))
    }

    /// Who is who.
    pub fn print_introduction(&self) -> anyhow::Result<()> {
        let ours = self.our_addresses.join(", ");
        let theirs = self.far_addresses.join(", ");
        match &self.kind {
            LinkKind::Tun => print(format_args!(
                "Our TCP talks to the kernel's.\n\n  \
                 our stack    {ours:<26} a TCP in this process\n  \
                 the kernel   {theirs:<26} the TCP of this machine\n  \
                 between      {}, MTU {}, in a network of its own that nothing outside can see",
                self.device.as_deref().unwrap_or("a TUN device"),
                self.mtu
            )),
            LinkKind::Memory { reason } => print(format_args!(
                "Our TCP talks to itself: there is no way to the kernel here.\n\n  \
                 why          {reason}\n  \
                 our stack    {ours:<26} a TCP in this process\n  \
                 far end      {theirs:<26} a second one, in the kernel's place\n  \
                 between      a link in memory, MTU {}",
                self.mtu
            )),
        }
    }

    /// What happened in one chapter.
    pub fn print_chapter(&self, number: usize, chapter: &Chapter) -> anyhow::Result<()> {
        let far_end = match self.kind {
            LinkKind::Tun => "the kernel's TCP",
            LinkKind::Memory { .. } => "the far end's TCP",
        };
        let (client, server) = match chapter.our_role {
            Role::Server => (far_end, "ours"),
            Role::Client => ("our TCP", far_end),
        };
        print(format_args!(
            "\n{number}. A client on {client} fetches from a server on {server}, http://{}",
            chapter.server
        ))?;
        chapter.fetches.iter().try_for_each(|fetch| {
            let what = match fetch.path {
                PAGE => "a page of ",
                _ => "",
            };
            print(format_args!(
                "\n   GET {:<6} {what}{} bytes in {} s",
                fetch.path,
                grouped(fetch.bytes),
                seconds(fetch.seconds)
            ))?;
            print_facts(fetch)?;
            print_states(fetch, chapter.our_role)
        })
    }

    /// Where to look further.
    pub fn print_end(&self) -> anyhow::Result<()> {
        let path = self.capture.display();
        print(format_args!(
            "\nAll {} packets are in {path}; `tshark -r {path}` lists them, Wireshark shows them.",
            grouped(self.captured_packets)
        ))
    }
}

fn print_facts(fetch: &Fetch) -> anyhow::Result<()> {
    let line = |name: &str, value: &str| print(format_args!("     {name:<12} {value}"));
    let verdict = if fetch.ok() {
        format!("{} at both ends", fetch.sha256_received)
    } else {
        format!(
            "{} was sent,\n{:18}{} ARRIVED",
            fetch.sha256_sent, "", fetch.sha256_received
        )
    };
    line("SHA-256", &verdict)?;
    if fetch.path == BLOB {
        line("rate", &rate(fetch.bits_per_second))?;
    }
    let again = fetch.segments_sent_again;
    let plural = if again == 1 { "" } else { "s" };
    line("sent again", &format!("{again} segment{plural}"))?;
    let millis = |seconds: f64| format!("{:.3}", seconds * 1e3);
    line(
        "round trip",
        &format!(
            "{} ms smoothed, {} ms at the least",
            millis(fetch.rtt_seconds),
            millis(fetch.min_rtt_seconds)
        ),
    )
}

/// The way through the states: with every reason for the page, in short for the blob.
fn print_states(fetch: &Fetch, role: Role) -> anyhow::Result<()> {
    let first = match role {
        Role::Server => "LISTEN",
        Role::Client => "CLOSED",
    };
    if fetch.path == BLOB {
        let names = fetch.states.iter().map(|step| story::name(step.state));
        let way: Vec<String> = [first.to_owned()].into_iter().chain(names).collect();
        return print(format_args!(
            "     {:<12} {}",
            "our states",
            way.join(" > ")
        ));
    }
    print(format_args!("     {:<12} {first}", "our states"))?;
    fetch.states.iter().try_for_each(|Step { state, cause }| {
        let state = story::name(*state);
        print(format_args!("     {:<12} {state:<12} {cause}", ""))
    })
}

fn seconds(seconds: f64) -> String {
    if seconds < 0.01 {
        format!("{seconds:.6}")
    } else {
        format!("{seconds:.3}")
    }
}
