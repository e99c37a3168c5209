//! `tonnage serve` with an application of these tests, by the package of the active
//! environment.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::thread;

use crate::common::{Home, end};

/// A server that ends with its guard.
pub(crate) struct Served {
    process: Child,
    /// Where it serves, as its log says it: scheme, address and port.
    pub(crate) url: String,
    /// Where it tells how it fares.
    pub(crate) status: String,
}

impl Served {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(home: &Home, application: &str, arguments: &[&str]) -> Self {
        let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chromium/apps");
        let mut command = home.command(&["serve", application]);
        command
            .args(["--bind=127.0.0.1:0", "--status-bind=127.0.0.1:0"])
            .args(arguments)
            .current_dir(apps)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        let url = said(&mut log, &mut seen, "Listening at: ");
        let status = said(&mut log, &mut seen, "Status at: ");
        // A pipe that nobody reads would hold the server up.
        thread::spawn(move || log.for_each(drop));
        Self {
            process,
            url,
            status,
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// The word after `label`, when the log has it.
fn said(log: &mut Lines<BufReader<ChildStderr>>, seen: &mut Vec<String>, label: &str) -> String {
    for line in log {
        let line = line.unwrap();
        if let Some((_, rest)) = line.split_once(label) {
            return rest.split_whitespace().next().unwrap().to_owned();
        }
        seen.push(line);
    }
    panic!("no line with {label:?} in {seen:#?}");
}
