//! Calls that a workload's upstream got: how many were counted, how many there may be,
//! and why there are more than one a window.

use tonnage_analysis::CellView;
use tonnage_model::{Capacity, Cell, InFlight};

use crate::Document;
use crate::figure::grouped;

/// The workload whose app keeps its upstream's answers.
const RELAY: &str = "relay";

/// How long it keeps them, in microseconds: the relay apps' own ten seconds.
const KEPT_US: u64 = 10_000_000;

/// The stack with one cache for all its threads, in which one caller asks for all.
const ONE_CALLER: &str = "native";

/// Calls counted in each trial of a cell, least to most; empty where nobody counted.
pub(super) fn counted(view: &CellView<'_>) -> String {
    let calls = || view.shown.iter().filter_map(|trial| trial.upstream_calls);
    match (calls().min(), calls().max()) {
        (Some(least), Some(most)) if least == most => grouped(most),
        (Some(least), Some(most)) => format!("{}–{}", grouped(least), grouped(most)),
        _ => String::new(),
    }
}

/// How many calls there may be in cells of a relay, beside what was counted.
pub(super) fn sentence(document: &Document, cells: &[&CellView<'_>]) -> Option<String> {
    let with_calls = cells.iter().filter(|view| view.cell.workload == RELAY);
    let parts: Vec<String> = with_calls
        .filter_map(|view| {
            let counted = Some(counted(view)).filter(|counted| !counted.is_empty())?;
            let name = view.name();
            Some(match most(document, view) {
                Some(most) => format!("{most} for {name}, counted {counted}"),
                None => format!("{counted} counted for {name}"),
            })
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Calls to the upstream in a trial, at most: {}. A window is the ten seconds that an answer is kept; the cache is per process, and threads that miss at once all call (stampede).",
            parts.join("; ")
        )
    })
}

/// The most calls that there may be, as a product; `None` where what serves is not
/// known.
fn most(document: &Document, view: &CellView<'_>) -> Option<String> {
    let cell = view.cell;
    if cell.stack == ONE_CALLER {
        return Some(format!("windows = {}", grouped(windows(view))));
    }
    let workers = cell.workers?;
    let (names, factors) = match cell.threads {
        Some(threads) => (
            vec!["workers", "threads"],
            vec![u64::from(workers), u64::from(threads)],
        ),
        None => match in_flight(document.facts.capacities.get(&cell.stack)?, cell) {
            InFlight::AtMost(requests) if requests == u64::from(workers) => {
                (vec!["workers"], vec![requests])
            }
            InFlight::AtMost(requests) if requests < u64::from(cell.clients) => {
                (vec!["requests in flight"], vec![requests])
            }
            // A loop lets every client that waits call.
            _ => (vec!["clients"], vec![u64::from(cell.clients)]),
        },
    };
    let windows = windows(view);
    let product = factors
        .iter()
        .fold(windows, |product, factor| product.saturating_mul(*factor));
    let written = factors.iter().map(|factor| grouped(*factor));
    let written: Vec<String> = std::iter::once(grouped(windows)).chain(written).collect();
    Some(format!(
        "windows × {} = {} = {}",
        names.join(" × "),
        written.join(" × "),
        grouped(product)
    ))
}

fn in_flight(capacity: &Capacity, cell: &Cell) -> InFlight {
    capacity.in_flight(cell.workers, cell.threads)
}

/// Windows of the cache that a trial reaches into: calls are counted from the warm-up on.
fn windows(view: &CellView<'_>) -> u64 {
    let warm_ups = view.shown.iter().filter_map(|trial| trial.warm_up);
    let warm_up_us = warm_ups.map(|warm_up| warm_up.lasted_us).max().unwrap_or(0);
    (warm_up_us + view.cell.duration_us)
        .div_ceil(KEPT_US)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::markdown;
    use insta::assert_snapshot;

    /// The zoo as a relay of 28 s: its own stacks, and one that is native.
    fn relay(calls: &[u64]) -> Document {
        let mut document = fixture::zoo();
        for (index, trial) in document.trials.iter_mut().enumerate() {
            let cell = &mut trial.cell;
            cell.workload = RELAY.to_owned();
            (cell.duration_us, trial.warm_up) = (28_000_000, None);
            match cell.stack.as_str() {
                "gunicorn-gthread" => (cell.workers, cell.threads) = (Some(2), Some(2)),
                "uwsgi-threads" => cell.stack = ONE_CALLER.to_owned(),
                _ => {}
            }
            trial.upstream_calls = Some(calls[index % calls.len()]);
        }
        let mut know = |stack: &str, capacity: &str| {
            let capacity = capacity.parse().unwrap();
            document.facts.capacities.insert(stack.to_owned(), capacity);
        };
        know("flask-dev", "1");
        know("gunicorn-gevent", "unbounded");
        document
    }

    fn told(document: &Document) -> String {
        let analysis = document.analysis();
        let cells: Vec<_> = analysis.cells.iter().collect();
        sentence(document, &cells).unwrap_or_default()
    }

    #[test]
    fn the_ceiling_stands_beside_the_count() {
        assert_snapshot!(told(&relay(&[12])), @"Calls to the upstream in a trial, at most: windows × requests in flight = 3 × 1 = 3 for dev single cpus=0.5, counted 12; windows = 3 for uwsgi 4p×50t cpus=none, counted 12; windows × workers × threads = 3 × 2 × 2 = 12 for gunicorn 4p×50t cpus=none, counted 12; windows × clients = 3 × 100 = 300 for gevent+gunicorn with a long name 4p cpus=none, counted 12. A window is the ten seconds that an answer is kept; the cache is per process, and threads that miss at once all call (stampede).");
        assert!(told(&relay(&[11, 12])).contains("counted 11–12"));
    }

    #[test]
    fn the_ten_seconds_are_the_relays_own() {
        let document = fixture::zoo();
        assert_eq!(told(&document), "");
        assert!(markdown(&document).unwrap().contains("| upstream calls |"));
        let mut document = relay(&[12]);
        assert!(markdown(&document).unwrap().contains("(stampede)"));
        for trial in &mut document.trials {
            trial.upstream_calls = None;
        }
        assert!(!markdown(&document).unwrap().contains("upstream"));
    }
}
