//! What became of a script, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::failure::Failure;
use super::settings::Family;
use super::span::Span;

/// What became of one script over one family.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The script, as it was named.
    pub name: String,
    /// Over what it ran.
    pub family: Family,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What was not done, and why; each with its place.
    pub notes: Vec<String>,
    /// Blocks of Python that were not run for want of Python.
    pub skipped_blocks: usize,
    /// Every packet, as a line of a script.
    pub packets: Vec<String>,
}

/// Whether a script holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It does.
    Passed,
    /// It does not.
    Failed(Complaint),
}

/// Where a script does not hold, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Complaint {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What the script expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What there was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

impl Complaint {
    /// A failure at a place of this text.
    pub fn new(text: &str, failure: Failure) -> Complaint {
        let (expected, actual) = failure
            .sides
            .map(|sides| (sides.expected, sides.actual))
            .unzip();
        Complaint {
            line: failure.span.line(text),
            message: failure.message,
            expected,
            actual,
        }
    }
}

/// `name:line: text`.
pub fn placed(name: &str, text: &str, span: Span, message: &str) -> String {
    format!("{name}:{}: {message}", span.line(text))
}

impl Report {
    /// Whether the script holds.
    pub fn is_passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, family) = (&self.name, self.family.name());
        match &self.verdict {
            Verdict::Passed => write!(f, "pass  {name} [{family}]"),
            Verdict::Failed(complaint) => {
                write!(f, "FAIL  {name} [{family}]\n{name}:{complaint}")
            }
        }
    }
}

impl Display for Complaint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, "\n    expected: {expected}")?;
        }
        if let Some(actual) = &self.actual {
            write!(f, "\n      actual: {actual}")?;
        }
        Ok(())
    }
}

/// One script over all its families, as one JSON object.
#[derive(Serialize)]
pub struct Summary<'a> {
    /// The script, as it was named.
    pub script: &'a str,
    /// Whether it holds over each family.
    pub passed: bool,
    /// Each family.
    pub runs: Vec<RunSummary<'a>>,
}

/// One run of a script, as a part of a JSON object.
#[derive(Serialize)]
pub struct RunSummary<'a> {
    /// Over what it ran.
    pub family: &'static str,
    /// Whether it holds.
    pub passed: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'a Complaint>,
    /// What was not done.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub notes: &'a [String],
    /// Blocks of Python that were not run.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped_blocks: usize,
    /// Packets both ways.
    pub packets: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl<'a> Summary<'a> {
    /// The runs of one script.
    pub fn new(script: &'a str, reports: &'a [Report]) -> Summary<'a> {
        let runs = reports.iter().map(|report| RunSummary {
            family: report.family.name(),
            passed: report.is_passed(),
            failure: match &report.verdict {
                Verdict::Passed => None,
                Verdict::Failed(complaint) => Some(complaint),
            },
            notes: &report.notes,
            skipped_blocks: report.skipped_blocks,
            packets: report.packets.len(),
        });
        Summary {
            script,
            passed: reports.iter().all(Report::is_passed),
            runs: runs.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> [Report; 2] {
        let text = "0 socket()\n+0 > S 0:0(0)\n";
        let span = Span { start: 11, end: 20 };
        let failure = Failure::differs(span, "other flags", "> S", "> R");
        let report = |family, verdict| Report {
            name: "a.pkt".to_owned(),
            family,
            verdict,
            notes: vec![],
            skipped_blocks: 0,
            packets: vec![],
        };
        [
            report(Family::V4, Verdict::Passed),
            report(Family::V6, Verdict::Failed(Complaint::new(text, failure))),
        ]
    }

    #[test]
    fn a_failure_shows_both_sides_and_its_line() {
        let [_, failed] = reports();
        let expected =
            "FAIL  a.pkt [ipv6]\na.pkt:2: other flags\n    expected: > S\n      actual: > R";
        assert_eq!(failed.to_string(), expected);
    }

    #[test]
    fn a_script_is_one_object() {
        let reports = reports();
        let json = serde_json::to_value(Summary::new("a.pkt", &reports)).unwrap();
        assert_eq!(json["passed"], false);
        assert_eq!(json["runs"][0]["passed"], true);
        assert_eq!(json["runs"][1]["failure"]["line"], 2);
        assert_eq!(json["runs"][0].get("notes"), None);
    }
}
