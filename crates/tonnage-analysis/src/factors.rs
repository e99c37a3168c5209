//! The factors of a cell as name and value, and which of them tell cells apart.

use std::collections::{BTreeMap, BTreeSet};

use tonnage_model::Cell;

/// A factor's name and its value as text.
pub type Factor = (String, String);

/// What is asked of a server, as opposed to what answers: cells are compared with
/// each other where these are equal. The study's own parameters belong to them.
const DEMAND: [&str; 8] = [
    "workload",
    "clients",
    "think",
    "rate",
    "keepalive",
    "requests",
    "duration",
    "warmup",
];

/// All factors of a cell, the study's own parameters and the app's variables last.
/// What a cell does not have is left out, `think` and `rate` where there is none.
pub fn factors(cell: &Cell) -> Vec<Factor> {
    let fixed = Cell::FACTORS.iter().filter_map(|name| {
        let value = cell.factor(name)?;
        Some(((*name).to_owned(), value))
    });
    fixed
        .filter(|(name, value)| !(name == "think" && value == "none"))
        .chain(cell.parameters.clone())
        .chain(cell.environment.clone())
        .collect()
}

/// A cell without what was found out only as its server was launched: trials that
/// were cut off before that have no fingerprint of their packages.
pub(crate) fn key(cell: &Cell) -> Cell {
    Cell {
        lock: String::new(),
        ..cell.clone()
    }
}

/// Whether two trials are of the same cell, launched or not.
pub(crate) fn same_cell(a: &Cell, b: &Cell) -> bool {
    key(a) == key(b)
}

/// What is asked in a cell, without the number of clients if `any_clients`.
pub(crate) fn demand(cell: &Cell, any_clients: bool) -> Vec<Factor> {
    factors(cell)
        .into_iter()
        .filter(|(name, _)| DEMAND.contains(&name.as_str()) || cell.parameters.contains_key(name))
        .filter(|(name, _)| !(any_clients && name == "clients"))
        .collect()
}

/// For each cell the factors whose values are not the same in all of `cells`, as
/// `workers=3 iterations=2000`; configurations, stacks and workloads go by their bare
/// names. Empty texts where there is nothing to tell apart.
pub fn distinguishing_labels(cells: &[&Cell]) -> Vec<String> {
    let all: Vec<Vec<Factor>> = cells.iter().map(|cell| factors(cell)).collect();
    labels(&all)
}

/// The same for factors that were read already.
pub(crate) fn labels(all: &[Vec<Factor>]) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in all.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let told = told(all, &names);
    all.iter()
        .map(|row| {
            let parts = told.iter().filter_map(|name| {
                let value = value(row, name)?;
                Some(match *name {
                    "configuration" | "stack" | "workload" => value.to_owned(),
                    name => format!("{name}={value}"),
                })
            });
            parts.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// The names that are worth telling: those that differ, without those that follow
/// from one that is told before (a configuration says its stack).
fn told<'a>(all: &[Vec<Factor>], names: &[&'a str]) -> Vec<&'a str> {
    const FOLLOWERS: [&str; 6] = [
        "stack",
        "workers",
        "worker_rule",
        "threads",
        "in_flight",
        "rate",
    ];
    let mut told: Vec<&str> = Vec::new();
    for name in names {
        let values: BTreeSet<Option<&str>> = all.iter().map(|row| value(row, name)).collect();
        let is_app_variable = !Cell::FACTORS.contains(name);
        let follows = (FOLLOWERS.contains(name) || is_app_variable) && follows(all, &told, name);
        if values.len() > 1 && !follows {
            told.push(name);
        }
    }
    told
}

/// Whether the value of `name` is a function of a single factor in `told` that is no
/// demand on the server.
fn follows(all: &[Vec<Factor>], told: &[&str], name: &str) -> bool {
    let leads = told.iter().filter(|lead| !DEMAND.contains(lead));
    let mut leads = leads.copied();
    leads.any(|lead| {
        let mut seen: BTreeMap<Option<&str>, Option<&str>> = BTreeMap::new();
        all.iter().all(|row| {
            let found = value(row, name);
            *seen.entry(value(row, lead)).or_insert(found) == found
        })
    })
}

fn value<'a>(row: &'a [Factor], name: &str) -> Option<&'a str> {
    let found = row.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::cell;

    fn workers(workers: u32, iterations: &str) -> Cell {
        let mut cell = cell("gunicorn-sync", 4);
        cell.workers = Some(workers);
        cell.worker_rule = workers.to_string();
        cell.parameters
            .insert("iterations".to_owned(), iterations.to_owned());
        cell
    }

    #[test]
    fn only_what_differs_is_named() {
        let (a, b) = (workers(3, "2000"), workers(5, "2000"));
        assert_eq!(distinguishing_labels(&[&a, &b]), ["workers=3", "workers=5"]);
        let c = workers(3, "60000");
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
        let (mut a, b) = (workers(5, "1"), workers(5, "1"));
        a.worker_rule = "2n+1".to_owned();
        assert_eq!(
            distinguishing_labels(&[&a, &b]),
            ["worker_rule=2n+1", "worker_rule=5"]
        );
    }

    #[test]
    fn a_configuration_says_what_follows_from_it() {
        let named = |name: &str, stack: &str, keepalive: bool| {
            let mut cell = workers(4, "1");
            (cell.configuration, cell.stack) = (name.to_owned(), stack.to_owned());
            cell.keepalive = keepalive;
            cell
        };
        let a = named("dev threaded", "flask-dev", true);
        let b = named("uwsgi 4p", "uwsgi-threads", true);
        let c = named("uwsgi 4p", "uwsgi-threads", false);
        assert_eq!(
            distinguishing_labels(&[&a, &b, &c]),
            [
                "dev threaded keepalive=true",
                "uwsgi 4p keepalive=true",
                "uwsgi 4p keepalive=false"
            ]
        );
        assert_eq!(demand(&a, true), demand(&b, true));
        assert_ne!(demand(&a, true), demand(&c, true));
    }
}
