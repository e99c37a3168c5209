//! The machine, how the run was made, and how far its figures may be trusted.

use std::collections::BTreeMap;

use tonnage_analysis::{Analysis, factors};
use tonnage_model::{HumanDuration, Isolation, TrialKind, format_significant};

use crate::Document;
use crate::figure::{counted, percent};
use crate::text::{duration, status, when};

/// What stands below every table: the noise grade, how far equal cells differ, how
/// limits are set, and who shares CPUs with whom.
pub(crate) fn trust(document: &Document, analysis: &Analysis<'_>) -> String {
    let conditions = &document.run.conditions;
    let grade = conditions.noise.as_ref().map_or_else(
        || "noise grade unknown".to_owned(),
        |noise| format!("noise grade {:?}", noise.grade),
    );
    let floor = match analysis.noise.pairs {
        0 => "A/A floor unknown".to_owned(),
        _ => format!("A/A floor {}", analysis.noise.text()),
    };
    let isolation = match conditions.isolation {
        Isolation::None => "nothing limited".to_owned(),
        isolation => isolation.name().replace('-', " "),
    };
    format!("{grade}, {floor}, {isolation}, {}", sharing(document))
}

/// Who runs on which CPUs: as most trials had it, and how many had not.
fn sharing(document: &Document) -> String {
    if document.run.target.is_some() {
        return "the server's machine is not known".to_owned();
    }
    let of_cells = |kind: TrialKind| kind != TrialKind::Reference;
    let trials = document.trials.iter().filter(|trial| of_cells(trial.kind));
    let (apart, shared): (Vec<_>, Vec<_>) =
        trials.partition(|trial| trial.generator_cpus.is_some());
    let cpus = counted(document.run.host.usable_cpus as u64, "CPU");
    let own = apart
        .first()
        .and_then(|trial| trial.generator_cpus.as_ref());
    match (own, shared.len()) {
        (Some(own), 0) => format!("generator on CPU {own}, servers on others"),
        (Some(own), shared) => format!(
            "generator on CPU {own}, servers on others, but {cpus} shared in {shared} of {} trials",
            apart.len() + shared
        ),
        (None, _) => format!("generator and server share {cpus}"),
    }
}

/// Stacks that cannot run here, each with the reason.
pub(crate) fn unavailable(document: &Document) -> Vec<String> {
    let unavailable = document.run.conditions.unavailable.iter();
    unavailable
        .map(|(stack, reason)| format!("{stack}: {reason}"))
        .collect()
}

/// What was found out about the machine before and while the run lasted.
pub(crate) fn machine_findings(document: &Document, analysis: &Analysis<'_>) -> Vec<String> {
    let noise = document.run.conditions.noise.as_ref();
    let findings = noise.iter().flat_map(|noise| &noise.findings);
    let mut points: Vec<String> = findings
        .map(|finding| match finding.remedy.as_str() {
            "" => format!("Grade {:?}: {}", finding.grade, finding.text),
            remedy => format!("Grade {:?}: {} ({remedy})", finding.grade, finding.text),
        })
        .collect();
    let drift = &analysis.drift;
    let numbers = |blocks: &[u32]| {
        let blocks: Vec<String> = blocks.iter().map(|block| (block + 1).to_string()).collect();
        blocks.join(", ")
    };
    if !drift.drifted.is_empty() {
        points.push(format!(
            "The machine changed its speed within block {}.",
            numbers(&drift.drifted)
        ));
    }
    if !drift.left_out.is_empty() {
        points.push(format!(
            "Block {} was measured again and is left out.",
            numbers(&drift.left_out)
        ));
    }
    points
}

/// Everything about a run that is neither figure nor answer.
pub(crate) fn conditions(
    document: &Document,
    analysis: &Analysis<'_>,
) -> Vec<(&'static str, String)> {
    let run = &document.run;
    let host = &run.host;
    let mut facts = vec![
        ("Run", run.run_id.clone()),
        ("Status", status(run)),
        ("When", when(run)),
        ("Command line", run.argv.join(" ")),
        ("Tonnage", run.tool_version.clone()),
        ("CPU", host.cpu_model.clone()),
        (
            "CPUs",
            format!("{} usable of {} online", host.usable_cpus, host.online_cpus),
        ),
        (
            "Memory",
            tonnage_model::format_bytes(host.memory_kib as f64 * 1024.0),
        ),
        ("Kernel", host.kernel.clone()),
        ("Clock", host.clock_source.clone()),
        ("Isolation", isolation(document)),
        ("Pinning", sharing(document)),
        ("Trust", trust(document, analysis)),
        ("Seed", run.conditions.seed.to_string()),
        ("Trials", trials(document)),
    ];
    if let Some(budget) = run.conditions.budget_us {
        facts.push((
            "Budget",
            HumanDuration(std::time::Duration::from_micros(budget)).to_string(),
        ));
    }
    facts.extend(noise(document));
    facts.push((
        "Server",
        run.target.clone().map_or_else(
            || "a fresh one for each trial".to_owned(),
            |target| format!("{target}, started by somebody else"),
        ),
    ));
    facts.extend(cell_facts(document));
    let mut seeds: Vec<&str> = Vec::new();
    for rows in &document.study.published {
        if !seeds.contains(&rows.seed.as_str()) {
            seeds.push(&rows.seed);
        }
    }
    if !seeds.is_empty() {
        facts.push(("Published figures", format!("seed {}", seeds.join(", "))));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn isolation(document: &Document) -> String {
    let conditions = &document.run.conditions;
    match conditions.isolation_text.as_str() {
        "" => conditions.isolation.name().to_owned(),
        text => text.to_owned(),
    }
}

fn trials(document: &Document) -> String {
    let kinds = [
        TrialKind::Measure,
        TrialKind::Duplicate,
        TrialKind::Reference,
        TrialKind::Search,
    ];
    let counts = kinds.map(|kind| {
        let of_kind = document.trials.iter().filter(|trial| trial.kind == kind);
        (kind.name(), of_kind.count())
    });
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = counts
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    parts.join(", ")
}

/// What the look at the machine before the run found, with its figures.
fn noise(document: &Document) -> Option<(&'static str, String)> {
    let noise = document.run.conditions.noise.as_ref()?;
    let mut parts = vec![
        format!("grade {:?}", noise.grade),
        format!(
            "equal work varies by {}, at worst {} longer",
            percent(noise.spin_variation),
            percent(noise.spin_worst)
        ),
    ];
    parts.extend(
        noise
            .steal_share
            .map(|share| format!("steal {}", percent(share))),
    );
    parts.extend(
        noise
            .load_average
            .map(|load| format!("load average {}", format_significant(load, 2))),
    );
    parts.extend(
        noise
            .cpu_pressure
            .map(|share| format!("CPU pressure {}", percent(share))),
    );
    parts.extend(noise.ceiling_rps.map(|rps| {
        format!(
            "the generator reaches {} responses/s",
            format_significant(rps, 3)
        )
    }));
    Some(("Noise", parts.join(", ")))
}

/// Every value that a factor had in the run, and what sent the load.
fn cell_facts(document: &Document) -> Vec<(&'static str, String)> {
    let measured = || {
        document
            .trials
            .iter()
            .filter(|trial| trial.kind == TrialKind::Measure)
    };
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in measured().flat_map(|trial| factors(&trial.cell)) {
        let known = values.entry(name).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }
    let factors = values
        .iter()
        .map(|(name, values)| format!("{name}={}", values.join(",")));
    let mut facts = vec![("Factors", factors.collect::<Vec<_>>().join(" "))];
    let mut locks: Vec<&str> = measured().map(|trial| trial.cell.lock.as_str()).collect();
    locks.retain(|lock| !lock.is_empty());
    locks.sort_unstable();
    locks.dedup();
    facts.push(("Locked environments", locks.join(", ")));
    if let Some(load) = document.trials.iter().find_map(|trial| trial.load.as_ref()) {
        facts.push((
            "Load",
            format!(
                "{} ({}, {}), windows of {}",
                load.generator.version,
                load.generator.engine,
                counted(u64::from(load.generator.threads), "thread"),
                duration((load.window_us + 500) / 1000 * 1000),
            ),
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_seed_is_named_once_though_several_of_its_rows_are_wanted() {
        let mut document = fixture::published();
        let rows = document.study.published[0].clone();
        document.study.published.push(rows);
        let facts = conditions(&document, &document.analysis());
        let seeds = facts.iter().find(|(name, _)| *name == "Published figures");
        assert_eq!(seeds.unwrap().1, "seed 004");
    }
}
