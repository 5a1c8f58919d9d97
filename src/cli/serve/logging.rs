//! Where the log goes and how it looks: the standard error, in RFC 3339 UTC.

use clap::ValueEnum;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Reads a level (`info`) or several by part (`info,tidegate::proxy=debug`).
pub(super) fn parse_filter(text: &str) -> Result<String, String> {
    // A word that is no level would be taken for a part, and nothing else would be logged.
    let mut words = text.split(',').map(str::trim).filter(|word| !word.contains('='));
    if let Some(word) = words.find(|word| word.parse::<LevelFilter>().is_err()) {
        return Err(format!(
            "{word:?} is no level: error, warn, info, debug or trace; for a part, PART=LEVEL"
        ));
    }
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// What the filter of the command line is added to: `source::cluster` tells once what is wrong with
/// a watch, and this library would tell it again with each try, in a form for its authors.
const QUIET: &str = "kube_runtime=error";

/// Begins to log. A second call changes nothing.
pub(super) fn start(format: Format, filter: &str) {
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(EnvFilter::new(format!("{QUIET},{filter}")));
    let started = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    // Only in tests does something log already.
    drop(started);
}

/// Makes any panic end the process, with the name of its thread in the log: no part of it may be
/// missing while the rest looks healthy.
pub(super) fn abort_on_panic() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        tracing::error!("a defect in thread {}: {info}", thread.name().unwrap_or("without a name"));
        default(info);
        std::process::abort();
    }));
}

#[cfg(test)]
mod tests;
