//! packetdrill's own flags, as scripts that call it have them.

use std::ffi::OsString;

use tcp_sim::drill::Settings;

/// The words of a command line, those of packetdrill after `drill` in the form that our command line has:
/// `--remote_ip=192.0.2.1`, or its value as the next word, is `--option remote_ip=192.0.2.1`, and `--ip_version` is `--family`.
pub fn translated(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.peekable();
    let mut all: Vec<OsString> = words.by_ref().take(2).collect();
    if all.get(1).is_none_or(|command| command != "drill") {
        all.extend(words);
        return all;
    }
    while let Some(word) = words.next() {
        let flag = word.to_str().and_then(|word| word.strip_prefix("--"));
        let (name, value) = match flag.map(|flag| flag.split_once('=').unwrap_or((flag, ""))) {
            Some((name, value)) if !OURS.contains(&name) => (name, value),
            _ => {
                all.push(word);
                continue;
            }
        };
        let Some(takes_value) = Settings::takes_value(name) else {
            all.push(word);
            continue;
        };
        let next = match takes_value && value.is_empty() {
            true => words.next().and_then(|word| word.into_string().ok()),
            false => None,
        };
        let value = next.as_deref().unwrap_or(value);
        all.extend(match name {
            "ip_version" => ["--family".into(), value.into()],
            _ => ["--option".into(), format!("{name}={value}").into()],
        });
    }
    all
}

/// Those of packetdrill's that our command line has under the same name.
const OURS: [&str; 3] = ["define", "tolerance_usecs", "verbose"];

#[cfg(test)]
mod tests {
    use super::*;

    fn translated_text(line: &str) -> String {
        let words = translated(line.split_whitespace().map(OsString::from));
        let words: Vec<_> = words.iter().filter_map(|word| word.to_str()).collect();
        words.join(" ")
    }

    #[test]
    fn packetdrills_flags_become_options() {
        let cases = [
            (
                "tcp-sim drill --ip_version=ipv4 --local_ip=192.168.0.1 a.pkt",
                "tcp-sim drill --family ipv4 --option local_ip=192.168.0.1 a.pkt",
            ),
            (
                "tcp-sim drill --ip_version ipv6 --mtu 1520 --dry_run a.pkt",
                "tcp-sim drill --family ipv6 --option mtu=1520 --option dry_run= a.pkt",
            ),
            (
                "tcp-sim drill --tolerance_usecs=14000 -D A=1 --json a.pkt --verbose",
                "tcp-sim drill --tolerance_usecs=14000 -D A=1 --json a.pkt --verbose",
            ),
            ("tcp-sim run --mtu 1500", "tcp-sim run --mtu 1500"),
            ("tcp-sim", "tcp-sim"),
        ];
        for (line, expected) in cases {
            assert_eq!(translated_text(line), expected);
        }
    }
}
