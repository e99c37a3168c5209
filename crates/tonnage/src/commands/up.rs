//! `tonnage up`: a stack in the foreground, until Ctrl-C.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use tonnage_lab::{
    Bounds, Catalog, LabError, Output as ServerOutput, Running, ServerPlan, Size, Stacks, sweep,
    usable_cpus, verify,
};
use tonnage_model::{ExitStatus, HumanBytes, Limits};

use crate::args::UpArgs;
use crate::{console, output, settings, signals};

/// How often it is looked whether the server is still there.
const POLL: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &UpArgs) -> anyhow::Result<ExitStatus> {
    let settings = settings::lab()?;
    let stop = signals::stop_on_signals()?;
    let stack = Stacks::new(&settings).find(&args.stack)?;
    let limits = Limits {
        cpus: args.cpus,
        memory_bytes: args.memory.map(|HumanBytes(bytes)| bytes),
        ..Limits::default()
    };
    // What it can use is what the rule for workers goes by.
    let cpus = args
        .cpus
        .map_or(usize::MAX, |quota| quota.cpus().ceil() as usize);
    let size = Size::choose(&stack, args.workers, args.threads, usable_cpus().min(cpus))?;
    let bounds = Bounds::choose(&settings, args.isolation, limits.clone())?;
    if !limits.is_empty() {
        output::note(&format!("Limits are set by {}.", bounds.backend.describe()));
    }
    let plan = ServerPlan {
        stack,
        workload: args.workload.clone(),
        size,
        host: args.host.clone(),
        port: Some(args.port),
        environment: BTreeMap::new(),
        bounds,
    };
    let workload = Catalog.workload(&args.workload)?;
    let swept = sweep(&settings);
    if swept > 0 {
        output::note(&format!(
            "Stopped {swept} processes that an earlier run had left behind."
        ));
    }
    let running = std::thread::scope(|scope| {
        let (events, shown) = mpsc::channel();
        scope.spawn(move || console::show(&shown, None));
        Running::start(&settings, &plan, ServerOutput::Inherit, &stop, &events)
    });
    let mut running = match running {
        Err(LabError::Interrupted) => return Ok(ExitStatus::Interrupted),
        running => running?,
    };
    match verify(&running.base, &workload, &stop) {
        Err(LabError::Interrupted) => return Ok(ExitStatus::Interrupted),
        verified => verified?,
    }
    // On standard output: whoever started this can wait for the line.
    output::result(&format!(
        "{} serves {}{} at {}/{} (Ctrl-C stops it)",
        args.stack,
        plan.workload,
        described(size),
        running.base,
        running
            .upstream
            .as_ref()
            .map_or_else(String::new, |url| format!(", its upstream is at {url}/"))
    ));
    while !stop.is_requested() {
        running.check_alive("ended")?;
        std::thread::sleep(POLL);
    }
    drop(running);
    Ok(ExitStatus::Interrupted)
}

/// Workers and threads in words, as far as the stack has them.
fn described(size: Size) -> String {
    let counted = |number: u32, what: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {what}{plural}")
    };
    match (size.workers, size.threads) {
        (None, None) => String::new(),
        (Some(workers), None) => format!(" with {}", counted(workers, "worker")),
        (None, Some(threads)) => format!(" with {}", counted(threads, "thread")),
        (Some(workers), Some(threads)) => format!(
            " with {} of {}",
            counted(workers, "worker"),
            counted(threads, "thread")
        ),
    }
}
