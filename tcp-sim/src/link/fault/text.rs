//! Faults as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

use super::{Fault, FaultPlan, Target};

/// Why a text is no plan of faults.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum FaultError {
    /// Not a fault.
    #[error(
        "`{0}` is not a fault: write `drop`, `duplicate`, `delay`, `swap` or `corrupt`, then \
         `packet`, `data`, `syn`, `fin`, `ack` or `rst`, its number from 1, and where needed a \
         time or a bit, as in `delay data 3 30ms`"
    )]
    Syntax(String),
    /// One packet has two faults.
    #[error("there are two faults for {0}")]
    Twice(String),
}

const TARGETS: [(Target, &str); 6] = [
    (Target::Packet, "packet"),
    (Target::Data, "data"),
    (Target::Syn, "syn"),
    (Target::Fin, "fin"),
    (Target::Ack, "ack"),
    (Target::Rst, "rst"),
];

/// One fault and the packet that it meets.
struct Entry {
    target: Target,
    nth: u64,
    fault: Fault,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TARGETS.iter().find(|(target, _)| target == self);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, figure) = match self.fault {
            Fault::Drop => ("drop", None),
            Fault::Duplicate => ("duplicate", None),
            Fault::Delay(by) => ("delay", Some(write_duration(by))),
            Fault::PastNext(at_most) => ("swap", Some(write_duration(at_most))),
            Fault::Corrupt(bit) => ("corrupt", Some(bit.to_string())),
        };
        write!(f, "{verb} {} {}", self.target, self.nth)?;
        figure.map_or(Ok(()), |figure| write!(f, " {figure}"))
    }
}

fn write_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

impl FromStr for Entry {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        parse_entry(text).ok_or_else(|| FaultError::Syntax(text.trim().into()))
    }
}

fn parse_entry(text: &str) -> Option<Entry> {
    let mut words = text.split_whitespace();
    let (verb, target, nth) = (words.next()?, words.next()?, words.next()?);
    let (target, _) = *TARGETS.iter().find(|(_, name)| *name == target)?;
    let nth = nth.parse().ok().filter(|nth| *nth > 0)?;
    // A time may be of several words: `1s 500ms`.
    let figure = words.collect::<Vec<_>>().join(" ");
    let time = || humantime::parse_duration(&figure).ok();
    let fault = match verb {
        "drop" if figure.is_empty() => Fault::Drop,
        "duplicate" if figure.is_empty() => Fault::Duplicate,
        "delay" => Fault::Delay(time()?),
        "swap" => Fault::PastNext(time()?),
        "corrupt" => Fault::Corrupt(figure.parse().ok()?),
        _ => return None,
    };
    Some(Entry { target, nth, fault })
}

impl FaultPlan {
    fn entries(&self) -> impl Iterator<Item = Entry> {
        self.faults.iter().map(|((target, nth), fault)| Entry {
            target: *target,
            nth: *nth,
            fault: *fault,
        })
    }

    fn from_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Result<FaultPlan, FaultError> {
        let mut plan = FaultPlan::none();
        for text in texts {
            let Entry { target, nth, fault } = text.parse()?;
            if plan.fault_of(target, nth).is_some() {
                return Err(FaultError::Twice(format!("{target} {nth}")));
            }
            plan = plan.and_nth(target, nth, fault);
        }
        Ok(plan)
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{entry}")?;
        }
        Ok(())
    }
}

impl FromStr for FaultPlan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        if text.trim().is_empty() {
            return Ok(FaultPlan::none());
        }
        FaultPlan::from_texts(text.split(','))
    }
}

impl Serialize for FaultPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries().map(|entry| entry.to_string()))
    }
}

impl<'de> Deserialize<'de> for FaultPlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        FaultPlan::from_texts(texts.iter().map(String::as_str)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_plan() -> impl Strategy<Value = FaultPlan> {
        let duration = || any::<u64>().prop_map(Duration::from_nanos);
        let fault = prop_oneof![
            Just(Fault::Drop),
            Just(Fault::Duplicate),
            duration().prop_map(Fault::Delay),
            duration().prop_map(Fault::PastNext),
            any::<usize>().prop_map(Fault::Corrupt),
        ];
        let target = prop::sample::select(TARGETS.map(|(target, _)| target).to_vec());
        prop::collection::btree_map((target, 1..=u64::MAX), fault, 0..10)
            .prop_map(|faults| FaultPlan { faults })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(plan in any_plan()) {
            let text = plan.to_string();
            prop_assert_eq!(text.parse(), Ok(plan.clone()), "{}", text);
            let json = serde_json::to_string(&plan).unwrap();
            prop_assert_eq!(serde_json::from_str::<FaultPlan>(&json).unwrap(), plan);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "(drop|delay|corrupt|swap)?[ a-z0-9,]{0,30}") {
            let _ = text.parse::<FaultPlan>();
        }
    }

    #[test]
    fn the_documented_forms_are_read() {
        let half = Duration::from_millis(500);
        let plan = FaultPlan::on(5, Fault::Delay(Duration::from_millis(30)))
            .and_nth(Target::Data, 3, Fault::Drop)
            .and_nth(Target::Data, 4, Fault::Corrupt(17))
            .and_nth(Target::Data, 2, Fault::PastNext(half))
            .and_nth(Target::Syn, 1, Fault::Duplicate);
        let text = "drop data 3, delay packet 5 30ms,duplicate syn  1, corrupt data 4 17, \
                    swap data 2 500ms";
        assert_eq!(text.parse(), Ok(plan.clone()));
        let json = r#"["delay packet 5 30ms","swap data 2 500ms","drop data 3",
            "corrupt data 4 17","duplicate syn 1"]"#;
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(written, json.replace("\n            ", ""));
        assert_eq!("".parse(), Ok(FaultPlan::none()));
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for wrong in [
            "drop",
            "drop data",
            "drop data 0",
            "drop data -1",
            "drop data 1 5ms",
            "lose data 1",
            "drop urg 1",
            "delay data 1",
            "delay data 1 soon",
            "corrupt data 1 x",
            "drop data 1,",
        ] {
            assert!(wrong.parse::<FaultPlan>().is_err(), "{wrong}");
        }
        let twice = "drop fin 2, delay fin 2 1s".parse::<FaultPlan>();
        assert_eq!(twice, Err(FaultError::Twice("fin 2".into())));
    }
}
