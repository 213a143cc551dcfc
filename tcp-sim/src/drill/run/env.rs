//! What a call of a script works with.

use std::collections::BTreeMap;

use super::machine::Machine;
use crate::drill::ast::Expr;
use crate::drill::failure::Failure;
use crate::drill::settings::Settings;
use crate::drill::value::Words;

/// What a call of a script works with.
pub struct Env {
    /// The host under test.
    pub machine: Machine,
    /// Constants and definitions.
    pub words: Words,
    /// What the script runs with.
    pub settings: Settings,
    /// Files and pipes.
    pub files: Files,
    /// The host's descriptors by the script's.
    fds: BTreeMap<i64, i32>,
}

/// What a descriptor is that is no socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum File {
    /// Zeros without end.
    Zeros,
    /// Either end of the pipe of this index.
    PipeEnd(usize),
}

/// Descriptors that are no sockets.
#[derive(Clone, Debug, Default)]
pub struct Files {
    open: BTreeMap<i64, File>,
    /// What waits in each pipe.
    pipes: Vec<Vec<u8>>,
}

impl Files {
    /// What a descriptor of the script is; `None` where it is a socket, or nothing.
    pub fn get(&self, fd: i64) -> Option<File> {
        self.open.get(&fd).copied()
    }

    /// Opens a descriptor.
    pub fn open(&mut self, fd: i64, file: File) {
        self.open.insert(fd, file);
    }

    /// Closes a descriptor, if it is one of these.
    pub fn close(&mut self, fd: i64) -> Option<File> {
        self.open.remove(&fd)
    }

    /// A new pipe's index.
    pub fn new_pipe(&mut self) -> usize {
        self.pipes.push(Vec::new());
        self.pipes.len() - 1
    }

    /// What waits in a pipe.
    pub fn pipe(&mut self, index: usize) -> &mut Vec<u8> {
        &mut self.pipes[index]
    }
}

/// A descriptor that the host does not have.
const CLOSED: i32 = -1;

impl Env {
    /// Before the first call.
    pub fn new(machine: Machine, words: Words, settings: Settings) -> Env {
        Env {
            machine,
            words,
            settings,
            files: Files::default(),
            fds: BTreeMap::new(),
        }
    }

    /// The host's descriptor that a script means; one that nobody has where it is closed.
    pub fn fd(&self, expr: &Expr) -> Result<i32, Failure> {
        let fd = self.words.number(expr)?;
        Ok(self.host_fd(fd))
    }

    /// The host's descriptor by the script's.
    pub fn host_fd(&self, script: i64) -> i32 {
        self.fds.get(&script).copied().unwrap_or(CLOSED)
    }

    /// The script's descriptor with the greatest number.
    pub fn newest_fd(&self) -> Option<i64> {
        self.fds.last_key_value().map(|(script, _)| *script)
    }

    /// Gives a descriptor of the host the script's name.
    pub fn name_fd(&mut self, script: i64, host: i32) {
        self.fds.insert(script, host);
    }

    /// Forgets a descriptor of the script.
    pub fn forget_fd(&mut self, script: i64) {
        self.fds.remove(&script);
    }
}
