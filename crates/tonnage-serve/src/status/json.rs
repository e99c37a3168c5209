//! `/status` as JSON. Its fields are described in docs/serve-status.md; whoever takes one
//! away or changes what it means raises [`SCHEMA`].

use jiff::Timestamp;
use rustix::process::Pid;
use serde_json::{Map, Value, json};

use super::view::{Place, View, state_name};
use crate::board::{BOUNDS_NS, Histogram, Totals};

/// The version of the document.
pub const SCHEMA: u32 = 1;

/// The quantiles that are shown.
const QUANTILES: [(&str, f64); 4] = [
    ("p50_s", 0.5),
    ("p90_s", 0.9),
    ("p99_s", 0.99),
    ("p999_s", 0.999),
];

impl View<'_> {
    /// The whole document.
    pub fn to_json(&self) -> Value {
        let (facts, supervisor) = (self.scene.facts, self.scene.supervisor);
        let started = Timestamp::try_from(facts.started).ok();
        let workers = self.places.iter().filter(|place| place.is_taken());
        let ends = self.scene.ends.iter();
        let listening = self.scene.listeners.iter().map(
            |listener| json!({ "address": listener.to_string(), "backlog": listener.backlog() }),
        );
        json!({
            "schema": SCHEMA,
            "health": self.health.name(),
            "server": {
                "name": "tonnage",
                "version": env!("CARGO_PKG_VERSION"),
                "application": facts.application,
                "pid": facts.pid,
                "started": started.map(|moment| moment.to_string()),
                "uptime_s": seconds_of_ms(self.uptime_ms()),
                "listening": listening.collect::<Vec<_>>(),
                "generation": supervisor.generation(),
                "workers_wanted": supervisor.target(),
            },
            "worker_ends": ends.map(|(cause, count)| (cause.name().to_owned(), count.into()))
                .collect::<Map<_, _>>(),
            "totals": totals(&self.totals),
            "workers": workers.map(|place| self.worker(place)).collect::<Vec<_>>(),
        })
    }

    fn worker(&self, place: &Place) -> Value {
        let worker = &place.worker;
        let age_s = |since_ms: u64| seconds_of_ms(self.now_ms.saturating_sub(since_ms));
        let process = place.process.as_ref();
        json!({
            "slot": place.slot.index(),
            "pid": worker.pid.map(Pid::as_raw_pid),
            "age": worker.age,
            "generation": worker.generation,
            "state": state_name(worker.state),
            "wants_replacement": worker.wants_replacement,
            "connections": worker.connections,
            "requests_begun": worker.requests,
            "requests_in_flight": worker.in_flight,
            "requests_waiting": place.waiting,
            "heartbeat_age_s": age_s(worker.heartbeat_ms),
            "busy_s": worker.busy_since_ms.map(age_s),
            "loop_lag_s": place.lag_ms.map(seconds_of_ms),
            "process": process.map(|process| json!({
                "state": process.state,
                "resident_bytes": process.resident_bytes,
                "cpu_s": process.cpu_s,
                "threads": process.threads,
            })),
            "totals": totals(&place.totals),
        })
    }
}

fn totals(totals: &Totals) -> Value {
    let statuses = totals.statuses.iter();
    let statuses = statuses.map(|(status, count)| (status.to_string(), (*count).into()));
    let [warnings, errors, exceptions, critical] = totals.logged;
    json!({
        "responses": totals.responses(),
        "statuses": statuses.collect::<Map<_, _>>(),
        "refused": totals.refused,
        "turned_away": totals.turned_away,
        "slow": totals.slow,
        "timed_out": totals.timed_out,
        "lost": totals.lost,
        "connections": totals.connections,
        "tls_handshakes_failed": totals.handshakes_failed,
        "body_bytes": totals.body_bytes,
        "service": histogram(&totals.service),
        "queue_wait": histogram(&totals.queue),
        "gil_wait": histogram(&totals.gil),
        "application": { "sum_s": seconds(totals.application_ns) },
        "write": { "sum_s": seconds(totals.write_ns) },
        "loop_lag": histogram(&totals.lag),
        "logged": {
            "warning": warnings, "error": errors, "exception": exceptions, "critical": critical,
        },
    })
}

/// Only buckets with something in them; the last one, of what is beyond all bounds, has `null`
/// for its bound.
fn histogram(histogram: &Histogram) -> Value {
    let bounds = BOUNDS_NS.into_iter().map(Some).chain([None]);
    let buckets = bounds.zip(histogram.counts).filter(|(_, count)| *count > 0);
    let buckets = buckets.map(|(bound_ns, count)| json!([bound_ns.map(seconds), count]));
    let mut value = json!({
        "count": histogram.count(),
        "sum_s": seconds(histogram.sum_ns),
        "mean_s": histogram.mean_ns().map(seconds),
        "buckets": buckets.collect::<Vec<_>>(),
    });
    for (name, share) in QUANTILES {
        value[name] = histogram.quantile_ns(share).map(seconds).into();
    }
    value
}

pub(super) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

pub(super) fn seconds_of_ms(ms: u64) -> f64 {
    ms as f64 / 1e3
}
