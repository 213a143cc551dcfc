//! Text to a tree, by recursive descent.
//!
//! The parser is our own: what may stand somewhere depends on what stood before (`.` in a time, in flags and
//! in `...`), and an error is to name what a reader of scripts would call it.

mod call;
mod expr;
mod ip;
mod packet;
mod tcp_option;
mod time;

use crate::drill::ast::{Action, Code, Command, Event, OptionLine, Script};
use crate::drill::cursor::Cursor;
use crate::drill::span::SyntaxError;

/// Reads a script.
///
/// # Errors
///
/// The first place at which the text is none.
pub fn parse(text: &str) -> Result<Script, SyntaxError> {
    let mut cursor = Cursor::new(text);
    let mut script = Script::default();
    while cursor.rest().starts_with('-') {
        script.options.push(option_line(&mut cursor)?);
    }
    while cursor.rest().starts_with('`') {
        script.init.push(command(&mut cursor)?);
    }
    while !cursor.is_at_end() {
        script.events.push(event(&mut cursor)?);
    }
    Ok(script)
}

/// `--name`, `--name=value` or `-D name=value`.
fn option_line(cursor: &mut Cursor<'_>) -> Result<OptionLine, SyntaxError> {
    let start = cursor.start();
    let is_define = cursor.eat("-D");
    if is_define {
        let value = option_value(cursor)?;
        cursor.advance(0);
        return Ok(OptionLine {
            name: "define".to_owned(),
            value: Some(value),
            span: cursor.span_from(start),
        });
    }
    cursor.expect("--")?;
    let name = cursor.peek_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if name.is_empty() {
        return Err(cursor.unexpected("the name of an option"));
    }
    cursor.advance_exactly(name.len());
    let value = match cursor.rest().starts_with('=') {
        true => {
            cursor.advance_exactly(1);
            Some(option_value(cursor)?)
        }
        false => None,
    };
    cursor.advance(0);
    Ok(OptionLine {
        name: name.to_owned(),
        value,
        span: cursor.span_from(start),
    })
}

fn option_value(cursor: &mut Cursor<'_>) -> Result<String, SyntaxError> {
    if cursor.rest().starts_with('"') {
        cursor.advance_exactly(1);
        return cursor.take_until("\"", "value").map(str::to_owned);
    }
    let value = cursor.peek_while(|c| !c.is_whitespace());
    cursor.advance_exactly(value.len());
    Ok(value.to_owned())
}

fn event(cursor: &mut Cursor<'_>) -> Result<Event, SyntaxError> {
    let start = cursor.start();
    let time = time::time(cursor)?;
    let action = action(cursor)?;
    Ok(Event {
        time,
        action,
        span: cursor.span_from(start),
    })
}

fn action(cursor: &mut Cursor<'_>) -> Result<Action, SyntaxError> {
    match cursor.peek() {
        Some('<' | '>') => packet::packet(cursor).map(Action::Packet),
        Some('`') => command(cursor).map(Action::Command),
        Some('%') => code(cursor).map(Action::Code),
        _ => call::call(cursor).map(Action::Call),
    }
}

fn command(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let start = cursor.start();
    cursor.advance_exactly(1);
    let text = cursor.take_until("`", "command")?;
    Ok(Command {
        text: text.to_owned(),
        span: cursor.span_from(start),
    })
}

fn code(cursor: &mut Cursor<'_>) -> Result<Code, SyntaxError> {
    let start = cursor.start();
    if !cursor.rest().starts_with("%{") {
        return Err(cursor.unexpected("'%{'"));
    }
    cursor.advance_exactly(2);
    let text = cursor.take_until("}%", "code")?;
    Ok(Code {
        text: text.to_owned(),
        span: cursor.span_from(start),
    })
}
