//! What the servers of each cell used, and what failed.

use tonnage_analysis::{Analysis, CellView};
use tonnage_model::{Usage, format_significant};

use super::cells::interval_of;
use crate::figure::{percent, short, with_unit};
use crate::table::{Field, Table};

/// Figures of the table of resources.
const RESOURCES: [&str; 7] = [
    "cpu_share",
    "throttled_percent",
    "cpu_us_per_request",
    "memory_peak_mib",
    "pss_peak_mib",
    "oom_kills",
    "boot_ms",
];

/// What the servers of each cell used.
pub(crate) fn resources(analysis: &Analysis<'_>) -> Option<Table> {
    let mut columns = vec!["<cell".to_owned()];
    columns.extend(RESOURCES.map(|figure| {
        let optional = ["pss_peak_mib", "boot_ms"].contains(&figure);
        format!("{}{}", if optional { "?" } else { "" }, with_unit(figure))
    }));
    columns.extend(["?respawned", "?switches per request", "?steal"].map(str::to_owned));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("", &columns);
    for view in &analysis.cells {
        let trials = view.excluded.iter().map(|excluded| excluded.trial);
        let trials: Vec<_> = view.shown.iter().copied().chain(trials).collect();
        let usages: Vec<_> = trials
            .iter()
            .filter_map(|trial| trial.usage.as_ref())
            .collect();
        if usages.is_empty() {
            continue;
        }
        let kills: u64 = usages.iter().filter_map(|usage| usage.oom_kills).sum();
        let mut row = vec![Field::new(view.name())];
        row.extend(RESOURCES.map(|figure| {
            if figure == "oom_kills" && usages.iter().any(|usage| usage.oom_kills.is_some()) {
                return Field::new(kills.to_string());
            }
            let value = view.interval(figure);
            let value = value.map(|interval| interval_of(figure, &interval));
            let value = value.or_else(|| Some(short(figure, peak_mib(&usages, figure)?)));
            Field::or(value, "–", "the backend or the kernel does not count it")
        }));
        let respawned: u64 = usages.iter().map(|usage| usage.respawned).sum();
        row.push(Field::new(respawned.to_string()));
        row.push(Field::or(switches(view), "–", "not counted here"));
        let steal = usages
            .iter()
            .filter_map(|usage| usage.steal_share)
            .reduce(f64::max);
        row.push(Field::or(
            steal.map(percent),
            "–",
            "the kernel does not tell",
        ));
        table.push(row, kills > 0);
    }
    table.notes.push("OOM kills and respawned processes are those of all trials together; memory is the peak of the server’s whole life, CPU and switches are those of the window.".to_owned());
    (!table.rows.is_empty()).then(|| table.compact())
}

/// The most memory of trials that were not measured to the end, in MiB.
fn peak_mib(usages: &[&Usage], figure: &str) -> Option<f64> {
    let peaks = usages.iter().filter_map(|usage| match figure {
        "memory_peak_mib" => usage.memory_peak_bytes,
        "pss_peak_mib" => usage.pss_peak_bytes,
        _ => None,
    });
    peaks.max().map(|bytes| bytes as f64 / 1_048_576.0)
}

/// Context switches per success.
fn switches(view: &CellView<'_>) -> Option<String> {
    let counted = view
        .usages()
        .filter_map(|usage| Some(usage.voluntary_switches? + usage.involuntary_switches?));
    let switches: u64 = counted.sum();
    let succeeded = view.succeeded();
    (switches > 0 && succeeded > 0)
        .then(|| format_significant(switches as f64 / succeeded as f64, 3))
}

/// Failures of each cell by phase and cause.
pub(crate) fn failures(analysis: &Analysis<'_>) -> Option<Table> {
    let mut table = Table::new("", &["<cell", "failed", "of all", "<phase × cause"]);
    for view in analysis.cells.iter().filter(|view| view.failed() > 0) {
        let kinds = view.failures();
        let kinds = kinds.iter().map(|failure| {
            format!(
                "{} × {}: {}",
                failure.phase.name(),
                failure.cause.name(),
                crate::figure::grouped(failure.count)
            )
        });
        table.push(
            vec![
                Field::new(view.name()),
                Field::new(crate::figure::grouped(view.failed())),
                Field::new(percent(view.error_share())),
                Field::new(kinds.collect::<Vec<_>>().join(", ")),
            ],
            view.has_survivors_bias(),
        );
    }
    if analysis.cells.iter().any(CellView::has_survivors_bias) {
        table.notes.push("Where more than 1 % failed, the other figures are those of the survivors: the requests that were let in.".to_owned());
    }
    (!table.rows.is_empty()).then_some(table)
}
