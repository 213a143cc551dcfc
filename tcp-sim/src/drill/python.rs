//! Assertions in Python, run by one `python3` for all of a script.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// Reads blocks, runs them one after the other in one scope, and tells of the first that fails. What a
/// block prints is no part of the answer.
const PROGRAM: &str = r#"
import json, sys
answer, sys.stdout = sys.stdout, sys.stderr
scope = {}
for index, block in enumerate(json.load(sys.stdin)):
    scope.update(block["values"])
    try:
        exec(compile(block["code"], "<script>", "exec"), scope)
    except BaseException as error:
        trace, line = error.__traceback__, getattr(error, "lineno", None)
        while trace:
            if trace.tb_frame.f_code.co_filename == "<script>":
                line = trace.tb_lineno
            trace = trace.tb_next
        json.dump({"block": index, "line": line or 1, "error": f"{type(error).__name__}: {error}"}, answer)
        sys.exit()
json.dump(None, answer)
"#;

/// One `%{ }%` of a script, and the names that are bound in it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Block {
    /// What is run.
    pub code: String,
    /// Names and their values.
    pub values: serde_json::Map<String, serde_json::Value>,
}

/// What became of the blocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// All of them hold.
    Held,
    /// There is no Python here.
    Skipped,
    /// One does not hold.
    Failed {
        /// Which, by its index.
        block: usize,
        /// Which line of it, counted from 1.
        line: usize,
        /// What Python says.
        error: String,
    },
}

#[derive(Deserialize)]
struct Answer {
    block: usize,
    line: usize,
    error: String,
}

/// Runs the blocks in order.
///
/// # Errors
///
/// Python that could be started and gave no answer.
pub fn run(blocks: &[Block]) -> std::io::Result<Verdict> {
    let child = Command::new("python3")
        // Nothing of the user's or of the site's is needed, and looking for it takes longer than the rest.
        .args(["-I", "-S", "-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Verdict::Skipped),
        Err(error) => return Err(error),
    };
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&serde_json::to_vec(blocks)?)?;
    }
    let output = child.wait_with_output()?;
    let answer: Option<Answer> = serde_json::from_slice(&output.stdout)?;
    Ok(match answer {
        None => Verdict::Held,
        Some(Answer { block, line, error }) => Verdict::Failed { block, line, error },
    })
}

/// A block's text as Python takes it: without the blank before the first statement, and without the
/// indentation that all other lines share.
pub fn dedented(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim();
    if first.ends_with(':') {
        return format!("{first}\n{rest}");
    }
    let indents = rest
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len());
    let shared = indents.min().unwrap_or(0);
    let rest = rest.lines().map(|line| line.get(shared..).unwrap_or(""));
    std::iter::once(first)
        .chain(rest)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(code: &str, cwnd: u64) -> Block {
        let values = [("tcpi_snd_cwnd".to_owned(), cwnd.into())];
        Block {
            code: dedented(code),
            values: values.into_iter().collect(),
        }
    }

    #[test]
    fn blocks_share_a_scope_and_the_first_that_fails_is_told() {
        let blocks = [
            block(" assert tcpi_snd_cwnd == 10; before = 7 ", 10),
            block(
                "\n  import sys\n  print('noise')\n  assert before == 7\n",
                10,
            ),
            block(
                "\nassert True\nassert tcpi_snd_cwnd == 10, tcpi_snd_cwnd\n",
                9,
            ),
            block("assert False", 9),
        ];
        let expected = match run(&blocks[..2]).unwrap() {
            // Nothing to look at where there is no Python.
            Verdict::Skipped => return,
            verdict => {
                assert_eq!(verdict, Verdict::Held);
                Verdict::Failed {
                    block: 2,
                    line: 3,
                    error: "AssertionError: 9".to_owned(),
                }
            }
        };
        assert_eq!(run(&blocks).unwrap(), expected);
    }

    #[test]
    fn indentation_that_all_lines_share_is_none() {
        assert_eq!(dedented(" a\n    b\n      c\n"), "a\nb\n  c");
        assert_eq!(dedented("\n  if x:\n    y\n"), "\nif x:\n  y");
        assert_eq!(dedented("if x:\n  y\n"), "if x:\n  y\n");
    }
}
