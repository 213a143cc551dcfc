//! The paths that are compared: the kernel at one end, and at the other one of several stacks.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tcp_tun::device::config::{self, LinkConfig};
use tcp_tun::device::veth;
use tcp_tun::tcp_core::Offload;
use tcp_tun::{Cidr, Interface, TunMode};

use super::client::{self, Load, Near, Outcome};
use super::congestion::Congestion;
use super::place::{MTU, Place};
use super::services;
#[cfg(feature = "smoltcp")]
use super::smoltcp_end;

/// What is at the far end, and what leads to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The kernel, over veth as it is.
    Veth,
    /// The kernel, over veth without offloads.
    VethPlain,
    /// Our stack, over TUN with offloads.
    Tun,
    /// Our stacks, two over TUN with offloads.
    TunTwo,
    /// Our stack, over plain TUN.
    TunPlain,
    /// Our stacks, two over plain TUN.
    TunPlainTwo,
    /// smoltcp, over the same plain TUN.
    #[cfg(feature = "smoltcp")]
    Smoltcp,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub const ALL: &[Kind] = &[
        Kind::Veth,
        Kind::VethPlain,
        Kind::Tun,
        Kind::TunTwo,
        Kind::TunPlain,
        Kind::TunPlainTwo,
        #[cfg(feature = "smoltcp")]
        Kind::Smoltcp,
    ];

    /// Whether it is worth loading with so many flows: one flow uses one queue, whatever their number.
    pub fn suits(self, flows: usize) -> bool {
        flows > 1 || !matches!(self, Kind::TunTwo | Kind::TunPlainTwo)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Veth => "veth",
            Kind::VethPlain => "veth-plain",
            Kind::Tun => "tun",
            Kind::TunTwo => "tun-2q",
            Kind::TunPlain => "tun-plain",
            Kind::TunPlainTwo => "tun-plain-2q",
            #[cfg(feature = "smoltcp")]
            Kind::Smoltcp => "smoltcp",
        }
    }
}

/// The kernel's address, and the far end's.
const NEAR: &str = "10.77.0.1/24";
const FAR: &str = "10.77.0.2/24";

/// A path in place, with its services.
pub struct Path {
    pub kind: Kind,
    near: Place,
    far: FarEnd,
    congestion: Congestion,
}

/// What keeps the far end there.
enum FarEnd {
    /// The sockets' threads do, and so does the device.
    Kernel,
    Ours(Interface),
    #[cfg(feature = "smoltcp")]
    Smoltcp(smoltcp_end::SmoltcpEnd),
}

impl Path {
    /// Makes a path in namespaces of its own. The kernel's ends of it control congestion as told.
    pub fn open(kind: Kind, congestion: &Congestion) -> anyhow::Result<Path> {
        let near = Place::new()?;
        let far = match kind {
            Kind::Veth | Kind::VethPlain => open_veth(kind, &near, congestion),
            Kind::Tun => open_tun(&near, TunMode::Offload, 1),
            Kind::TunTwo => open_tun(&near, TunMode::Offload, 2),
            Kind::TunPlain => open_tun(&near, TunMode::Plain, 1),
            Kind::TunPlainTwo => open_tun(&near, TunMode::Plain, 2),
            #[cfg(feature = "smoltcp")]
            Kind::Smoltcp => near
                .run(|| smoltcp_end::SmoltcpEnd::start(cidr(NEAR), cidr(FAR)))?
                .map(FarEnd::Smoltcp),
        };
        let far = far.with_context(|| format!("cannot set up the path {}", kind.name()))?;
        Ok(Path {
            kind,
            near,
            far,
            congestion: congestion.clone(),
        })
    }

    /// Loads it.
    pub fn load(&self, load: Load, near: Near, time: Duration) -> anyhow::Result<Outcome> {
        let server = SocketAddr::new(cidr(FAR).addr(), 0);
        let congestion = &self.congestion;
        let outcome = self
            .near
            .run(|| client::load(load, (server, congestion), near, time))?;
        outcome.with_context(|| format!("{load:?} over {}", self.kind.name()))
    }

    /// Takes it down.
    pub fn close(self) -> anyhow::Result<()> {
        match self.far {
            FarEnd::Kernel => Ok(()),
            FarEnd::Ours(interface) => Ok(interface.shutdown()?),
            #[cfg(feature = "smoltcp")]
            FarEnd::Smoltcp(end) => end.stop(),
        }
    }
}

fn open_veth(kind: Kind, near: &Place, congestion: &Congestion) -> anyhow::Result<FarEnd> {
    let far = Place::new()?;
    near.run(|| veth::make_pair("near", "far", std::os::fd::AsFd::as_fd(&far)))??;
    for (place, name, address) in [(near, "near", NEAR), (&far, "far", FAR)] {
        place.run(|| {
            if kind == Kind::VethPlain {
                veth::turn_offloads_off(name).context("cannot turn offloads off")?;
            }
            let link = LinkConfig {
                mtu: Some(MTU),
                addresses: vec![cidr(address)],
            };
            anyhow::Ok(config::configure(name, &link)?)
        })??;
    }
    far.run(|| services::serve_by_kernel(SocketAddr::new(cidr(FAR).addr(), 0), congestion))??;
    Ok(FarEnd::Kernel)
}

fn open_tun(near: &Place, mode: TunMode, queues: usize) -> anyhow::Result<FarEnd> {
    let builder = Interface::builder()
        .name("tun0")
        .tun_mode(mode)
        .queues(queues)
        .address(cidr(FAR))
        .kernel_address(cidr(NEAR))
        .mtu(MTU);
    let interface = near.run(|| builder.build())??;
    if mode == TunMode::Offload && interface.offload() == Offload::NONE {
        anyhow::bail!("this kernel has no offloads for TUN devices");
    }
    if interface.queues() < queues {
        anyhow::bail!("this kernel has one queue for a TUN device");
    }
    services::serve_by_ours(&interface, SocketAddr::new(cidr(FAR).addr(), 0))?;
    Ok(FarEnd::Ours(interface))
}

fn cidr(text: &str) -> Cidr {
    text.parse().expect("a constant that is an address")
}
