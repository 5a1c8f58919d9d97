//! Text for people, on the standard output and the standard error.

use std::io::{self, Write};

/// Writes to the standard output. A reader that went away (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), String> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}

/// Writes why a command failed.
pub(super) fn error(message: &str) {
    // Where this cannot be written there is nobody to tell.
    let _ = writeln!(io::stderr(), "tidegate: {message}");
}
