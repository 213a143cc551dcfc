//! Reading and writing.

use super::super::env::Env;
use super::descriptors::note_connection;
use super::{Answer, Started, address, args};
use crate::drill::ast::{Call, Expr, ExprKind};
use crate::drill::failure::Failure;
use crate::drill::value::{field, fields, is_any, is_null, items};
use crate::posix::constants::MSG_FASTOPEN;
use crate::posix::{Errno, Reply, Source};

/// More than any script writes at once.
const MOST_BYTES: usize = 1 << 26;

pub fn read(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, buf, len] = args(call)?;
    let (fd, len) = (env.fd(fd)?, env.words.size(len)?);
    let now = env.machine.now();
    match is_bad(buf, len) {
        true => Ok(bad_buffer(env, fd)),
        false => Ok(env.machine.host.read(now, fd, len).into()),
    }
}

pub fn readv(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, iov, _] = args(call)?;
    let fd = env.fd(fd)?;
    let now = env.machine.now();
    if is_null(iov) {
        return Ok(Errno::EFAULT.into());
    }
    let vectors = vectors(env, iov)?;
    if vectors.iter().any(|vector| is_bad(vector.base, vector.len)) {
        return Ok(bad_buffer(env, fd));
    }
    let lens: Vec<usize> = vectors.iter().map(|vector| vector.len).collect();
    Ok(env.machine.host.readv(now, fd, &lens).into())
}

pub fn recv(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, buf, len, flags] = args(call)?;
    let (fd, len, flags) = (env.fd(fd)?, env.words.size(len)?, env.words.int(flags)?);
    let now = env.machine.now();
    match is_bad(buf, len) {
        true => Ok(bad_buffer(env, fd)),
        false => Ok(env.machine.host.recv(now, fd, len, flags).into()),
    }
}

pub fn recvfrom(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, buf, len, flags, _, _] = args(call)?;
    let (fd, len, flags) = (env.fd(fd)?, env.words.size(len)?, env.words.int(flags)?);
    let now = env.machine.now();
    match is_bad(buf, len) {
        true => Ok(bad_buffer(env, fd)),
        false => Ok(env.machine.host.recvfrom(now, fd, len, flags).into()),
    }
}

pub fn write(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, buf, len] = args(call)?;
    let fd = env.fd(fd)?;
    let bytes = bytes(env, buf, len)?;
    let now = env.machine.now();
    Ok(env.machine.host.write(now, fd, bytes.source()).into())
}

pub fn writev(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, iov, _] = args(call)?;
    let fd = env.fd(fd)?;
    if is_null(iov) {
        return Ok(Errno::EFAULT.into());
    }
    let owned = sources(env, iov)?;
    let sources: Vec<Source<'_>> = owned.iter().map(Bytes::source).collect();
    let now = env.machine.now();
    Ok(env.machine.host.writev(now, fd, &sources).into())
}

pub fn send(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, buf, len, flags] = args(call)?;
    let (fd, flags) = (env.fd(fd)?, env.words.int(flags)?);
    let bytes = bytes(env, buf, len)?;
    let now = env.machine.now();
    Ok(env.machine.host.send(now, fd, bytes.source(), flags).into())
}

pub fn sendto(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, buf, len, flags, to, _] = args(call)?;
    let script_fd = env.words.number(fd)?;
    let (fd, flags) = (env.host_fd(script_fd), env.words.int(flags)?);
    let bytes = bytes(env, buf, len)?;
    let default = (env.settings.remote, env.settings.connect_port);
    let to = match is_null(to) {
        true => None,
        false => Some(address::given(env, to, default)?),
    };
    let now = env.machine.now();
    let host = &mut env.machine.host;
    let started = host.sendto(now, fd, bytes.source(), flags, to);
    if flags & MSG_FASTOPEN != 0 {
        note_connection(env, script_fd);
    }
    Ok(started.into())
}

/// Bytes to send, or a pointer that leads nowhere and the length given with it.
pub enum Bytes {
    Owned(Vec<u8>),
    Bad(usize),
}

impl Bytes {
    pub fn source(&self) -> Source<'_> {
        match self {
            Bytes::Owned(bytes) => Source::Bytes(bytes),
            Bytes::Bad(len) => Source::Bad(*len),
        }
    }
}

/// An element of an iovec.
pub struct Vector<'a> {
    pub base: &'a Expr,
    pub len: usize,
}

/// `[{..., 1000}, {iov_base=..., iov_len=5}]`.
pub fn vectors<'a>(env: &Env, expr: &'a Expr) -> Result<Vec<Vector<'a>>, Failure> {
    items(expr)
        .iter()
        .map(|item| {
            let members = fields(item)?;
            let (base, len) = match members {
                [base, len] if base.name.is_none() => (&base.value, &len.value),
                _ => field(members, "iov_base")
                    .zip(field(members, "iov_len"))
                    .ok_or_else(|| Failure::new(item.span, "an iovec is {base, length}"))?,
            };
            let len = env.words.size(len)?;
            Ok(Vector { base, len })
        })
        .collect()
}

/// What the elements of an iovec point to.
pub fn sources(env: &Env, expr: &Expr) -> Result<Vec<Bytes>, Failure> {
    let vectors = vectors(env, expr)?;
    let vectors = vectors.into_iter();
    vectors
        .map(|vector| pointed(vector.base, vector.len, vector.base))
        .collect()
}

fn bytes(env: &Env, buf: &Expr, len: &Expr) -> Result<Bytes, Failure> {
    pointed(buf, env.words.size(len)?, len)
}

fn pointed(buf: &Expr, len: usize, len_at: &Expr) -> Result<Bytes, Failure> {
    if len > MOST_BYTES {
        return Err(Failure::new(
            len_at.span,
            format!("{len} bytes are too many"),
        ));
    }
    match &buf.kind {
        ExprKind::Text(text) | ExprKind::Prefix(text) => {
            let mut bytes = text.clone();
            bytes.resize(len, 0);
            Ok(Bytes::Owned(bytes))
        }
        _ if is_null(buf) => Ok(Bytes::Bad(len)),
        _ if is_any(buf) => Ok(Bytes::Owned(vec![0; len])),
        _ => Err(Failure::new(
            buf.span,
            format!("'{buf}' is neither a text, '...' nor NULL"),
        )),
    }
}

/// Whether a pointer leads nowhere, and somebody would follow it.
pub fn is_bad(buf: &Expr, len: usize) -> bool {
    is_null(buf) && len > 0
}

/// What a call that reads answers when it has nowhere to write: a socket that is not there comes first.
pub fn bad_buffer(env: &mut Env, fd: i32) -> Started {
    let now = env.machine.now();
    match env.machine.host.getsockname(now, fd) {
        Err(errno) => errno.into(),
        Ok(_) => Errno::EFAULT.into(),
    }
}

/// Compares what was read with the text that the script expects.
pub fn check_text(call: &Call, answer: &Answer) -> Result<(), Failure> {
    let Some(Reply::Received(received)) = &answer.reply else {
        return Ok(());
    };
    let (expected, is_same) = match call.args.get(1).map(|arg| &arg.kind) {
        Some(ExprKind::Text(text)) => (text, received.data == *text),
        Some(ExprKind::Prefix(text)) => (text, received.data.starts_with(text)),
        _ => return Ok(()),
    };
    match is_same {
        true => Ok(()),
        false => Err(Failure::differs(
            call.span,
            format!("{} brought other bytes", call.name),
            expected.escape_ascii(),
            received.data.escape_ascii(),
        )),
    }
}
