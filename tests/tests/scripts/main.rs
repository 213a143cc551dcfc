//! Our own packetdrill scripts, each over IPv4, IPv6 and IPv4-mapped addresses.

mod counted;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use tcp_sim::drill::{Family, Job, Report, check, families, parse};

/// So many scripts there are at least.
const FEWEST: usize = 120;

/// Where they are.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

fn scripts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort();
    assert!(found.len() >= FEWEST, "{} scripts were found", found.len());
    found
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
}

fn reports(path: &Path, job: &Job) -> Vec<Report> {
    let text = fs::read_to_string(path).unwrap();
    let name = path.display().to_string();
    let directory = path.parent().unwrap();
    families(path, &text, &Family::ALL)
        .into_iter()
        .map(|family| check(&name, &text, directory, family, job).report)
        .collect()
}

#[test]
fn every_script_holds_over_every_family() {
    let mut seen = BTreeSet::new();
    let mut failed = Vec::new();
    for path in scripts() {
        for report in reports(&path, &Job::default()) {
            seen.insert(report.family);
            assert_eq!(report.notes, [""; 0], "{}", path.display());
            if !report.is_passed() {
                failed.push(report.to_string());
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(seen.len(), Family::ALL.len());
}

#[test]
fn every_script_says_what_it_shows() {
    for path in scripts() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("// "), "{}", path.display());
    }
}

#[test]
fn a_script_is_the_same_after_it_was_printed() {
    for path in scripts() {
        let text = fs::read_to_string(&path).unwrap();
        let script = parse(&text).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
        let printed = script.to_string();
        let again = parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert_eq!(again, script, "{}", path.display());
    }
}

#[test]
fn a_run_is_the_same_every_time() {
    for path in scripts().iter().step_by(10) {
        let packets = || -> Vec<Vec<String>> {
            let reports = reports(path, &Job::default());
            reports.into_iter().map(|report| report.packets).collect()
        };
        assert_eq!(packets(), packets(), "{}", path.display());
    }
}

/// A script with one wrong packet: an expectation that nobody compares would hold all the same.
#[test]
fn a_script_with_one_thing_wrong_does_not_hold() {
    let right = "
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
       +0 bind(3, ..., ...) = 0
       +0 listen(3, 1) = 0
       +0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
       +0 > S. 0:0(0) ack 1 win 64240 <mss 1460,nop,nop,sackOK,nop,wscale 7>
      +.1 < . 1:1(0) ack 1 win 257
       +0 accept(3, ..., ...) = 4
     +0...0.1 read(4, ..., 1000) = 500
      +.1 < P. 1:501(500) ack 1 win 257
       +0 > . 1:1(0) ack 501
       +0 write(4, ..., 1000) = 1000
       +0 > P. 1:1001(1000) ack 501
      +.2 getsockopt(4, IPPROTO_TCP, TCP_MAXSEG, [1000], [4]) = 0
    ";
    let holds = |text: &str| {
        let checked = check("a.pkt", text, Path::new("."), Family::V4, &Job::default());
        checked.report.is_passed()
    };
    assert!(holds(right));
    let wrongs = [
        ("listen(3, 1) = 0", "listen(3, 1) = -1"),
        ("mss 1460", "mss 1400"),
        ("win 64240", "win 64239"),
        ("+0 > S. 0:0", "+.1 > S. 0:0"),
        ("...0.1 read", "...0.2 read"),
        ("= 500", "= 501"),
        ("> . 1:1(0)", "> P. 1:1(0)"),
        ("> P. 1:1001(1000) ack 501", "> P. 1:1000(999) ack 501"),
        ("> P. 1:1001(1000) ack 501", "> P. 1:1001(1000) ack 500"),
        ("[1000], [4]", "[999], [4]"),
        (
            "TCP_MAXSEG, [1000], [4]) = 0",
            "TCP_MAXSEG, [1000], [4]) = -1 EINVAL (Invalid argument)",
        ),
        ("accept(3", "accept(7"),
    ];
    for (piece, wrong) in wrongs {
        let text = right.replacen(piece, wrong, 1);
        assert_ne!(text, right, "{piece} is not in the script");
        assert!(!holds(&text), "{wrong}");
    }
}

/// As above, for what calls bring besides their results, and for headers.
#[test]
fn no_expectation_of_our_scripts_is_overlooked() {
    let wrongs = [
        (
            "epoll/level",
            "EPOLLIN, fd=4}, 1, 0) = 1",
            "EPOLLOUT, fd=4}, 1, 0) = 1",
        ),
        (
            "epoll/level",
            "EPOLLIN, fd=4}, 1, 0) = 1",
            "EPOLLIN, fd=5}, 1, 0) = 1",
        ),
        ("blocking/poll", "revents=POLLIN}", "revents=POLLOUT}"),
        ("blocking/poll", "...0.3 poll", "...0.4 poll"),
        ("ioctl/siocinq", "[1000]", "[999]"),
        ("messages/inq", "cmsg_data=6000", "cmsg_data=6001"),
        ("messages/inq", "msg_flags=0", "msg_flags=MSG_TRUNC"),
        ("messages/peek", "abcd", "abce"),
        ("options/linger", "linger=7}, [8]", "linger=8}, [8]"),
        ("options/congestion", "\"reno\", [16]", "\"cubic\", [16]"),
        ("options/errors", "EFAULT", "EINVAL"),
        ("options/tos", "[tos 0x10]", "[tos 0x20]"),
        ("options/ttl", "[ttl 7] P", "[ttl 8] P"),
        ("ecn/agreed", "[ect0]", "[noecn]"),
        ("timestamps/echo", "ecr 1200", "ecr 1201"),
        ("connect/retransmit", "+2 > S", "+3 > S"),
        (
            "recovery/sack-sent",
            "3001:4001 1001:2001",
            "1001:2001 3001:4001",
        ),
        ("messages/urgent-send", "urg 10", "urg 9"),
        (
            "accept/defer",
            "> . 1:1(0) ack 501",
            "> . 1:1(0) ack 501 <nop,nop,sack 1:2>",
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    for (name, piece, wrong) in wrongs {
        let path = folder.join(name).with_extension("pkt");
        let right = fs::read_to_string(&path).unwrap();
        let text = right.replacen(piece, wrong, 1);
        assert_ne!(text, right, "{piece} is not in {name}");
        let checked = check(
            name,
            &text,
            &folder.join("options"),
            Family::V4,
            &Job::default(),
        );
        assert!(!checked.report.is_passed(), "{name}: {wrong}");
    }
}

/// One change of a script's lines.
#[derive(Clone, Debug)]
enum Edit {
    Remove(Index),
    Repeat(Index),
    Swap(Index, Index),
    /// A digit becomes another.
    Digit(Index, Index, char),
    /// A line of another script comes in.
    Take(Index, Index, Index),
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Edit::Remove),
        index().prop_map(Edit::Repeat),
        (index(), index()).prop_map(|(a, b)| Edit::Swap(a, b)),
        (index(), index(), prop::char::range('0', '9')).prop_map(|(a, b, c)| Edit::Digit(a, b, c)),
        (index(), index(), index()).prop_map(|(a, b, c)| Edit::Take(a, b, c)),
    ]
}

fn edit(lines: &mut Vec<String>, others: &[Vec<String>], edit: &Edit) {
    let len = lines.len();
    match edit {
        _ if len < 2 => {}
        Edit::Remove(at) => {
            lines.remove(at.index(len));
        }
        Edit::Repeat(at) => lines.insert(at.index(len), lines[at.index(len)].clone()),
        Edit::Swap(a, b) => lines.swap(a.index(len), b.index(len)),
        Edit::Digit(at, which, digit) => {
            let line = &mut lines[at.index(len)];
            let digits: Vec<usize> = line
                .match_indices(|c: char| c.is_ascii_digit())
                .map(|(at, _)| at)
                .collect();
            if !digits.is_empty() {
                let at = *which.get(&digits);
                line.replace_range(at..=at, &digit.to_string());
            }
        }
        Edit::Take(at, script, line) => {
            let other: &Vec<String> = script.get(others);
            lines.insert(at.index(len), line.get(other.as_slice()).clone());
        }
    }
}

/// The lines of each script that has no Python: what is edited is not to be run as code.
fn lines_of_scripts() -> Vec<Vec<String>> {
    let texts = scripts()
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap());
    texts
        .filter(|text| !text.contains("%{"))
        .map(|text| text.lines().map(str::to_owned).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_makes_the_runner_panic(
        script in any::<Index>(),
        edits in prop::collection::vec(any_edit(), 1..6),
        family in prop::sample::select(&Family::ALL),
    ) {
        let others = lines_of_scripts();
        let mut lines = script.get(&others).clone();
        for change in &edits {
            edit(&mut lines, &others, change);
        }
        let text = lines.join("\n");
        let checked = check("edited.pkt", &text, Path::new("."), family, &Job::default());
        prop_assert!(!checked.report.to_string().is_empty());
    }
}
