//! The settings as text: `--print-config`, and the lines of `--check-config`.

use super::notice::Notice;
use super::values::Settings;
use std::fmt::Write as _;

impl Settings {
    /// Every setting as it is in the end, a line for each, sorted by name, as gunicorn
    /// prints them.
    pub fn print_config(&self) -> String {
        let mut entries: Vec<_> = self.entries().iter().collect();
        entries.sort_by_key(|entry| entry.setting.name);
        let width = entries
            .iter()
            .map(|entry| entry.setting.name.len())
            .max()
            .unwrap_or_default();
        let mut out = String::new();
        for entry in entries {
            // Writing to a text cannot fail.
            let _ = writeln!(out, "{:width$} = {}", entry.setting.name, entry.value);
        }
        out
    }

    /// A line for each setting that was given and is not honoured as gunicorn does.
    pub fn not_honoured(&self) -> Vec<String> {
        self.notices().iter().map(Notice::to_string).collect()
    }

    /// What was found for settings that are `auto`, and by what.
    pub fn decisions(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(cpus) = self.auto_workers {
            let workers = self.processes.workers;
            lines.push(format!("`workers` is auto: {workers}, since {cpus}"));
        }
        lines
    }

    /// The ones among them that have to be said at each start.
    pub fn warnings(&self) -> Vec<String> {
        self.notices()
            .iter()
            .filter(|notice| notice.is_warning())
            .map(Notice::to_string)
            .collect()
    }
}
