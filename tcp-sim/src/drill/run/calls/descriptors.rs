//! Sockets from their beginning to their end.

use super::super::env::Env;
use super::{Answer, Started, address, args, expect_same, expected};
use crate::drill::ast::Call;
use crate::drill::failure::Failure;
use crate::drill::settings::Family;
use crate::drill::value::{is_any, is_null, unwrapped};
use crate::posix::constants::{
    AF_INET, AF_INET6, F_DUPFD, F_DUPFD_CLOEXEC, FIONBIO, IPPROTO_TCP, SOCK_STREAM,
};
use crate::posix::{Errno, Reply};

pub fn socket(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [domain, kind, protocol] = args(call)?;
    let default = match env.settings.family {
        Family::V4 => AF_INET,
        Family::V6 | Family::Mapped => AF_INET6,
    };
    let number = |expr, default| match is_any(expr) {
        true => Ok(default),
        false => env.words.int(expr),
    };
    let domain = number(domain, default)?;
    let kind = number(kind, SOCK_STREAM)?;
    let protocol = number(protocol, IPPROTO_TCP)?;
    Ok(env.machine.host.socket(domain, kind, protocol).into())
}

pub fn bind(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, to, _] = args(call)?;
    let fd = env.fd(fd)?;
    let default = (env.settings.local, env.settings.bind_port);
    let to = address::given(env, to, default)?;
    let bound = env.machine.host.bind(fd, to);
    Ok(bound.map(|()| 0).into())
}

pub fn listen(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, backlog] = args(call)?;
    let (fd, backlog) = (env.fd(fd)?, env.words.int(backlog)?);
    let now = env.machine.now();
    Ok(env.machine.host.listen(now, fd, backlog).map(|()| 0).into())
}

pub fn accept(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, _, _] = args(call)?;
    let fd = env.fd(fd)?;
    let now = env.machine.now();
    Ok(env.machine.host.accept(now, fd).into())
}

pub fn accept4(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, _, _, flags] = args(call)?;
    let (fd, flags) = (env.fd(fd)?, env.words.int(flags)?);
    let now = env.machine.now();
    Ok(env.machine.host.accept4(now, fd, flags).into())
}

pub fn connect(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, to, _] = args(call)?;
    let script_fd = env.words.number(fd)?;
    let fd = env.host_fd(script_fd);
    let default = (env.settings.remote, env.settings.connect_port);
    let to = address::given(env, to, default)?;
    let now = env.machine.now();
    let started = env.machine.host.connect(now, fd, to);
    note_connection(env, script_fd);
    Ok(started.into())
}

/// The SYN that a call has sent belongs to its descriptor.
pub fn note_connection(env: &mut Env, script_fd: i64) {
    env.machine.settle();
    let fd = env.host_fd(script_fd);
    let now = env.machine.now();
    if let Ok(local) = env.machine.host.getsockname(now, fd) {
        env.machine.flows.connects(script_fd, local);
    }
}

pub fn close(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd] = args(call)?;
    let script_fd = env.words.number(fd)?;
    if env.files.close(script_fd).is_some() {
        return Ok(Started::Answered(Answer::value(0)));
    }
    let fd = env.host_fd(script_fd);
    let now = env.machine.now();
    Ok(env.machine.host.close(now, fd).into())
}

pub fn shutdown(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, how] = args(call)?;
    let (fd, how) = (env.fd(fd)?, env.words.int(how)?);
    let now = env.machine.now();
    Ok(env.machine.host.shutdown(now, fd, how).map(|()| 0).into())
}

pub fn dup(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd] = args(call)?;
    let fd = env.fd(fd)?;
    Ok(env.machine.host.dup(fd).into())
}

pub fn fcntl(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let (fd, command, arg) = match call.args.as_slice() {
        [fd, command] => (fd, command, 0),
        [fd, command, arg] => (fd, command, env.words.int(arg)?),
        _ => {
            return Err(Failure::new(
                call.span,
                "fcntl takes two or three arguments",
            ));
        }
    };
    let (fd, command) = (env.fd(fd)?, env.words.int(command)?);
    Ok(env.machine.host.fcntl(fd, command, arg).into())
}

/// Whether the result of this fcntl is a descriptor.
pub fn is_duplication(env: &Env, call: &Call) -> bool {
    let command = call.args.get(1).and_then(|arg| env.words.int(arg).ok());
    matches!(command, Some(F_DUPFD | F_DUPFD_CLOEXEC))
}

pub fn ioctl(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, request, arg] = args(call)?;
    let (fd, request) = (env.fd(fd)?, env.words.int(request)?);
    let now = env.machine.now();
    if is_null(arg) {
        return Ok(Errno::EFAULT.into());
    }
    let given = match request {
        FIONBIO => env.words.int(unwrapped(arg))?,
        _ => 0,
    };
    let answer = env.machine.host.ioctl(now, fd, request, given);
    Ok(match answer {
        Ok(value) => Started::Answered(Answer {
            written: Some(value.to_le_bytes().to_vec()),
            ..Answer::default()
        }),
        Err(errno) => errno.into(),
    })
}

pub fn check_ioctl(env: &Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let [_, request, arg] = args(call)?;
    if env.words.int(request)? == FIONBIO {
        return Ok(());
    }
    let bytes = answer.written.as_deref().unwrap_or_default();
    let value = bytes.try_into().map_or(0, i32::from_le_bytes);
    let expected = expected(env, Some(unwrapped(arg)))?;
    expect_same(call, "value", expected, value.into())
}

pub fn name(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, _, _] = args(call)?;
    let fd = env.fd(fd)?;
    let now = env.machine.now();
    let answer = match call.name.as_str() {
        "getsockname" => env.machine.host.getsockname(now, fd),
        _ => env.machine.host.getpeername(now, fd),
    };
    Ok(answer.map(|_| 0).into())
}

/// Takes note of what a call has made of descriptors.
pub fn note(env: &mut Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let first = call.args.first().map(|arg| env.words.number(arg));
    match call.name.as_str() {
        "close" => {
            let fd = first.transpose()?.unwrap_or(-1);
            env.forget_fd(fd);
            env.machine.flows.closed(fd);
        }
        "listen" => {
            let fd = first.transpose()?.unwrap_or(-1);
            let host_fd = env.host_fd(fd);
            let now = env.machine.now();
            if let Ok(local) = env.machine.host.getsockname(now, host_fd) {
                env.machine.flows.listens(fd, local.port());
            }
        }
        "connect" | "sendto" | "sendmsg" => {}
        _ => {
            // The script's number of the descriptor, or the host's where it does not care.
            let script = env.words.optional(&call.result)?.unwrap_or(answer.value);
            env.name_fd(script, answer.value as i32);
            if let Some(Reply::Accepted { peer, .. }) = answer.reply {
                env.machine.flows.accepted(script, peer);
            }
        }
    }
    Ok(())
}
