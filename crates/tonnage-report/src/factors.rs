//! The factors of a cell as name and value, and which of them tell ladders apart.
//! The number of clients is no such factor: it is what a ladder climbs.

use std::time::Duration;

use tonnage_model::{Cell, HumanDuration};

/// A factor's name and its value as text.
pub(crate) type Factor = (String, String);

/// All factors of a cell but the number of clients, in the order of a study's
/// file; the study's own parameters last.
pub(crate) fn factors(cell: &Cell) -> Vec<Factor> {
    let workers = cell
        .workers
        .map_or_else(|| "unknown".to_owned(), |workers| workers.to_string());
    let fixed = [
        ("stack", cell.stack.clone()),
        ("workload", cell.workload.clone()),
        ("workers", workers),
        ("worker_rule", cell.worker_rule.clone()),
        ("keepalive", cell.keepalive.to_string()),
        ("duration", duration(cell.duration_us)),
        ("warmup", duration(cell.warmup_us)),
    ];
    let threads = cell.threads.map(|threads| ("threads", threads.to_string()));
    fixed
        .into_iter()
        .chain(threads)
        .map(|(name, value)| (name.to_owned(), value))
        .chain(cell.parameters.clone())
        .collect()
}

/// A duration in microseconds as people write it: `30s`.
pub(crate) fn duration(us: u64) -> String {
    HumanDuration(Duration::from_micros(us)).to_string()
}

/// For each cell the factors whose values are not the same in all of `cells`, as
/// `workers=3 iterations=2000`; empty texts where there is nothing to tell apart.
pub(crate) fn distinguishing_labels(cells: &[&Cell]) -> Vec<String> {
    let all: Vec<Vec<Factor>> = cells.iter().map(|cell| factors(cell)).collect();
    let value = |row: &[Factor], name: &str| {
        row.iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.clone())
    };
    let differs = |name: &str| {
        all.first()
            .is_some_and(|first| all.iter().any(|row| value(row, name) != value(first, name)))
    };
    // A rule says nothing more where the numbers that it gave differ anyway.
    let rule_is_told = differs("workers");
    all.iter()
        .map(|row| {
            row.iter()
                .filter(|(name, _)| differs(name))
                .filter(|(name, _)| !(rule_is_told && name == "worker_rule"))
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn only_what_differs_is_named() {
        let document = fixture::several();
        let cell = |workers: u32, iterations: &str| {
            let mut cell = document.trials[0].cell.clone();
            cell.workers = Some(workers);
            cell.worker_rule = workers.to_string();
            cell.parameters
                .insert("iterations".to_owned(), iterations.to_owned());
            cell
        };
        let (a, b) = (cell(3, "2000"), cell(5, "2000"));
        assert_eq!(distinguishing_labels(&[&a, &b]), ["workers=3", "workers=5"]);
        let c = cell(3, "60000");
        assert_eq!(
            distinguishing_labels(&[&a, &b, &c]),
            [
                "workers=3 iterations=2000",
                "workers=5 iterations=2000",
                "workers=3 iterations=60000"
            ]
        );
        assert_eq!(distinguishing_labels(&[&a]), [""]);
        assert!(distinguishing_labels(&[]).is_empty());
    }

    #[test]
    fn two_rules_for_the_same_number_are_told_apart() {
        let document = fixture::single();
        let a = document.trials[0].cell.clone();
        let mut b = a.clone();
        b.worker_rule = "5".to_owned();
        assert_eq!(
            distinguishing_labels(&[&a, &b]),
            ["worker_rule=2n+1", "worker_rule=5"]
        );
    }
}
