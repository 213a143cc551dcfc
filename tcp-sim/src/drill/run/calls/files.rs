//! Files and pipes, as far as they feed sockets and are fed by them. None of them is the machine's: a file
//! that is opened is zeros without end.

use super::super::env::{Env, File};
use super::{Answer, Started, args};
use crate::drill::ast::Call;
use crate::drill::failure::Failure;
use crate::drill::value::items;
use crate::posix::{Errno, Reply};

/// The most that is moved at once: a pipe holds no more.
const MOST: usize = 1 << 16;

/// `pipe([5, 6])`: the script names both ends.
pub fn pipe(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let ends = call.args.first().map(items).unwrap_or_default();
    let [read, write] = ends else {
        return Err(Failure::new(
            call.span,
            "pipe takes a list of two descriptors",
        ));
    };
    let (read, write) = (env.words.number(read)?, env.words.number(write)?);
    let pipe = env.files.new_pipe();
    env.files.open(read, File::PipeEnd(pipe));
    env.files.open(write, File::PipeEnd(pipe));
    Ok(Started::Answered(Answer::value(0)))
}

/// `open("file", O_RDONLY)`: the script's result names the descriptor.
pub fn open(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let fd = env.words.number(&call.result)?;
    env.files.open(fd, File::Zeros);
    Ok(Started::Answered(Answer::value(fd)))
}

/// `sendfile(4, 5, [0], 1000)`.
pub fn sendfile(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [out, from, _, len] = args(call)?;
    let (out, from) = (env.fd(out)?, env.words.number(from)?);
    let len = env.words.size(len)?;
    if env.files.get(from) != Some(File::Zeros) {
        return Ok(Errno::EBADF.into());
    }
    let zeros = vec![0; len.min(MOST)];
    let now = env.machine.now();
    Ok(env.machine.host.write(now, out, zeros.as_slice()).into())
}

/// `splice(4, NULL, 6, NULL, 1000, 0)`: from a socket to a pipe, or from a pipe to a socket.
pub fn splice(env: &mut Env, call: &Call) -> Result<Started, Failure> {
    let [from, _, to, _, len, _] = args(call)?;
    let (from, to) = (env.words.number(from)?, env.words.number(to)?);
    let len = env.words.size(len)?.min(MOST);
    let now = env.machine.now();
    match (env.files.get(from), env.files.get(to)) {
        (None, Some(File::PipeEnd(_))) => {
            let fd = env.host_fd(from);
            Ok(env.machine.host.read(now, fd, len).into())
        }
        (Some(File::PipeEnd(pipe)), None) => {
            let fd = env.host_fd(to);
            let waiting = env.files.pipe(pipe);
            if waiting.is_empty() {
                return Ok(Errno::EAGAIN.into());
            }
            let bytes = waiting[..len.min(waiting.len())].to_vec();
            Ok(env.machine.host.write(now, fd, bytes.as_slice()).into())
        }
        _ => Ok(Errno::EINVAL.into()),
    }
}

/// Moves what `splice` has brought into the pipe, or what it has taken out of it.
pub fn move_spliced(env: &mut Env, call: &Call, answer: &Answer) -> Result<(), Failure> {
    let [from, _, to, _, _, _] = args(call)?;
    let (from, to) = (env.words.number(from)?, env.words.number(to)?);
    match (&answer.reply, env.files.get(from), env.files.get(to)) {
        (Some(Reply::Received(received)), _, Some(File::PipeEnd(pipe))) => {
            env.files.pipe(pipe).extend_from_slice(&received.data);
        }
        (Some(Reply::Sent(count)), Some(File::PipeEnd(pipe)), _) => {
            let waiting = env.files.pipe(pipe);
            waiting.drain(..(*count).min(waiting.len()));
        }
        _ => {}
    }
    Ok(())
}
