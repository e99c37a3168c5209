//! Where a finished report goes: the summary, and files in several forms. All are
//! opened before any load is sent.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tonnage_model::LoadReport;
use tonnage_report::{SummaryStyle, hgrm, hlog, load_html, series_csv, summary_text};

use crate::args::OutputArgs;
use crate::commands::UsageError;
use crate::output;

/// Everything that is to be written.
pub(super) struct Sinks {
    summary: Option<SummaryStyle>,
    json_on_stdout: bool,
    files: Vec<Sink>,
}

struct Sink {
    file: File,
    path: PathBuf,
    render: fn(&LoadReport) -> anyhow::Result<String>,
}

impl Sinks {
    pub(super) fn open(args: &OutputArgs) -> Result<Self, UsageError> {
        let on_stdout = |path: &Path| path == Path::new("-");
        let json_on_stdout = args.json.as_deref().is_some_and(on_stdout);
        let mut sinks = Self {
            summary: (!args.quiet && !json_on_stdout).then_some(args.summary),
            json_on_stdout,
            files: Vec::new(),
        };
        if let Some(path) = args.json.as_deref().filter(|path| !on_stdout(path)) {
            sinks.file(path, json)?;
        }
        if let Some(path) = &args.csv {
            sinks.file(path, |report| Ok(series_csv(report)))?;
        }
        if let Some(path) = &args.hdr {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("hgrm") => sinks.file(path, |report| Ok(hgrm(report)))?,
                Some("hlog") => sinks.file(path, |report| Ok(hlog(report)))?,
                _ => {
                    return Err(UsageError(format!(
                        "--hdr {}: the name must end in .hgrm (percentiles of the whole window) or .hlog (a histogram for each second)",
                        path.display()
                    )));
                }
            }
        }
        if let Some(path) = &args.html {
            sinks.file(path, |report| Ok(load_html(report)))?;
        }
        Ok(sinks)
    }

    fn file(
        &mut self,
        path: &Path,
        render: fn(&LoadReport) -> anyhow::Result<String>,
    ) -> Result<(), UsageError> {
        let file = File::create(path)
            .map_err(|error| UsageError(format!("cannot write to {}: {error}", path.display())))?;
        self.files.push(Sink {
            file,
            path: path.to_owned(),
            render,
        });
        Ok(())
    }

    pub(super) fn write(self, report: &LoadReport) -> anyhow::Result<()> {
        if let Some(style) = self.summary {
            output::result(&summary_text(style, report, output::width()));
        }
        if self.json_on_stdout {
            output::result(&json(report)?);
        }
        for mut sink in self.files {
            let text = (sink.render)(report)?;
            sink.file
                .write_all(text.as_bytes())
                .with_context(|| format!("cannot write to {}", sink.path.display()))?;
        }
        Ok(())
    }
}

fn json(report: &LoadReport) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}
