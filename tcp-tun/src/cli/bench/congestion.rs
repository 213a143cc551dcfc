//! What the kernel's own sockets control congestion with.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;

use anyhow::Context;
use nix::sys::socket::{setsockopt, sockopt};

use super::text;

/// What our stack and smoltcp have here, so that no path is judged by another algorithm's pace.
pub const USUAL: &str = "cubic";

/// Asks for the kernel's default, whatever that is.
pub const SYSTEM: &str = "system";

/// An algorithm by the kernel's name for it; or its default.
#[derive(Clone, Debug)]
pub struct Congestion(Option<OsString>);

impl Congestion {
    /// The one asked for, once the kernel has taken it; else [`USUAL`], or with a note the default where that is not
    /// to be had.
    pub fn choose(asked: Option<&str>) -> anyhow::Result<Congestion> {
        let name = asked.unwrap_or(USUAL);
        if name == SYSTEM {
            return Ok(Congestion(None));
        }
        let congestion = Congestion(Some(name.into()));
        let taken = TcpListener::bind(("127.0.0.1", 0)).and_then(|probe| congestion.apply(&probe));
        match (taken, asked) {
            (Ok(()), _) => Ok(congestion),
            (Err(error), None) => {
                text::note(format_args!(
                    "the kernel does not control congestion by {name} ({error}), and does as it is set up to"
                ));
                Ok(Congestion(None))
            }
            (Err(error), Some(_)) => Err(error).with_context(|| {
                format!(
                    "--congestion {name}: the kernel refuses it; `sysctl net.ipv4.tcp_available_congestion_control` \
                     lists what it has"
                )
            }),
        }
    }

    /// Has a socket use it, and so do those that a listener accepts.
    pub fn apply(&self, socket: &impl AsFd) -> io::Result<()> {
        match &self.0 {
            Some(name) => Ok(setsockopt(socket, sockopt::TcpCongestion, name)?),
            None => Ok(()),
        }
    }
}
