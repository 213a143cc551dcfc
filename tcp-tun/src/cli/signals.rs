//! What interrupts a command at work: signals, and keys.

use std::io::{self, BufRead, IsTerminal};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

/// What a command at work waits for.
pub enum Message {
    /// Show the connections: SIGUSR1, or the key.
    Status,
    /// End: Ctrl-C or SIGTERM.
    Quit,
    /// The work itself has ended.
    Finished(anyhow::Result<()>),
}

/// Whether the command leaves standard input to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// A line with `s` asks for the status, if standard input is a terminal.
    Watched,
    /// The command reads standard input itself.
    Unused,
}

/// Shows the connections whenever that is asked for, until the work ends, whose outcome it gives, or
/// the user ends it: `None`. Nobody listens to `messages` any more from then on.
pub fn until_ended(messages: Receiver<Message>, show: impl Fn()) -> Option<anyhow::Result<()>> {
    for message in messages {
        match message {
            Message::Status => show(),
            Message::Quit => return None,
            Message::Finished(outcome) => return Some(outcome),
        }
    }
    None
}

/// Sends on what the user wants, from now until nobody listens.
pub fn watch(sender: &Sender<Message>, keys: Keys) -> anyhow::Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGUSR1]).context("cannot watch for signals")?;
    let messages = sender.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            let message = match signal {
                SIGUSR1 => Message::Status,
                _ => Message::Quit,
            };
            if messages.send(message).is_err() {
                return;
            }
        }
    });
    if keys == Keys::Watched && io::stdin().is_terminal() {
        let messages = sender.clone();
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if line.trim() == "s" && messages.send(Message::Status).is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}
