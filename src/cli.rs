//! The commands.

pub mod check;
pub mod crds;
pub mod echo;
mod output;
pub mod serve;
mod units;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A Kubernetes Gateway API controller with an embedded data plane
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve traffic as a directory of manifests says
    Serve(Box<serve::Args>),
    /// Print what would become of a directory of manifests
    Check(check::Args),
    /// Print the definitions of Tidegate's own kinds
    Crds,
    /// Run a small backend that tells what it was asked
    Echo(echo::Args),
}

/// Runs what the command line asks for. Exits with 0 when all went well, 1 when it did not, 2
/// when the command line is wrong; a command may give 1 and 2 a narrower meaning.
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Crds => crds::run(),
        Command::Echo(args) => echo(args),
    };
    result.unwrap_or_else(|message| {
        output::error(&message);
        ExitCode::FAILURE
    })
}

fn echo(args: echo::Args) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(echo::run(args)).map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}
