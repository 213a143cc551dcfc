//! Settings over settings: what is written replaces what was there, field by field.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::Table;

/// Why pairs of names and values could not be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{text}`: {reason} (write NAME = VALUE, NAME = VALUE as in a scenario file)")]
pub struct WrittenError {
    text: String,
    reason: String,
}

impl WrittenError {
    fn new(text: &str, reason: &toml::de::Error) -> WrittenError {
        WrittenError {
            text: text.into(),
            reason: reason.message().trim().into(),
        }
    }
}

/// Reads `name = value, name = value`, as between the braces of an inline table.
pub(super) fn parse_pairs(text: &str) -> Result<Table, WrittenError> {
    let mut outer: Table = toml::from_str(&format!("pairs = {{ {text} }}"))
        .map_err(|error| WrittenError::new(text, &error))?;
    match outer.remove("pairs") {
        Some(toml::Value::Table(pairs)) => Ok(pairs),
        _ => Ok(Table::new()),
    }
}

/// Reads pairs into a type of their own.
pub(super) fn read_pairs<T: DeserializeOwned>(text: &str) -> Result<T, WrittenError> {
    let pairs = parse_pairs(text)?;
    pairs
        .try_into()
        .map_err(|error| WrittenError::new(text, &error))
}

/// `base` with what `over` says in its place.
pub(super) fn overlaid<T: Serialize + DeserializeOwned>(
    base: &T,
    over: Table,
) -> Result<T, toml::de::Error> {
    let mut table = table_of(base);
    table.extend(over);
    table.try_into()
}

/// As `name = value, name = value`; what is as by default is left out.
pub(super) fn write_pairs<T: Serialize>(value: &T) -> String {
    let inline = toml::Value::Table(table_of(value)).to_string();
    let inside = inline.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    inside.unwrap_or(&inline).trim().to_owned()
}

fn table_of<T: Serialize>(value: &T) -> Table {
    Table::try_from(value).expect("settings are tables of plain values")
}
