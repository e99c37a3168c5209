//! `tonnage up`: a stack in the foreground, until Ctrl-C.

use std::sync::mpsc;
use std::time::Duration;

use tonnage_lab::{
    Catalog, LabError, Output as ServerOutput, Running, ServerPlan, sweep, usable_cpus, verify,
};
use tonnage_model::ExitStatus;

use crate::args::UpArgs;
use crate::{console, output, settings, signals};

/// How often it is looked whether the server is still there.
const POLL: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &UpArgs) -> anyhow::Result<ExitStatus> {
    let settings = settings::lab()?;
    let stop = signals::stop_on_signals()?;
    let rule = match args.workers {
        Some(rule) => rule,
        None => Catalog.stack(&args.stack)?.workers,
    };
    let plan = ServerPlan {
        stack: args.stack.clone(),
        workload: args.workload.clone(),
        workers: rule.workers(usable_cpus()),
        host: args.host.clone(),
        port: Some(args.port),
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
        "{} serves {} with {} workers at {}/ (Ctrl-C stops it)",
        plan.stack, plan.workload, plan.workers, running.base
    ));
    while !stop.is_requested() {
        running.check_alive("ended")?;
        std::thread::sleep(POLL);
    }
    drop(running);
    Ok(ExitStatus::Interrupted)
}
