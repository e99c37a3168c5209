//! The page of one load: a file without references to anything else, and the same
//! as a live page that takes its content from a stream of events. Who serves them
//! is not known here. The looks are in `templates/load*`.

mod tables;
#[cfg(test)]
mod tests;

use askama::Template;
use tonnage_model::{Level, LoadReport, MIN_TAIL_SAMPLES, format_significant};

use crate::chart::load_charts;
use crate::text::{answer, conditions, demand, verdict_line};
use tables::{Table, generator_facts, tables};

#[derive(Template)]
#[template(path = "load.html")]
struct Shell<'a> {
    title: &'a str,
    fragment: &'a str,
    live: bool,
}

#[derive(Template)]
#[template(path = "load_fragment.html")]
struct Fragment<'a> {
    /// `running` or `finished`: how the live page knows that no more will come.
    state: &'static str,
    answer: String,
    level: String,
    verdict: String,
    reasons: Vec<String>,
    demands: Vec<String>,
    conditions: String,
    charts: Vec<(&'static str, String)>,
    /// Why there are no charts; empty where there are.
    chart_problem: String,
    tables: Vec<Table>,
    facts: Vec<(&'static str, String)>,
    min_tail_samples: u64,
    version: &'a str,
}

/// The whole page of a load that has ended.
pub fn load_html(report: &LoadReport) -> String {
    let title = format!("{} {}", answer(report), report.request.url);
    shell(&title, &load_fragment(report, None), false)
}

/// A page that shows the fragments ([`load_fragment`]) which come as events from
/// `events`, relative to its own address, until one is of a load that has ended.
/// Each line of a fragment is a `data:` line of its event. The page offers to save
/// `report.html`, which the server must have meanwhile; after the end it saves what
/// it shows, without the server.
pub fn live_html(title: &str) -> String {
    shell(title, "<p>Waiting for the first figures …</p>", true)
}

/// The content of the page's `main` element. `running` is the time since the
/// window began, in seconds, where the load goes on and the report is partial.
pub fn load_fragment(report: &LoadReport, running: Option<f64>) -> String {
    let (charts, chart_problem) = match load_charts(report) {
        Ok(charts) => (charts.to_vec(), String::new()),
        Err(problem) => (Vec::new(), problem.to_string()),
    };
    let fragment = Fragment {
        state: if running.is_some() {
            "running"
        } else {
            "finished"
        },
        answer: answer(report),
        level: report.verdict.level.name().to_lowercase(),
        verdict: verdict(report, running),
        reasons: reasons(report),
        demands: report.assertions.iter().map(demand).collect(),
        conditions: conditions(report),
        charts,
        chart_problem,
        tables: tables(report),
        facts: generator_facts(report),
        min_tail_samples: MIN_TAIL_SAMPLES,
        version: &report.generator.version,
    };
    written(&fragment)
}

fn shell(title: &str, fragment: &str, live: bool) -> String {
    written(&Shell {
        title,
        fragment,
        live,
    })
}

/// Writing to memory fails only where a value's own formatting does; then the
/// reader sees what came before it.
fn written(template: &impl Template) -> String {
    template
        .render()
        .unwrap_or_else(|error| format!("<p>The page cannot be written: {error}.</p>"))
}

/// The verdict in a line. What still runs is not called VALID before its end.
fn verdict(report: &LoadReport, running: Option<f64>) -> String {
    match running {
        Some(seconds) => {
            let elapsed = format_significant(seconds.max(0.0), 3);
            let so_far = match report.verdict.level {
                Level::Valid => "nothing speaks against these figures so far".to_owned(),
                level => format!("{} so far", level.name()),
            };
            format!("Running for {elapsed} s: {so_far}.")
        }
        None => verdict_line(&report.verdict),
    }
}

fn reasons(report: &LoadReport) -> Vec<String> {
    let reasons = report.verdict.reasons.iter();
    reasons
        .map(|reason| format!("{}: {}", reason.level.name(), reason.text))
        .collect()
}
