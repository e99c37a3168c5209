//! The page of a run: one file without scripts or references to anything else,
//! so that it opens from disk, offline, in ten years. Its looks are in
//! `templates/report.html`.

use std::collections::BTreeMap;

use askama::Template;
use tonnage_model::{LoadReport, MIN_TAIL_SAMPLES, TrialOutcome, TrialRecord, format_significant};

use crate::answer::ladder_answer;
use crate::factors::{duration, factors};
use crate::figure::{counted, grouped, percent, short};
use crate::text::{bound_rows, outcome, requests_needed, status, when};
use crate::{
    Document, LadderView, ReportError, headline, ladders, latency_chart, notes, throughput_chart,
};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    question: &'a str,
    headline: String,
    answers: Vec<String>,
    throughput_svg: &'a str,
    latency_svg: &'a str,
    published: bool,
    comparisons: Vec<ComparisonTable>,
    trials: Vec<TrialRow>,
    conditions: Vec<(&'static str, String)>,
    notes: Vec<String>,
    tool_version: &'a str,
}

struct ComparisonTable {
    label: String,
    rows: Vec<ComparisonLine>,
    bounds: Vec<ComparisonLine>,
}

struct ComparisonLine {
    clients: String,
    figure: String,
    published: String,
    ours: String,
    /// Why `ours` is missing; empty where it is not.
    hint: &'static str,
    ratio: String,
}

struct TrialRow {
    position: u32,
    label: String,
    clients: u32,
    /// Empty where the trial was measured.
    problem: String,
    cells: Vec<Field>,
    failures: Vec<String>,
}

/// A figure of the table of trials, and why it is missing.
struct Field {
    text: String,
    hint: String,
}

/// The whole page of a run.
pub fn html(document: &Document) -> Result<String, ReportError> {
    let throughput = throughput_chart(document)?;
    let latency = latency_chart(document)?;
    html_with_charts(document, &throughput.svg, &latency.svg)
}

/// The page with charts that are drawn already.
pub(crate) fn html_with_charts(
    document: &Document,
    throughput_svg: &str,
    latency_svg: &str,
) -> Result<String, ReportError> {
    let ladders = ladders(document);
    let page = Page {
        question: &document.study.question,
        headline: headline(document),
        answers: ladders.iter().map(ladder_answer).collect(),
        throughput_svg,
        latency_svg,
        published: document.study.published.is_some(),
        comparisons: ladders.iter().map(comparison_table).collect(),
        trials: trial_rows(&ladders),
        conditions: conditions(document),
        notes: notes(document),
        tool_version: &document.run.tool_version,
    };
    Ok(page.render()?)
}

fn comparison_table(ladder: &LadderView<'_>) -> ComparisonTable {
    let rows = ladder.comparison.iter().map(|row| ComparisonLine {
        clients: row.clients.to_string(),
        figure: long_name(&row.figure),
        published: row.published_text(),
        ours: row.ours_text(),
        hint: row.ours.missing().unwrap_or_default(),
        ratio: row.ratio_text(),
    });
    let bounds = bound_rows(ladder);
    let bounds = bounds.iter().map(|row| ComparisonLine {
        clients: String::new(),
        figure: row.name.to_owned(),
        published: row.published_text(),
        ours: row.ours_text(),
        hint: "",
        ratio: row.ratio_text(),
    });
    ComparisonTable {
        label: ladder.label.clone(),
        rows: rows.collect(),
        bounds: bounds.collect(),
    }
}

/// A figure's name for people who do not know the studies' short ones.
fn long_name(figure: &str) -> String {
    match figure {
        "rps" => "goodput (req/s)".to_owned(),
        "failed" => "failed requests".to_owned(),
        "generator_cpu" => "generator CPU (share of one)".to_owned(),
        _ => crate::figure::heading(figure),
    }
}

fn trial_rows(ladders: &[LadderView<'_>]) -> Vec<TrialRow> {
    let rows = ladders
        .iter()
        .flat_map(|ladder| ladder.trials.iter().map(|trial| trial_row(ladder, trial)));
    let mut rows: Vec<TrialRow> = rows.collect();
    rows.sort_by_key(|row| row.position);
    rows
}

fn trial_row(ladder: &LadderView<'_>, trial: &TrialRecord) -> TrialRow {
    let problem = match (&trial.outcome, trial.measured()) {
        (TrialOutcome::Measured, Some(_)) => String::new(),
        _ => outcome(trial),
    };
    TrialRow {
        position: trial.position + 1,
        label: ladder.label.clone(),
        clients: trial.cell.clients,
        problem,
        cells: trial
            .measured()
            .map(|load| fields(trial, load))
            .unwrap_or_default(),
        failures: trial.measured().map(failures).unwrap_or_default(),
    }
}

/// The columns of the table of trials, as headed in the template.
fn fields(trial: &TrialRecord, load: &LoadReport) -> Vec<Field> {
    let plain = |text: String| Field {
        text,
        hint: String::new(),
    };
    let service = &load.service_time;
    let mut fields = vec![
        plain(short("rps", load.throughput.goodput_rps)),
        optional(
            service.mean_us.map(|us| short("mean_ms", us / 1e3)),
            "nothing succeeded",
        ),
    ];
    for percentile in [50.0, 95.0, 99.0, 99.9] {
        let value = service
            .percentile_us(percentile)
            .map(|us| short("ms", us / 1e3));
        let hint = format!(
            "{} of {} needed: fewer than {MIN_TAIL_SAMPLES} samples lie beyond p{percentile}",
            counted(service.count, "request"),
            grouped(requests_needed(percentile)),
        );
        fields.push(optional(value, &hint));
    }
    fields.push(optional(
        service.max_us.map(|us| short("max_ms", us / 1e3)),
        "nothing succeeded",
    ));
    fields.push(plain(grouped(load.counts.unfinished)));
    fields.push(plain(percent(load.generator.busiest_thread_cpu_share)));
    fields.push(optional(
        load.generator
            .cpu_us_per_response
            .map(|us| format_significant(us, 3)),
        "there was no response",
    ));
    fields.push(optional(
        load.generator.little_residual.map(percent),
        "nothing succeeded, or something failed",
    ));
    fields.push(optional(
        trial.boot_ms.map(|boot| boot.to_string()),
        "the server was started by somebody else",
    ));
    fields
}

fn optional(text: Option<String>, hint: &str) -> Field {
    match text {
        Some(text) => Field {
            text,
            hint: String::new(),
        },
        None => Field {
            text: crate::figure::NOT_AVAILABLE.to_owned(),
            hint: hint.to_owned(),
        },
    }
}

fn failures(load: &LoadReport) -> Vec<String> {
    load.failures
        .iter()
        .map(|f| {
            format!(
                "{} × {}: {}",
                f.phase.name(),
                f.cause.name(),
                grouped(f.count)
            )
        })
        .collect()
}

fn conditions(document: &Document) -> Vec<(&'static str, String)> {
    let run = &document.run;
    let host = &run.host;
    let mut conditions = vec![
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
        (
            "Server",
            run.target.clone().map_or_else(
                || "a fresh one for each trial".to_owned(),
                |target| format!("{target}, started by somebody else"),
            ),
        ),
    ];
    conditions.extend(cell_conditions(document));
    if let Some(published) = &document.study.published {
        conditions.push(("Published figures", format!("seed {}", published.seed)));
    }
    conditions
}

/// Every value that a factor had in the run, and what sent the load.
fn cell_conditions(document: &Document) -> Vec<(&'static str, String)> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in document
        .trials
        .iter()
        .flat_map(|trial| factors(&trial.cell))
    {
        let known = values.entry(name).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }
    let factors: Vec<String> = values
        .iter()
        .map(|(name, values)| format!("{name}={}", values.join(",")))
        .collect();
    let mut conditions = Vec::new();
    if !factors.is_empty() {
        conditions.push(("Factors", factors.join(" ")));
    }
    let mut locks: Vec<&str> = document
        .trials
        .iter()
        .map(|trial| trial.cell.lock.as_str())
        .filter(|lock| !lock.is_empty())
        .collect();
    locks.sort_unstable();
    locks.dedup();
    if !locks.is_empty() {
        conditions.push(("Locked environment", locks.join(", ")));
    }
    if let Some(load) = document.trials.iter().find_map(|trial| trial.load.as_ref()) {
        conditions.push((
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
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_page_refers_to_nothing_outside_itself() {
        for (name, document) in fixture::all() {
            let page = html(&document).unwrap();
            for word in [
                "src=", "href=", "url(", "@import", "<script", "<link", "<iframe",
            ] {
                assert!(!page.contains(word), "{name}: {word}");
            }
            assert!(page.trim_end().ends_with("</html>"), "{name}");
        }
    }

    #[test]
    fn the_answer_comes_before_the_charts() {
        let page = html(&fixture::published()).unwrap();
        let answer = page.find("requests/s succeeded").unwrap();
        assert!(answer < page.find("<svg").unwrap());
        assert!(page.contains("less than 5 %"));
    }

    #[test]
    fn what_records_contain_is_text_and_not_markup() {
        let mut document = fixture::several();
        let evil = "<script>alert(1)</script>".to_owned();
        document.trials[0]
            .cell
            .parameters
            .insert("iterations".to_owned(), evil.clone());
        document.trials[1].outcome = TrialOutcome::Failed(evil.clone());
        document.run.argv.push(evil.clone());
        document.run.reason = evil.clone();
        document.study.title = evil;
        let page = html(&document).unwrap();
        assert!(!page.contains("<script"));
        assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"));
    }

    #[test]
    fn failures_and_missing_percentiles_explain_themselves() {
        let page = html(&fixture::meagre()).unwrap();
        assert!(page.contains("wait × closed: 2"));
        assert!(page.contains("fewer than 10 samples lie beyond p95"));
        let page = html(&fixture::failed()).unwrap();
        assert!(page.contains("exited with status 3"));
    }
}
