//! A schedule as a file: what the explorer found, to be played again.

use serde::{Deserialize, Serialize};

use tcp_core::ConfigError;

use super::action::Action;
use super::presets::{preset, presets};
use super::scenario::Attacker;
use super::trace::{Impossible, Playback, play};
use crate::link::config::is_default;
use crate::scenario::TcpSettings;

/// The version of the file's format, and of what an action means.
const VERSION: u32 = 1;

/// One way through a preset. As JSON:
///
/// ```json
/// {
///   "version": 1,
///   "preset": "close",
///   "faults": 1,
///   "violation": null,
///   "actions": ["step A", "deliver B"]
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    version: u32,
    /// The name of the preset.
    pub preset: String,
    /// What both ends were set to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tcp: TcpSettings,
    /// Whether somebody could forge a segment.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attacker: Attacker,
    /// The bound on faults that it was found with.
    pub faults: u8,
    /// The rule that it broke when it was written.
    pub violation: Option<String>,
    /// What happens, in this order.
    pub actions: Vec<Action>,
}

/// Why a schedule cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// It is no JSON of this form.
    #[error("it is no schedule")]
    Malformed(#[from] serde_json::Error),
    /// It is of another version of the format.
    #[error("its version is {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// The preset cannot have these settings.
    #[error("its settings cannot be")]
    Settings(#[from] ConfigError),
    /// There is no such preset.
    #[error("there is no preset `{0}`; there are {list}", list = names())]
    UnknownPreset(String),
    /// The preset, or the protocol, is not what it was when the schedule was written.
    #[error("it does not fit this version of the program")]
    Outdated(#[from] Impossible),
}

impl Schedule {
    /// A schedule of a preset, within a number of faults.
    pub fn new(preset: &str, faults: u8, actions: Vec<Action>) -> Schedule {
        Schedule {
            version: VERSION,
            preset: preset.to_owned(),
            tcp: TcpSettings::default(),
            attacker: Attacker::Absent,
            faults,
            violation: None,
            actions,
        }
    }

    /// Reads the JSON of a file.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Malformed`] and [`ScheduleError::Version`].
    pub fn from_json(json: &str) -> Result<Schedule, ScheduleError> {
        // Of another version, other things may be wrong with it, too.
        let value: serde_json::Value = serde_json::from_str(json)?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        match version {
            Some(version) if version != u64::from(VERSION) => Err(ScheduleError::Version(version)),
            _ => Ok(serde_json::from_value(value)?),
        }
    }

    /// The JSON for a file, on lines that people can read.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("strings and numbers can be written") + "\n"
    }

    /// Plays it.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::UnknownPreset`], [`ScheduleError::Settings`] and [`ScheduleError::Outdated`].
    pub fn play(&self) -> Result<Playback, ScheduleError> {
        let Some(scenario) = preset(&self.preset) else {
            return Err(ScheduleError::UnknownPreset(self.preset.clone()));
        };
        let scenario = scenario.with_tcp(&self.tcp)?.attacked(self.attacker);
        Ok(play(&scenario, self.faults, &self.actions)?)
    }
}

fn names() -> String {
    presets().map(|preset| preset.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;

    fn schedule() -> Schedule {
        let actions = vec![Action::Deliver(Side::B), Action::Drop(Side::A)];
        Schedule::new("handshake", 1, actions)
    }

    #[test]
    fn a_schedule_is_read_as_it_is_written_and_played() {
        let schedule = schedule();
        assert_eq!(Schedule::from_json(&schedule.to_json()).unwrap(), schedule);
        let playback = schedule.play().unwrap();
        assert_eq!(playback.steps.len(), 2);
        assert_eq!(playback.violation, None);
    }

    #[test]
    fn a_schedule_knows_what_its_hosts_were_set_to() {
        let mut schedule = schedule();
        assert!(!schedule.to_json().contains("tcp"));
        schedule.tcp.rack = Some(false);
        schedule.tcp.max_segment_size = Some(200);
        assert_eq!(Schedule::from_json(&schedule.to_json()).unwrap(), schedule);
        schedule.play().unwrap();
        schedule.tcp.max_segment_size = Some(2);
        assert!(schedule.play().is_err());
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_the_reason() {
        let refusal = |json: &str| match Schedule::from_json(json) {
            Ok(schedule) => schedule.play().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(refusal("{"), "it is no schedule");
        let json = schedule().to_json();
        let later = json.replace("\"version\": 1", "\"version\": 2");
        assert!(refusal(&later).contains("version is 2"), "{later}");
        let elsewhere = refusal(&json.replace("handshake", "handshaking"));
        assert!(elsewhere.contains("handshaking"), "{elsewhere}");
        assert!(elsewhere.contains("simultaneous-close"), "{elsewhere}");
        let unfit = refusal(&json.replace("deliver B", "deliver A"));
        assert!(unfit.contains("does not fit"), "{unfit}");
        let more = refusal(&json.replace("\"faults\": 1", "\"faults\": 0"));
        assert!(more.contains("does not fit"), "{more}");
    }
}
