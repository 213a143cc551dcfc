//! A tree back to text, such that reading it gives the same tree.

mod packet;

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::ast::{Action, Call, Event, Expr, ExprKind, Field, OptionLine, Script, Time};

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for option in &self.options {
            writeln!(f, "{option}")?;
        }
        for command in &self.init {
            writeln!(f, "`{}`", command.text)?;
        }
        for event in &self.events {
            writeln!(f, "{event}")?;
        }
        Ok(())
    }
}

impl Display for OptionLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "--{}", self.name)?;
        match &self.value {
            None => Ok(()),
            Some(value) if value.contains(char::is_whitespace) || value.is_empty() => {
                write!(f, "=\"{value}\"")
            }
            Some(value) => write!(f, "={value}"),
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.time)?;
        match &self.action {
            Action::Call(call) => {
                if let Some(end) = call.end {
                    write!(f, "...{}", seconds(end))?;
                }
                write!(f, " {call}")
            }
            Action::Packet(packet) => write!(f, " {packet}"),
            Action::Command(command) => write!(f, " `{}`", command.text),
            Action::Code(code) => write!(f, " %{{{}}}%", code.text),
        }
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Time::Absolute(at) => write!(f, "{}", seconds(at)),
            Time::Relative(after) => write!(f, "+{}", seconds(after)),
            Time::Any => write!(f, "*"),
            Time::AbsoluteRange(from, to) => write!(f, "{}~{}", seconds(from), seconds(to)),
            Time::RelativeRange(from, to) => write!(f, "+{}~+{}", seconds(from), seconds(to)),
        }
    }
}

/// A time in seconds, with as many places as it needs.
pub fn seconds(time: Duration) -> String {
    let text = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        joined(f, &self.args, ", ")?;
        write!(f, ") = {}", self.result)?;
        if let Some(errno) = &self.errno {
            write!(f, " {errno}")?;
        }
        match &self.note {
            Some(note) => write!(f, " ({note})"),
            None => Ok(()),
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Ellipsis => write!(f, "..."),
            ExprKind::Integer(value) => write!(f, "{value}"),
            ExprKind::Word(word) => write!(f, "{word}"),
            ExprKind::Text(bytes) => text(f, bytes),
            ExprKind::Prefix(bytes) => {
                text(f, bytes)?;
                write!(f, "...")
            }
            ExprKind::List(items) => {
                write!(f, "[")?;
                joined(f, items, ", ")?;
                write!(f, "]")
            }
            ExprKind::Struct(fields) => {
                write!(f, "{{")?;
                joined(f, fields, ", ")?;
                write!(f, "}}")
            }
            ExprKind::Or(terms) => joined(f, terms, "|"),
            ExprKind::Function { name, args } => {
                write!(f, "{name}(")?;
                joined(f, args, ", ")?;
                write!(f, ")")
            }
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}")?;
            if let Some(size) = &self.size {
                write!(f, "({size})")?;
            }
            write!(f, "=")?;
        }
        write!(f, "{}", self.value)
    }
}

fn joined<T: Display>(f: &mut Formatter<'_>, items: &[T], between: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            write!(f, "{between}")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn text(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    write!(f, "\"")?;
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
            b' '..=b'~' => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    write!(f, "\"")
}

#[cfg(test)]
mod tests;
