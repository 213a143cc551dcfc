//! Network namespaces for tests that talk to the kernel.

use std::env;
use std::process::Command;

const INSIDE: &str = "TCP_TUN_TEST_INSIDE_NAMESPACE";

/// Runs `body` in a fresh network namespace, as the test called `name`.
///
/// The test runs itself again under `unshare`, so it needs neither privilege nor a machine of its own. Where that is not
/// allowed (no `/dev/net/tun`, no user namespaces), it says so and passes.
pub fn in_namespace(name: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let allowed = Command::new("unshare")
        .args(["-rn", "test", "-w", "/dev/net/tun"])
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        let may_skip = env::var_os("TCP_REQUIRE_KERNEL").is_none();
        assert!(may_skip, "{name} may not be skipped here");
        eprintln!("{name}: skipped, for want of namespaces or of /dev/net/tun");
        return;
    }
    let status = Command::new("unshare")
        .arg("-rn")
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed in its namespace");
}
