//! `tonnage load`: one load, one summary.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use tonnage_lab::LabEvent;
use tonnage_load::{
    Checks, LoadError, LoadPlan, Observer, RequestParts, SourcePlan, Stop, Target, Timeouts,
    default_threads,
};
use tonnage_model::{EndReason, ExitStatus, LoadReport, StatusSet};

use crate::args::LoadArgs;
use crate::commands::UsageError;
use crate::{console, output, signals};

/// How long load is sent where nobody says.
const DEFAULT_DURATION: Duration = Duration::from_secs(10);

pub(crate) fn run(args: LoadArgs) -> anyhow::Result<ExitStatus> {
    let stop = signals::stop_on_signals()?;
    let quiet = args.quiet;
    // Opened before any load is sent: a typo must not cost a measurement.
    let json = args.json.as_deref().map(open_json).transpose()?;
    let plan = plan(args)?;
    let report = send(&plan, &stop, !quiet && output::progress_is_seen())?;
    if !quiet && !matches!(json, Some(Json::Stdout)) {
        output::result(&tonnage_report::load_text(&report, output::width()));
    }
    if let Some(json) = json {
        json.write(&report)?;
    }
    Ok(exit_status(&report))
}

/// Where the report goes as JSON.
enum Json {
    Stdout,
    File(File, PathBuf),
}

fn open_json(path: &Path) -> Result<Json, UsageError> {
    if path == Path::new("-") {
        return Ok(Json::Stdout);
    }
    let file = File::create(path)
        .map_err(|error| UsageError(format!("cannot write to {}: {error}", path.display())))?;
    Ok(Json::File(file, path.to_owned()))
}

impl Json {
    fn write(self, report: &LoadReport) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(report)?;
        match self {
            Self::Stdout => output::result(&text),
            Self::File(mut file, path) => {
                writeln!(file, "{text}").with_context(|| path.display().to_string())?;
            }
        }
        Ok(())
    }
}

/// Sends the load, showing progress where somebody watches.
fn send(plan: &LoadPlan, stop: &Stop, watched: bool) -> Result<LoadReport, LoadError> {
    if !watched {
        return tonnage_load::run(plan, stop, None);
    }
    // Zero where only the number of requests ends it.
    let total_seconds = plan
        .duration
        .map_or(0.0, |duration| (plan.warmup + duration).as_secs_f64());
    std::thread::scope(|scope| {
        let (sender, progress) = mpsc::channel();
        let (events, shown) = mpsc::channel();
        scope.spawn(move || {
            for progress in progress {
                let _ = events.send(LabEvent::Load {
                    progress,
                    total_seconds,
                });
            }
        });
        scope.spawn(move || console::show(&shown, None));
        let observer = Observer {
            events: &sender,
            snapshots: false,
        };
        let report = tonnage_load::run(plan, stop, Some(observer));
        drop(sender);
        report
    })
}

fn exit_status(report: &LoadReport) -> ExitStatus {
    if report.ended == EndReason::Interrupted {
        ExitStatus::Interrupted
    } else if report.counts.succeeded == 0 {
        ExitStatus::TargetFailed
    } else {
        ExitStatus::Done
    }
}

fn plan(args: LoadArgs) -> anyhow::Result<LoadPlan> {
    let body = match (&args.body, &args.body_file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(path)) => fs::read(path).map_err(|error| {
            UsageError(format!("cannot read the body {}: {error}", path.display()))
        })?,
        (None, None) => Vec::new(),
    };
    let has_body = args.body.is_some() || args.body_file.is_some();
    let method = args
        .method
        .unwrap_or_else(|| if has_body { "POST" } else { "GET" }.to_owned());
    let requests = args.requests;
    // Fewer requests than users: the other users would have nothing to do.
    let connections = requests.map_or(args.connections, |n| {
        u64::from(args.connections).min(n) as u32
    });
    let threads = args
        .threads
        .unwrap_or_else(|| default_threads(connections, tonnage_lab::usable_cpus()));
    if threads > connections {
        return Err(UsageError(format!(
            "{threads} threads for {connections} connections: each thread needs at least one"
        ))
        .into());
    }
    let limit = |own: Option<tonnage_model::HumanDuration>| own.unwrap_or(args.timeout).0;
    let timeouts = Timeouts {
        connect: limit(args.connect_timeout),
        write: limit(args.write_timeout),
        wait: limit(args.wait_timeout),
        read: limit(args.read_timeout),
    };
    let target = Target::resolve(&args.url, timeouts.connect)?;
    Ok(LoadPlan {
        source: SourcePlan::constant(
            &target.path,
            RequestParts {
                method,
                headers: args.headers,
                body,
            },
        ),
        threads,
        keepalive: !args.no_keepalive,
        warmup: args.warmup.0,
        duration: args
            .duration
            .map(|d| d.0)
            .or(requests.is_none().then_some(DEFAULT_DURATION)),
        requests,
        checks: Checks {
            statuses: args.expect_status.unwrap_or_else(StatusSet::success),
            ..Checks::default()
        },
        timeouts,
        ..LoadPlan::new(target, connections)
    })
}
