//! One rule for each cause: what must be seen, and the text that shows it. Limits
//! without a source are the design's (research note on the laboratory, sections (c)
//! and (h)).

use tonnage_model::{InFlight, format_micros, format_significant};

use super::Cause;
use super::seen::{MANY_CALLS, Seen};

type Rule = fn(&Seen) -> Option<String>;

pub(super) const RULES: [(Cause, Rule); 15] = [
    (Cause::MemoryKilled, memory_killed),
    (Cause::GeneratorBound, generator_bound),
    (Cause::Throttled, throttled),
    (Cause::OfferedLoad, offered_load),
    (Cause::GilBound, gil_bound),
    (Cause::SpawnBound, spawn_bound),
    (Cause::CpuBound, cpu_bound),
    (Cause::CpuContended, cpu_contended),
    (Cause::WorkersStarved, workers_starved),
    (Cause::UpstreamBound, upstream_bound),
    (Cause::UnevenlyLoaded, unevenly_loaded),
    (Cause::ConnectionBound, connection_bound),
    (Cause::MemoryReclaim, memory_reclaim),
    (Cause::Steal, steal),
    (Cause::NotSteady, not_steady),
];

/// Share of the periods that were throttled: below a fifth, four requests in five
/// never meet a stop, and the median tells nothing of it.
const THROTTLED: f64 = 0.2;

/// CPUs this busy, on average over a window, have no time to spare: 5 % are lost to
/// where the window cuts and to waking up, 5 % to the generator's share of a CPU.
const BUSY: f64 = 0.9;

/// A worker that uses this much of one CPU is one that never waits; less a margin for
/// handing the lock over, which costs `CPython` 5 ms at a time
/// (`sys.getswitchinterval`).
const ONE_CPU: f64 = 0.85;

/// More than one CPU, as one interpreter's threads reach while native code runs without
/// the lock: a quarter of another (1.10 to 1.15 were measured with matrices under
/// several threaded servers).
const ONE_CPU_AT_MOST: f64 = 1.25;

/// Waiting for a CPU as a share of the window: of ten requests three meet a wait that
/// is not their own server's work.
const CONTENDED: f64 = 0.3;

/// Clients for each worker below which how they are shared out is chance: the busiest
/// of four workers with four clients has two of them more often than not.
const CLIENTS_A_WORKER: f64 = 2.0;

/// Below this share of its CPUs a server waits for something else.
const IDLE: f64 = 0.5;

/// More requests in flight than this multiple of what is worked on at once: on
/// average one of three waits for its turn.
const QUEUED: f64 = 1.5;

/// The busiest worker against the mean of all: with 1.5 a third of what the others
/// could do is lost once the busiest is full.
const UNEVEN: f64 = 1.5;

/// Below this many CPUs in all, how they are shared out says nothing.
const UNEVEN_LEAST_CPUS: f64 = 0.1;

/// CPU time of processes that came and went: most of it.
const SPAWNED: f64 = 0.5;

/// Connecting as a share of the response time.
const CONNECTING: f64 = 0.3;

/// Waiting for memory as a share of the window: what kernel tools such as oomd take
/// action at is 5 to 10 % (systemd-oomd, `DefaultMemoryPressureLimit`, counts full
/// stalls; these are partial ones).
const RECLAIMING: f64 = 0.05;

/// The generator's own detector calls this much stolen time suspect.
const STOLEN: f64 = 0.05;

/// Arrivals that were answered, as a share of those that came: the rest is counting
/// noise.
const KEPT_UP: f64 = 0.97;

fn memory_killed(seen: &Seen) -> Option<String> {
    if seen.oom_kills == 0 {
        return None;
    }
    let replaced = if seen.respawned > 0 {
        format!(", and {} were replaced", seen.respawned)
    } else {
        String::new()
    };
    let limit = seen
        .cell
        .limits
        .memory_bytes
        .map_or_else(String::new, |bytes| {
            format!(" (limit {})", crate::search::bytes_text(bytes))
        });
    Some(format!(
        "the kernel killed {} for want of memory{replaced}{limit}",
        counted(seen.oom_kills, "process", "processes")
    ))
}

fn generator_bound(seen: &Seen) -> Option<String> {
    seen.generator_bound.clone()
}

fn throttled(seen: &Seen) -> Option<String> {
    let share = seen.throttled_share();
    (seen.periods > 0 && share >= THROTTLED).then(|| {
        format!(
            "throttled in {} of periods, {} s of {} s",
            percent(share),
            digits(seen.throttled_s),
            digits(seen.window_s)
        )
    })
}

/// Little's law: N users who think for Z ask at most N ÷ Z, and N ÷ (Z + R) when an
/// answer takes R (J. D. C. Little, Operations Research 9(3), 1961).
fn offered_load(seen: &Seen) -> Option<String> {
    if let Some(rate) = seen.cell.rate_rps {
        return (seen.rps >= KEPT_UP * rate).then(|| {
            format!(
                "{} arrivals/s were scheduled, {} answered",
                digits(rate),
                digits(seen.rps)
            )
        });
    }
    let (think, response) = (seen.think_s(), seen.mean_response_s?);
    let users = f64::from(seen.cell.clients);
    // Most of a user's cycle is thinking: a faster server would change little.
    (think > response && think > 0.0).then(|| {
        format!(
            "{users} users who think for {} and wait for {} ask {} requests/s by Little's law; {} were served",
            format_micros(think * 1e6),
            format_micros(response * 1e6),
            digits(users / (think + response)),
            digits(seen.rps)
        )
    })
}

fn gil_bound(seen: &Seen) -> Option<String> {
    if seen.cell.stack.starts_with("native") || seen.cpu_share()? >= BUSY {
        return None;
    }
    let busy = busy_workers(seen)?;
    (busy.threads > 1).then(|| {
        format!(
            "{} of up to {} threads used {} CPU each; {} of {} CPUs were used",
            counted(busy.count, "worker", "workers"),
            busy.threads,
            digits(busy.cpus),
            digits(seen.mean_cpus.unwrap_or(0.0)),
            digits(seen.available_cpus)
        )
    })
}

fn cpu_bound(seen: &Seen) -> Option<String> {
    let cpus = seen.mean_cpus?;
    if seen.cpu_share()? >= BUSY {
        return Some(format!(
            "{} of {} CPUs were used",
            digits(cpus),
            digits(seen.available_cpus)
        ));
    }
    let busy = busy_workers(seen)?;
    (busy.threads == 1).then(|| {
        format!(
            "{} of one thread used {} CPU each; {} of {} CPUs were used: more workers would use the rest",
            counted(busy.count, "worker", "workers"),
            digits(busy.cpus),
            digits(cpus),
            digits(seen.available_cpus)
        )
    })
}

/// Workers that are all as busy as one CPU lets them be.
struct BusyWorkers {
    count: u64,
    cpus: f64,
    threads: u32,
}

fn busy_workers(seen: &Seen) -> Option<BusyWorkers> {
    let trials: Vec<_> = seen
        .workers
        .iter()
        .filter(|workers| !workers.is_empty())
        .collect();
    let all: Vec<_> = trials.iter().flat_map(|workers| workers.iter()).collect();
    let busy = |cpus: f64| (ONE_CPU..=ONE_CPU_AT_MOST).contains(&cpus);
    let cpus = all.iter().map(|worker| worker.cpus).sum::<f64>() / all.len().max(1) as f64;
    (!all.is_empty() && busy(cpus)).then(|| BusyWorkers {
        count: (all.len() / trials.len()) as u64,
        cpus,
        threads: all.iter().map(|worker| worker.threads).max().unwrap_or(1),
    })
}

fn workers_starved(seen: &Seen) -> Option<String> {
    let Some(InFlight::AtMost(capacity)) = seen.capacity else {
        return None;
    };
    let in_flight = seen.mean_in_flight?;
    let has_idle_cpus = seen.cpu_share()? < BUSY && busy_workers(seen).is_none();
    let waits = in_flight > QUEUED * capacity as f64 && has_idle_cpus;
    // A quota that stops everybody is the reason before a want of workers is.
    (waits && throttled(seen).is_none()).then(|| {
        format!(
            "{} requests in flight for {capacity} that are worked on at once, with {} of {} CPUs used",
            digits(in_flight),
            digits(seen.mean_cpus.unwrap_or(0.0)),
            digits(seen.available_cpus)
        )
    })
}

fn upstream_bound(seen: &Seen) -> Option<String> {
    if seen.cpu_share()? >= IDLE {
        return None;
    }
    // A study's delay says nothing of those of its workloads that call nobody, nor
    // calls that the cache answers of those that wait.
    let calls = seen
        .upstream_calls
        .map(|calls| calls as f64 / seen.succeeded.max(1) as f64);
    if !calls.map_or(seen.names_upstream, |calls| calls >= MANY_CALLS) {
        return None;
    }
    let service = seen.mean_service_s?;
    if let Some(delay) = seen.upstream_delay_s() {
        // What is beyond twice the delay is waiting for something else.
        return (service >= delay && delay >= IDLE * service).then(|| {
            format!(
                "a request takes {}, of which the service behind takes {}",
                format_micros(service * 1e6),
                format_micros(delay * 1e6)
            )
        });
    }
    calls.map(|calls| {
        format!(
            "{} calls behind for each request, with {} of {} CPUs used",
            digits(calls),
            digits(seen.mean_cpus.unwrap_or(0.0)),
            digits(seen.available_cpus)
        )
    })
}

/// Others need the CPUs, be it the generator, or its own threads all at once. What a
/// quota keeps waiting, what workers of one CPU each keep from each other, and idle
/// servers have other names.
fn cpu_contended(seen: &Seen) -> Option<String> {
    let share = seen.cpu_pressure?;
    let is_busy = seen.cpu_share()? >= BUSY || busy_workers(seen).is_some();
    let explained = [
        throttled,
        gil_bound,
        workers_starved,
        upstream_bound,
        unevenly_loaded,
    ];
    let is_explained = || explained.iter().any(|rule| rule(seen).is_some());
    (share >= CONTENDED && !is_busy && !is_explained()).then(|| {
        format!(
            "its threads waited for a CPU {} of the time, with {} of {} CPUs used",
            percent(share),
            digits(seen.mean_cpus.unwrap_or(0.0)),
            digits(seen.available_cpus)
        )
    })
}

fn unevenly_loaded(seen: &Seen) -> Option<String> {
    let expected = seen.workers.iter().map(Vec::len).max()?;
    if f64::from(seen.cell.clients) < CLIENTS_A_WORKER * expected as f64 {
        return None;
    }
    let mut ratios = Vec::new();
    for workers in seen.workers.iter().filter(|workers| workers.len() > 1) {
        let sum: f64 = workers.iter().map(|worker| worker.cpus).sum();
        if sum < UNEVEN_LEAST_CPUS {
            return None;
        }
        ratios.push(workers[0].cpus / (sum / workers.len() as f64));
    }
    let workers = seen.workers.first().map_or(0, Vec::len);
    let ratio = (!ratios.is_empty()).then(|| tonnage_stats::mean(&ratios))?;
    (ratio >= UNEVEN).then(|| {
        format!(
            "the busiest of {workers} workers used {} times the CPU of their mean",
            digits(ratio)
        )
    })
}

fn spawn_bound(seen: &Seen) -> Option<String> {
    let share = seen.gone_share?;
    // Workers that were killed take their counters with them.
    (share >= SPAWNED && seen.oom_kills == 0).then(|| {
        format!(
            "{} of the CPU time went to processes that came and went",
            percent(share)
        )
    })
}

fn connection_bound(seen: &Seen) -> Option<String> {
    let ended = seen.succeeded + seen.failed;
    let failed = seen.connect_failures as f64 / ended.max(1) as f64;
    if crate::survivors_bias(failed) {
        return Some(format!(
            "{} of the requests failed to connect",
            percent(failed)
        ));
    }
    if seen.listen_overflows > 0 {
        let overflows = counted(seen.listen_overflows, "connect", "connects");
        return Some(format!("{overflows} found the listener's queue full"));
    }
    let opens_each_time = seen.opened as f64 >= 0.5 * seen.succeeded as f64;
    let (connect, response) = (seen.mean_connect_s?, seen.mean_response_s?);
    (opens_each_time && seen.succeeded > 0 && connect >= CONNECTING * response).then(|| {
        format!(
            "connecting takes {} of a response time of {}",
            format_micros(connect * 1e6),
            format_micros(response * 1e6)
        )
    })
}

fn memory_reclaim(seen: &Seen) -> Option<String> {
    let share = seen.memory_pressure?;
    (share >= RECLAIMING).then(|| {
        format!(
            "threads waited for memory in {} of the time; the limit was hit {} times",
            percent(share),
            seen.limit_hits
        )
    })
}

fn steal(seen: &Seen) -> Option<String> {
    let share = seen.steal?;
    (share >= STOLEN).then(|| {
        format!(
            "the hypervisor gave {} of the CPU time to others",
            percent(share)
        )
    })
}

fn not_steady(seen: &Seen) -> Option<String> {
    (seen.unsteady > 0 && 2 * seen.unsteady >= seen.trials).then(|| {
        format!(
            "{} of {} trials were still changing",
            seen.unsteady, seen.trials
        )
    })
}

fn digits(value: f64) -> String {
    format_significant(value, 3)
}

fn percent(share: f64) -> String {
    format!("{} %", format_significant(share * 100.0, 2))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
