//! `tcp-tun demo`: the proof, in a transcript that a newcomer understands.

mod content;
mod far_end;
mod report;
mod story;
mod transfer;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use clap::Args;
use tcp_core::{TcpConfig, ValidConfig};
use tcp_tun::capture::Capture;
use tcp_tun::{Cidr, Direction, Interface, MemoryDevice, netns};

use super::link::{LinkArgs, Observer};
use super::{advice, text};
use content::DemoSite;
use far_end::FarEnd;
use report::{LinkKind, Report};
use story::Story;
use transfer::Role;

const EXAMPLES: &str = "\
It makes a network of its own, in which nothing but the kernel and our stack exist, joined by a TUN
device. There, a client on the kernel's TCP fetches a page and 64 MiB from a server on ours, over
IPv4; then a client on ours fetches the same from a server on the kernel's, over IPv6. SHA-256 says
whether every byte arrived. Where it may not make a network or a TUN device, it joins two of our
stacks by a link in memory instead, and says what is missing.

Examples:
  tcp-tun demo
  tcp-tun demo --json | jq .transfers
  tcp-tun demo --bytes 1073741824 --mtu 1500
  tcp-tun demo --pcap demo.pcapng && wireshark demo.pcapng

The last line is `demo: ok`, and the exit code 0, if and only if all went well.";

/// Prove that it works: transfers between our stack and the kernel's, both ways
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Print one JSON object in place of the transcript
    #[arg(long)]
    json: bool,

    /// Bytes of the large transfers
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    bytes: u64,

    /// Use the link in memory, even where a TUN device could be made
    #[arg(long)]
    memory: bool,

    #[command(flatten)]
    link: LinkArgs,
}

/// Jumbo frames: analysers reassemble the page of 64 MiB in a time that grows with the square of the
/// number of packets, and the demo's capture is there to be opened.
const DEMO_MTU: u16 = 9_000;

/// Where the capture goes if nothing is said.
const DEFAULT_CAPTURE: &str = "tcp-tun-demo.pcapng";

/// Runs the demo; an error is whatever keeps it from saying `demo: ok`.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    if args.link.is_attached() {
        bail!("the demo makes a device in a network of its own; --attach is for the others");
    }
    let stage = Stage::set(args)?;
    let site = DemoSite {
        blob_bytes: args.bytes,
    };
    let mut report = Report::new(&stage);
    if !args.json {
        report.print_introduction()?;
    }
    for (role, number) in [(Role::Server, 1), (Role::Client, 2)] {
        let chapter = transfer::run(&stage, role, site)?;
        if !args.json {
            report.print_chapter(number, &chapter)?;
        }
        report.chapters.push(chapter);
    }
    // The end of the interface comes first: until then there may be packets to record.
    stage.interface.shutdown().context("the device failed")?;
    let packets = stage.capture.finish();
    let packets = packets.context("the capture is incomplete")?;
    report.finish(&stage.interface.counters(), packets);
    if args.json {
        report.print_json()?;
    } else {
        report.print_end()?;
    }
    if !report.ok() {
        bail!("what arrived is not what was sent");
    }
    if !args.json {
        text::print(format_args!("demo: ok"))?;
    }
    Ok(())
}

/// Our stack, whoever is at the other end, and who watches.
pub struct Stage {
    /// Our stack.
    pub interface: Interface,
    /// The other end of the link.
    pub far_end: FarEnd,
    /// What the packets told.
    pub story: Arc<Mutex<Story>>,
    /// What joins the two.
    pub kind: LinkKind,
    /// The other end's addresses.
    pub far_addresses: Vec<Cidr>,
    capture: Capture,
    capture_path: PathBuf,
}

impl Stage {
    /// Joins our stack to the kernel, or, where that is not allowed, to another stack of ours.
    fn set(args: &DemoArgs) -> anyhow::Result<Stage> {
        let (capture, capture_path) = create_capture(&args.link)?;
        let story = Arc::new(Mutex::new(Story::default()));
        let kernel = match Stage::join_kernel(args, &capture, &story) {
            Ok(interface) => Ok(interface),
            Err(error) => match error.downcast::<Unavailable>() {
                Ok(unavailable) => Err(unavailable.0),
                Err(error) => return Err(error),
            },
        };
        let (interface, far_end, kind) = match kernel {
            Ok(interface) => (interface, FarEnd::Kernel, LinkKind::Tun),
            Err(reason) => {
                let (interface, far_end) = Stage::join_stack(args, &capture, &story)?;
                (interface, far_end, LinkKind::Memory { reason })
            }
        };
        Ok(Stage {
            interface,
            far_end,
            story,
            kind,
            far_addresses: args.link.kernel_addresses()?,
            capture,
            capture_path,
        })
    }

    fn join_kernel(
        args: &DemoArgs,
        capture: &Capture,
        story: &Arc<Mutex<Story>>,
    ) -> anyhow::Result<Interface> {
        if args.memory {
            return Err(Unavailable("as asked for by --memory".to_owned()).into());
        }
        netns::enter().map_err(|error| Unavailable(error.to_string()))?;
        let name = args.link.device_name();
        let mut builder = args
            .link
            .builder(Some(capture.clone()), Some(observer(story)))
            .tcp(tcp_config(&args.link)?)
            .mtu(args.link.mtu_or(DEMO_MTU))
            .name(name);
        for address in args.link.kernel_addresses()? {
            builder = builder.kernel_address(address);
        }
        let built = builder.build();
        let interface =
            built.map_err(|error| Unavailable(advice::explain_tun(&error, name).to_string()))?;
        args.link.note_fallback(&interface);
        Ok(interface)
    }

    fn join_stack(
        args: &DemoArgs,
        capture: &Capture,
        story: &Arc<Mutex<Story>>,
    ) -> anyhow::Result<(Interface, FarEnd)> {
        let (ours, theirs) =
            MemoryDevice::pair(args.link.mtu_or(DEMO_MTU)).context("no link in memory")?;
        let interface = args
            .link
            .builder(Some(capture.clone()), Some(observer(story)))
            .tcp(tcp_config(&args.link)?)
            .device(ours)
            .build()
            .context("cannot make our stack")?;
        // Only one end records packets, or the capture would hold each of them twice.
        let mut builder = Interface::builder()
            .tcp(tcp_config(&args.link)?)
            .device(theirs);
        for address in args.link.kernel_addresses()? {
            builder = builder.address(address);
        }
        let far_end = builder.build().context("cannot make a second stack")?;
        Ok((interface, FarEnd::Stack(far_end)))
    }
}

/// There is no TUN device to be had; this is why, and what to do.
#[derive(Debug)]
struct Unavailable(String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

fn observer(story: &Arc<Mutex<Story>>) -> Observer {
    let story = Arc::clone(story);
    Box::new(move |direction: Direction, packet: &[u8]| {
        let mut story = story.lock().unwrap_or_else(PoisonError::into_inner);
        story.observe(direction, packet);
    })
}

/// Buffers that let a transfer run at the link's pace.
fn tcp_config(link: &LinkArgs) -> anyhow::Result<ValidConfig> {
    link.tcp_over(TcpConfig {
        recv_buffer: (4 << 20).into(),
        send_buffer: (4 << 20).into(),
        ..TcpConfig::default()
    })
}

/// The file that was asked for; else one in the working directory, or, where that cannot be
/// written, in the directory for temporary files.
fn create_capture(link: &LinkArgs) -> anyhow::Result<(Capture, PathBuf)> {
    let name = link.device_name();
    if let Some(path) = &link.pcap {
        let capture = Capture::create(path, name);
        let capture = capture.with_context(|| format!("cannot write to {}", path.display()))?;
        return Ok((capture, path.clone()));
    }
    let here = PathBuf::from(DEFAULT_CAPTURE);
    if let Ok(capture) = Capture::create(&here, name) {
        return Ok((capture, here));
    }
    let path = std::env::temp_dir().join(format!("tcp-tun-demo-{}.pcapng", std::process::id()));
    let capture = create_anew(&path).and_then(|file| Capture::to(file, name));
    let capture = capture.with_context(|| format!("cannot write to {}", path.display()))?;
    Ok((capture, path))
}

/// Makes a file that is not there yet. In a directory where everyone may write, what is there may
/// be another user's, or a link that leads to a file of ours.
fn create_anew(path: &Path) -> io::Result<File> {
    File::create_new(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_lies_in_wait_is_not_followed() {
        let pid = std::process::id();
        let target = std::env::temp_dir().join(format!("demo-target-{pid}"));
        let link = std::env::temp_dir().join(format!("demo-link-{pid}"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let refused = create_anew(&link);
        let followed = target.exists();
        std::fs::remove_file(&link).unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!followed);
    }
}
