//! `tcp-sim attack`: what strangers and hostile peers can do to a stack.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use tcp_sim::attack::{ATTACKS, Attack, AttackConfig, Figure};
use tcp_sim::units::Bytes;

use super::bench::heap;
use super::output;

/// A promise was not kept.
const BROKEN: u8 = 1;

/// What `tcp-sim help attack` says after the options.
const EXAMPLES: &str = "\
Exit code: 0 when every promise was kept; 1 when one was not; 2 when the command could not be carried out.

Examples:
  tcp-sim attack --quick                           all of them, in half a minute
  tcp-sim attack --list
  tcp-sim attack blind --segments 100000000
  tcp-sim attack malformed --packets 100000000
  tcp-sim attack wrap --bytes 1Ti
  tcp-sim attack sack-flood out-of-order --json";

/// Attack a stack in virtual time, and say what it costs and whether what is promised holds.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct AttackArgs {
    /// Which attacks to make [default: all]
    #[arg(value_name = "NAME", value_parser = names())]
    names: Vec<String>,
    /// Where all that is random comes from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Blind segments, with timestamps and again without [default: 100 million; 2 million if quick]
    #[arg(long, value_name = "NUMBER")]
    segments: Option<u64>,
    /// Malformed and random packets [default: 100 million; 4 million if quick]
    #[arg(long, value_name = "NUMBER")]
    packets: Option<u64>,
    /// Bytes of the long transfer [default: 1Ti; 16Gi if quick]
    #[arg(long, value_name = "BYTES")]
    bytes: Option<Bytes>,
    /// Less of everything
    #[arg(long)]
    quick: bool,
    /// Say what there is, and do nothing
    #[arg(long)]
    list: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(ATTACKS.iter().map(|attack| attack.name))
}

impl AttackArgs {
    fn config(&self) -> AttackConfig {
        let config = if self.quick {
            AttackConfig::quick()
        } else {
            AttackConfig::default()
        };
        AttackConfig {
            seed: self.seed,
            segments: self.segments.unwrap_or(config.segments),
            packets: self.packets.unwrap_or(config.packets),
            bytes: self.bytes.map_or(config.bytes, |bytes| bytes.0),
            heap,
            ..config
        }
    }

    fn is_wanted(&self, attack: &Attack) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == attack.name)
    }
}

/// Attacks, and prints the figures.
pub fn run(args: &AttackArgs) -> anyhow::Result<ExitCode> {
    let wanted = ATTACKS.iter().filter(|attack| args.is_wanted(attack));
    if args.list {
        for attack in wanted {
            output::print_line(&format!("{:<15} {}", attack.name, attack.about))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let config = args.config();
    let mut figures: Vec<Figure> = Vec::new();
    for attack in wanted {
        let of_this = attack.run(&config);
        if !args.json {
            for figure in &of_this {
                output::print_line(figure.to_string().trim_end())?;
            }
        }
        figures.extend(of_this);
    }
    let broken = figures.iter().filter(|figure| !figure.held).count();
    if args.json {
        let object =
            serde_json::json!({ "seed": config.seed, "figures": figures, "broken": broken });
        output::print_json(&object)?;
    } else {
        let promised = { figures.iter() }.filter(|it| it.bound != tcp_sim::attack::Bound::None);
        output::print_line(&format!(
            "{broken} of {} promises not kept",
            promised.count()
        ))?;
    }
    Ok(match broken {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(BROKEN),
    })
}
