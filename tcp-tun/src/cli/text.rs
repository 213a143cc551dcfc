//! What the commands print, and how numbers read.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Nobody reads our output any more. As a program that a shell's pipe broke, we say nothing about it.
#[derive(Debug)]
pub struct OutputClosed;

impl fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads the output")
    }
}

impl std::error::Error for OutputClosed {}

/// Prints a line that was asked for, to standard output.
pub fn print(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let printed = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    printed.map_err(output_error)
}

/// Prints a line about what goes on, to standard error. Where that is closed, the work goes on.
pub fn note(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Tells a closed pipe from other errors of standard output.
pub fn output_error(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        OutputClosed.into()
    } else {
        anyhow::Error::new(error).context("cannot write to standard output")
    }
}

/// A number with its thousands apart: `67,108,864`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bits a second with three figures: `1.23 Gbit/s`.
pub fn rate(bits_per_second: f64) -> String {
    let scales = [(1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")];
    let scale = scales.iter().find(|(scale, _)| bits_per_second >= *scale);
    let (scale, unit) = scale.copied().unwrap_or((1.0, "bit/s"));
    let number = bits_per_second / scale;
    let decimals = match number {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{number:.decimals$} {unit}")
}

/// Milliseconds with microseconds behind the point, as `ss` prints them: `0.042`.
pub fn millis(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(67_108_864), "67,108,864");
        assert_eq!(rate(1.234e9), "1.23 Gbit/s");
        assert_eq!(rate(56.78e6), "56.8 Mbit/s");
        assert_eq!(rate(999.4e3), "999 kbit/s");
        assert_eq!(rate(0.0), "0.00 bit/s");
        assert_eq!(millis(Duration::from_micros(1_042)), "1.042");
    }
}
