//! What was searched and tested: hypotheses, the least memory, the largest rate.

use tonnage_analysis::{Analysis, Attempt};
use tonnage_model::{format_bytes, format_significant};

use crate::table::{Field, Table};

/// One sentence for each finding.
pub(crate) fn findings(analysis: &Analysis<'_>) -> Vec<String> {
    let named = |label: &str, text: &str| match label {
        "" => text.to_owned(),
        label => format!("{label}: {text}"),
    };
    let hypotheses = analysis
        .hypotheses
        .iter()
        .map(|found| named(&found.label, &found.text));
    let cliffs = analysis
        .memory
        .iter()
        .map(|found| named(&found.label, &found.text));
    let rates = analysis
        .rates
        .iter()
        .map(|found| named(&found.label, &found.text));
    hypotheses.chain(cliffs).chain(rates).collect()
}

/// What each search tried.
pub(crate) fn search_tables(analysis: &Analysis<'_>) -> Vec<Table> {
    let titled = |what: &str, label: &str| match label {
        "" => what.to_owned(),
        label => format!("{what}, {label}"),
    };
    let cliffs = analysis.memory.iter().map(|cliff| {
        let title = titled("Least memory", &cliff.label);
        attempts(&title, "memory", &cliff.attempts, format_bytes)
    });
    let rates = analysis.rates.iter().map(|found| {
        let title = titled(
            &format!("Largest rate with {}", found.objective),
            &found.label,
        );
        attempts(&title, "requests/s", &found.attempts, |rps| {
            format_significant(rps, 4)
        })
    });
    cliffs.chain(rates).collect()
}

fn attempts(title: &str, what: &str, attempts: &[Attempt], value: fn(f64) -> String) -> Table {
    let mut table = Table::new(title, &[what, "held", "did not", "<seen"]);
    for attempt in attempts {
        table.push(
            vec![
                Field::new(value(attempt.value)),
                Field::new(attempt.held.to_string()),
                Field::new(attempt.failed.to_string()),
                Field::new(attempt.seen.clone()),
            ],
            !attempt.holds(),
        );
    }
    table
}
