//! The one place that writes to the terminal: results to standard output,
//! everything else to standard error.

use std::io::{self, IsTerminal, Write};

/// Narrower than this, no table makes sense.
const MIN_WIDTH: usize = 40;

/// Wider than this, lines are hard to follow.
const MAX_WIDTH: usize = 110;

/// The width where standard output is no terminal.
const DEFAULT_WIDTH: usize = 80;

/// Whether people watch standard error.
pub(crate) fn progress_is_seen() -> bool {
    io::stderr().is_terminal()
}

/// Columns that a table on standard output may use.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col));
    match size {
        Ok(columns @ 1..) => columns.clamp(MIN_WIDTH, MAX_WIDTH),
        _ => DEFAULT_WIDTH,
    }
}

/// A result, as a whole line or several.
pub(crate) fn result(text: &str) {
    // A reader that has seen enough (`| head`) is no reason to fail, nor to stop
    // what is being measured.
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = stdout.write_all(b"\n");
    }
    let _ = stdout.flush();
}

/// Something worth knowing that is no result.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Why the command failed: the error and its causes, each said once. Many
/// errors already end with the words of their cause.
pub(crate) fn error(error: &anyhow::Error) {
    note(&format!("tonnage: {}", described(error)));
}

fn described(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_said_once() {
        let described = |error| super::described(&error);
        let plain = anyhow!("cannot read x: no such file").context("the run ended early");
        assert_eq!(
            described(plain),
            "the run ended early: cannot read x: no such file"
        );
        let repeated = anyhow!("no such file").context("cannot read x: no such file");
        assert_eq!(described(repeated), "cannot read x: no such file");
    }
}
