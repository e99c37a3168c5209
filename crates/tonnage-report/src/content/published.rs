//! Published figures beside ours.

use tonnage_analysis::{Analysis, Ours, PublishedRow, ratio_text};
use tonnage_model::format_significant;

use super::Otherwise;
use super::cells::interval_of;
use crate::Document;
use crate::figure::{short, with_unit};
use crate::table::{Field, Table};

/// Published beside ours, one table for each seed.
pub(crate) fn published_tables(document: &Document, analysis: &Analysis<'_>) -> Vec<Table> {
    let mut tables: Vec<(String, Table)> = Vec::new();
    let mut otherwise = Otherwise::default();
    let mut previous = String::new();
    for published in &analysis.published {
        if tables
            .last()
            .is_none_or(|(seed, _)| *seed != published.seed)
        {
            let title = format!("Seed {}", published.seed);
            otherwise = Otherwise::of(document, analysis, &published.seed);
            let mut table = Table::new(
                &title,
                &["<row", "<figure", "published", "ours, 95 %", "ratio"],
            );
            table.notes.extend(otherwise.sentence());
            tables.push((published.seed.clone(), table));
            previous.clear();
        }
        let name = if previous == published.row {
            String::new()
        } else {
            published.row.clone()
        };
        previous.clone_from(&published.row);
        if let Some((_, table)) = tables.last_mut() {
            let (cells, bad) = published_row(published, name, otherwise.has_ratio(published));
            table.push(cells, bad);
        }
    }
    tables.into_iter().map(|(_, table)| table).collect()
}

fn published_row(row: &PublishedRow, name: String, has_ratio: bool) -> (Vec<Field>, bool) {
    let (ours, bad) = match &row.ours {
        Ours::Measured(interval) => (Field::new(interval_of(&row.figure, interval)), false),
        Ours::Unsupported => {
            let reason = "the sample does not support it, or it is not counted here";
            (Field::or(None, crate::figure::NOT_AVAILABLE, reason), false)
        }
        Ours::Failed(why) => (Field::or(None, "failed", why.clone()), true),
        Ours::NotReached => (Field::or(None, "–", "no cell of this run is it"), false),
    };
    let ratio = row.ratio.as_ref().filter(|_| has_ratio).map(|ratio| {
        if ratio.blocks > 1 && ratio.high.is_finite() {
            ratio_text(ratio)
        } else {
            format_significant(ratio.estimate, 3)
        }
    });
    let no_ratio = if has_ratio {
        "one of both is missing, or zero was published"
    } else {
        "counted over another window or other work"
    };
    let cells = vec![
        Field {
            text: name,
            hint: row.note.clone(),
        },
        Field::new(with_unit(&row.figure)),
        Field::new(short(&row.figure, row.published)),
        ours,
        Field::or(ratio, "–", no_ratio),
    ];
    (cells, bad)
}
