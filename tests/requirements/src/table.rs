//! The lists joined with the tests.

use std::collections::BTreeMap;

use super::{Document, Outcome, Row, Test};

/// Every row of every document with its tests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// In the order of the lists.
    pub documents: Vec<(Document, Vec<Entry>)>,
    /// Tests whose names are of no row.
    pub strays: Vec<String>,
}

/// A row with its tests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What is asked for.
    pub row: Row,
    /// What shows it, in the order of their names.
    pub tests: Vec<Test>,
    /// How it stands.
    pub state: State,
}

/// How a row stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Its tests hold.
    Passed,
    /// It is not fulfilled, the list says why, and tests of what is done instead hold.
    Stated,
    /// A test of it does not hold, or did not run.
    Failed,
    /// It has no test.
    Missing,
}

/// How many rows of a document stand how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Count {
    /// All of the kind.
    pub rows: usize,
    /// Those whose tests hold.
    pub passed: usize,
    /// Those with a reason, and tests that hold.
    pub stated: usize,
}

impl Table {
    /// Joins the lists with the tests that the sources have and with how they went.
    pub fn new(
        documents: Vec<Document>,
        tests: Vec<Test>,
        outcomes: &BTreeMap<String, Outcome>,
    ) -> Table {
        let mut by_row: BTreeMap<(String, String), Vec<Test>> = BTreeMap::new();
        let mut strays = Vec::new();
        let is_listed = |document: &str, id: &str| {
            documents
                .iter()
                .any(|listed| listed.name == document && listed.rows.iter().any(|row| row.id == id))
        };
        for test in tests {
            match test.row() {
                Some(id) if is_listed(test.document(), &id) => {
                    let key = (test.document().to_owned(), id);
                    by_row.entry(key).or_default().push(test);
                }
                _ => strays.push(test.path),
            }
        }
        let joined = |document: Document| {
            let entry = |row: &Row| {
                let key = (document.name.clone(), row.id.clone());
                let tests = by_row.get(&key).cloned().unwrap_or_default();
                let state = state(row, &tests, outcomes);
                Entry {
                    row: row.clone(),
                    tests,
                    state,
                }
            };
            let entries = document.rows.iter().map(entry).collect();
            (document, entries)
        };
        Table {
            documents: documents.iter().cloned().map(joined).collect(),
            strays,
        }
    }

    /// What is wrong: rows without a test that holds, and tests of no row. Empty where all is well.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (document, entries) in &self.documents {
            for entry in entries {
                let said = match entry.state {
                    State::Passed | State::Stated => continue,
                    State::Failed => "has a test that does not hold",
                    State::Missing => "has no test",
                };
                complaints.push(format!("{} {} {said}", document.title(), entry.row.id));
            }
        }
        let stray = |path: &String| format!("{path} is named after no row of a list");
        complaints.extend(self.strays.iter().map(stray));
        complaints
    }
}

fn state(row: &Row, tests: &[Test], outcomes: &BTreeMap<String, Outcome>) -> State {
    let holds = |test: &Test| outcomes.get(&test.path) == Some(&Outcome::Passed);
    if tests.is_empty() {
        State::Missing
    } else if !tests.iter().all(holds) {
        State::Failed
    } else if row.instead.is_some() {
        State::Stated
    } else {
        State::Passed
    }
}

impl Count {
    /// Counts the entries whose ids begin with `kind`, as in `MUST`.
    pub fn of(entries: &[Entry], kind: &str) -> Count {
        let mut count = Count::default();
        for entry in entries {
            if entry.row.id.split('-').next() == Some(kind) {
                count.rows += 1;
                count.passed += usize::from(entry.state == State::Passed);
                count.stated += usize::from(entry.state == State::Stated);
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const LIST: &str = "id\tlevel\tsection\twhat\tinstead\n\
        MUST-1\tmust\t3.1\ta\t\n\
        MUST-2\tmust\t3.1\tb\tnot done: RFC 1 says so\n";

    fn table(tests: &[&str], outcomes: &[(&str, Outcome)]) -> Table {
        let document = Document::parse("rfc9293", LIST).unwrap();
        let test = |path: &&str| Test {
            path: (*path).to_owned(),
            about: String::new(),
            file: PathBuf::new(),
        };
        let outcomes = outcomes
            .iter()
            .map(|&(path, outcome)| (path.to_owned(), outcome))
            .collect();
        Table::new(vec![document], tests.iter().map(test).collect(), &outcomes)
    }

    const BOTH: [&str; 2] = ["rfc9293::a::must_1_a", "rfc9293::a::must_2_b"];

    #[test]
    fn rows_with_tests_that_hold_are_well() {
        let table = table(
            &BOTH,
            &[(BOTH[0], Outcome::Passed), (BOTH[1], Outcome::Passed)],
        );
        assert_eq!(table.complaints(), [""; 0]);
        let count = Count::of(&table.documents[0].1, "MUST");
        assert_eq!((count.rows, count.passed, count.stated), (2, 1, 1));
    }

    #[test]
    fn a_row_without_a_test_is_complained_of() {
        let table = table(&BOTH[..1], &[(BOTH[0], Outcome::Passed)]);
        assert_eq!(table.complaints(), ["RFC 9293 MUST-2 has no test"]);
    }

    #[test]
    fn a_test_that_fails_or_does_not_run_is_complained_of() {
        for outcomes in [
            &[(BOTH[0], Outcome::Passed), (BOTH[1], Outcome::Failed)][..],
            &[(BOTH[0], Outcome::Passed), (BOTH[1], Outcome::Ignored)],
            &[(BOTH[0], Outcome::Passed)],
        ] {
            assert_eq!(
                table(&BOTH, outcomes).complaints(),
                ["RFC 9293 MUST-2 has a test that does not hold"]
            );
        }
    }

    #[test]
    fn a_test_of_no_row_is_complained_of() {
        let stray = "rfc9293::a::must_3_c";
        let all = [BOTH[0], BOTH[1], stray];
        let outcomes = all.map(|path| (path, Outcome::Passed));
        assert_eq!(
            table(&all, &outcomes).complaints(),
            ["rfc9293::a::must_3_c is named after no row of a list"]
        );
    }
}
