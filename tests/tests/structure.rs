//! The shape of the crates: small files, and imports that point one way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module path ("connection::input") to the source of the file that holds it, without its tests.
type Modules = BTreeMap<String, String>;

const MOST_LINES: usize = 600;

/// The crates of the workspace that are looked at.
const CRATES: [&str; 3] = ["tcp-core", "tcp-sim", "tcp-tun"];

#[test]
fn no_file_is_long() {
    for name in CRATES {
        let mut files = Vec::new();
        collect(&sources(name), &mut files);
        assert!(files.len() > 20, "{name}: {} files were found", files.len());
        for file in files {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= MOST_LINES, "{}: {lines} lines", file.display());
        }
    }
}

#[test]
fn imports_run_in_no_circle() {
    for name in CRATES {
        let modules = modules(name);
        let edges: BTreeMap<&str, BTreeSet<String>> = modules
            .iter()
            .map(|(name, source)| (name.as_str(), imports(name, source, &modules)))
            .collect();
        let count: usize = edges.values().map(BTreeSet::len).sum();
        assert!(count > 20, "{name}: {count} imports were found");
        assert_eq!(circle(&edges), None, "{name}");
    }
}

#[test]
fn nothing_below_imports_what_is_above() {
    let floors: [&[&str]; 4] = [
        &["stack"],
        &["connection"],
        &["send", "recv", "recovery", "congestion"],
        &[
            "wire",
            "seq",
            "time",
            "config",
            "error",
            "event",
            "stats",
            "state",
            "range_set",
        ],
    ];
    let modules = modules("tcp-core");
    let floor_of = |module: &str| {
        let room = module.split("::").next().unwrap_or_default();
        floors.iter().position(|rooms| rooms.contains(&room))
    };
    for (name, source) in &modules {
        for import in imports(name, source, &modules) {
            let (Some(from), Some(to)) = (floor_of(name), floor_of(&import)) else {
                continue;
            };
            // The congestion control that a configuration names is its one look upwards.
            let excused = name == "config::congestion" && import.starts_with("congestion");
            assert!(from <= to || excused, "{name} imports {import}");
        }
    }
}

#[test]
fn a_circle_would_be_found() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let edges: BTreeMap<&str, BTreeSet<String>> = BTreeMap::from([
        ("a", set(&["b"])),
        ("b", set(&["c"])),
        ("c", set(&["a"])),
        ("d", set(&["a"])),
    ]);
    assert_eq!(circle(&edges).map(|circle| circle.len()), Some(3));
}

fn sources(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    workspace.join(name).join("src")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn modules(name: &str) -> Modules {
    let root = sources(name);
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut modules = Modules::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap().with_extension("");
        let mut parts: Vec<_> = relative.iter().map(|part| part.to_str().unwrap()).collect();
        if parts.contains(&"tests") {
            continue;
        }
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        let source = fs::read_to_string(&file).unwrap();
        let code = source
            .split("\n#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        modules.insert(parts.join("::"), code.to_owned());
    }
    modules.remove("lib");
    modules
}

/// The modules that `source` names by a path from `crate` or `super`. A module's own parent, where
/// its siblings' common types stand, is not counted.
fn imports(name: &str, source: &str, modules: &Modules) -> BTreeSet<String> {
    let parent = name.rsplit_once("::").map_or("", |(parent, _)| parent);
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in code {
        for (marker, base) in [("crate::", ""), ("super::", parent)] {
            for (at, _) in line.match_indices(marker) {
                let path: Vec<&str> = line[at + marker.len()..].split("::").map(word).collect();
                let full = base.split("::").filter(|part| !part.is_empty()).chain(path);
                found.extend(longest_module(full, modules));
            }
        }
    }
    found.remove(name);
    found.remove(parent);
    found
}

/// The identifier that a piece of a path begins with.
fn word(piece: &str) -> &str {
    let end = piece.find(|c: char| !c.is_alphanumeric() && c != '_');
    &piece[..end.unwrap_or(piece.len())]
}

fn longest_module<'a>(path: impl Iterator<Item = &'a str>, modules: &Modules) -> Option<String> {
    let mut longest = None;
    let mut name = String::new();
    for part in path {
        if !name.is_empty() {
            name.push_str("::");
        }
        name.push_str(part);
        if !modules.contains_key(&name) {
            break;
        }
        longest = Some(name.clone());
    }
    longest
}

/// A circle of imports, if there is one.
fn circle(edges: &BTreeMap<&str, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        edges: &BTreeMap<&str, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|name| name == at) {
            return Some(path[start..].to_vec());
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        path.push(at.to_owned());
        let found = edges
            .get(at)
            .into_iter()
            .flatten()
            .find_map(|next| walk(next, edges, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    edges
        .keys()
        .find_map(|start| walk(start, edges, &mut Vec::new(), &mut done))
}
