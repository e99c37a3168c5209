//! Tables with a row for each cell: ranks and latencies.

use tonnage_analysis::{
    Analysis, CellView, Contest, Interval, Rank, Standing, Unranked, Versus, interval_text,
    ratio_text,
};
use tonnage_model::MIN_TAIL_SAMPLES;

use super::{blocks, brief, excluded, failed, upstream, why};
use crate::Document;
use crate::figure::{short, with_unit};
use crate::table::{Field, Table};

/// Percentiles of the table of latencies.
const PERCENTILES: [f64; 7] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];

/// The figure that a study compares.
fn compared(document: &Document) -> &str {
    let figure = document.study.show.figure.as_ref();
    figure.map_or("rps", |figure| figure.get_ref().as_str())
}

/// Each contest as a table, best first; cells that are in none follow. With `in_short`,
/// where there are ladders, only the contests of their peaks: their steps have tables of
/// their own.
pub(crate) fn cell_tables(
    document: &Document,
    analysis: &Analysis<'_>,
    in_short: bool,
) -> Vec<Table> {
    let peaks_alone = in_short && analysis.contests.iter().any(|contest| contest.of_peaks);
    let contests = analysis.contests.iter();
    let shown = contests.filter(|contest| contest.of_peaks || !peaks_alone);
    let mut tables: Vec<Table> = shown
        .map(|contest| contest_table(document, analysis, contest))
        .collect();
    let named = |cell: usize| {
        analysis.contests.iter().any(|contest| {
            contest.ranked.iter().any(|(known, _)| *known == cell)
                || contest.unranked.iter().any(|(known, _)| *known == cell)
        })
    };
    let others: Vec<usize> = (0..analysis.cells.len())
        .filter(|cell| !named(*cell))
        .collect();
    let on_ladders = |cell: &usize| {
        let mut ladders = analysis.ladders.iter();
        ladders.any(|ladder| ladder.steps.iter().any(|step| step.cell == *cell))
    };
    // Steps of a ladder have a table of their own.
    let others: Vec<usize> = others
        .into_iter()
        .filter(|cell| !on_ladders(cell))
        .collect();
    if !others.is_empty() {
        let mut table = empty(compared(document));
        let cells: Vec<_> = others.iter().map(|cell| &analysis.cells[*cell]).collect();
        table.notes.extend(upstream::sentence(document, &cells));
        for cell in others {
            let view = &analysis.cells[cell];
            table.push(
                row(view, compared(document), Field::default(), None),
                !view.counts,
            );
        }
        tables.push(table.compact());
    }
    tables
}

fn empty(figure: &str) -> Table {
    Table::new(
        "",
        &[
            "<cell",
            "n",
            &format!("{}, 95 %", with_unit(figure)),
            "to best",
            "?to reference",
            "failed",
            "?upstream calls",
            "<why",
        ],
    )
}

fn contest_table(document: &Document, analysis: &Analysis<'_>, contest: &Contest) -> Table {
    let mut table = Table {
        title: contest.label.clone(),
        ..empty(&contest.figure)
    };
    for (cell, rank) in &contest.ranked {
        let view = &analysis.cells[*cell];
        let bad = rank.standing == Standing::SurvivorsBias;
        table.push(
            row(
                view,
                &contest.figure,
                to_best(view, rank),
                rank.to_reference.as_ref(),
            ),
            bad,
        );
    }
    for (cell, reason) in &contest.unranked {
        let view = &analysis.cells[*cell];
        let (mark, reason) = match reason {
            Unranked::GeneratorBound(why) => ("generator-bound", why.clone()),
            Unranked::Nothing(why) => ("–", why.clone()),
            Unranked::NoContest => ("–", "there is no ranking".to_owned()),
        };
        let place = Field::or(None, mark, reason);
        table.push(row(view, &contest.figure, place, None), true);
    }
    if let Some(why) = &contest.no_ranking {
        table.notes.push(format!("No ranking: {why}."));
    }
    if contest.of_peaks {
        table
            .notes
            .push("Each cell is the peak of its ladder of clients.".to_owned());
    }
    let ranked = contest.ranked.iter().map(|(cell, _)| *cell);
    let unranked = contest.unranked.iter().map(|(cell, _)| *cell);
    let cells: Vec<_> = ranked
        .chain(unranked)
        .map(|cell| &analysis.cells[cell])
        .collect();
    table.notes.extend(upstream::sentence(document, &cells));
    table.compact()
}

fn to_best(view: &CellView<'_>, rank: &Rank) -> Field {
    let ratio = rank.to_best.as_ref().map(Versus::text);
    match rank.standing {
        Standing::Best => Field::new("best"),
        Standing::AlikeBest => {
            let ratio = rank
                .to_best
                .as_ref()
                .map(|versus| ratio_text(&versus.ratio));
            Field {
                text: "≈ best".to_owned(),
                hint: format!(
                    "cannot be told from the best: {}",
                    ratio.unwrap_or_default()
                ),
            }
        }
        Standing::Worse => Field::or(ratio, "worse", "shown to be worse than the best"),
        Standing::TooFew => Field {
            text: ratio.unwrap_or_else(|| "–".to_owned()),
            hint: "too few blocks to tell".to_owned(),
        },
        Standing::SurvivorsBias => Field {
            text: "failures".to_owned(),
            hint: view.bias_text().unwrap_or_default(),
        },
    }
}

fn row(
    view: &CellView<'_>,
    figure: &str,
    to_best: Field,
    to_reference: Option<&Versus>,
) -> Vec<Field> {
    let reason = excluded(view);
    let cause = why(view);
    // A cause says in few words what a reason may need a whole log for.
    let why = if view.counts || !cause.is_empty() {
        cause
    } else {
        brief(&reason)
    };
    vec![
        Field::new(view.name()),
        Field {
            text: blocks(view),
            hint: reason.clone(),
        },
        figure_field(view, figure),
        to_best,
        Field::new(
            to_reference
                .map(|versus| ratio_text(&versus.ratio))
                .unwrap_or_default(),
        ),
        Field::new(failed(view)),
        Field::new(upstream::counted(view)),
        Field {
            text: why,
            hint: if view.counts { String::new() } else { reason },
        },
    ]
}

/// A figure with its interval, or why there is none.
pub(super) fn figure_field(view: &CellView<'_>, figure: &str) -> Field {
    let interval = view
        .interval(figure)
        .map(|interval| interval_of(figure, &interval));
    if view.shown.is_empty() {
        return Field::or(interval, "–", "it was not measured");
    }
    Field::or(
        interval,
        crate::figure::NOT_AVAILABLE,
        format!("not counted here, or fewer than {MIN_TAIL_SAMPLES} samples lie beyond"),
    )
}

/// A figure with bounds where they are known, alone where they are not.
pub(crate) fn interval_of(figure: &str, interval: &Interval) -> String {
    if interval.blocks > 1 && interval.high.is_finite() && interval.high > interval.low {
        interval_text(interval)
    } else {
        short(figure, interval.estimate)
    }
}

/// Latencies of each cell, all blocks together.
pub(crate) fn latencies(analysis: &Analysis<'_>) -> Option<Table> {
    let mut columns = vec!["<cell".to_owned(), "successes".to_owned()];
    columns.extend(["min", "mean", "stdev"].map(str::to_owned));
    columns.extend(PERCENTILES.map(|percentile| {
        let optional = [75.0, 99.99].contains(&percentile);
        format!("{}p{percentile}", if optional { "?" } else { "" })
    }));
    columns.push("max".to_owned());
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("", &columns);
    for view in analysis.cells.iter().filter(|view| !view.shown.is_empty()) {
        let times = view.service_times();
        let ms = |us: Option<f64>| us.map(|us| short("mean_ms", us / 1e3));
        let mut row = vec![
            Field::new(view.name()),
            Field::new(crate::figure::grouped(view.succeeded())),
        ];
        row.extend(
            [times.min_us(), times.mean_us(), times.stdev_us()]
                .map(|us| Field::or(ms(us), crate::figure::NOT_AVAILABLE, "nothing succeeded")),
        );
        row.extend(PERCENTILES.map(|percentile| {
            let reason = format!(
                "{} of {} needed: fewer than {MIN_TAIL_SAMPLES} samples lie beyond",
                times.count(),
                crate::figure::grouped(crate::text::requests_needed(percentile))
            );
            Field::or(
                ms(times.percentile_us(percentile)),
                crate::figure::NOT_AVAILABLE,
                reason,
            )
        }));
        row.push(Field::or(
            ms(times.max_us()),
            crate::figure::NOT_AVAILABLE,
            "nothing succeeded",
        ));
        table.push(row, !view.counts);
    }
    table.notes.push("Service times in ms of the requests that succeeded, from the first byte sent to the last received, all blocks together.".to_owned());
    (!table.rows.is_empty()).then_some(table)
}
