//! Socket options.

use super::super::env::Env;
use super::{Answer, Started, args, expect_same, expected};
use crate::drill::ast::{Call, Expr, ExprKind, Field};
use crate::drill::failure::Failure;
use crate::drill::value::{field, fields, is_any, is_null, items, unwrapped};
use crate::posix::Errno;

/// What `...` offers as room: more than any option has.
const ROOM: usize = 1_024;

pub fn set(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, level, name, value, len] = args(call)?;
    let (fd, level, name) = (env.fd(fd)?, env.words.int(level)?, env.words.int(name)?);
    let mut bytes = match is_null(value) {
        true => Vec::new(),
        false => bytes(env, value)?,
    };
    let len = match is_any(len) {
        true => bytes.len(),
        false => match usize::try_from(env.words.number(len)?) {
            Ok(len) => len,
            Err(_) => return Ok(Errno::EINVAL.into()),
        },
    };
    if is_null(value) && len > 0 {
        return Ok(super::io::bad_buffer(env, fd));
    }
    bytes.resize(len.min(ROOM), 0);
    let now = env.machine.now();
    let answer = env.machine.host.setsockopt(now, fd, level, name, &bytes);
    Ok(answer.map(|()| 0).into())
}

pub fn get(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [fd, level, name, value, len] = args(call)?;
    let (fd, level, name) = (env.fd(fd)?, env.words.int(level)?, env.words.int(name)?);
    if is_null(value) || is_null(len) {
        return Ok(super::io::bad_buffer(env, fd));
    }
    let len = match expected(env, Some(unwrapped(len)))? {
        None => ROOM,
        Some(len) => match usize::try_from(len) {
            Ok(len) => len,
            Err(_) => return Ok(Errno::EINVAL.into()),
        },
    };
    let now = env.machine.now();
    let answer = env.machine.host.getsockopt(now, fd, level, name, len);
    Ok(match answer {
        Ok(written) => Started::Answered(Answer {
            written: Some(written),
            ..Answer::default()
        }),
        Err(errno) => errno.into(),
    })
}

/// Compares the value with the one that the script expects.
pub fn check(env: &Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let [_, _, _, value, _] = args(call)?;
    let written = answer.written.as_deref().unwrap_or_default();
    match &unwrapped(value).kind {
        ExprKind::Ellipsis => Ok(()),
        ExprKind::Text(expected) => {
            let end = written.iter().position(|&byte| byte == 0);
            let actual = &written[..end.unwrap_or(written.len())];
            match actual == expected || written == expected {
                true => Ok(()),
                false => Err(Failure::differs(
                    call.span,
                    "getsockopt: another value",
                    expected.escape_ascii(),
                    actual.escape_ascii(),
                )),
            }
        }
        ExprKind::Struct(members) if members.iter().all(|member| is_any(&member.value)) => Ok(()),
        ExprKind::Struct(_) => {
            let expected = bytes(env, value)?;
            match written.starts_with(&expected) {
                true => Ok(()),
                false => Err(Failure::differs(
                    call.span,
                    "getsockopt: another value",
                    format!("{expected:?}"),
                    format!("{written:?}"),
                )),
            }
        }
        _ => {
            let expected = expected(env, Some(unwrapped(value)))?;
            expect_same(call, "value", expected, number(written))
        }
    }
}

/// A value of up to eight bytes, with its sign.
fn number(bytes: &[u8]) -> i64 {
    match bytes {
        [a, b, c, d] => i64::from(i32::from_le_bytes([*a, *b, *c, *d])),
        _ => bytes
            .iter()
            .take(8)
            .rev()
            .fold(0, |number, &byte| number << 8 | i64::from(byte)),
    }
}

/// What a script gives as the value of an option: numbers are ints.
fn bytes(env: &Env, expr: &Expr) -> Result<Vec<u8>, Failure> {
    match &expr.kind {
        ExprKind::Text(text) => Ok(text.clone()),
        ExprKind::List(_) => {
            let parts = items(expr).iter().map(|item| bytes(env, item));
            Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
        }
        ExprKind::Struct(members) => structure(env, expr, members),
        ExprKind::Ellipsis => Ok(vec![0; ROOM]),
        _ => Ok(env.words.int(expr)?.to_le_bytes().to_vec()),
    }
}

/// `struct linger` or `struct timeval`.
fn structure(env: &Env, expr: &Expr, members: &[Field]) -> Result<Vec<u8>, Failure> {
    let pair = |first, second| field(members, first).zip(field(members, second));
    if let Some((onoff, linger)) = pair("onoff", "linger").or(pair("l_onoff", "l_linger")) {
        let ints = [env.words.int(onoff)?, env.words.int(linger)?];
        return Ok(ints.iter().flat_map(|int| int.to_le_bytes()).collect());
    }
    if let Some((seconds, micros)) = pair("tv_sec", "tv_usec") {
        let longs = [env.words.number(seconds)?, env.words.number(micros)?];
        return Ok(longs.iter().flat_map(|long| long.to_le_bytes()).collect());
    }
    fields(expr)?;
    Err(Failure::new(expr.span, "no such structure of an option"))
}
