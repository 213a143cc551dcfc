//! What the values of a script come to.

use std::collections::BTreeMap;

use super::ast::{Expr, ExprKind, Field};
use super::constants;
use super::failure::Failure;

/// The words of a script, and what they stand for.
#[derive(Clone, Debug)]
pub struct Words {
    defines: BTreeMap<String, String>,
}

impl Words {
    /// These definitions, besides the constants of C.
    pub fn new(defines: BTreeMap<String, String>) -> Words {
        Words { defines }
    }

    /// What a word is defined as.
    pub fn definition(&self, word: &str) -> Option<&str> {
        self.defines.get(word).map(String::as_str)
    }

    /// A number, or flags joined by `|`.
    pub fn number(&self, expr: &Expr) -> Result<i64, Failure> {
        match &expr.kind {
            // 64 bits without a sign are the same bits with one.
            ExprKind::Integer(value) => Ok(*value as i64),
            ExprKind::Word(word) => self.word(word).ok_or_else(|| {
                Failure::new(expr.span, format!("'{word}' is no constant that is known"))
            }),
            ExprKind::Or(terms) => terms
                .iter()
                .try_fold(0, |bits, term| Ok(bits | self.number(term)?)),
            ExprKind::Function { name, args } if name == "htons" || name == "htonl" => {
                match args.as_slice() {
                    [arg] => self.number(arg),
                    _ => Err(Failure::new(expr.span, format!("{name} takes one value"))),
                }
            }
            _ => Err(Failure::new(
                expr.span,
                format!("'{expr}' is no number, and one is needed"),
            )),
        }
    }

    /// A number that a C int holds; one without a sign is the same bits.
    pub fn int(&self, expr: &Expr) -> Result<i32, Failure> {
        let value = self.number(expr)?;
        let fits = i32::try_from(value).ok();
        fits.or_else(|| u32::try_from(value).ok().map(|bits| bits as i32))
            .ok_or_else(|| Failure::new(expr.span, format!("{value} does not fit an int")))
    }

    /// A length.
    pub fn size(&self, expr: &Expr) -> Result<usize, Failure> {
        let value = self.number(expr)?;
        usize::try_from(value).map_err(|_| Failure::new(expr.span, format!("{value} is no length")))
    }

    /// A number; `None` where it may be any.
    pub fn optional(&self, expr: &Expr) -> Result<Option<i64>, Failure> {
        match is_any(expr) {
            true => Ok(None),
            false => self.number(expr).map(Some),
        }
    }

    fn word(&self, word: &str) -> Option<i64> {
        let defined = self.defines.get(word).and_then(|text| parsed(text));
        let meaning = self.defines.get(word).map_or(word, String::as_str);
        defined.or_else(|| constants::by_name(meaning))
    }
}

fn parsed(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Whether the script writes `...`.
pub fn is_any(expr: &Expr) -> bool {
    expr.kind == ExprKind::Ellipsis
}

/// Whether the script writes `NULL`.
pub fn is_null(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Word(word) if word == "NULL")
}

/// The value between brackets, where there is one alone; else the value itself.
pub fn unwrapped(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::List(items) => match items.as_slice() {
            [item] => item,
            _ => expr,
        },
        _ => expr,
    }
}

/// The values of a list; a value that is none is the only one.
pub fn items(expr: &Expr) -> &[Expr] {
    match &expr.kind {
        ExprKind::List(items) => items,
        _ => std::slice::from_ref(expr),
    }
}

/// The members of a structure.
pub fn fields(expr: &Expr) -> Result<&[Field], Failure> {
    match &expr.kind {
        ExprKind::Struct(fields) => Ok(fields),
        _ => Err(Failure::new(
            expr.span,
            format!("'{expr}' is no structure, and one is needed"),
        )),
    }
}

/// The member of this name.
pub fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Expr> {
    let field = fields
        .iter()
        .find(|field| field.name.as_deref() == Some(name));
    field.map(|field| &field.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::ast::Action;
    use crate::drill::parse::parse;

    fn number(text: &str) -> Result<i64, Failure> {
        let mut script = parse(&format!("+0 f({text}) = 0")).unwrap();
        let Action::Call(call) = script.events.remove(0).action else {
            panic!("no call");
        };
        let defines = [("HERE", "0x10"), ("LEVEL", "SOL_TCP")];
        let defines = defines.map(|(word, meaning)| (word.to_owned(), meaning.to_owned()));
        Words::new(defines.into()).number(&call.args[0])
    }

    #[test]
    fn words_are_constants_or_definitions() {
        assert_eq!(number("O_RDWR|O_NONBLOCK"), Ok(0x802));
        assert_eq!(number("HERE"), Ok(16));
        assert_eq!(number("LEVEL"), Ok(6));
        assert_eq!(number("htons(80)"), Ok(80));
        assert_eq!(number("EINPROGRESS"), Ok(115));
        assert_eq!(number("18446744073709551615"), Ok(-1));
    }

    #[test]
    fn an_unknown_word_is_told() {
        let error = number("O_NOTHING").unwrap_err();
        assert!(error.message.contains("'O_NOTHING'"), "{error:?}");
        assert!(number("[1]").is_err());
        assert!(number("htons(1, 2)").is_err());
    }
}
