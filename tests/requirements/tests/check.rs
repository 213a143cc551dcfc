//! The check that every row has a test, on the lists and tests that there are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use requirements::{Document, Level, Outcome, Row, Table, Test, pages, tests_of};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn documents() -> Vec<Document> {
    Document::read_all(&root().join("requirements/lists")).unwrap()
}

fn tests() -> Vec<Test> {
    tests_of(&root().join("tests/requirements")).unwrap()
}

/// Where every test holds.
fn table(documents: Vec<Document>, tests: Vec<Test>) -> Table {
    let outcomes: BTreeMap<String, Outcome> = tests
        .iter()
        .map(|test| (test.path.clone(), Outcome::Passed))
        .collect();
    Table::new(documents, tests, &outcomes)
}

#[test]
fn every_row_has_a_test_and_every_test_a_row() {
    let table = table(documents(), tests());
    assert_eq!(table.complaints(), [""; 0]);
    let (document, entries) = &table.documents[0];
    assert_eq!((&document.name[..], entries.len()), ("rfc9293", 119));
}

#[test]
fn the_pages_are_up_to_date() {
    for (name, text) in pages(&table(documents(), tests())) {
        let path = root().join("../docs").join(name);
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text,
            "{name} is not what the tests say: run `cargo run -p requirements -- --write`"
        );
    }
}

#[test]
fn a_row_whose_tests_are_taken_away_is_complained_of() {
    for id in ["MUST-36", "MAY-18", "SHLD-24", "REC-1"] {
        let mut left = tests();
        left.retain(|test| test.row().as_deref() != Some(id));
        assert!(left.len() < tests().len());
        let complaint = format!("RFC 9293 {id} has no test");
        assert_eq!(table(documents(), left).complaints(), [complaint]);
    }
}

#[test]
fn a_row_that_is_added_is_complained_of() {
    let mut documents = documents();
    documents[0].rows.push(Row {
        id: "MUST-99".to_owned(),
        level: Level::Must,
        section: "3.1".to_owned(),
        what: "something new".to_owned(),
        instead: None,
    });
    let complaints = table(documents, tests()).complaints();
    assert_eq!(complaints, ["RFC 9293 MUST-99 has no test"]);
}

#[test]
fn a_test_that_fails_is_complained_of() {
    let tests = tests();
    let mut outcomes: BTreeMap<String, Outcome> = tests
        .iter()
        .map(|test| (test.path.clone(), Outcome::Passed))
        .collect();
    let path = "rfc9293::windows::must_36_zero_window_is_probed".to_owned();
    assert_eq!(
        outcomes.insert(path, Outcome::Failed),
        Some(Outcome::Passed)
    );
    let complaints = Table::new(documents(), tests, &outcomes).complaints();
    let said = "RFC 9293 MUST-36 has a test that does not hold";
    assert_eq!(complaints, [said]);
}
