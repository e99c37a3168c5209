//! `/metrics` in Prometheus' text format, version 0.0.4. A worker is labelled by its place,
//! not by its process: places are few, and their counters go on when a worker is replaced.

use std::fmt::{Display, Write as _};

use super::json::{seconds, seconds_of_ms};
use super::view::{Place, View};
use crate::board::{BOUNDS_NS, Histogram, State};

/// Every which bound is shown: three to a power of ten.
const SHOWN_MANTISSAS: [u64; 3] = [1, 2, 5];

impl View<'_> {
    /// The whole page.
    pub fn to_prometheus(&self) -> String {
        let mut page = Page(String::with_capacity(16 << 10));
        self.push_server(&mut page);
        self.push_requests(&mut page);
        self.push_times(&mut page);
        self.push_workers(&mut page);
        page.0
    }

    fn push_server(&self, page: &mut Page) {
        let (facts, supervisor) = (self.scene.facts, self.scene.supervisor);
        let application = escaped(&facts.application);
        let version = env!("CARGO_PKG_VERSION");
        page.head("tonnage_info", "gauge", "The server and its application");
        page.line(
            "tonnage_info",
            &format!("version=\"{version}\",application=\"{application}\""),
            1,
        );
        let up: u8 = self.health.serves().into();
        for (name, help, value) in [
            (
                "tonnage_healthy",
                "Whether requests can be answered, as /health says",
                up.into(),
            ),
            (
                "tonnage_uptime_seconds",
                "How long the supervisor has run",
                seconds_of_ms(self.uptime_ms()),
            ),
            (
                "tonnage_generation",
                "The generation of configuration and code, from 1 on",
                supervisor.generation().into(),
            ),
            (
                "tonnage_workers_wanted",
                "How many workers there should be",
                supervisor.target().into(),
            ),
        ] {
            page.head(name, "gauge", help);
            page.line(name, "", value);
        }
        let name = "tonnage_backlog_connections";
        page.head(name, "gauge", "Connections that wait to be accepted");
        for listener in self.scene.listeners.iter() {
            if let Some(backlog) = listener.backlog() {
                let labels = format!("address=\"{}\"", escaped(&listener.to_string()));
                page.line(name, &labels, backlog);
            }
        }
        page.head("tonnage_workers", "gauge", "Workers by what they are about");
        for (name, state) in [
            ("starting", State::Starting),
            ("ready", State::Ready),
            ("draining", State::Draining),
            ("stuck", State::Stuck),
        ] {
            let count = self
                .places
                .iter()
                .filter(|place| place.worker.state == state);
            page.line(
                "tonnage_workers",
                &format!("state=\"{name}\""),
                count.count(),
            );
        }
        let name = "tonnage_worker_ends_total";
        page.head(name, "counter", "Workers that ended, by cause");
        for (cause, count) in self.scene.ends.iter() {
            page.line(name, &format!("cause=\"{}\"", cause.name()), count);
        }
    }

    fn push_requests(&self, page: &mut Page) {
        let name = "tonnage_requests_total";
        page.head(
            name,
            "counter",
            "Requests that were answered, by worker and status",
        );
        for place in &self.places {
            for (status, count) in &place.totals.statuses {
                let labels = format!("worker=\"{}\",status=\"{status}\"", place.slot);
                page.line(name, &labels, count);
            }
        }
        let counters: [Column; 8] = [
            (
                "tonnage_requests_refused_total",
                "Requests that broke the protocol or a limit",
                |place| Some(place.totals.refused as f64),
            ),
            (
                "tonnage_requests_turned_away_total",
                "Requests answered 503 because too many waited, or too long",
                |place| Some(place.totals.turned_away as f64),
            ),
            (
                "tonnage_requests_slow_total",
                "Requests whose responses had not begun within --slow-request",
                |place| Some(place.totals.slow as f64),
            ),
            (
                "tonnage_requests_timed_out_total",
                "Requests whose responses had not begun within --request-timeout",
                |place| Some(place.totals.timed_out as f64),
            ),
            (
                "tonnage_requests_lost_total",
                "Requests in a worker's hands when it was gone",
                |place| Some(place.totals.lost as f64),
            ),
            (
                "tonnage_connections_accepted_total",
                "Connections that were taken",
                |place| Some(place.totals.connections as f64),
            ),
            (
                "tonnage_tls_handshakes_failed_total",
                "TLS handshakes that clients began and that came to nothing",
                |place| Some(place.totals.handshakes_failed as f64),
            ),
            (
                "tonnage_response_body_bytes_total",
                "Bytes of responses' bodies",
                |place| Some(place.totals.body_bytes as f64),
            ),
        ];
        self.push_columns(page, "counter", &counters);
    }

    fn push_times(&self, page: &mut Page) {
        let histograms: [Distribution; 4] = [
            (
                "tonnage_request_duration_seconds",
                "Service time: from a complete request to the end of its response",
                |place| &place.totals.service,
            ),
            (
                "tonnage_queue_wait_seconds",
                "How long requests waited for the application",
                |place| &place.totals.queue,
            ),
            (
                "tonnage_gil_wait_seconds",
                "How long requests waited for the interpreter's lock before they ran",
                |place| &place.totals.gil,
            ),
            (
                "tonnage_event_loop_lag_seconds",
                "How late the event loop's timers were",
                |place| &place.totals.lag,
            ),
        ];
        for (name, help, of) in histograms {
            page.head(name, "histogram", help);
            for place in &self.places {
                page.histogram(name, &place.slot, of(place));
            }
        }
        let counters: [Column; 2] = [
            (
                "tonnage_application_seconds_total",
                "Time in the application's hands, writing left out",
                |place| Some(seconds(place.totals.application_ns)),
            ),
            (
                "tonnage_write_seconds_total",
                "Time that the writing of responses took, or had to wait",
                |place| Some(seconds(place.totals.write_ns)),
            ),
        ];
        self.push_columns(page, "counter", &counters);
    }

    fn push_workers(&self, page: &mut Page) {
        let now_ms = self.now_ms;
        let heartbeat =
            |place: &Place| seconds_of_ms(now_ms.saturating_sub(place.worker.heartbeat_ms));
        let name = "tonnage_worker_heartbeat_age_seconds";
        page.head(
            name,
            "gauge",
            "How long ago the worker gave its last sign of life",
        );
        for place in self.places.iter().filter(|place| place.is_taken()) {
            page.line(name, &worker(place), heartbeat(place));
        }
        let gauges: [Column; 6] = [
            (
                "tonnage_connections",
                "Connections that are open",
                |place| place.is_taken().then(|| place.worker.connections.into()),
            ),
            (
                "tonnage_requests_in_flight",
                "Requests in the application's hands",
                |place| place.is_taken().then(|| place.worker.in_flight.into()),
            ),
            (
                "tonnage_requests_waiting",
                "Complete requests that wait for the application",
                |place| place.is_taken().then(|| place.waiting.into()),
            ),
            (
                "tonnage_event_loop_lag_now_seconds",
                "How late the event loop's timer is at this moment",
                |place| place.lag_ms.map(seconds_of_ms),
            ),
            (
                "tonnage_worker_resident_memory_bytes",
                "Memory of the worker's process",
                |place| Some(place.process?.resident_bytes as f64),
            ),
            (
                "tonnage_worker_threads",
                "Threads of the worker's process",
                |place| Some(place.process?.threads as f64),
            ),
        ];
        self.push_columns(page, "gauge", &gauges);
        let cpu: [Column; 1] = [(
            "tonnage_worker_cpu_seconds_total",
            "Processor time of the worker's process; begins anew with each process",
            |place| Some(place.process?.cpu_s),
        )];
        self.push_columns(page, "counter", &cpu);
    }

    /// Metrics with one value for each worker, where it has one.
    fn push_columns(&self, page: &mut Page, kind: &str, columns: &[Column]) {
        for (name, help, of) in columns {
            page.head(name, kind, help);
            for place in &self.places {
                if let Some(value) = of(place) {
                    page.line(name, &worker(place), value);
                }
            }
        }
    }
}

/// Name, help, and how it is found.
type Distribution = (&'static str, &'static str, fn(&Place) -> &Histogram);

/// Name, help, and how its value is found.
type Column = (&'static str, &'static str, fn(&Place) -> Option<f64>);

fn worker(place: &Place) -> String {
    format!("worker=\"{}\"", place.slot)
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "{name} {value}")
        } else {
            writeln!(self.0, "{name}{{{labels}}} {value}")
        };
    }

    fn histogram(&mut self, name: &str, worker: &impl Display, histogram: &Histogram) {
        for (at, bound_ns) in BOUNDS_NS
            .into_iter()
            .enumerate()
            .filter(|(_, ns)| is_shown(*ns))
        {
            let (count, bound_s) = (histogram.up_to(at), seconds(bound_ns));
            self.line(
                &format!("{name}_bucket"),
                &format!("worker=\"{worker}\",le=\"{bound_s}\""),
                count,
            );
        }
        let count = histogram.count();
        let labels = format!("worker=\"{worker}\"");
        self.line(
            &format!("{name}_bucket"),
            &format!("{labels},le=\"+Inf\""),
            count,
        );
        self.line(&format!("{name}_sum"), &labels, seconds(histogram.sum_ns));
        self.line(&format!("{name}_count"), &labels, count);
    }
}

fn is_shown(mut bound_ns: u64) -> bool {
    while bound_ns.is_multiple_of(10) {
        bound_ns /= 10;
    }
    SHOWN_MANTISSAS.contains(&bound_ns)
}

/// A label's value: as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
