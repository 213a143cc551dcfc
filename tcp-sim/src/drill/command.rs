//! What the commands of a script come to, without a shell.

use std::path::Path;

/// One thing that a command does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A sysctl is set: on the script's host, never on the machine.
    Sysctl {
        /// `net.ipv4.tcp_sack`, or its file below `/proc/sys`.
        name: String,
        /// What it is set to.
        value: String,
    },
    /// What was learnt of peers is forgotten.
    FlushMetrics,
    /// Something that is so anyway: a new host has no queue.
    Nothing,
    /// What only a shell could do.
    Other(String),
}

/// What the settings of the public suites' `defaults.sh` are, where that file is not there.
const DEFAULTS: [(&str, &str); 21] = [
    ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
    ("net.ipv4.tcp_wmem", "4096 262144 4194304"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_syn_retries", "5"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_frto", "2"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_dsack", "1"),
    ("net.ipv4.tcp_reordering", "3"),
    ("net.ipv4.tcp_congestion_control", "cubic"),
    ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ("net.ipv4.tcp_early_retrans", "4"),
    ("net.ipv4.tcp_recovery", "1"),
    ("net.ipv4.tcp_tso_win_divisor", "3"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_pacing_ss_ratio", "200"),
    ("net.ipv4.tcp_pacing_ca_ratio", "120"),
    ("net.ipv4.tcp_notsent_lowat", "4294967295"),
    ("net.ipv4.tcp_fastopen", "0x70403"),
    (
        "net.ipv4.tcp_fastopen_key",
        "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
    ),
    ("net.ipv4.tcp_syncookies", "1"),
];

/// What a command does, line by line. `directory` is where the script's own files are.
pub fn effects(text: &str, directory: &Path) -> Vec<Effect> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().flat_map(statements);
    lines.flat_map(|line| statement(&line, directory)).collect()
}

/// A line without its comment, cut at `;` and `&&`; what is quoted stays whole.
fn statements(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let current = all.last_mut().filter(|_| true);
        let ends = quote.is_none() && (c == ';' || c == '&' && chars.peek() == Some(&'&'));
        if ends {
            chars.next_if_eq(&'&');
            all.push(String::new());
            continue;
        }
        let is_blank = |text: &&mut String| text.is_empty() || text.ends_with(' ');
        if quote.is_none() && c == '#' && current.as_ref().is_some_and(is_blank) {
            break;
        }
        quote = match quote {
            None if c == '"' || c == '\'' => Some(c),
            Some(open) if open == c => None,
            other => other,
        };
        if let Some(current) = current {
            current.push(c);
        }
    }
    all.retain(|statement| !statement.trim().is_empty());
    all
}

fn statement(line: &str, directory: &Path) -> Vec<Effect> {
    let other = || vec![Effect::Other(line.trim().to_owned())];
    let Some(words) = shlex::split(line) else {
        return other();
    };
    let (words, file) = without_redirections(words);
    let words: Vec<String> = words.iter().map(|word| with_sums(word)).collect();
    let Some((program, args)) = words.split_first() else {
        return Vec::new();
    };
    let program = program.rsplit('/').next().unwrap_or_default();
    match (program, args) {
        ("sysctl" | "set_sysctls.py" | "set_sysctls.sh", _) => settings(args).unwrap_or_else(other),
        ("defaults.sh", _) => defaults(&words[0], directory),
        ("echo", _) => match file {
            Some(file) if file.starts_with("/proc/sys/") => vec![Effect::Sysctl {
                name: file,
                value: args.join(" "),
            }],
            _ => other(),
        },
        ("ip", [object, action, ..])
            if object == "tcp_metrics" && ["flush", "delete", "del"].contains(&action.as_str()) =>
        {
            vec![Effect::FlushMetrics]
        }
        ("ip", [object, ..]) if object == "tcp_metrics" => vec![Effect::Nothing],
        ("tc", [object, action, ..]) if object == "qdisc" && action != "del" => args
            .last()
            .map_or_else(Vec::new, |kind| vec![queueing(kind)]),
        ("true" | "sleep" | "set" | ":", _) => vec![Effect::Nothing],
        // What the public suite puts back after a script: a host ends with its script.
        _ if program.starts_with("sysctl_restore") => vec![Effect::Nothing],
        _ => other(),
    }
}

/// The queueing discipline of the device, which the host knows by the sysctl alone.
fn queueing(kind: &str) -> Effect {
    Effect::Sysctl {
        name: "net.core.default_qdisc".to_owned(),
        value: kind.to_owned(),
    }
}

/// `a.b=1 c.d="2 3"`; options of the program are left out.
fn settings(args: &[String]) -> Option<Vec<Effect>> {
    let pairs = args.iter().filter(|arg| !arg.starts_with('-'));
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some(Effect::Sysctl {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
            })
        })
        .collect()
}

fn defaults(path: &str, directory: &Path) -> Vec<Effect> {
    let text = std::fs::read_to_string(directory.join(path));
    let from_file = text.map(|text| {
        let lines: Vec<String> = text
            .replace("\\\n", " ")
            .lines()
            .flat_map(statements)
            .collect();
        let sysctls = lines
            .iter()
            .filter(|line| line.trim().starts_with("sysctl"));
        sysctls
            .flat_map(|line| statement(line, directory))
            .collect()
    });
    from_file.unwrap_or_else(|_| {
        let known = DEFAULTS.iter().map(|(name, value)| Effect::Sysctl {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        });
        known.collect()
    })
}

/// The words, and the file to which `>` leads.
fn without_redirections(words: Vec<String>) -> (Vec<String>, Option<String>) {
    let mut kept = Vec::new();
    let mut file = None;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let target = word.strip_prefix("2>").or(word.strip_prefix('>'));
        match target {
            None => kept.push(word),
            Some("" | ">") => file = words.next().filter(|_| !word.starts_with('2')).or(file),
            Some(target) if word.starts_with('>') => file = Some(target.to_owned()),
            Some(_) => {}
        }
    }
    (kept, file)
}

/// The word, with the value of each `$((15*1024*1024))` in its place.
fn with_sums(word: &str) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once("$((") {
        let Some((sum, after)) = behind.split_once("))") else {
            break;
        };
        let Some(value) = product(sum) else { break };
        text.push_str(before);
        text.push_str(&value.to_string());
        rest = after;
    }
    text + rest
}

fn product(text: &str) -> Option<u64> {
    text.split('*').try_fold(1_u64, |product, factor| {
        product.checked_mul(factor.trim().parse().ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effects_of(text: &str) -> Vec<Effect> {
        effects(text, Path::new("/nonexistent"))
    }

    fn sysctl(name: &str, value: &str) -> Effect {
        Effect::Sysctl {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn sysctls_are_found_in_each_way_to_set_them() {
        let text = "sysctl -q net.ipv4.tcp_ecn=1 net.ipv4.tcp_sack=0 # so\n\
                    sysctl -w net.ipv4.tcp_rmem=\"4096 1 $((15*1024*1024))\" > /dev/null 2>&1; \
                    ../common/set_sysctls.py /proc/sys/net/ipv4/tcp_fin_timeout=3 \\\n /proc/sys/a=4\n\
                    echo 2 > /proc/sys/net/ipv4/tcp_min_tso_segs";
        let expected = [
            sysctl("net.ipv4.tcp_ecn", "1"),
            sysctl("net.ipv4.tcp_sack", "0"),
            sysctl("net.ipv4.tcp_rmem", "4096 1 15728640"),
            sysctl("/proc/sys/net/ipv4/tcp_fin_timeout", "3"),
            sysctl("/proc/sys/a", "4"),
            sysctl("/proc/sys/net/ipv4/tcp_min_tso_segs", "2"),
        ];
        assert_eq!(effects_of(text), expected);
    }

    #[test]
    fn defaults_are_known_and_a_file_of_them_is_read() {
        let known = effects_of("./defaults.sh\nsysctl -q net.ipv4.tcp_ecn=1");
        assert_eq!(known.len(), DEFAULTS.len() + 1);
        let directory = tempfile::tempdir().unwrap();
        let text = "#!/bin/bash\n# of one's own\nsysctl -q net.ipv4.tcp_sack=0\ntc qdisc x\n";
        std::fs::write(directory.path().join("defaults.sh"), text).unwrap();
        let read = effects("./defaults.sh", directory.path());
        assert_eq!(read, [sysctl("net.ipv4.tcp_sack", "0")]);
    }

    #[test]
    fn the_rest_is_for_a_shell() {
        let flush = effects_of("ip tcp_metrics flush all");
        assert_eq!(flush, [Effect::FlushMetrics]);
        assert_eq!(effects_of("ip tcp_metrics show"), [Effect::Nothing]);
        assert_eq!(effects_of("# nothing at all"), []);
        let fq = effects_of("tc qdisc replace dev tun0 root fq");
        assert_eq!(fq, [sysctl("net.core.default_qdisc", "fq")]);
        let restore = effects_of("/tmp/sysctl_restore_${PPID}.sh");
        assert_eq!(restore, [Effect::Nothing]);
        let quoted = "sh -c 'a; b && c'";
        assert_eq!(effects_of(quoted), [Effect::Other(quoted.to_owned())]);
        let open = "echo \"open";
        assert_eq!(effects_of(open), [Effect::Other(open.to_owned())]);
    }
}
