//! `tonnage load`: one load, one summary.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use tonnage_lab::LabEvent;
use tonnage_load::{LoadPlan, RequestParts, Target, Timeouts, default_threads};
use tonnage_model::{EndReason, ExitStatus, LoadReport, StatusSet};

use crate::args::LoadArgs;
use crate::commands::UsageError;
use crate::{console, output, signals};

/// How long load is sent where nobody says.
const DEFAULT_DURATION: Duration = Duration::from_secs(10);

pub(crate) fn run(args: LoadArgs) -> anyhow::Result<ExitStatus> {
    let stop = signals::stop_on_signals()?;
    let to_stdout = args.json.as_deref() == Some(Path::new("-"));
    let (json, quiet) = (args.json.clone(), args.quiet);
    let plan = plan(args)?;
    let total_seconds = plan
        .duration
        .map(|duration| (plan.warmup + duration).as_secs_f64());
    let report = std::thread::scope(|scope| {
        let (sender, progress) = mpsc::channel();
        let (events, shown) = mpsc::channel();
        let watched = !quiet && output::progress_is_seen() && total_seconds.is_some();
        scope.spawn(move || {
            for progress in progress {
                let total_seconds = total_seconds.unwrap_or_default();
                let _ = events.send(LabEvent::Load {
                    progress,
                    total_seconds,
                });
            }
        });
        if watched {
            scope.spawn(move || console::show(&shown, None));
        }
        let report = tonnage_load::run(&plan, &stop, watched.then_some(&sender));
        drop(sender);
        report
    })?;
    if let Some(path) = &json {
        let mut text = serde_json::to_string_pretty(&report)?;
        text.push('\n');
        if to_stdout {
            output::result(&text);
        } else {
            fs::write(path, text).with_context(|| path.display().to_string())?;
        }
    }
    if !quiet && !to_stdout {
        output::result(&tonnage_report::load_text(&report, output::width()));
    }
    Ok(exit_status(&report))
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
    Ok(LoadPlan {
        request: RequestParts {
            method,
            headers: args.headers,
            body,
        },
        connections,
        threads,
        keepalive: !args.no_keepalive,
        warmup: args.warmup.0,
        duration: args
            .duration
            .map(|d| d.0)
            .or(requests.is_none().then_some(DEFAULT_DURATION)),
        requests,
        expected_statuses: args.expect_status.unwrap_or_else(StatusSet::success),
        timeouts,
        target: Target::resolve(&args.url, timeouts.connect)?,
    })
}
