//! How tests went, from what the test program prints.

use std::collections::BTreeMap;

/// How a test went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It did not run.
    Ignored,
}

/// Reads the lines `test PATH ... ok` of a test program.
pub fn outcomes(printed: &str) -> BTreeMap<String, Outcome> {
    let of_line = |line: &str| {
        let (path, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let outcome = match outcome
            .split_once([' ', ','])
            .map_or(outcome, |(word, _)| word)
        {
            "ok" => Outcome::Passed,
            "ignored" => Outcome::Ignored,
            _ => Outcome::Failed,
        };
        // A test that should panic says so behind its name.
        let path = path.split(' ').next().unwrap_or(path);
        Some((path.to_owned(), outcome))
    };
    printed.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_test_is_read() {
        let read = outcomes(
            "running 4 tests\n\
             test a::must_1_x ... ok\n\
             test a::must_2_x - should panic ... ok\n\
             test b::may_3_x ... FAILED\n\
             test b::may_4_x ... ignored, for want of a device\n\
             test result: FAILED. 2 passed\n",
        );
        let expected = [
            ("a::must_1_x", Outcome::Passed),
            ("a::must_2_x", Outcome::Passed),
            ("b::may_3_x", Outcome::Failed),
            ("b::may_4_x", Outcome::Ignored),
        ];
        assert_eq!(
            read,
            expected
                .map(|(path, outcome)| (path.to_owned(), outcome))
                .into()
        );
    }
}
