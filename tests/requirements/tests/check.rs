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
    let count = |name: &str| {
        let mut documents = table.documents.iter();
        let listed = documents.find(|(document, _)| document.name == name);
        listed.map(|(_, entries)| entries.len())
    };
    assert_eq!(count("rfc9293"), Some(119));
    // Those that are implemented beside it, each with its rows.
    for (name, rows) in [
        ("rfc3168", 19),
        ("rfc5681", 25),
        ("rfc5961", 10),
        ("rfc6298", 13),
        ("rfc6582", 7),
        ("rfc6675", 12),
        ("rfc6928", 7),
        ("rfc7323", 20),
        ("rfc7413", 14),
        ("rfc8985", 17),
        ("rfc9406", 10),
        ("rfc9438", 15),
        ("rfc9937", 9),
    ] {
        assert_eq!(count(name), Some(rows), "{name}");
    }
    assert_eq!(table.documents.len(), 14);
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
    for (name, id) in [
        ("rfc9293", "MUST-36"),
        ("rfc9293", "MAY-18"),
        ("rfc9293", "SHLD-24"),
        ("rfc9293", "REC-1"),
        ("rfc3168", "MUST-9"),
        ("rfc6298", "MUST-5"),
        ("rfc9937", "SHLD-1"),
    ] {
        let mut left = tests();
        left.retain(|test| (test.document(), test.row().as_deref()) != (name, Some(id)));
        assert!(left.len() < tests().len());
        let document = name.replace("rfc", "RFC ");
        let complaint = format!("{document} {id} has no test");
        assert_eq!(table(documents(), left).complaints(), [complaint]);
    }
}

#[test]
fn a_row_that_is_added_is_complained_of() {
    for index in 0..documents().len() {
        let mut documents = documents();
        let document = &mut documents[index];
        document.rows.push(Row {
            id: "MUST-99".to_owned(),
            level: Level::Must,
            section: "3.1".to_owned(),
            what: "something new".to_owned(),
            instead: None,
        });
        let complaint = format!("{} MUST-99 has no test", document.title());
        assert_eq!(table(documents, tests()).complaints(), [complaint]);
    }
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
