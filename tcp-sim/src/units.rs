//! Quantities as people write them: `10M` bytes, `100M` bits a second, a probability of `0.01`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// What could not be read as a quantity.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UnitError {
    /// Not a number with a known suffix.
    #[error(
        "`{0}` is not a quantity: write a number, and k, M, G (thousands) or Ki, Mi, Gi (1,024s) after it"
    )]
    Quantity(String),
    /// Not a number above zero with a known suffix.
    #[error("`{0}` is not a rate: write bits a second, above zero, and k, M or G after them")]
    Rate(String),
    /// Not between 0 and 1.
    #[error("`{0}` is not a probability: write a number from 0 to 1")]
    Probability(String),
}

/// A number of bytes: `1500`, `64Ki`, `10M`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bytes(pub u64);

/// Bits a second, above zero: `100M` is 10⁸.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rate(pub u64);

impl Rate {
    /// How long `bytes` take.
    pub fn time_for(self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 8 * 1_000_000_000;
        Duration::from_nanos(
            u64::try_from(nanos.div_ceil(self.0.max(1).into())).unwrap_or(u64::MAX),
        )
    }
}

/// From 0 to 1.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Probability(f64);

impl Probability {
    /// Never.
    pub const ZERO: Probability = Probability(0.0);
    /// Always.
    pub const ONE: Probability = Probability(1.0);

    /// `None` outside of 0 to 1.
    pub fn new(value: f64) -> Option<Probability> {
        (0.0..=1.0).contains(&value).then_some(Probability(value))
    }

    /// As a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether it can happen at all.
    pub fn is_possible(self) -> bool {
        self.0 > 0.0
    }

    /// Whether it happens this time, by a number drawn from all 64-bit ones.
    pub fn draw(self, random: u64) -> bool {
        // A product with a power of two is exact, so every machine draws the same.
        const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
        self.0 >= 1.0 || random < (self.0 * TWO_POW_64) as u64
    }
}

/// Suffixes from large to small, so that the shortest form is found first.
const SUFFIXES: [(&str, u64); 8] = [
    ("Ti", 1 << 40),
    ("T", 1_000_000_000_000),
    ("Gi", 1 << 30),
    ("G", 1_000_000_000),
    ("Mi", 1 << 20),
    ("M", 1_000_000),
    ("Ki", 1 << 10),
    ("k", 1_000),
];

fn parse_quantity(text: &str) -> Option<u64> {
    let text = text.trim().replace('_', "");
    let digits = text
        .find(|it: char| !it.is_ascii_digit() && it != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let suffix = suffix.trim();
    let unit = if suffix.is_empty() {
        1
    } else {
        let named = |(name, _): &&(&str, u64)| name.eq_ignore_ascii_case(suffix);
        SUFFIXES.iter().find(named)?.1
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let scaled = number.parse::<f64>().ok()? * unit as f64;
    (scaled.fract() == 0.0 && scaled < 2f64.powi(53)).then_some(scaled as u64)
}

fn write_quantity(value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fits = |(_, unit): &&(&str, u64)| value != 0 && value.is_multiple_of(*unit);
    match SUFFIXES.iter().find(fits) {
        Some((suffix, unit)) => write!(f, "{}{suffix}", value / unit),
        None => write!(f, "{value}"),
    }
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = text.trim().trim_end_matches(['B', 'b']);
        let value = parse_quantity(number);
        value
            .map(Bytes)
            .ok_or_else(|| UnitError::Quantity(text.into()))
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = text.trim();
        let number = ["bit/s", "bps", "bit"]
            .iter()
            .find_map(|unit| number.strip_suffix(unit))
            .unwrap_or(number);
        let value = parse_quantity(number).filter(|value| *value > 0);
        value.map(Rate).ok_or_else(|| UnitError::Rate(text.into()))
    }
}

impl FromStr for Probability {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let value = text.trim().parse().ok().and_then(Probability::new);
        value.ok_or_else(|| UnitError::Probability(text.into()))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quantity(self.0, f)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quantity(self.0, f)
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number as it is, or a string with a suffix.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

macro_rules! serde_as_quantity {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = match Written::deserialize(deserializer)? {
                    Written::Number(number) => number.to_string(),
                    Written::Text(text) => text,
                };
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

serde_as_quantity!(Bytes);
serde_as_quantity!(Rate);

impl Serialize for Probability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Probability::new(value)
            .ok_or_else(|| D::Error::custom(UnitError::Probability(value.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_written() {
        let bytes = |text: &str| text.parse::<Bytes>().map(|it| it.0);
        assert_eq!(bytes("10M"), Ok(10_000_000));
        assert_eq!(bytes("10MB"), Ok(10_000_000));
        assert_eq!(bytes("64Ki"), Ok(65_536));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("1.5k"), Ok(1_500));
        assert_eq!(bytes("0"), Ok(0));
        for wrong in ["", "M", "-1", "1.0001k", "12X", "99999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        for value in [0, 1, 999, 1_000, 1_024, 1_500, 65_536, 10_000_000, u64::MAX] {
            assert_eq!(bytes(&Bytes(value).to_string()), Ok(value));
        }
        assert_eq!("100Mbit/s".parse(), Ok(Rate(100_000_000)));
        assert!("0".parse::<Rate>().is_err());
    }

    #[test]
    fn a_rate_takes_its_time() {
        assert_eq!(Rate(8_000).time_for(1), Duration::from_millis(1));
        assert_eq!(
            Rate(100_000_000).time_for(1_500),
            Duration::from_micros(120)
        );
        assert_eq!(Rate(3).time_for(1), Duration::from_nanos(2_666_666_667));
    }

    #[test]
    fn a_probability_draws_as_often_as_it_says() {
        let half = Probability::new(0.5).unwrap();
        assert!(half.draw(u64::MAX / 2));
        assert!(!half.draw(u64::MAX / 2 + 1));
        assert!(Probability::ONE.draw(u64::MAX));
        assert!(!Probability::ZERO.draw(0));
        assert_eq!(Probability::new(f64::NAN), None);
        assert!("1.1".parse::<Probability>().is_err());
    }
}
