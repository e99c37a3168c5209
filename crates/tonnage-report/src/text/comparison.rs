//! The table that ends a study: published beside ours, the bounds, and the notes
//! that belong to them.

use tonnage_model::format_significant;

use super::{bullets, table, wrap};
use crate::answer::{knee_sentence, notes};
use crate::comparison::ratio_text;
use crate::figure::heading;
use crate::{Document, LadderView, ladders};

/// Published beside ours for every ladder, why it ended, its knee, and the notes;
/// lines of at most `width` columns (20 at least). Without published figures
/// the table is just ours.
pub fn comparison_text(document: &Document, width: usize) -> String {
    let mut text = String::new();
    let ladders = ladders(document);
    if ladders.is_empty() {
        text.push_str("Nothing was measured.\n\n");
    }
    for ladder in &ladders {
        if !ladder.label.is_empty() {
            text.push_str(&wrap("", &ladder.label, width, 0));
        }
        text.push_str(&ladder_table(document, ladder, width));
        text.push('\n');
        if let Some(sentence) = knee_sentence(ladder) {
            text.push_str(&wrap("", &sentence, width, 0));
        }
        text.push_str(&wrap(
            "Why it ended: ",
            &format!("{}.", ladder.end),
            width,
            0,
        ));
        text.push('\n');
    }
    text.push_str(&bullets(&notes(document), width));
    text
}

fn ladder_table(document: &Document, ladder: &LadderView<'_>, width: usize) -> String {
    let published = document.study.published.is_some();
    let mut rows = Vec::new();
    let mut previous = None;
    for row in &ladder.comparison {
        // The clients stand once, in front of their first figure.
        let clients = if previous == Some(row.clients) {
            String::new()
        } else {
            row.clients.to_string()
        };
        previous = Some(row.clients);
        let mut cells = vec![clients, heading(&row.figure)];
        if published {
            cells.push(row.published_text());
        }
        cells.push(row.ours_text());
        if published {
            cells.push(row.ratio_text());
        }
        rows.push(cells);
    }
    for bound in bound_rows(ladder) {
        let mut cells = vec![String::new(), bound.name.to_owned()];
        if published {
            cells.push(bound.published_text());
        }
        cells.push(bound.ours_text());
        if published {
            cells.push(bound.ratio_text());
        }
        rows.push(cells);
    }
    if published {
        table(
            &["vus", "figure", "published", "ours", "ratio"],
            rows,
            &[1],
            width,
        )
    } else {
        table(&["vus", "figure", "ours"], rows, &[1], width)
    }
}

/// One of the figures that follow from the asymptotic bounds.
pub(crate) struct BoundRow {
    /// Its name with its unit.
    pub(crate) name: &'static str,
    /// Of the published ladder.
    pub(crate) published: Option<f64>,
    /// Of ours.
    pub(crate) ours: Option<f64>,
}

impl BoundRow {
    pub(crate) fn published_text(&self) -> String {
        text_or_dash(self.published)
    }

    pub(crate) fn ours_text(&self) -> String {
        text_or_dash(self.ours)
    }

    pub(crate) fn ratio_text(&self) -> String {
        self.published.zip(self.ours).map_or_else(
            || "–".to_owned(),
            |(published, ours)| ratio_text(ours / published),
        )
    }
}

fn text_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format_significant(value, 4))
}

/// Demand, peak and knee, published and ours.
pub(crate) fn bound_rows(ladder: &LadderView<'_>) -> [BoundRow; 3] {
    let (published, ours) = (ladder.published_bounds, ladder.bounds);
    [
        BoundRow {
            name: "demand D (ms)",
            published: published.map(|b| b.demand_s * 1e3),
            ours: ours.map(|b| b.demand_s * 1e3),
        },
        BoundRow {
            name: "peak rps",
            published: published.map(|b| b.peak_rps),
            ours: ours.map(|b| b.peak_rps),
        },
        BoundRow {
            name: "knee (clients)",
            published: published.map(|b| b.knee_clients()),
            ours: ours.map(|b| b.knee_clients()),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use insta::assert_snapshot;

    #[test]
    fn published_and_ours_fit_sixty_columns() {
        assert_snapshot!(comparison_text(&fixture::published(), 60), @r"
        vus   figure           published    ours   ratio
        ─────────────────────────────────────────────────
          1   rps                  69.59   192.5    2.77
              p95 (ms)             14.25   10.40   0.730
              failed                   0       0       –
          2   rps                  133.7   371.2    2.78
              p95 (ms)             14.74   10.78   0.732
              failed                   0       0       –
          4   rps                  207.4   398.9    1.92
              p95 (ms)             28.29   20.07   0.709
              failed                   0       0       –
          8   rps                  279.6   402.2    1.44
              p95 (ms)             31.89   39.78    1.25
              failed                   0       0       –
         16   rps                  280.4       –       –
              p95 (ms)             82.85       –       –
              failed                   0       –       –
              demand D (ms)        14.37   5.195   0.361
              peak rps             280.4   402.2    1.43
              knee (clients)       4.030   2.090   0.519

        The knee by asymptotic bounds: published 4.0, ours 2.1
        clients.
        Why it ended: the newest step gained 0.8 %, less than 5 %.

        - The generator's busiest thread used at most 0.8 % of one
          CPU.
        - Generator and server shared the same 2 CPUs: what one
          used, the other lacked.
        - A percentile is n/a where fewer than 10 samples lie beyond
          it.
        ");
    }

    #[test]
    fn a_failed_step_and_steps_not_reached_are_rows() {
        assert_snapshot!(comparison_text(&fixture::failed(), 60), @r"
        vus   figure           published     ours   ratio
        ──────────────────────────────────────────────────
          1   rps                  69.59    192.5    2.77
              p95 (ms)             14.25    10.40   0.730
              failed                   0        0       –
          2   rps                  133.7    371.2    2.78
              p95 (ms)             14.74    10.78   0.732
              failed                   0        0       –
          4   rps                  207.4   failed       –
              p95 (ms)             28.29   failed       –
              failed                   0   failed       –
          8   rps                  279.6        –       –
              p95 (ms)             31.89        –       –
              failed                   0        –       –
         16   rps                  280.4        –       –
              p95 (ms)             82.85        –       –
              failed                   0        –       –
              demand D (ms)        14.37    5.195   0.361
              peak rps             280.4    371.2    1.32
              knee (clients)       4.030    1.929   0.479

        The knee by asymptotic bounds: published 4.0, ours 1.9
        clients.
        Why it ended: the step with 4 clients failed: the server
        exited with status 3 before it answered.

        - The generator's busiest thread used at most 0.8 % of one
          CPU.
        - Generator and server shared the same 2 CPUs: what one
          used, the other lacked.
        - 1 trial could not be measured to the end.
        - A percentile is n/a where fewer than 10 samples lie beyond
          it.
        ");
    }

    #[test]
    fn without_published_figures_the_table_is_ours() {
        assert_snapshot!(comparison_text(&fixture::unpublished(), 60), @r"
        vus   figure            ours
        ─────────────────────────────
          1   rps              192.5
              p95 (ms)         10.40
              failed               0
          2   rps              371.2
              p95 (ms)         10.78
              failed               0
          4   rps              398.9
              p95 (ms)         20.07
              failed               0
          8   rps              402.2
              p95 (ms)         39.78
              failed               0
              demand D (ms)    5.195
              peak rps         402.2
              knee (clients)   2.090

        The knee by asymptotic bounds: 2.1 clients.
        Why it ended: the newest step gained 0.8 %, less than 5 %.

        - The generator's busiest thread used at most 0.8 % of one
          CPU.
        - Generator and server shared the same 2 CPUs: what one
          used, the other lacked.
        - A percentile is n/a where fewer than 10 samples lie beyond
          it.
        ");
    }

    #[test]
    fn no_document_is_wider_than_asked() {
        for (name, document) in fixture::all() {
            for width in [40, 60, 100] {
                let text = comparison_text(&document, width);
                for line in text.lines() {
                    assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                }
            }
        }
    }
}
