//! Makes what the fuzzer begins with of the packets that scripts exchange: `seeds SCRIPTS CORPUS` writes a directory for
//! each target into `CORPUS`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proptest::prelude::any;
use rigs::{SEED, draw};
use tcp_sim::drill::{Family, Job, check, families};

/// Targets whose input draws a plan: any bytes are as good as others, but not any number of them.
const PLANS: [&str; 5] = [
    "connection",
    "conversation",
    "reassembly",
    "scoreboard",
    "stack",
];

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [scripts, corpus] = &arguments[..] else {
        eprintln!("usage: seeds SCRIPTS CORPUS");
        return ExitCode::from(2);
    };
    match write_all(scripts, corpus) {
        Ok(count) => {
            println!("{count} seeds in {}", corpus.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seeds: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(scripts: &Path, corpus: &Path) -> Result<usize> {
    let mut count = 0;
    let mut write = |target: &str, seeds: BTreeSet<Vec<u8>>| {
        let directory = corpus.join(target);
        fs::create_dir_all(&directory)?;
        for (index, seed) in seeds.iter().enumerate() {
            fs::write(directory.join(format!("seed-{index:04}")), seed)?;
        }
        count += seeds.len();
        Ok::<_, Error>(())
    };
    let runs = run_all(scripts)?;
    let packets = || runs.iter().flat_map(|run| &run.packets);
    write("pkt", runs.iter().map(|run| run.text.clone()).collect())?;
    write("wire_parse", packets().cloned().collect())?;
    write("options", packets().filter_map(|it| options(it)).collect())?;
    write("packets", runs.iter().map(|run| run.as_input()).collect())?;
    for target in PLANS {
        write(target, plans())?;
    }
    Ok(count)
}

/// One script over one family: its text, and every packet of either end.
struct Run {
    text: Vec<u8>,
    packets: Vec<Vec<u8>>,
}

impl Run {
    /// As the target that hands packets to a stack reads them: what is done to each (its sums are made right, it is
    /// addressed to the stack, two milliseconds pass), its length, and the packet.
    fn as_input(&self) -> Vec<u8> {
        let mut input = Vec::new();
        for packet in &self.packets {
            if let Ok(len) = u8::try_from(packet.len()) {
                input.extend([0x13, len]);
                input.extend(packet);
            }
        }
        input
    }
}

fn run_all(scripts: &Path) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(scripts)? {
        let path = entry?.path();
        if path.is_dir() {
            runs.extend(run_all(&path)?);
            continue;
        }
        if path.extension().is_none_or(|it| it != "pkt") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        for family in families(&path, &text, &[Family::V4, Family::V6]) {
            let name = path.display().to_string();
            let checked = check(&name, &text, scripts, family, &Job::default());
            let packets = checked.captured.into_iter().map(|it| it.bytes);
            runs.push(Run {
                text: text.clone().into_bytes(),
                packets: packets.collect(),
            });
        }
    }
    Ok(runs)
}

/// The options of a TCP packet that has any.
fn options(packet: &[u8]) -> Option<Vec<u8>> {
    let ip_header_len = match packet.first()? >> 4 {
        4 => usize::from(packet[0] & 15) * 4,
        _ => 40,
    };
    let tcp = packet.get(ip_header_len..)?;
    let header_len = usize::from(*tcp.get(12)? >> 4) * 4;
    let options = tcp.get(20..header_len)?;
    (!options.is_empty()).then(|| options.to_vec())
}

/// Plans of one step to some dozens.
fn plans() -> BTreeSet<Vec<u8>> {
    let steps = [1usize, 2, 4, 8, 16, 32, 64];
    let plans = steps.into_iter().flat_map(|steps| {
        let bytes = proptest::collection::vec(any::<u8>(), SEED * (1 + steps));
        (0..8).filter_map(move |seed| draw(&bytes, &[seed]))
    });
    plans.collect()
}
