//! Tests in headless Chromium: what a page has become once its scripts have run.
//!
//! Where there is no Chromium, the test says so, and passes; where `TCP_REQUIRE_CHROMIUM` is set,
//! as the project's own check does, it fails instead.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any page takes, on a machine with other work to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Names that Chromium goes by.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// A Chromium that is installed.
#[derive(Clone, Debug)]
pub struct Browser {
    program: PathBuf,
}

impl Browser {
    /// The Chromium that is in the path; says that `test` is skipped if there is none.
    ///
    /// # Panics
    ///
    /// Where there is none, and `TCP_REQUIRE_CHROMIUM` is set.
    pub fn find(test: &str) -> Option<Browser> {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut programs = env::split_paths(&path)
            .flat_map(|directory| NAMES.map(|name| directory.join(name)))
            .filter(|program| program.is_file());
        if let Some(program) = programs.next() {
            return Some(Browser { program });
        }
        assert!(
            env::var_os("TCP_REQUIRE_CHROMIUM").is_none(),
            "{test} may not be skipped, and needs chromium"
        );
        let _ = writeln!(io::stderr(), "{test}: skipped: needs chromium");
        None
    }

    /// The document of a page once its scripts have run.
    pub fn document(&self, page: &Path) -> String {
        let scratch = tempfile::tempdir().unwrap();
        let output = scratch.path().join("document.html");
        self.run(page, &["--dump-dom"], File::create(&output).unwrap().into());
        std::fs::read_to_string(&output).unwrap()
    }

    /// A picture of a page, as PNG in a new file.
    pub fn screenshot(&self, page: &Path, [width, height]: [u32; 2], picture: &Path) {
        let picture = format!("--screenshot={}", picture.display());
        let size = format!("--window-size={width},{height}");
        self.run(page, &[&picture, &size], Stdio::null());
    }

    fn run(&self, page: &Path, arguments: &[&str], output: Stdio) {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-quic", "--no-first-run", "--disable-sync"])
            .args(["--disable-background-networking"])
            .args(["--disable-component-update"])
            // Virtual time: the page's own waiting takes none of ours.
            .arg("--virtual-time-budget=20000")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!(
                    "chromium was not done with {} in {PATIENCE:?}",
                    page.display()
                );
            }
            thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "chromium: {status}");
    }
}
