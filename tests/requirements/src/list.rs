//! The lists of what documents ask for.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// What one document asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The module of its tests and the name of its list, as in `rfc9293`.
    pub name: String,
    /// In the order of the list.
    pub rows: Vec<Row>,
}

/// One thing that a document asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// As in `MUST-36`. The letters name the level, though a `must not` counts among the `MUST`s.
    pub id: String,
    /// How much it is asked for.
    pub level: Level,
    /// The section of the document.
    pub section: String,
    /// What it is, in short.
    pub what: String,
    /// What is done instead and why, where it is not fulfilled. A test shows that.
    pub instead: Option<String>,
}

/// The words of RFC 2119.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// An absolute requirement.
    Must,
    /// An absolute prohibition.
    MustNot,
    /// Left undone for good reasons only.
    Should,
    /// Done for good reasons only.
    ShouldNot,
    /// Optional.
    May,
}

impl Level {
    const ALL: [Level; 5] = [
        Level::Must,
        Level::MustNot,
        Level::Should,
        Level::ShouldNot,
        Level::May,
    ];

    fn from_words(words: &str) -> Option<Level> {
        Level::ALL
            .into_iter()
            .find(|level| level.to_string() == words)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Must => "must",
            Level::MustNot => "must not",
            Level::Should => "should",
            Level::ShouldNot => "should not",
            Level::May => "may",
        })
    }
}

impl Document {
    /// Reads a list: a line of headings, then one row a line, its columns divided by tabs.
    ///
    /// # Errors
    ///
    /// Names the file, the line and what is wrong with it.
    pub fn read(path: &Path) -> Result<Document> {
        let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Document::parse(&name, &text).with_context(|| format!("{}", path.display()))
    }

    /// All lists of a directory, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// Where the directory or one of its lists cannot be read.
    pub fn read_all(directory: &Path) -> Result<Vec<Document>> {
        let mut documents = Vec::new();
        let entries =
            fs::read_dir(directory).with_context(|| format!("{}", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tsv") {
                documents.push(Document::read(&path)?);
            }
        }
        documents.sort_by_key(Document::number);
        Ok(documents)
    }

    /// Reads the text of a list.
    ///
    /// # Errors
    ///
    /// Names the line and what is wrong with it.
    pub fn parse(name: &str, text: &str) -> Result<Document> {
        let mut rows: Vec<Row> = Vec::new();
        for (number, line) in text.lines().enumerate().skip(1) {
            let row = parse_row(line).with_context(|| format!("line {}", number + 1))?;
            ensure!(
                rows.iter().all(|other| other.id != row.id),
                "line {}: {} is listed twice",
                number + 1,
                row.id
            );
            rows.push(row);
        }
        ensure!(!rows.is_empty(), "no rows");
        Ok(Document {
            name: name.to_owned(),
            rows,
        })
    }

    /// As in "RFC 9293".
    pub fn title(&self) -> String {
        format!("RFC {}", self.number())
    }

    fn number(&self) -> u32 {
        let digits = self.name.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.parse().unwrap_or(u32::MAX)
    }
}

fn parse_row(line: &str) -> Result<Row> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, level, section, what, instead] = columns[..] else {
        bail!("{} columns instead of 5", columns.len());
    };
    let level = Level::from_words(level).with_context(|| format!("no such level: {level}"))?;
    ensure!(
        id.split_once('-').is_some_and(|(kind, number)| {
            matches!(kind, "MUST" | "SHLD" | "MAY" | "REC") && number.parse::<u32>().is_ok()
        }),
        "no such id: {id}"
    );
    Ok(Row {
        id: id.to_owned(),
        level,
        section: section.to_owned(),
        what: what.to_owned(),
        instead: (!instead.is_empty()).then(|| instead.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: &str = "id\tlevel\tsection\twhat\tinstead\n";

    #[test]
    fn a_row_has_five_columns() {
        let text = format!("{HEADINGS}MUST-2\tmust not\t3.1\tit is done\t\n");
        let read = Document::parse("rfc9293", &text).unwrap();
        assert_eq!(read.title(), "RFC 9293");
        assert_eq!(read.rows[0].level, Level::MustNot);
        assert_eq!(read.rows[0].instead, None);
    }

    #[test]
    fn what_is_no_row_is_named_with_its_line() {
        let cases = [
            ("MUST-1\tmust\t3.1\tit is done\n", "line 2: 4 columns"),
            ("MUST-1\tmight\t3.1\tdone\t\n", "line 2: no such level"),
            ("MST-1\tmust\t3.1\tdone\t\n", "line 2: no such id"),
            (
                "MAY-1\tmay\t3\tx\t\nMAY-1\tmay\t3\tx\t\n",
                "line 3: MAY-1 is listed twice",
            ),
            ("", "no rows"),
        ];
        for (text, expected) in cases {
            let error = Document::parse("rfc1", &format!("{HEADINGS}{text}")).unwrap_err();
            let said = format!("{error:#}");
            assert!(said.starts_with(expected), "{said}");
        }
    }
}
