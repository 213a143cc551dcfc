//! The page on BSD sockets tells of everything that there is.

use std::fs;
use std::path::Path;

use tcp_sim::posix::{Errno, Sysctls, constants};

fn page() -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(workspace.join("docs/posix.md")).unwrap()
}

/// Whether the page has the name by itself, and not only as a part of another.
fn tells_of(page: &str, name: &str) -> bool {
    let mut words = page.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    words.any(|word| word.trim_matches('.') == name)
}

#[test]
fn each_option_and_flag_is_told_of() {
    let page = page();
    let states = [
        "TCP_CA_",
        "TCP_SYN_",
        "TCP_FIN_",
        "TCP_CLOS",
        "TCP_TIME_",
        "TCP_LAST_",
    ];
    let is_state = |name: &str| {
        states.iter().any(|state| name.starts_with(state))
            || matches!(name, "TCP_ESTABLISHED" | "TCP_LISTEN")
    };
    // Values of options, and what the kernel keeps to itself.
    let is_value = |name: &str| name.contains("PMTUDISC") || name == "MSG_SPLICE_PAGES";
    let mut count = 0;
    for name in constants::names() {
        let kinds = ["SO_", "TCP_", "IP_", "IPV6_", "MSG_"];
        if !kinds.iter().any(|kind| name.starts_with(kind)) || is_state(name) || is_value(name) {
            continue;
        }
        count += 1;
        assert!(tells_of(&page, name), "{name}");
    }
    assert!(count > 80, "{count} names were looked for");
}

#[test]
fn each_sysctl_is_told_of() {
    let page = page();
    for name in Sysctls::NAMES {
        assert!(tells_of(&page, name), "{name}");
    }
}

#[test]
fn each_errno_that_it_names_exists() {
    let page = page();
    let words = page.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let is_errno = |word: &&str| {
        word.len() > 3 && word.starts_with('E') && word.chars().all(|c| c.is_ascii_uppercase())
    };
    let named: Vec<&str> = words
        .filter(is_errno)
        .filter(|word| *word != "EPOLL")
        .collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        let known = Errno::by_name(name).is_some() || name.starts_with("EPOLL");
        assert!(known, "{name}");
    }
}
