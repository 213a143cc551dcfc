//! `tcp-sim drill`: what it prints, and its exit code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const RIGHT: &str = "
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000>
   +0 > S. 0:0(0) ack 1 <mss 1460>
";

/// Writes each script to a directory of its own, and runs the program there.
fn drill(scripts: &[(&str, &str)], arguments: &[&str]) -> (Output, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in scripts {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tcp-sim"))
        .current_dir(directory.path())
        .arg("drill")
        .args(arguments)
        .output()
        .unwrap();
    (output, directory)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn wrong() -> String {
    RIGHT.replace("mss 1460", "mss 1400")
}

#[test]
fn scripts_of_a_directory_pass_over_each_family() {
    let (output, _directory) = drill(&[("b.pkt", RIGHT), ("a.pkt", RIGHT), ("c.txt", "")], &["."]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = text(&output.stdout);
    let families = ["ipv4", "ipv6", "ipv4-mapped-ipv6"];
    let expected = ["a", "b"].map(|name| {
        families
            .map(|family| format!("pass  ./{name}.pkt [{family}]\n"))
            .concat()
    });
    assert_eq!(lines, expected.concat() + "2 of 2 scripts pass\n");
}

#[test]
fn a_failure_shows_its_line_and_both_packets() {
    let (output, _directory) = drill(&[("a.pkt", &wrong())], &["a.pkt", "--family", "ipv6"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "FAIL  a.pkt [ipv6]\n\
                    a.pkt:6: the packet sent at 0 s has other options\n    \
                    expected: > S. 0:0(0) ack 1 <mss 1400>\n      \
                    actual: > S. 0:0(0) ack 1 <mss 1460>\n\
                    0 of 1 scripts pass\n";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn what_cannot_be_read_is_marked() {
    let arguments = ["a.pkt", "--family", "ipv4"];
    let (output, _directory) = drill(&[("a.pkt", "// About.\n0 bind(3, = 0\n")], &arguments);
    assert_eq!(output.status.code(), Some(1));
    let expected = "FAIL  a.pkt [ipv4]\n\
                    a.pkt:2: expected a value, found '='\n  \
                    | 0 bind(3, = 0\n  \
                    |           ^\n\
                    0 of 1 scripts pass\n";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn each_script_is_a_line_of_json() {
    let scripts = [
        ("a.pkt", RIGHT),
        ("b.pkt", &wrong()),
        ("c.pkt", "0 nonsense"),
    ];
    let (output, _directory) = drill(&scripts, &[".", "--json", "--family", "ipv4"]);
    assert_eq!(output.status.code(), Some(1));
    let lines = text(&output.stdout);
    let objects: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let passed: Vec<_> = objects
        .iter()
        .map(|object| object["passed"].as_bool())
        .collect();
    assert_eq!(passed, [Some(true), Some(false), Some(false)]);
    assert_eq!(objects[1]["runs"][0]["failure"]["line"], 6);
    assert_eq!(objects[2]["runs"][0]["failure"]["line"], 1);
}

#[test]
fn packets_are_printed_and_captured() {
    let arguments = ["a.pkt", "-v", "--family", "ipv4", "--pcap", "a.pcapng"];
    let (output, directory) = drill(&[("a.pkt", RIGHT)], &arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = text(&output.stdout);
    assert!(
        lines.contains("\n    0 > S. 0:0(0) ack 1 win 64240 <mss 1460>\n"),
        "{lines}"
    );
    let capture = fs::read(directory.path().join("a.pcapng")).unwrap();
    // A section, two interfaces, two packets of 44 bytes.
    assert!(capture.len() > 88, "{}", capture.len());
}

#[test]
fn what_cannot_be_run_is_told() {
    let cases: [&[&str]; 4] = [
        &["missing.pkt"],
        &["a.pkt", "--family", "ipv5"],
        &[],
        &["a.pkt", "--pcap", "a.pcapng"],
    ];
    for arguments in cases {
        let (output, directory) = drill(&[("a.pkt", RIGHT)], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        assert!(!Path::new(&directory.path().join("a.pcapng")).exists());
    }
}

#[test]
fn a_shell_is_for_those_who_ask_for_it() {
    let script = format!("`touch here`\n{RIGHT}");
    let (output, directory) = drill(&[("a.pkt", &script)], &["a.pkt", "--family", "ipv4"]);
    assert!(text(&output.stdout).contains("note: a.pkt:1: not run: touch here"));
    assert!(!directory.path().join("here").exists());
    let arguments = ["a.pkt", "--family", "ipv4", "--allow-shell"];
    let (output, directory) = drill(&[("a.pkt", &script)], &arguments);
    assert_eq!(output.status.code(), Some(0));
    assert!(directory.path().join("here").exists());
}

#[test]
fn a_name_may_say_the_family() {
    let (output, _directory) = drill(&[("basic-v4.pkt", RIGHT), ("basic-v6.pkt", RIGHT)], &["."]);
    let lines = text(&output.stdout);
    let expected =
        "pass  ./basic-v4.pkt [ipv4]\npass  ./basic-v6.pkt [ipv6]\n2 of 2 scripts pass\n";
    assert_eq!(lines, expected);
}
