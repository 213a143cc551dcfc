//! A scenario as a command that anybody can run again.

use std::fmt::Write;

use super::overlay::write_pairs;
use super::{FlowConfig, Scenario, client_and_server, default_time_limit};
use crate::world::Family;

impl Scenario {
    /// The `tcp-sim run` command that runs this scenario; `None` where it takes a file, because
    /// there are more than a client, a server and their link, or a flow starts late.
    pub fn command_line(&self) -> Option<String> {
        let [link] = &self.link[..] else {
            return None;
        };
        let names = client_and_server();
        let plain_flow =
            |flow: &FlowConfig| *flow == FlowConfig::of_client_and_server(flow.app.clone());
        let is_plain = self.router.is_empty()
            && self.host.len() == 2
            && self
                .host
                .iter()
                .zip(&names)
                .all(|(host, name)| host.name == name.name)
            && self.host[0].mtu == self.host[1].mtu
            && self.host[0].large_segments == self.host[1].large_segments
            && link
                .between
                .iter()
                .zip(&names)
                .all(|(end, host)| *end == host.name)
            && !self.flow.is_empty()
            && self.flow.iter().all(plain_flow);
        is_plain.then(|| self.as_flags())
    }

    fn as_flags(&self) -> String {
        let mut line = format!("tcp-sim run --seed {} --rtt 0s", self.seed);
        let mut flag = |name: &str, value: &str| {
            let _ = write!(line, " --{name} {}", quoted(value));
        };
        if self.time_limit != default_time_limit() {
            flag(
                "time-limit",
                &humantime::format_duration(self.time_limit).to_string(),
            );
        }
        if self.host[0].mtu != super::default_mtu() {
            flag("mtu", &self.host[0].mtu.to_string());
        }
        let pairs = [
            ("there", write_pairs(&self.link[0].there)),
            ("back", write_pairs(&self.link[0].back)),
            ("client", write_pairs(&self.host[0].tcp)),
            ("server", write_pairs(&self.host[1].tcp)),
        ];
        for (name, pairs) in pairs.iter().filter(|(_, pairs)| !pairs.is_empty()) {
            flag(name, pairs);
        }
        for flow in &self.flow {
            flag("app", &app_words(&write_pairs(&flow.app)));
        }
        if self.host[0].large_segments {
            line.push_str(" --large-segments");
        }
        if self.family == Family::V6 {
            line.push_str(" --ipv6");
        }
        line
    }
}

/// `kind = "bulk", bytes = "1M"` as `bulk, bytes = "1M"`.
fn app_words(pairs: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut kind = "";
    for pair in pairs.split(", ") {
        match pair.strip_prefix("kind = ") {
            Some(name) => kind = name.trim_matches('"'),
            None => words.push(pair),
        }
    }
    words.insert(0, kind);
    words.join(", ")
}

/// In single quotes where a shell would see more than a word.
fn quoted(value: &str) -> String {
    let is_word = |it: char| it.is_ascii_alphanumeric() || "._-+:/%".contains(it);
    if !value.is_empty() && value.chars().all(is_word) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}
