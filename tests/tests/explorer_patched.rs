//! The explorer finds bugs in the core itself: a copy of its source gets each, is built, and is
//! explored by `tcp-sim` as anyone would do it.
//!
//! The copy and what is built of it stay in the target directory, so that the next run builds
//! only what has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A bug: in this file of the core, this text becomes that.
struct Bug {
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
    /// Presets that find it, and the faults that this takes.
    found_by: &'static [(&'static str, u8)],
}

/// An ACK is accepted beyond SND.MAX.
const ACKNOWLEDGED_TOO_MUCH: Bug = Bug {
    file: "connection/input.rs",
    right: "Some(offset) if (oldest..=self.snd.nxt).contains(&offset) => {",
    wrong: "Some(offset) if offset >= oldest => {",
    found_by: &[("handshake", 1), ("transfer", 1), ("close", 1)],
};

/// A FIN is not retransmitted: neither when it is lost, nor as a probe.
const FIN_SENT_ONCE: Bug = Bug {
    file: "connection/emit.rs",
    right: "if range.end > data.end {",
    wrong: "if range.end > data.end && self.tally.total_retrans == 0 {",
    found_by: &[("close", 1), ("simultaneous-close", 1)],
};

/// Nothing probes a closed window: a window update that is lost is lost for ever.
const NO_PERSIST_TIMER: Bug = Bug {
    file: "connection/output.rs",
    right: "
            if !self.timers.is_armed(Timer::Persist) {
                self.timers.arm(Timer::Persist, now + self.rtt.rto());
            }
",
    wrong: "\n",
    found_by: &[("zero-window", 1)],
};

#[test]
fn bugs_in_the_core_are_found_by_short_traces() {
    let copy = Copy::update();
    for bug in [ACKNOWLEDGED_TOO_MUCH, FIN_SENT_ONCE, NO_PERSIST_TIMER] {
        let file = format!("tcp-core/src/{}", bug.file);
        let source = fs::read_to_string(workspace().join(&file)).unwrap();
        let times = source.matches(bug.right).count();
        assert_eq!(times, 1, "{file} holds once: {}", bug.right);
        copy.write(&file, source.replace(bug.right, bug.wrong));
        let program = copy.build();
        copy.write(&file, &source);
        for (preset, faults) in bug.found_by {
            let schedule = copy.root.join("schedule.json");
            assert_found(&program, preset, *faults, &schedule);
            assert_replayed(&program, &schedule);
        }
    }
}

fn assert_found(program: &Path, preset: &str, faults: u8, schedule: &Path) {
    let explored = Command::new(program)
        .args(["explore", "--json", "--preset", preset])
        .args(["--faults", &faults.to_string()])
        .arg("--write")
        .arg(schedule)
        .output()
        .unwrap();
    assert_eq!(explored.status.code(), Some(1), "{preset}: {explored:?}");
    let noise = String::from_utf8_lossy(&explored.stderr);
    assert_eq!(
        noise, "",
        "what was caught is in the report, and nowhere else"
    );
    let report: Value = serde_json::from_slice(&explored.stdout).unwrap();
    println!("{preset}: {}", report["violation"]);
    let trace = report["trace"].as_array().expect("there is a trace");
    trace.iter().for_each(|step| println!("  {step}"));
    assert!((1..=20).contains(&trace.len()), "{} steps", trace.len());
    assert_eq!(report["violations"], 1);
}

fn assert_replayed(program: &Path, schedule: &Path) {
    let replayed = Command::new(program)
        .args(["replay", "--json"])
        .arg(schedule)
        .output()
        .unwrap();
    assert_eq!(replayed.status.code(), Some(1), "{replayed:?}");
    let report: Value = serde_json::from_slice(&replayed.stdout).unwrap();
    let written: Value = serde_json::from_slice(&fs::read(schedule).unwrap()).unwrap();
    assert_eq!(report["violation"], written["violation"]);
    let actions = |steps: &Value| steps.as_array().map(Vec::len);
    assert_eq!(actions(&report["steps"]), actions(&written["actions"]));
}

/// A copy of the core and the simulator, as a workspace of its own.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn update() -> Copy {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("patched");
        let copy = Copy { root };
        for package in ["tcp-core", "tcp-sim"] {
            copy.update_folder(&workspace().join(package));
        }
        copy.update_file(&workspace().join("Cargo.lock"));
        let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
        let lines = manifest.lines().filter_map(|line| match line {
            line if line.starts_with("members") => Some("members = [\"tcp-core\", \"tcp-sim\"]"),
            line if line.starts_with("default-members") || line.starts_with("exclude") => None,
            line => Some(line),
        });
        copy.write("Cargo.toml", lines.collect::<Vec<_>>().join("\n"));
        copy
    }

    /// Makes the copy of a folder like it: what is there of an earlier run and not any more is removed.
    fn update_folder(&self, folder: &Path) {
        let before = self.root.join(folder.strip_prefix(workspace()).unwrap());
        for entry in fs::read_dir(before).into_iter().flatten() {
            let entry = entry.unwrap();
            match folder.join(entry.file_name()) {
                original if original.exists() => {}
                _ if entry.path().is_dir() => fs::remove_dir_all(entry.path()).unwrap(),
                _ => fs::remove_file(entry.path()).unwrap(),
            }
        }
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.update_folder(&path);
            } else {
                self.update_file(&path);
            }
        }
    }

    fn update_file(&self, file: &Path) {
        let name = file.strip_prefix(workspace()).unwrap();
        self.write(name.to_str().unwrap(), fs::read(file).unwrap());
    }

    /// Writes a file unless it is so already: cargo goes by the time of the last change.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let (path, content) = (self.root.join(name), content.as_ref());
        if fs::read(&path).is_ok_and(|before| before == content) {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn build(&self) -> PathBuf {
        let target = self.root.join("target");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--offline", "--quiet", "--package", "tcp-sim"])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &target)
            // Little is explored, and much is built.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{complaint}");
        target.join("debug/tcp-sim")
    }
}

fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the package lies in the workspace").to_owned()
}
