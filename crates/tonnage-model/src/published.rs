//! Figures that others published, kept as data beside ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One published figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedFigure {
    /// The study it comes from, `000` to `004`.
    pub seed: String,
    /// The row of its table, such as `vus=4`.
    pub row: String,
    /// The column, such as `rps`.
    pub metric: String,
    /// The figure as printed, except that durations are in milliseconds.
    pub value: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// Conditions worth knowing; may be empty.
    pub note: String,
}

/// A file of published figures that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("published figures: {0}")]
pub struct PublishedError(#[from] csv::Error);

/// Reads a CSV file with the columns seed, row, metric, value, unit, note.
pub fn parse_published(text: &str) -> Result<Vec<PublishedFigure>, PublishedError> {
    // A header and short rows: trailing empty notes are left out in places.
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut figures = Vec::new();
    for record in reader.records() {
        let record = record?;
        let field = |index: usize| record.get(index).unwrap_or_default().to_owned();
        figures.push(PublishedFigure {
            seed: field(0),
            row: field(1),
            metric: field(2),
            value: field(3),
            unit: field(4),
            note: field(5),
        });
    }
    Ok(figures)
}

impl PublishedFigure {
    /// The value as a number, where it is one.
    pub fn number(&self) -> Option<f64> {
        self.value.parse().ok()
    }

    /// The figures of one seed as row → metric → number.
    pub fn by_row<'a>(
        figures: &'a [Self],
        seed: &str,
    ) -> BTreeMap<&'a str, BTreeMap<&'a str, f64>> {
        let mut rows: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
        for figure in figures.iter().filter(|figure| figure.seed == seed) {
            if let Some(number) = figure.number() {
                rows.entry(&figure.row)
                    .or_default()
                    .insert(&figure.metric, number);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_may_lack_their_note() {
        let text =
            "seed,row,metric,value,unit,note\n004,vus=1,rps,69.5,req/s,\n004,vus=1,p95,14.25,ms\n";
        let figures = parse_published(text).unwrap();
        let rows = PublishedFigure::by_row(&figures, "004");
        assert!((rows["vus=1"]["rps"] - 69.5).abs() < 1e-9);
        assert!((rows["vus=1"]["p95"] - 14.25).abs() < 1e-9);
    }
}
