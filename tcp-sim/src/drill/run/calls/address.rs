//! Socket addresses of a script.

use std::net::{IpAddr, SocketAddr};

use super::super::env::Env;
use crate::drill::ast::{Expr, ExprKind};
use crate::drill::failure::Failure;
use crate::drill::settings::{Family, Settings};
use crate::drill::value::{field, fields, is_any, is_null};
use crate::posix::Address;
use crate::posix::constants::{AF_INET, AF_INET6, AF_UNSPEC};

/// The address that a call is given; `...` is `default`, of the script's family.
pub fn given(env: &Env, expr: &Expr, default: (IpAddr, u16)) -> Result<Address, Failure> {
    let family = env.settings.family;
    if is_any(expr) {
        let (ip, port) = default;
        return Ok(SocketAddr::new(worn(family, ip), port).into());
    }
    if is_null(expr) {
        return Ok(Address::Bad);
    }
    if matches!(&expr.kind, ExprKind::Word(word) if word == "AF_UNSPEC") {
        return Ok(Address::Unspecified);
    }
    let members = fields(expr)?;
    let needed = |name: &str| {
        field(members, name)
            .ok_or_else(|| Failure::new(expr.span, format!("the address has no {name}")))
    };
    match env.words.int(needed("sa_family")?)? {
        AF_UNSPEC => Ok(Address::Unspecified),
        AF_INET => {
            let ip = ip(needed("sin_addr")?)?;
            let port = port(env, needed("sin_port")?)?;
            let ip = translated(&env.settings, ip);
            Ok(SocketAddr::new(worn(family, ip), port).into())
        }
        AF_INET6 => {
            let ip = ip(needed("sin6_addr")?)?;
            let port = port(env, needed("sin6_port")?)?;
            Ok(SocketAddr::new(ip, port).into())
        }
        other => Ok(Address::Other(other as u16)),
    }
}

/// An address as a socket of this family is given it.
fn worn(family: Family, ip: IpAddr) -> IpAddr {
    match (family, ip) {
        (Family::Mapped, IpAddr::V4(ip)) if ip.is_unspecified() => {
            IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)
        }
        (Family::Mapped, IpAddr::V4(ip)) => IpAddr::V6(ip.to_ipv6_mapped()),
        _ => ip,
    }
}

/// What an IPv4 address of a script means where it runs over IPv6: the ends of its connections are ours.
fn translated(settings: &Settings, ip: IpAddr) -> IpAddr {
    let usual = Settings::new(Family::V4);
    match settings.family {
        Family::V6 if ip.is_unspecified() => std::net::Ipv6Addr::UNSPECIFIED.into(),
        Family::V6 if ip == usual.local => settings.local,
        Family::V6 if ip == usual.remote => settings.remote,
        _ => ip,
    }
}

fn port(env: &Env, expr: &Expr) -> Result<u16, Failure> {
    let value = env.words.number(expr)?;
    u16::try_from(value).map_err(|_| Failure::new(expr.span, format!("{value} is no port")))
}

/// `inet_addr("192.0.2.1")`, or an address in quotes.
fn ip(expr: &Expr) -> Result<IpAddr, Failure> {
    let wrong = || Failure::new(expr.span, format!("'{expr}' is no IP address"));
    let text = match &expr.kind {
        ExprKind::Function { name, args } if name == "inet_addr" || name == "inet_pton" => {
            match args.last().map(|arg| &arg.kind) {
                Some(ExprKind::Text(text)) => text,
                _ => return Err(wrong()),
            }
        }
        ExprKind::Text(text) => text,
        ExprKind::Word(word) if word == "INADDR_ANY" => {
            return Ok(std::net::Ipv4Addr::UNSPECIFIED.into());
        }
        _ => return Err(wrong()),
    };
    let text = std::str::from_utf8(text).map_err(|_| wrong())?;
    text.parse().map_err(|_| wrong())
}
