//! A capture of each link.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use tcp_core::Instant;

use super::{Event, LinkId, Map, Observer};
use crate::capture::Capture;

/// Writes one pcapng file for each duplex link, `NODE-NODE.pcapng`, whose two interfaces are the
/// directions.
///
/// A packet stands in it as it was sent, at the time when its sender put it on the link, as a
/// capture at the sender has it; what was dropped there and then, or suffered another fault, has
/// a comment (`frame.comment`). A packet that the head of a queue drops later has none.
pub struct LinkCaptures {
    /// By duplex link.
    captures: Vec<Capture>,
    /// The first failure to write; nothing is written after it.
    failure: Option<io::Error>,
}

impl LinkCaptures {
    /// Starts a file for each link of `map` in a directory, which is made where there is none.
    ///
    /// # Errors
    ///
    /// Where the directory or a file cannot be made.
    pub fn create(directory: impl AsRef<Path>, map: &Map) -> io::Result<LinkCaptures> {
        let directory = directory.as_ref();
        fs::create_dir_all(directory)?;
        let mut taken = BTreeSet::new();
        let captures = (0..map.links.len()).step_by(2).map(|link| {
            let [from, to] = map.end_names(LinkId(link));
            let name = unused(&format!("{}-{}", as_file(from), as_file(to)), &mut taken);
            Capture::create(
                directory.join(format!("{name}.pcapng")),
                &[format!("{from}>{to}"), format!("{to}>{from}")],
            )
        });
        Ok(LinkCaptures {
            captures: captures.collect::<io::Result<_>>()?,
            failure: None,
        })
    }

    /// Writes what is still in a buffer and closes the files.
    ///
    /// # Errors
    ///
    /// Where this, or anything before, could not be written.
    pub fn finish(&mut self) -> io::Result<()> {
        for capture in self.captures.drain(..) {
            if let Err(error) = capture.finish() {
                self.failure.get_or_insert(error);
            }
        }
        self.failure.take().map_or(Ok(()), Err)
    }
}

impl Observer for LinkCaptures {
    fn observe(&mut self, at: Instant, event: &Event<'_>) {
        let Event::Sent { link, packet, fate } = event else {
            return;
        };
        let Some(capture) = self.captures.get_mut(link.0 / 2) else {
            return;
        };
        if self.failure.is_some() {
            return;
        }
        let direction = (link.0 % 2) as u32;
        let fate = fate.to_string();
        let written = if fate.is_empty() {
            capture.packet(direction, at, packet)
        } else {
            capture.commented_packet(direction, at, packet, &fate)
        };
        self.failure = written.err();
    }
}

/// A node's name without what a file's may not have.
fn as_file(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect()
}

/// `name`, or, where a parallel link has it, `name-2` and so on.
fn unused(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}
