//! The system calls of a script.

mod address;
mod descriptors;
mod files;
mod io;
mod message;
mod poll;
mod sockopt;

use super::env::Env;
use crate::drill::ast::{Call, Expr};
use crate::drill::failure::Failure;
use crate::drill::value::is_any;
use crate::posix::{self, Errno, Outcome, Reply};

/// What a call has come to when it returns, or that it has not.
pub enum Started {
    /// It has answered.
    Answered(Answer),
    /// It blocks.
    Blocked(posix::Call),
}

/// What a call has answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// What it returned; -1 where it failed.
    pub value: i64,
    /// Why it failed.
    pub errno: Option<Errno>,
    /// What it brought, where it is one that can block.
    pub reply: Option<Reply>,
    /// What it wrote to where its arguments point.
    pub written: Option<Vec<u8>>,
}

impl Answer {
    fn value(value: impl Into<i64>) -> Answer {
        Answer {
            value: value.into(),
            ..Answer::default()
        }
    }

    fn error(errno: Errno) -> Answer {
        Answer {
            value: -1,
            errno: Some(errno),
            ..Answer::default()
        }
    }

    /// What a call that can block has answered.
    pub fn reply(answer: Result<Reply, Errno>) -> Answer {
        match answer {
            Ok(reply) => Answer {
                value: reply.value(),
                reply: Some(reply),
                ..Answer::default()
            },
            Err(errno) => Answer::error(errno),
        }
    }
}

impl<T: Into<i64>> From<Result<T, Errno>> for Started {
    fn from(result: Result<T, Errno>) -> Started {
        Started::Answered(match result {
            Ok(value) => Answer::value(value),
            Err(errno) => Answer::error(errno),
        })
    }
}

impl From<Outcome> for Started {
    fn from(outcome: Outcome) -> Started {
        match outcome {
            Outcome::Done(answer) => Started::Answered(Answer::reply(answer)),
            Outcome::Blocked(call) => Started::Blocked(call),
        }
    }
}

impl From<Errno> for Started {
    fn from(errno: Errno) -> Started {
        Started::Answered(Answer::error(errno))
    }
}

/// Makes a call.
pub fn start(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    match call.name.as_str() {
        "socket" => descriptors::socket(env, call),
        "bind" => descriptors::bind(env, call),
        "listen" => descriptors::listen(env, call),
        "accept" => descriptors::accept(env, call),
        "accept4" => descriptors::accept4(env, call),
        "connect" => descriptors::connect(env, call),
        "close" => descriptors::close(env, call),
        "shutdown" => descriptors::shutdown(env, call),
        "dup" => descriptors::dup(env, call),
        "fcntl" => descriptors::fcntl(env, call),
        "ioctl" => descriptors::ioctl(env, call),
        "getsockname" | "getpeername" => descriptors::name(env, call),
        "read" => io::read(env, call),
        "readv" => io::readv(env, call),
        "recv" => io::recv(env, call),
        "recvfrom" => io::recvfrom(env, call),
        "write" => io::write(env, call),
        "writev" => io::writev(env, call),
        "send" => io::send(env, call),
        "sendto" => io::sendto(env, call),
        "recvmsg" => message::recvmsg(env, call),
        "sendmsg" => message::sendmsg(env, call),
        "poll" => poll::poll(env, call),
        "epoll_create" | "epoll_create1" => poll::epoll_create(env, call),
        "epoll_ctl" => poll::epoll_ctl(env, call),
        "epoll_wait" => poll::epoll_wait(env, call),
        "setsockopt" => sockopt::set(env, call),
        "getsockopt" => sockopt::get(env, call),
        // Scripts give up what they may do; nothing here asks for it.
        "cap_set" => Ok(Started::Answered(Answer::value(0))),
        "pipe" | "pipe2" => files::pipe(env, call),
        "open" => files::open(env, call),
        "sendfile" | "sendfile64" => files::sendfile(env, call),
        "splice" => files::splice(env, call),
        name => Err(Failure::new(
            call.span,
            format!("the call {name} is not supported"),
        )),
    }
}

/// Compares what a call has answered with what the script says, and takes note of descriptors.
pub fn finish(env: &mut Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    check_result(env, call, answer)?;
    if answer.errno.is_some() {
        return Ok(());
    }
    match call.name.as_str() {
        "socket" | "accept" | "accept4" | "dup" | "epoll_create" | "epoll_create1" | "connect"
        | "close" | "listen" | "sendto" | "sendmsg" => {}
        "ioctl" => return descriptors::check_ioctl(env, call, answer),
        "getsockname" | "getpeername" => return Ok(()),
        "poll" => return poll::check_poll(env, call, answer),
        "epoll_wait" => return poll::check_epoll(env, call, answer),
        "recvmsg" => return message::check(env, call, answer),
        "read" | "recv" | "recvfrom" => return io::check_text(call, answer),
        "getsockopt" => return sockopt::check(env, call, answer),
        "splice" => return files::move_spliced(env, call, answer),
        _ => return Ok(()),
    }
    descriptors::note(env, call, answer)
}

fn check_result(env: &Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let expected = env.words.optional(&call.result)?;
    let makes_descriptor = matches!(
        call.name.as_str(),
        "socket" | "accept" | "accept4" | "dup" | "epoll_create" | "epoll_create1"
    ) || call.name == "fcntl" && descriptors::is_duplication(env, call);
    let same_value = match expected {
        None => true,
        // The script's descriptors are its own.
        Some(expected) if makes_descriptor && expected >= 0 => answer.value >= 0,
        Some(expected) => expected == answer.value,
    };
    let same_errno = match (&call.errno, answer.errno) {
        (Some(name), Some(errno)) => {
            // Two names of one number.
            name == errno.name() || name == "EWOULDBLOCK" && errno == Errno::EAGAIN
        }
        (Some(_), None) => false,
        (None, _) => true,
    };
    match same_value && same_errno {
        true => Ok(()),
        false => Err(Failure::differs(
            call.span,
            format!("{} answered otherwise", call.name),
            call,
            shown(call, answer),
        )),
    }
}

/// The call as the script would have to write it.
fn shown(call: &Call, answer: &Answer) -> String {
    let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
    let errno = answer.errno.map(|errno| format!(" {errno}"));
    format!(
        "{}({}) = {}{}",
        call.name,
        args.join(", "),
        answer.value,
        errno.unwrap_or_default()
    )
}

/// Exactly so many arguments.
fn args<const N: usize>(call: &Call) -> Result<[&Expr; N], Failure> {
    let all: Vec<&Expr> = call.args.iter().collect();
    let count = all.len();
    all.try_into().map_err(|_| {
        let message = format!("{} takes {N} arguments, not {count}", call.name);
        Failure::new(call.span, message)
    })
}

/// A failure where a value that was expected is another.
fn expect_same(call: &Call, what: &str, expected: Option<i64>, actual: i64) -> Result<(), Failure> {
    match expected {
        Some(expected) if expected != actual => Err(Failure::differs(
            call.span,
            format!("{}: another {what}", call.name),
            expected,
            actual,
        )),
        _ => Ok(()),
    }
}

/// The number that a script expects; `None` where it writes `...`, or nothing.
fn expected(env: &Env, expr: Option<&Expr>) -> Result<Option<i64>, Failure> {
    match expr {
        Some(expr) if !is_any(expr) => env.words.number(expr).map(Some),
        _ => Ok(None),
    }
}
