//! Waiting for many descriptors.

use super::super::env::Env;
use super::{Answer, Started, args};
use crate::drill::ast::{Call, Expr, Field};
use crate::drill::failure::Failure;
use crate::drill::value::{field, fields, is_any, is_null, items};
use crate::posix::{EpollEvent, Errno, PollFd, Reply};

pub fn poll(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fds, _, timeout] = args(call)?;
    let timeout = env.words.int(timeout)?;
    if is_null(fds) {
        return Ok(Errno::EFAULT.into());
    }
    let fds: Vec<PollFd> = items(fds)
        .iter()
        .map(|item| poll_fd(env, item))
        .collect::<Result<_, _>>()?;
    let now = env.machine.now();
    Ok(env.machine.host.poll(now, &fds, timeout).into())
}

fn poll_fd(env: &Env, expr: &Expr) -> Result<PollFd, Failure> {
    let members = fields(expr)?;
    let fd = env.words.number(needed(expr, members, "fd")?)?;
    let events = env.words.number(needed(expr, members, "events")?)?;
    Ok(PollFd {
        // One that is negative is passed over, and stays so.
        fd: if fd < 0 { fd as i32 } else { env.host_fd(fd) },
        events: events as i16,
        revents: 0,
    })
}

/// Compares what is there with what the script expects of each descriptor.
pub fn check_poll(env: &Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let (Some(fds), Some(Reply::Polled(polled))) = (call.args.first(), &answer.reply) else {
        return Ok(());
    };
    for (item, polled) in items(fds).iter().zip(polled) {
        let Some(revents) = field(fields(item)?, "revents").filter(|value| !is_any(value)) else {
            continue;
        };
        let expected = env.words.number(revents)?;
        if expected != i64::from(polled.revents) {
            let message = format!("poll: another revents in {item}");
            let sides = [expected, polled.revents.into()].map(|events| poll_names(events as u32));
            let [expected, actual] = sides;
            return Err(Failure::differs(call.span, message, expected, actual));
        }
    }
    Ok(())
}

pub fn epoll_create(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [arg] = args(call)?;
    let arg = env.words.int(arg)?;
    let host = &mut env.machine.host;
    Ok(match call.name.as_str() {
        "epoll_create" => host.epoll_create(arg),
        _ => host.epoll_create1(arg),
    }
    .into())
}

pub fn epoll_ctl(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [epfd, operation, fd, event] = args(call)?;
    let (epfd, operation, fd) = (env.fd(epfd)?, env.words.int(operation)?, env.fd(fd)?);
    let event = match is_null(event) || is_any(event) {
        true => None,
        false => Some(epoll_event(env, event)?),
    };
    let now = env.machine.now();
    let answer = env.machine.host.epoll_ctl(now, epfd, operation, fd, event);
    Ok(answer.map(|()| 0).into())
}

fn epoll_event(env: &Env, expr: &Expr) -> Result<EpollEvent, Failure> {
    let members = fields(expr)?;
    let events = env.words.number(needed(expr, members, "events")?)?;
    let data = super::expected(env, data(members))?.unwrap_or(0);
    Ok(EpollEvent {
        events: events as u32,
        data: data as u64,
    })
}

pub fn epoll_wait(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [epfd, events, most, timeout] = args(call)?;
    let (epfd, most) = (env.fd(epfd)?, env.words.int(most)?);
    let timeout = env.words.int(timeout)?;
    if is_null(events) {
        return Ok(Errno::EFAULT.into());
    }
    let now = env.machine.now();
    Ok(env.machine.host.epoll_wait(now, epfd, most, timeout).into())
}

/// Compares the events with those that the script expects, in their order.
pub fn check_epoll(env: &Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let (Some(events), Some(Reply::Events(actual))) = (call.args.get(1), &answer.reply) else {
        return Ok(());
    };
    if is_any(events) {
        return Ok(());
    }
    // Where nothing is there, nothing was written to the place that the script names.
    for (item, actual) in items(events).iter().zip(actual) {
        let members = fields(item)?;
        let number = |expr: Option<&Expr>| super::expected(env, expr);
        let same_events = number(field(members, "events"))?
            .is_none_or(|expected| expected as u32 == actual.events);
        let same_data =
            number(data(members))?.is_none_or(|expected| expected as u64 == actual.data);
        if !same_events || !same_data {
            let actual = format!("{{events={}, {}}}", poll_names(actual.events), actual.data);
            let message = "epoll_wait brought another event";
            return Err(Failure::differs(call.span, message, item, actual));
        }
    }
    Ok(())
}

/// What an event of epoll carries of the user's own.
fn data(members: &[Field]) -> Option<&Expr> {
    let names = ["fd", "u32", "u64", "ptr"];
    names.iter().find_map(|name| field(members, name))
}

/// Events by their names, which `poll` and `epoll` share.
fn poll_names(events: u32) -> String {
    const NAMES: [(u32, &str); 9] = [
        (0x1, "IN"),
        (0x2, "PRI"),
        (0x4, "OUT"),
        (0x8, "ERR"),
        (0x10, "HUP"),
        (0x20, "NVAL"),
        (0x2000, "RDHUP"),
        (1 << 30, "ONESHOT"),
        (1 << 31, "ET"),
    ];
    let named = NAMES.iter().filter(|(bit, _)| events & bit != 0);
    let rest = NAMES.iter().fold(events, |rest, (bit, _)| rest & !bit);
    let mut names: Vec<String> = named.map(|(_, name)| (*name).to_owned()).collect();
    if rest != 0 || events == 0 {
        names.push(format!("{rest:#x}"));
    }
    names.join("|")
}

fn needed<'a>(expr: &Expr, members: &'a [Field], name: &str) -> Result<&'a Expr, Failure> {
    field(members, name)
        .ok_or_else(|| Failure::new(expr.span, format!("the structure has no {name}")))
}
