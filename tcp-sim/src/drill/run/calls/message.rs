//! `struct msghdr`, sent and received.

use std::time::Duration;

use tcp_core::Instant;

use super::super::env::Env;
use super::descriptors::note_connection;
use super::io::{self, Bytes};
use super::{Answer, Started, address, args, expect_same, expected};
use crate::drill::ast::{Call, Expr, Field};
use crate::drill::failure::Failure;
use crate::drill::value::{field, fields, is_any, is_null, items};
use crate::posix::constants::{MSG_FASTOPEN, SCM_TIMESTAMPING, SOL_SOCKET};
use crate::posix::{ControlMessage, Errno, Message, Reply, Source};

/// `msg_controllen` where the script does not say: room for all that there is.
const ROOM_FOR_CONTROL: usize = 1_024;

pub fn recvmsg(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, message, flags] = args(call)?;
    let (fd, flags) = (env.fd(fd)?, env.words.int(flags)?);
    if is_null(message) {
        return Ok(Errno::EFAULT.into());
    }
    let members = fields(message)?;
    let vectors = match field(members, "msg_iov") {
        Some(iov) if !is_null(iov) => io::vectors(env, iov)?,
        _ => Vec::new(),
    };
    if vectors
        .iter()
        .any(|vector| io::is_bad(vector.base, vector.len))
    {
        return Ok(io::bad_buffer(env, fd));
    }
    let lens: Vec<usize> = vectors.iter().map(|vector| vector.len).collect();
    let room = control_room(env, members)?;
    let now = env.machine.now();
    Ok(env.machine.host.recvmsg(now, fd, &lens, room, flags).into())
}

/// `msg_control(24)=...`: the length, or room for all where only the messages are given.
fn control_room(env: &Env, members: &[Field]) -> Result<usize, Failure> {
    let control = members
        .iter()
        .find(|member| member.name.as_deref() == Some("msg_control"));
    match control {
        None => Ok(0),
        Some(Field {
            size: Some(size), ..
        }) if !is_any(size) => env.words.size(size),
        Some(_) => Ok(ROOM_FOR_CONTROL),
    }
}

pub fn sendmsg(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, message, flags] = args(call)?;
    let script_fd = env.words.number(fd)?;
    let (fd, flags) = (env.host_fd(script_fd), env.words.int(flags)?);
    if is_null(message) {
        return Ok(Errno::EFAULT.into());
    }
    let members = fields(message)?;
    let owned = match field(members, "msg_iov") {
        Some(iov) if !is_null(iov) => io::sources(env, iov)?,
        _ => Vec::new(),
    };
    let iov: Vec<Source<'_>> = owned.iter().map(Bytes::source).collect();
    let control = match field(members, "msg_control") {
        Some(control) if !is_any(control) && !is_null(control) => controls(env, control)?,
        _ => Vec::new(),
    };
    let default = (env.settings.remote, env.settings.connect_port);
    let name = match field(members, "msg_name") {
        Some(name) if !is_null(name) => Some(address::given(env, name, default)?),
        _ => None,
    };
    let message = Message {
        name,
        iov: &iov,
        control: &control,
    };
    let now = env.machine.now();
    let started = env.machine.host.sendmsg(now, fd, &message, flags);
    if flags & MSG_FASTOPEN != 0 {
        note_connection(env, script_fd);
    }
    Ok(started.into())
}

fn controls(env: &Env, expr: &Expr) -> Result<Vec<ControlMessage>, Failure> {
    items(expr).iter().map(|item| control(env, item)).collect()
}

/// `{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=1}`.
fn control(env: &Env, expr: &Expr) -> Result<ControlMessage, Failure> {
    let members = fields(expr)?;
    let needed = |name: &str| {
        field(members, name)
            .ok_or_else(|| Failure::new(expr.span, format!("the control message has no {name}")))
    };
    let level = env.words.int(needed("cmsg_level")?)?;
    let kind = env.words.int(needed("cmsg_type")?)?;
    let data = needed("cmsg_data")?;
    let data = match fields(data) {
        Ok(members) => structure(env, data, members)?,
        Err(_) => env.words.int(data)?.to_le_bytes().to_vec(),
    };
    Ok(ControlMessage { level, kind, data })
}

/// `struct scm_timestamping`, of which scripts name the first time, or `struct sock_extended_err`.
fn structure(env: &Env, expr: &Expr, members: &[Field]) -> Result<Vec<u8>, Failure> {
    let number = |name: &str| match field(members, name) {
        Some(value) => env.words.number(value),
        None => Ok(0),
    };
    if field(members, "scm_sec").is_some() {
        let times = [number("scm_sec")?, number("scm_nsec")?, 0, 0, 0, 0];
        return Ok(times.iter().flat_map(|time| time.to_le_bytes()).collect());
    }
    if field(members, "ee_errno").is_some() {
        let byte = |name: &str| Ok::<u8, Failure>(number(name)? as u8);
        let word = |name: &str| Ok::<[u8; 4], Failure>((number(name)? as u32).to_le_bytes());
        let mut bytes = word("ee_errno")?.to_vec();
        bytes.extend([byte("ee_origin")?, byte("ee_type")?, byte("ee_code")?, 0]);
        bytes.extend(word("ee_info")?);
        bytes.extend(word("ee_data")?);
        return Ok(bytes);
    }
    Err(Failure::new(expr.span, "no such data of a control message"))
}

/// Whether a control message is the one of the script, which leaves out the address behind an extended error, and
/// counts times from its start.
fn is_as_expected(env: &Env, actual: &ControlMessage, expected: &ControlMessage) -> bool {
    if (actual.level, actual.kind) != (expected.level, expected.kind) {
        return false;
    }
    if (actual.level, actual.kind) == (SOL_SOCKET, SCM_TIMESTAMPING)
        && let (Some(actual), Some(expected)) = (time_of(actual), time_of(expected))
    {
        let actual = env.machine.since_start(Instant::ZERO + actual);
        return actual.abs_diff(expected) <= env.settings.tolerance;
    }
    actual.data.starts_with(&expected.data)
}

/// The first time of `struct scm_timestamping`.
fn time_of(message: &ControlMessage) -> Option<Duration> {
    let number = |at: usize| {
        let bytes = message.data.get(at..at + 8)?;
        u64::try_from(i64::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    Some(Duration::from_secs(number(0)?) + Duration::from_nanos(number(8)?))
}

/// Compares flags and control messages with what the script expects.
pub fn check(env: &Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let (Some(message), Some(Reply::Received(received))) = (call.args.get(1), &answer.reply) else {
        return Ok(());
    };
    let members = fields(message)?;
    let flags = expected(env, field(members, "msg_flags"))?;
    expect_same(call, "msg_flags", flags, received.flags.into())?;
    let Some(control) = field(members, "msg_control").filter(|control| !is_any(control)) else {
        return Ok(());
    };
    let expected = match is_null(control) {
        true => Vec::new(),
        false => controls(env, control)?,
    };
    let pairs = || expected.iter().zip(&received.control);
    let same = expected.len() == received.control.len()
        && pairs().all(|(expected, actual)| is_as_expected(env, actual, expected));
    match same {
        true => Ok(()),
        false => Err(Failure::differs(
            call.span,
            "recvmsg brought other control messages",
            format!("{expected:?}"),
            format!("{:?}", received.control),
        )),
    }
}
