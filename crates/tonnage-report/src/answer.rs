//! The answer in words: the headline, why each ladder ended, the knee, and the
//! notes without which the figures would promise more than they hold.

use tonnage_model::{LoadReport, Study, format_significant};

use crate::figure::{counted, percent};
use crate::{Document, LadderView, ladders};

/// A generator thread busier than this share of a CPU may limit the result
/// (docs of `Generator::busiest_thread_cpu_share`).
pub(crate) const BUSY_SHARE: f64 = 0.8;

/// A residual of Little's law above this means that users, rate and times do not
/// belong together (DESIGN.md, "Verdict").
pub(crate) const LITTLE_LIMIT: f64 = 0.03;

/// The study's short answer: its title and the best throughput.
pub fn headline(document: &Document) -> String {
    let title = &document.study.title;
    let ladders = ladders(document);
    let best = best_ladder(&ladders);
    let Some((ladder, peak)) = best else {
        return format!("{title}: nothing measured");
    };
    let rps = format_significant(peak, 3);
    if !ladder.label.is_empty() {
        return format!("{title}: best {rps} requests/s, with {}", ladder.label);
    }
    match ladder.bounds {
        Some(bounds) if ladder.points.len() > 1 => {
            format!(
                "{title}: {rps} requests/s, knee at {:.1} clients",
                bounds.knee_clients()
            )
        }
        _ => format!("{title}: {rps} requests/s with {}", peak_clients(ladder)),
    }
}

/// The ladder with the largest goodput, and that goodput in requests per second.
pub(crate) fn best_ladder<'a, 'b>(
    ladders: &'b [LadderView<'a>],
) -> Option<(&'b LadderView<'a>, f64)> {
    ladders
        .iter()
        .filter_map(|ladder| Some((ladder, ladder.peak()?.goodput_rps)))
        .reduce(|best, other| if other.1 > best.1 { other } else { best })
}

fn peak_clients(ladder: &LadderView<'_>) -> String {
    let clients = ladder.peak().map_or(0, |peak| peak.clients);
    counted(u64::from(clients), "client")
}

/// One sentence for each ladder: peak goodput, knee, and why it stopped.
pub(crate) fn ladder_answer(ladder: &LadderView<'_>) -> String {
    let name = if ladder.label.is_empty() {
        String::new()
    } else {
        format!("{}: ", ladder.label)
    };
    let Some((peak, bounds)) = ladder.peak().zip(ladder.bounds) else {
        return format!("{name}No step was measured. Why it ended: {}.", ladder.end);
    };
    let knee = if ladder.points.len() > 1 {
        format!(
            ", the knee by asymptotic bounds is at {:.1} clients",
            bounds.knee_clients()
        )
    } else {
        String::new()
    };
    format!(
        "{name}At most {} requests/s succeeded, with {}{knee}. Why it ended: {}.",
        format_significant(peak.goodput_rps, 4),
        peak_clients(ladder),
        ladder.end,
    )
}

/// The knee in one sentence, published beside ours; `None` where neither is known.
pub(crate) fn knee_sentence(ladder: &LadderView<'_>) -> Option<String> {
    let published = ladder
        .published_bounds
        .map(|b| format!("{:.1}", b.knee_clients()));
    let ours = ladder.bounds.map(|b| format!("{:.1}", b.knee_clients()));
    let figures = match (published, ours) {
        (Some(published), Some(ours)) => format!("published {published}, ours {ours}"),
        (Some(published), None) => format!("published {published}, ours none"),
        (None, Some(ours)) => ours,
        (None, None) => return None,
    };
    Some(format!("The knee by asymptotic bounds: {figures} clients."))
}

/// What a reader must know to judge the figures, most important first.
pub fn notes(document: &Document) -> Vec<String> {
    let loads: Vec<&LoadReport> = document
        .trials
        .iter()
        .filter_map(|t| t.measured())
        .collect();
    let mut notes = Vec::new();
    if let Some(note) = generator_note(&loads) {
        notes.push(note);
    }
    notes.push(machine_note(document));
    notes.extend(little_note(&loads));
    notes.extend(failure_notes(document, &loads));
    if document.run.quick {
        notes.push(
            "This is the study's quick form: shorter windows and fewer steps than it was made for."
                .to_owned(),
        );
    }
    notes.extend(demand_notes(document));
    notes.extend(percentile_note(document));
    notes
}

fn generator_note(loads: &[&LoadReport]) -> Option<String> {
    let share = loads
        .iter()
        .map(|load| load.generator.busiest_thread_cpu_share)
        .reduce(f64::max)?;
    let verdict = if share > BUSY_SHARE {
        ". Above 80 % the generator may be what limited the result"
    } else {
        ""
    };
    Some(format!(
        "The generator's busiest thread used at most {} of one CPU{verdict}.",
        percent(share)
    ))
}

fn machine_note(document: &Document) -> String {
    match &document.run.target {
        Some(target) => format!(
            "The server at {target} was started by somebody else: its workers, versions and machine are not known here."
        ),
        None => format!(
            "Generator and server shared the same {}: what one used, the other lacked.",
            counted(document.run.host.usable_cpus as u64, "CPU")
        ),
    }
}

fn little_note(loads: &[&LoadReport]) -> Option<String> {
    let largest = loads
        .iter()
        .filter_map(|load| load.generator.little_residual)
        .reduce(f64::max)
        .filter(|residual| *residual > LITTLE_LIMIT)?;
    Some(format!(
        "Clients, rate and response time are up to {} apart from Little's law; above 3 % one of them is wrong.",
        percent(largest)
    ))
}

fn failure_notes(document: &Document, loads: &[&LoadReport]) -> Vec<String> {
    let mut notes = Vec::new();
    let failed: u64 = loads.iter().map(|load| load.counts.failed).sum();
    if failed > 0 {
        notes.push(format!(
            "{} failed. Failures count neither as throughput nor in the latencies.",
            counted(failed, "request")
        ));
    }
    let unmeasured = document.trials.len() - loads.len();
    if unmeasured > 0 {
        notes.push(format!(
            "{} could not be measured to the end.",
            counted(unmeasured as u64, "trial")
        ));
    }
    notes
}

fn demand_notes(document: &Document) -> Vec<String> {
    let mut notes: Vec<String> = ladders(document)
        .iter()
        .filter_map(|ladder| Some((ladder, ladder.bounds?)))
        .filter(|(_, bounds)| bounds.smallest_clients > 1)
        .map(|(ladder, bounds)| {
            let of = if ladder.label.is_empty() {
                String::new()
            } else {
                format!(" of {}", ladder.label)
            };
            format!(
                "The demand D{of} was taken at {} clients, the fewest measured: requests may already wait there, and D and the knee come out too large.",
                bounds.smallest_clients
            )
        })
        .collect();
    notes.dedup();
    notes
}

fn percentile_note(document: &Document) -> Option<String> {
    let missing = document
        .trials
        .iter()
        .filter_map(|t| t.measured())
        .any(|load| {
            load.service_time
                .percentiles
                .iter()
                .any(|p| p.value_us.is_none())
        });
    missing.then(|| {
        format!(
            "A percentile is n/a where fewer than {} samples lie beyond it.",
            tonnage_model::MIN_TAIL_SAMPLES
        )
    })
}

/// How p95 grows from the fewest clients to the most, as a headline.
pub(crate) fn latency_headline(study: &Study, ladders: &[LadderView<'_>]) -> String {
    let title = &study.title;
    let Some((ladder, _)) = best_ladder(ladders) else {
        return format!("{title}: nothing measured");
    };
    let curve = crate::ladder::curve(ladder, "p95_ms");
    let at = |(clients, ms): &(u32, f64)| {
        format!(
            "{} ms with {}",
            format_significant(*ms, 3),
            counted(u64::from(*clients), "client")
        )
    };
    let with = if ladder.label.is_empty() {
        String::new()
    } else {
        format!(" ({})", ladder.label)
    };
    match (curve.first(), curve.last()) {
        (Some(first), Some(last)) if first.0 != last.0 => {
            format!("{title}: p95 {}, {}{with}", at(first), at(last))
        }
        (Some(only), _) => format!("{title}: p95 {}{with}", at(only)),
        _ => format!("{title}: too few requests for a p95"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use insta::assert_snapshot;

    #[test]
    fn the_headline_is_the_answer() {
        assert_snapshot!(headline(&fixture::published()), @"Flask behind 2n+1 gunicorn sync workers: 402 requests/s, knee at 2.1 clients");
        assert_snapshot!(headline(&fixture::several()), @"Flask behind 2n+1 gunicorn sync workers: best 380 requests/s, with workers=5");
        assert_snapshot!(headline(&fixture::single()), @"Flask behind 2n+1 gunicorn sync workers: 192 requests/s with 1 client");
        assert_snapshot!(headline(&fixture::empty()), @"Flask behind 2n+1 gunicorn sync workers: nothing measured");
    }

    #[test]
    fn the_notes_hide_nothing() {
        assert_snapshot!(notes(&fixture::failed()).join("\n"), @r"
        The generator's busiest thread used at most 0.8 % of one CPU.
        Generator and server shared the same 2 CPUs: what one used, the other lacked.
        1 trial could not be measured to the end.
        A percentile is n/a where fewer than 10 samples lie beyond it.
        ");
    }

    #[test]
    fn a_busy_generator_and_a_broken_law_are_named() {
        let mut document = fixture::single();
        let load = document.trials[0].load.as_mut().unwrap();
        load.generator.busiest_thread_cpu_share = 0.93;
        load.generator.little_residual = Some(0.071);
        document.run.target = Some("http://10.0.0.7:8000".to_owned());
        assert_snapshot!(notes(&document).join("\n"), @r"
        The generator's busiest thread used at most 93 % of one CPU. Above 80 % the generator may be what limited the result.
        The server at http://10.0.0.7:8000 was started by somebody else: its workers, versions and machine are not known here.
        Clients, rate and response time are up to 7.1 % apart from Little's law; above 3 % one of them is wrong.
        A percentile is n/a where fewer than 10 samples lie beyond it.
        ");
    }

    #[test]
    fn a_demand_taken_under_load_is_called_so() {
        let mut document = fixture::published();
        document.trials.remove(0);
        assert!(
            notes(&document)
                .iter()
                .any(|note| note.contains("taken at 2 clients"))
        );
    }
}
