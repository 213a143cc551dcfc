//! The layout of a line of RFC 9293's figures.

use tcp_core::State;

use super::Seg;
use crate::Side;

/// One line of a figure: what stands at A on its left, the segment, what stands at B on its right.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Line {
    /// The states that it ends in, A's first.
    pub states: [Option<StateName>; 2],
    /// What it says in parentheses, A's first.
    pub notes: [Option<Note>; 2],
    /// The segment, if there is one, and where it goes.
    pub segment: Option<(Arrow, Seg)>,
}

/// A state as the figures name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StateName {
    Closed,
    Listen,
    Of(State),
}

/// What a line says in parentheses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Note {
    Close,
    Reboot,
    TwoMsl,
    /// The user was told that the connection was reset.
    Abort,
    /// The user was told that the connection was refused.
    Refused,
    /// The numbers of a connection that is already there.
    SendReceive {
        send: u32,
        receive: u32,
    },
    /// A remark to the reader: `(??)`, `(!!)`, `(duplicate)`.
    Remark,
}

/// What happens to the segment of a line, and who sends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arrow {
    /// It is sent and arrives.
    Through(Side),
    /// It is sent and stays under way.
    Leaves(Side),
    /// It was under way and arrives.
    Arrives(Side),
}

impl Line {
    pub fn parse(text: &str) -> Result<Line, String> {
        let text = without_number(text);
        let Some(start) = text.find("<SEQ") else {
            return Line::parse_columns(text);
        };
        let (left, rest) = text.split_at(start);
        let end = rest.find(' ').unwrap_or(rest.len());
        let (segment, right) = rest.split_at(end);
        let (left, right) = (left.trim(), right.trim());
        let (at_a, left) = left.split_at(left.len().saturating_sub(3));
        let (right, at_b) = right.split_at(right.len().min(3));
        let arrow = match (left, right) {
            ("-->", "-->") => Arrow::Through(Side::A),
            ("<--", "<--") => Arrow::Through(Side::B),
            ("-->", "...") => Arrow::Leaves(Side::A),
            ("...", "<--") => Arrow::Leaves(Side::B),
            ("...", "-->") => Arrow::Arrives(Side::A),
            ("<--", "...") => Arrow::Arrives(Side::B),
            _ => {
                return Err(format!(
                    "the arrows {left:?} and {right:?} do not fit together"
                ));
            }
        };
        let segment = segment.parse::<Seg>().map_err(|error| error.to_string())?;
        let mut line = Line {
            segment: Some((arrow, segment)),
            ..Line::default()
        };
        line.put(Side::A, at_a.trim())?;
        line.put(Side::B, at_b.trim())?;
        Ok(line)
    }

    /// A line without a segment: what begins in its left half is A's.
    fn parse_columns(text: &str) -> Result<Line, String> {
        let mut line = Line::default();
        let half = text
            .char_indices()
            .nth(HALF)
            .map_or(text.len(), |(index, _)| index);
        let (left, right) = text.split_at(half);
        line.put(Side::A, left.trim())?;
        line.put(Side::B, right.trim())?;
        Ok(line)
    }

    fn put(&mut self, side: Side, word: &str) -> Result<(), String> {
        if word.is_empty() {
            return Ok(());
        }
        if let Some(remark) = word.strip_prefix('(') {
            let remark = remark.strip_suffix(')').ok_or("a parenthesis is open")?;
            if remark == "return to LISTEN!" {
                self.states[side.index()] = Some(StateName::Listen);
            }
            self.notes[side.index()] = Some(parse_note(remark)?);
        } else {
            self.states[side.index()] = Some(parse_state(word)?);
        }
        Ok(())
    }
}

/// The column at which B's half of a line without a segment begins: the RFC's figures leave both
/// sides far from it.
const HALF: usize = 30;

/// The line behind its number, `2.` or so. Blanks stay: they tell the column.
fn without_number(text: &str) -> &str {
    let line = text.trim_start();
    let behind = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match behind.strip_prefix('.') {
        Some(rest) if behind.len() < line.len() => rest,
        _ => text,
    }
}

fn parse_note(remark: &str) -> Result<Note, String> {
    if let Some(numbers) = remark.strip_prefix("send ") {
        let (send, receive) = numbers.split_once(",receive ").ok_or("send N,receive N")?;
        let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
        return Ok(Note::SendReceive {
            send: number(send)?,
            receive: number(receive)?,
        });
    }
    Ok(match remark {
        "Close" => Note::Close,
        "REBOOT" => Note::Reboot,
        "2 MSL" => Note::TwoMsl,
        "Abort!!" | "ABORT!!" => Note::Abort,
        "refused" => Note::Refused,
        "??" | "!!" | "duplicate" | "return to LISTEN!" => Note::Remark,
        _ => return Err(format!("what does ({remark}) mean?")),
    })
}

fn parse_state(word: &str) -> Result<StateName, String> {
    Ok(match word {
        "CLOSED" => StateName::Closed,
        "LISTEN" => StateName::Listen,
        "SYN-SENT" => StateName::Of(State::SynSent),
        "SYN-RECEIVED" => StateName::Of(State::SynReceived),
        "ESTABLISHED" => StateName::Of(State::Established),
        "FIN-WAIT-1" => StateName::Of(State::FinWait1),
        "FIN-WAIT-2" => StateName::Of(State::FinWait2),
        "CLOSE-WAIT" => StateName::Of(State::CloseWait),
        "CLOSING" => StateName::Of(State::Closing),
        "LAST-ACK" => StateName::Of(State::LastAck),
        "TIME-WAIT" => StateName::Of(State::TimeWait),
        _ => return Err(format!("{word:?} is no state")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::syn;
    use super::*;

    #[test]
    fn a_line_says_who_sends_and_where_both_stand() {
        let line = Line::parse("    2.  SYN-SENT     --> <SEQ=100><CTL=SYN>              ...");
        let expected = Line {
            states: [Some(StateName::Of(State::SynSent)), None],
            segment: Some((Arrow::Leaves(Side::A), syn(100))),
            ..Line::default()
        };
        assert_eq!(line, Ok(expected));
        let line = Line::parse("3.  (duplicate) ... <SEQ=90><CTL=SYN>   --> SYN-RECEIVED").unwrap();
        assert_eq!(line.segment, Some((Arrow::Arrives(Side::A), syn(90))));
        assert_eq!(line.notes, [Some(Note::Remark), None]);
        let line = Line::parse("      ... <SEQ=100><CTL=SYN>   -->").unwrap();
        assert_eq!(line.segment, Some((Arrow::Arrives(Side::A), syn(100))));
        let line = Line::parse("  <-- <SEQ=300><CTL=SYN>   <--").unwrap();
        assert_eq!(line.segment, Some((Arrow::Through(Side::B), syn(300))));
        assert_eq!(line.states, [None, None]);
    }

    #[test]
    fn what_stands_in_the_right_half_is_bs() {
        let right = "4.                                                   (Close)";
        assert_eq!(Line::parse(right).unwrap().notes, [None, Some(Note::Close)]);
        let both = "1.  (REBOOT)                              (send 300,receive 100)";
        let numbers = Note::SendReceive {
            send: 300,
            receive: 100,
        };
        let notes = Line::parse(both).unwrap().notes;
        assert_eq!(notes, [Some(Note::Reboot), Some(numbers)]);
    }

    #[test]
    fn what_no_figure_says_is_an_error() {
        assert!(Line::parse("SYN-SENT --> <SEQ=100><CTL=SYN> <-- LISTEN").is_err());
        assert!(Line::parse("1. SYN-SEND                               LISTEN").is_err());
        assert!(Line::parse("(Clothes)").is_err());
    }
}
