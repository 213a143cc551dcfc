//! A script as a tree: what was written, and where.

use std::time::Duration;

use super::packet::Packet;
use super::span::Span;

/// A whole script.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// The lines `--name=value` at the top.
    pub options: Vec<OptionLine>,
    /// Commands before the first event, which have no time.
    pub init: Vec<Command>,
    /// What happens, in order.
    pub events: Vec<Event>,
}

/// A line `--name` or `--name=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptionLine {
    /// What follows the dashes.
    pub name: String,
    /// What follows `=`, without its quotes.
    pub value: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// Something that happens at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When.
    pub time: Time,
    /// What.
    pub action: Action,
    /// Where it stands, the time included.
    pub span: Span,
}

/// When an event happens, or may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// `0.2`: so long after the script began.
    Absolute(Duration),
    /// `+0.2`: so long after the event before.
    Relative(Duration),
    /// `*`: at any time.
    Any,
    /// `0.1~0.2`: between two times after the script began.
    AbsoluteRange(Duration, Duration),
    /// `+0.1~+0.2`: between two times after the event before.
    RelativeRange(Duration, Duration),
}

/// What an event is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// A system call and what it answers.
    Call(Call),
    /// A packet that is given to the stack, or expected of it.
    Packet(Packet),
    /// A command of the shell.
    Command(Command),
    /// Assertions in Python.
    Code(Code),
}

/// `name(args) = result ERRNO (note)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Until when it blocks, counted as its event's time is; `None` where it answers at once.
    pub end: Option<Duration>,
    /// Which call.
    pub name: String,
    /// What it is given.
    pub args: Vec<Expr>,
    /// What it answers.
    pub result: Expr,
    /// The name of the error that it answers.
    pub errno: Option<String>,
    /// What stands in parentheses behind, for readers.
    pub note: Option<String>,
    /// Where the call stands, without its time.
    pub span: Span,
}

/// A command between back-ticks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// What stands between them.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Python between `%{` and `}%`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// What stands between them.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A value in the manner of C.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expr {
    /// What kind of value.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExprKind {
    /// `...`: whatever it is.
    Ellipsis,
    /// A number, -2⁶³ to 2⁶⁴ - 1.
    Integer(i128),
    /// The name of a constant, or of a definition.
    Word(String),
    /// Bytes between quotes.
    Text(Vec<u8>),
    /// `"text"...`: bytes that begin with these.
    Prefix(Vec<u8>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a=1, b(2)=3, 4}`.
    Struct(Vec<Field>),
    /// `A|B`.
    Or(Vec<Expr>),
    /// `htons(80)`, `inet_addr("192.0.2.1")`.
    Function {
        /// Its name.
        name: String,
        /// What it is given.
        args: Vec<Expr>,
    },
}

/// A member of a structure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name; `None` where its place says which it is.
    pub name: Option<String>,
    /// What stands in parentheses behind the name: a length.
    pub size: Option<Expr>,
    /// What it holds.
    pub value: Expr,
}
