//! Ladders as tables: what each number of clients gained, and where it ends.

use tonnage_analysis::{Analysis, LadderView, ratio_text};
use tonnage_model::format_significant;

use super::cells::{figure_field, interval_of};
use super::failed;
use crate::table::{Field, Table};

/// A table for each ladder.
pub(crate) fn ladder_tables(analysis: &Analysis<'_>) -> Vec<Table> {
    analysis
        .ladders
        .iter()
        .map(|ladder| ladder_table(analysis, ladder))
        .collect()
}

fn ladder_table(analysis: &Analysis<'_>, ladder: &LadderView) -> Table {
    let mut table = Table::new(
        &ladder.label,
        &[
            "clients",
            "n",
            "rps, 95 %",
            "gain of doubling",
            "p50 (ms)",
            "p95 (ms)",
            "failed",
            "<why",
        ],
    );
    for (index, step) in ladder.steps.iter().enumerate() {
        let view = &analysis.cells[step.cell];
        let rps = step.rps.map(|rps| interval_of("rps", &rps));
        let doubling = ladder
            .doublings
            .iter()
            .find(|found| found.clients * 2 == step.clients);
        let gain = doubling.map(|found| {
            if found.ratio.blocks > 1 && found.ratio.high.is_finite() {
                format!("× {}", ratio_text(&found.ratio))
            } else {
                format!("× {}", format_significant(found.ratio.estimate, 3))
            }
        });
        let why = if view.counts {
            super::why(view)
        } else {
            super::brief(&super::excluded(view))
        };
        table.push(
            vec![
                Field::new(step.clients.to_string()),
                Field {
                    text: super::blocks(view),
                    hint: super::excluded(view),
                },
                Field::or(rps, "–", super::excluded(view)),
                Field::new(gain.unwrap_or_default()),
                figure_field(view, "p50_ms"),
                figure_field(view, "p95_ms"),
                Field::new(failed(view)),
                Field::new(why),
            ],
            !view.counts || view.has_survivors_bias(),
        );
        let is_peak = ladder.peak == Some(index);
        if let Some(row) = table.rows.last_mut().filter(|_| is_peak) {
            row.cells[0].text.push_str(" peak");
        }
    }
    table.notes.extend(sentences(ladder));
    table.compact()
}

/// What follows from a ladder: knees, bounds and the law.
pub(crate) fn sentences(ladder: &LadderView) -> Vec<String> {
    let mut sentences = Vec::new();
    let text = |value: f64| format_significant(value, 3);
    let knee = |low: f64, estimate: f64, high: f64| {
        if high.is_infinite() && low <= 1.0 {
            // Nothing is known of its bounds.
            return text(estimate);
        }
        let high = if high.is_finite() {
            text(high)
        } else {
            "∞".to_owned()
        };
        format!("{} ({}–{high})", text(estimate), text(low))
    };
    if let Some(found) = &ladder.knee.by_doubling {
        sentences.push(format!(
            "From {} clients on, doubling them gains less than 5 %.",
            knee(found.low, found.estimate, found.high)
        ));
    }
    if let Some((found, bounds)) = ladder.knee.by_bounds.as_ref().zip(ladder.bounds) {
        sentences.push(format!(
            "The knee by asymptotic bounds is at {} clients: D = {} ms, Xmax = {} requests/s, {} effective servers.",
            knee(found.low, found.estimate, found.high),
            text(bounds.demand_s * 1e3),
            text(bounds.peak_rps),
            text(bounds.effective_servers())
        ));
    }
    match &ladder.usl {
        Ok(band) => {
            let usl = &band.usl;
            let peak = band.peak.as_ref().map_or_else(
                || "without a peak".to_owned(),
                |peak| {
                    format!(
                        "peak at {} clients",
                        knee(peak.low, peak.estimate, peak.high)
                    )
                },
            );
            sentences.push(format!(
                "Universal Scalability Law: λ = {}, σ = {}, κ = {}, {peak}.",
                text(usl.lambda),
                text(usl.sigma),
                text(usl.kappa)
            ));
        }
        Err(why) => sentences.push(format!("No Universal Scalability Law: {why}.")),
    }
    sentences
}
