//! The tests that are named after rows, found in their sources.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::{Attribute, Expr, Item, ItemFn, Lit, Meta};

/// A test that shows a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    /// As the test program prints it: `rfc9293::windows::must_36_zero_window_is_probed`.
    pub path: String,
    /// The first sentence of its documentation.
    pub about: String,
    /// Where it stands, below the directory that was searched.
    pub file: PathBuf,
}

impl Test {
    /// The document: the first module of the path.
    pub fn document(&self) -> &str {
        self.path.split("::").next().unwrap_or_default()
    }

    /// The row: `must_36_zero_window_is_probed` is of `MUST-36`.
    pub fn row(&self) -> Option<String> {
        let name = self.path.rsplit("::").next()?;
        let mut words = name.split('_');
        let kind = words.next()?.to_uppercase();
        let number: u32 = words.next()?.parse().ok()?;
        Some(format!("{kind}-{number}"))
    }
}

/// The tests in the files of a directory and of those in it: a file's path is its module's.
///
/// # Errors
///
/// Where a file cannot be read, or is not Rust.
pub fn tests_of(directory: &Path) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    search(directory, Path::new(""), &mut tests)?;
    tests.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tests)
}

fn search(root: &Path, below: &Path, tests: &mut Vec<Test>) -> Result<()> {
    let directory = root.join(below);
    let entries = fs::read_dir(&directory).with_context(|| format!("{}", directory.display()))?;
    for entry in entries {
        let below = below.join(entry?.file_name());
        let path = root.join(&below);
        if path.is_dir() {
            search(root, &below, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            let found = in_text(&below, &text).with_context(|| format!("{}", path.display()))?;
            tests.extend(found);
        }
    }
    Ok(())
}

fn in_text(file: &Path, text: &str) -> Result<Vec<Test>> {
    let modules = modules(file);
    let mut tests = Vec::new();
    for item in syn::parse_file(text)?.items {
        let Item::Fn(function) = item else {
            continue;
        };
        if function.attrs.iter().any(is_test) {
            tests.push(Test {
                path: format!("{modules}{}", function.sig.ident),
                about: about(&function),
                file: file.to_owned(),
            });
        }
    }
    Ok(tests)
}

/// `rfc9293/windows.rs` holds the module `rfc9293::windows`.
fn modules(file: &Path) -> String {
    let mut modules = String::new();
    for part in file.with_extension("").components() {
        let part = part.as_os_str().to_string_lossy();
        if part != "mod" && part != "main" {
            modules.push_str(&part);
            modules.push_str("::");
        }
    }
    modules
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("test")
}

/// The first sentence of the documentation: what is shown, and where it is written.
fn about(function: &ItemFn) -> String {
    let lines = function.attrs.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(literal) = &pair.value else {
            return None;
        };
        match (&literal.lit, attribute.path().is_ident("doc")) {
            (Lit::Str(text), true) => Some(text.value().trim().to_owned()),
            _ => None,
        }
    });
    let paragraph: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_with_their_module_and_their_words() {
        let text = "
            /// The window is
            /// probed.
            ///
            /// More.
            #[test]
            fn must_36_zero_window_is_probed() {}

            /// A helper.
            fn must_37_helper() {}
        ";
        let found = in_text(Path::new("rfc9293/windows.rs"), text).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].path,
            "rfc9293::windows::must_36_zero_window_is_probed"
        );
        assert_eq!(found[0].about, "The window is probed.");
        assert_eq!(found[0].document(), "rfc9293");
        assert_eq!(found[0].row().unwrap(), "MUST-36");
    }

    #[test]
    fn a_module_may_be_a_directory() {
        let found = in_text(Path::new("rfc5681/mod.rs"), "#[test] fn it_holds() {}").unwrap();
        assert_eq!(found[0].path, "rfc5681::it_holds");
        assert_eq!(found[0].row(), None);
    }
}
