//! The program as its users run it.

mod common;

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::process::Process;
use nix::sys::signal::Signal;
use serde_json::Value;

/// Long enough for anything that works, on a machine with other work to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcp-tun"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A file that goes with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("{}-{name}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Whether a private network with a TUN device can be made here; says so if not.
fn has_private_network(test: &str) -> bool {
    let output = run(&["connect", "--private", "--timeout", "1", "10.7.0.1:9"]);
    let usable = stderr(&output).contains("refused");
    if !usable {
        skip(test, &format!("a private network: {}", stderr(&output)));
    }
    usable
}

/// Says that a test did not run, past the harness, which keeps what passing tests print. Where
/// `TCP_REQUIRE_KERNEL` is set, as the project's own check does, it fails instead.
fn skip(test: &str, needs: &str) {
    let may_skip = std::env::var_os("TCP_REQUIRE_KERNEL").is_none();
    assert!(may_skip, "{test} may not be skipped, and needs {needs}");
    let _ = writeln!(io::stderr(), "{test}: skipped: needs {needs}");
}

#[test]
fn help_teaches() {
    let help = stdout(&run(&["--help"]));
    for part in ["demo", "serve", "connect", "Examples:", "--private"] {
        assert!(help.contains(part), "{part} is missing:\n{help}");
    }
    for command in ["demo", "serve", "connect"] {
        let help = stdout(&run(&[command, "--help"]));
        assert!(help.contains("xamples:"), "{help}");
    }
    let help = stdout(&run(&["serve", "http", "--help"]));
    for option in ["--tun", "--addr", "--mtu", "--pcap", "--seed", "--listen"] {
        assert!(help.contains(option), "{option} is missing:\n{help}");
    }
}

#[test]
fn wrong_arguments_are_told_from_failures() {
    assert_eq!(run(&["nonsense"]).status.code(), Some(2));
    assert_eq!(run(&["connect", "nowhere"]).status.code(), Some(2));
    let output = run(&["serve", "http", "/no/such/directory"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/no/such/directory"));
}

/// The facts that hold for every demo that went well.
fn check_report(report: &Value, bytes: u64) {
    assert_eq!(report["ok"], true, "{report}");
    let chapters = report["transfers"].as_array().unwrap();
    assert_eq!(chapters.len(), 2);
    for (chapter, role) in chapters.iter().zip(["server", "client"]) {
        assert_eq!(chapter["our_role"], role);
        let fetches = chapter["fetches"].as_array().unwrap();
        assert_eq!(fetches[1]["bytes"], bytes);
        for fetch in fetches {
            assert_eq!(fetch["sha256_sent"], fetch["sha256_received"]);
            // Nothing is lost; but what a busy machine is slow to acknowledge may be probed for.
            let again = fetch["segments_sent_again"].as_u64().unwrap();
            assert!(again <= fetch["tail_probes"].as_u64().unwrap(), "{fetch}");
            let states = fetch["states"].as_array().unwrap();
            let names: Vec<&str> = states
                .iter()
                .map(|step| step["state"].as_str().unwrap())
                .collect();
            let end = if role == "server" {
                "CLOSED"
            } else {
                "TIME-WAIT"
            };
            assert!(names.contains(&"ESTAB"), "{names:?}");
            assert_eq!(names.last(), Some(&end), "{names:?}");
        }
    }
}

/// Nothing in the capture may look wrong to Wireshark.
fn check_capture(path: &Path, packets: u64) {
    let tshark = |filter: &str| {
        let mut command = Command::new("tshark");
        command.args(["-r", path.to_str().unwrap(), "-Y", filter]);
        command.output()
    };
    let Ok(all) = tshark("frame") else {
        let _ = writeln!(
            io::stderr(),
            "capture not checked: needs the command tshark"
        );
        return;
    };
    assert_eq!(stdout(&all).lines().count() as u64, packets);
    let wrong = "_ws.malformed || tcp.analysis.lost_segment || tcp.analysis.out_of_order \
                 || tcp.checksum.status == 0";
    let wrong = stdout(&tshark(wrong).unwrap());
    assert_eq!(wrong, "");
    // On a busy machine either end may probe a tail that was only slow: one packet, of few large ones.
    let again = stdout(&tshark("tcp.analysis.retransmission").unwrap());
    assert!(again.lines().count() as u64 <= 1 + packets / 50, "{again}");
}

fn demo(name: &str, more: &[&str]) -> Value {
    let capture = Scratch::new(&format!("{name}.pcapng"));
    let args = [
        "demo",
        "--json",
        "--bytes",
        "3000000",
        "--pcap",
        capture.path(),
    ];
    let output = run(&[&args, more].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    check_report(&report, 3_000_000);
    let packets = report["captured_packets"].as_u64().unwrap();
    check_capture(&capture.0, packets);
    report
}

#[test]
fn the_demo_works_over_memory() {
    let report = demo("memory", &["--memory"]);
    assert_eq!(report["link"], "memory");
}

#[test]
fn the_demo_works_against_the_kernel() {
    for queues in ["1", "2"] {
        let report = demo("kernel", &["--queues", queues]);
        if report["link"] == "memory" {
            skip(
                "the_demo_works_against_the_kernel",
                &report["reason"].to_string(),
            );
        }
    }
}

#[test]
fn the_demo_ends_with_its_verdict() {
    let capture = Scratch::new("verdict.pcapng");
    let output = run(&["demo", "--bytes", "1000000", "--pcap", capture.path()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.ends_with("\ndemo: ok\n"), "{text}");
    assert!(text.contains(capture.path()), "{text}");
}

#[test]
fn output_that_nobody_reads_is_no_panic() {
    let capture = Scratch::new("closed.pcapng");
    let args = [
        "demo",
        "--memory",
        "--bytes",
        "1000",
        "--pcap",
        capture.path(),
    ];
    let mut child = program(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(141));
}

#[test]
fn a_refused_connection_is_a_failure_that_says_so() {
    if !has_private_network("a_refused_connection_is_a_failure_that_says_so") {
        return;
    }
    let output = run(&["connect", "--private", "[fd07::1]:9"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "tcp-tun: [fd07::1]:9: connection refused: nobody listens there\n"
    );
}

#[test]
fn a_server_shows_its_connections_and_ends_cleanly() {
    if !has_private_network("a_server_shows_its_connections_and_ends_cleanly") {
        return;
    }
    for queues in ["1", "3"] {
        let args = [
            "serve",
            "echo",
            "--private",
            "--listen",
            "10.7.0.2:7",
            "--queues",
            queues,
        ];
        let child = program(&args).stderr(Stdio::piped()).spawn();
        let mut server = Process(child.unwrap());
        let mut lines = BufReader::new(server.0.stderr.take().unwrap()).lines();
        let mut await_line = |start: &str| {
            let deadline = Instant::now() + PATIENCE;
            loop {
                assert!(Instant::now() < deadline, "no line starts with {start:?}");
                let line = lines.next().unwrap().unwrap();
                if line.starts_with(start) {
                    return line;
                }
            }
        };
        let has_several = await_line("our stack").ends_with(", 3 queues");
        assert_eq!(has_several, queues == "3");
        await_line("echo at 10.7.0.2:7");
        server.signal(Signal::SIGUSR1);
        await_line("State ");
        server.signal(Signal::SIGTERM);
        await_line("Counted");
        assert!(server.0.wait().unwrap().success());
    }
}

/// A private network with an nc in it that answers `$1` and writes what it gets to `$2`; our
/// program sends `$4` and writes what it gets to `$5`.
const TALK_TO_NC: &str = r#"
    nc -l -N 9000 < "$1" > "$2" &
    sleep 0.5
    "$3" connect 10.7.0.1:9000 < "$4" > "$5" || exit 1
    wait
"#;

#[test]
fn connect_moves_standard_input_and_output() {
    let name = "connect_moves_standard_input_and_output";
    if !has_private_network(name) {
        return;
    }
    let has_nc = Command::new("nc").arg("-h").output().is_ok();
    if !has_nc {
        let _ = writeln!(io::stderr(), "{name}: skipped: needs the command nc");
        return;
    }
    let [answer, got, question, output] =
        ["answer", "got", "question", "output"].map(|file| Scratch::new(&format!("nc-{file}")));
    std::fs::write(&answer.0, [b'a'; 10_000]).unwrap();
    std::fs::write(&question.0, [b'q'; 2_000_000]).unwrap();
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", TALK_TO_NC, "sh"])
        .args([&answer.0, &got.0])
        .arg(env!("CARGO_BIN_EXE_tcp-tun"))
        .args([&question.0, &output.0])
        .status();
    assert!(status.unwrap().success());
    let same = |left: &Scratch, right: &Scratch| {
        std::fs::read(&left.0).unwrap() == std::fs::read(&right.0).unwrap()
    };
    assert!(same(&question, &got), "nc got other bytes");
    assert!(same(&answer, &output), "we got other bytes");
}

#[test]
fn the_benchmark_measures() {
    let name = "the_benchmark_measures";
    if !has_private_network(name) {
        return;
    }
    let only = [
        "veth/ping-pong/1",
        "veth-plain/to/1",
        "tun/from/1",
        "tun-plain/connections/4",
        "tun-2q/to/",
    ];
    let mut args = vec!["bench", "--quick", "--runs", "1", "--json"];
    for text in only {
        args.extend(["--only", text]);
    }
    let output = run(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let rows: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let above_zero = |path: &str, figure: &str| {
        let row = rows
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["path"] == path);
        assert!(row.unwrap()[figure].as_f64().unwrap() > 0.0, "{rows}");
    };
    assert_eq!(rows.as_array().unwrap().len(), only.len());
    above_zero("veth", "p50_us");
    above_zero("veth-plain", "cpu_s_per_gb");
    above_zero("tun", "gbit_per_s");
    above_zero("tun-plain", "connections_per_s");
    above_zero("tun-2q", "gbit_per_s");
}

#[test]
fn the_benchmark_of_nothing_is_refused() {
    let output = run(&["bench", "--only", "nonsense"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nonsense"));
}
