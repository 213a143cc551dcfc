//! The table as a page of the documentation.

use std::fmt::Write;

use super::{Count, Document, Entry, State};

/// The kinds of ids, in the order of the counts.
const KINDS: [&str; 4] = ["MUST", "SHLD", "MAY", "REC"];

/// A document's page, or its part of a page: a heading, the counts, the table. The links lead
/// from a page in `docs/` to the sources.
pub fn page(document: &Document, entries: &[Entry]) -> String {
    let mut page = format!("## {}\n\n{}\n\n", document.title(), counts(entries));
    page.push_str(
        "| id | level | section | what | shown by | state |\n|---|---|---|---|---|---|\n",
    );
    for entry in entries {
        let row = &entry.row;
        let state = match (entry.state, &row.instead) {
            (State::Passed, _) => "passed".to_owned(),
            (State::Stated, Some(instead)) => format!("instead: {instead}"),
            (State::Stated | State::Failed, _) => "**failed**".to_owned(),
            (State::Missing, _) => "**no test**".to_owned(),
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {state} |",
            row.id,
            row.level,
            row.section,
            escaped(&row.what),
            links(entry)
        );
    }
    page
}

/// As in "MUST: 69 rows, 66 passed, 3 stated with a reason."
fn counts(entries: &[Entry]) -> String {
    let line = |kind: &&str| {
        let count = Count::of(entries, kind);
        let missing = count.rows - count.passed - count.stated;
        (count.rows > 0).then(|| {
            format!(
                "{kind}: {} of {} passed, {} done otherwise for a reason, {missing} missing.",
                count.passed, count.rows, count.stated
            )
        })
    };
    let lines: Vec<String> = KINDS.iter().filter_map(line).collect();
    lines.join("  \n")
}

fn links(entry: &Entry) -> String {
    let link = |test: &super::Test| {
        let name = test.path.rsplit("::").next().unwrap_or_default();
        format!(
            "[`{name}`](../tests/tests/requirements/{})",
            test.file.display()
        )
    };
    let links: Vec<String> = entry.tests.iter().map(link).collect();
    links.join("<br>")
}

/// A bar would end the cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
