//! Prints which requirement of which standard is shown by which test, having run the tests.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use requirements::{Document, Table, outcomes, page, tests_of};

/// Runs the tests that are named after requirements of the standards, and prints the table of
/// them. Exits with 1 where a requirement has no test that holds.
#[derive(Parser)]
struct Arguments {
    /// Write docs/rfc9293.md and docs/rfcs.md
    #[arg(long)]
    write: bool,
    /// Exit with 1, too, where those pages are not what --write would write
    #[arg(long, conflicts_with = "write")]
    check: bool,
}

/// The document that has a page of its own.
const MAIN: &str = "rfc9293";

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = Table::new(
        Document::read_all(&tests.join("requirements/lists"))?,
        tests_of(&tests.join("tests/requirements"))?,
        &outcomes(&run_tests()?),
    );
    let pages = pages(&table, &tests.join("../docs"));
    for (_, text) in &pages {
        println!("{text}");
    }
    let mut complaints = table.complaints();
    for (path, text) in &pages {
        if arguments.write {
            fs::write(path, text).with_context(|| format!("{}", path.display()))?;
        } else if arguments.check && fs::read_to_string(path).ok().as_ref() != Some(text) {
            complaints.push(format!(
                "{} is not what the tests say: run `cargo run -p requirements -- --write`",
                path.display()
            ));
        }
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    Ok(ExitCode::from(u8::from(!complaints.is_empty())))
}

/// What the test program prints. That tests fail is no error here: the table says so.
fn run_tests() -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["test", "--package", "integration-tests"])
        .args(["--test", "requirements"])
        .output()
        .context("cargo could not be started")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        printed.contains("test result:"),
        "the tests did not run:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(printed)
}

fn pages(table: &Table, docs: &Path) -> [(PathBuf, String); 2] {
    let note = "Generated from the lists in `tests/requirements/lists/` and the tests in \
        `tests/tests/requirements/` by\n`cargo run -p requirements -- --write`. \
        A row without a test that holds fails the project's check.\n\n";
    let mut main = format!("# RFC 9293, requirement by requirement\n\n{note}");
    let mut others = format!(
        "# The documents beside RFC 9293, requirement by requirement\n\n{note}\
         The numbers are ours: these documents do not count their requirements.\n\n"
    );
    for (document, entries) in &table.documents {
        let target = if document.name == MAIN {
            &mut main
        } else {
            &mut others
        };
        let _ = writeln!(target, "{}", page(document, entries));
    }
    [
        (docs.join("rfc9293.md"), main),
        (docs.join("rfcs.md"), others),
    ]
}
