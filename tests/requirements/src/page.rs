//! The table as pages of the documentation.

use std::fmt::Write;

use super::{Count, Document, Entry, State, Table};

/// The kinds of ids, in the order of the counts.
const KINDS: [&str; 4] = ["MUST", "SHLD", "MAY", "REC"];

/// The document that has a page of its own.
const MAIN: &str = "rfc9293";

/// The pages in `docs/`, by the names of their files: one of RFC 9293, and one of the documents beside it,
/// where there are lists of those.
pub fn pages(table: &Table) -> Vec<(&'static str, String)> {
    let note = "Generated from the lists in `tests/requirements/lists/` and the tests in \
        `tests/tests/requirements/` by\n`cargo run -p requirements -- --write`. \
        A row without a test that holds fails the project's check.\n\n";
    let of = |is_main: bool| -> String {
        let documents = table.documents.iter();
        let documents = documents.filter(|(document, _)| (document.name == MAIN) == is_main);
        documents
            .map(|(document, entries)| page(document, entries) + "\n")
            .collect()
    };
    let main = format!(
        "# RFC 9293, requirement by requirement\n\n{note}{}",
        of(true)
    );
    let mut pages = vec![("rfc9293.md", main)];
    let others = of(false);
    if !others.is_empty() {
        let others = format!(
            "# The documents beside RFC 9293, requirement by requirement\n\n{note}\
             The numbers are ours: these documents do not count their requirements, and the lists have those that concern \
             an endpoint.\nWhere a document gives an algorithm by its steps rather than by the words of RFC 2119, a step counts \
             as a must.\n\n{others}"
        );
        pages.push(("rfcs.md", others));
    }
    pages
}

/// A document's part of a page: a heading, the counts, the table. The links lead from a page in `docs/` to
/// the sources.
fn page(document: &Document, entries: &[Entry]) -> String {
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
