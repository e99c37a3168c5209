//! `tonnage service`: a native service in the foreground, until Ctrl-C.

use std::time::Duration;

use tonnage_lab::usable_cpus;
use tonnage_model::ExitStatus;
use tonnage_services::{Log, Service, Settings, Trouble, serve};

use crate::args::{ServiceArgs, TroubleArgs};
use crate::commands::UsageError;
use crate::{output, settings, signals};

/// How often it is looked whether somebody wants the end.
const POLL: Duration = Duration::from_millis(50);

pub(crate) fn run(args: &ServiceArgs) -> anyhow::Result<ExitStatus> {
    let service = Service::parse(&args.service)?;
    if service != Service::Restaurants && args.trouble.is_any() {
        let message = "--delay, --rate-limit, --fail-status, --garbage, --down and --cut are for the service \
                       `restaurants`";
        return Err(UsageError(message.to_owned()).into());
    }
    let stop = signals::stop_on_signals()?;
    let from_environment = settings::service()?;
    let upstream = match &args.upstream {
        // Stacks fill in nothing where a workload has no upstream.
        Some(url) if url.is_empty() => None,
        Some(url) => Some(url.clone()),
        None => from_environment.upstream.clone(),
    };
    let settings = Settings {
        host: args.host.clone(),
        port: args.port,
        threads: args.threads.map_or_else(usable_cpus, usize::from),
        upstream,
        trouble: trouble(&args.trouble),
        // Who stops this does not want to wait.
        grace: Duration::ZERO,
        log: Log::new(output::note),
        ..from_environment
    };
    let handle = serve(service, &settings)?;
    // On standard output: whoever started this can wait for the line.
    output::result(&format!(
        "{} serves at {}/ (Ctrl-C stops it)",
        service.name(),
        handle.url()
    ));
    while !stop.is_requested() {
        std::thread::sleep(POLL);
    }
    handle.stop();
    Ok(ExitStatus::Interrupted)
}

fn trouble(args: &TroubleArgs) -> Trouble {
    Trouble {
        delay: args.delay.map(|delay| delay.0).unwrap_or_default(),
        rate_limit_per_s: args.rate_limit,
        status: args.fail_status,
        garbage: args.garbage,
        cut: args.cut,
        down: args.down,
    }
}
