//! Mistakes of the client: it had too little CPU, or sent too late.

use tonnage_model::{Detector, LoadReport, Reason, format_micros};

use super::{Asked, beyond, percent};

/// CPU share of the busiest thread: above the first a result is suspect, above the
/// second the thread had nothing left and the result is the client's.
const CPU_SUSPECT: f64 = 0.80;
const CPU_INVALID: f64 = 0.95;

/// A window shorter than this is over before a thread has settled; the share of a
/// CPU in it is a hint and no more.
const SHORT_WINDOW_US: u64 = 1_000_000;

/// Share of the window in which a thread waited for a CPU.
const WAIT_SUSPECT: f64 = 0.20;
const WAIT_INVALID: f64 = 0.50;

/// Rate as a share of what the client reaches against a responder that does nothing.
const CEILING_SUSPECT: f64 = 0.80;

/// Send lag that matters: its p99 above this, and above this share of the median
/// response time.
const LAG_SUSPECT_US: f64 = 1_000.0;
const LAG_SUSPECT_SHARE: f64 = 0.1;

/// Share of the machine's CPU time that its hypervisor gave to others.
const STEAL_SUSPECT: f64 = 0.05;
const STEAL_INVALID: f64 = 0.25;

/// A limit that no share passes where the window is short.
fn unless_short(report: &LoadReport, limit: f64) -> f64 {
    if report.window_us < SHORT_WINDOW_US {
        f64::INFINITY
    } else {
        limit
    }
}

pub(super) fn generator_cpu(report: &LoadReport, _: Asked) -> Option<Reason> {
    let share = report.generator.busiest_thread_cpu_share;
    beyond(
        Detector::GeneratorCpu,
        share,
        CPU_SUSPECT,
        unless_short(report, CPU_INVALID),
        || {
            format!(
                "the generator's busiest thread used {} of one CPU, so that the generator may be what was measured; give it more threads (-t) or CPUs",
                percent(share)
            )
        },
    )
}

pub(super) fn generator_starved(report: &LoadReport, _: Asked) -> Option<Reason> {
    let share = report.generator.cpu_wait_share?;
    let throttled = match report.generator.throttled_periods {
        Some(periods @ 1..) => {
            format!(" and its control group was throttled {periods} times")
        }
        _ => String::new(),
    };
    beyond(
        Detector::GeneratorStarved,
        share,
        WAIT_SUSPECT,
        unless_short(report, WAIT_INVALID),
        || {
            format!(
                "a thread of the generator was ready to run and waited for a CPU for {} of the window{throttled}; its waiting is part of every latency here, so pin server and generator to CPUs of their own or lift the limit",
                percent(share)
            )
        },
    )
}

pub(super) fn own_ceiling(report: &LoadReport, _: Asked) -> Option<Reason> {
    let ceiling_rps = report.generator.ceiling_rps.filter(|rps| *rps > 0.0)?;
    let share = report.throughput.answered_rps / ceiling_rps;
    beyond(
        Detector::OwnCeiling,
        share,
        CEILING_SUSPECT,
        f64::INFINITY,
        || {
            format!(
                "the rate is {} of what this client can do here ({ceiling_rps:.0} requests/s against a responder that does nothing); give it more threads (-t) or CPUs",
                percent(share)
            )
        },
    )
}

pub(super) fn send_lag(report: &LoadReport, _: Asked) -> Option<Reason> {
    let lag_us = report.send_lag.percentile_us(99.0)?;
    let median_us = report.response_time.percentile_us(50.0).unwrap_or(0.0);
    let limit_us = LAG_SUSPECT_US.max(median_us * LAG_SUSPECT_SHARE);
    beyond(
        Detector::SendLag,
        lag_us,
        limit_us,
        limit_us * 100.0,
        || {
            format!(
                "1 % of the requests left more than {} after they were due, because of the generator and not of the target; it needs more CPU, or the rate is too high for it",
                format_micros(lag_us)
            )
        },
    )
}

pub(super) fn steal_time(report: &LoadReport, _: Asked) -> Option<Reason> {
    let share = report.generator.steal_share?;
    beyond(
        Detector::StealTime,
        share,
        STEAL_SUSPECT,
        STEAL_INVALID,
        || {
            format!(
                "the hypervisor gave {} of this machine's CPU time to others; repeat the measurement when they are quiet",
                percent(share)
            )
        },
    )
}
