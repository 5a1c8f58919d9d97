//! `tidegate check`: what would become of a directory of manifests.

mod report;
mod text;

use super::output;
use crate::attach::Options as Decisions;
use crate::control::pipeline::{Options, Pipeline};
use crate::source::{self, ProblemKind};
use clap::ValueEnum;
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Something is wrong with an object or a file.
const EXIT_BAD: u8 = 1;

/// Something could not be read.
const EXIT_UNREADABLE: u8 = 2;

/// What `tidegate check` is told on the command line.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 if all is well, 1 if an object or a file is bad, 2 if something could not be read."
)]
pub struct Args {
    /// Directory tree of YAML manifests
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// How the findings are written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For both
    Yaml,
}

/// Prints the conditions that the controller would write, and what else there is to say.
pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let reading = match source::read(&args.directory) {
        Ok(reading) => reading,
        Err(error) => {
            output::error(&format!("cannot read {}: {error}", args.directory.display()));
            return Ok(ExitCode::from(EXIT_UNREADABLE));
        }
    };
    let unreadable = reading.problems.iter().any(|problem| problem.kind == ProblemKind::Unreadable);
    // Nothing is served here, so everything counts as served.
    let options = Options { decisions: Decisions::standalone(), acknowledgements: false };
    let mut pipeline = Pipeline::new(options);
    pipeline.step(reading.events.iter().cloned(), Instant::now());
    let report = Report::new(&reading, pipeline.statuses().cloned());
    output::print(&match args.output {
        Format::Text => text::write(&report),
        Format::Json => json(&report)?,
        Format::Yaml => serde_saphyr::to_string(&report).map_err(|error| error.to_string())?,
    })?;
    Ok(match (unreadable, report.bad) {
        (true, _) => ExitCode::from(EXIT_UNREADABLE),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(EXIT_BAD),
    })
}

fn json(report: &Report) -> Result<String, String> {
    let text = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests;
