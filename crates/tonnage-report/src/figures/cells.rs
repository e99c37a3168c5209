//! Bars: the compared figure of each cell, and published figures beside ours.

use std::collections::BTreeSet;

use tonnage_analysis::{
    Analysis, CellView, Contest, Ours, PublishedRow, Standing, Unranked, interval_text, unit,
};

use super::{Figure, slug};
use crate::Document;
use crate::chart::{Bar, Bars, Drawing};
use crate::content::{Otherwise, brief};
use crate::figure::{long_name, percent, short};

/// More bars than this are cut in the middle.
const MAX_BARS: usize = 40;

/// More charts of this kind are a flood; the tables have every contest.
const MAX_CONTESTS: usize = 6;

/// One chart for each contest with more than one cell. Where there are ladders, only
/// their peaks: the steps have a chart of their own.
pub(super) fn contests(document: &Document, analysis: &Analysis<'_>) -> Vec<Figure> {
    let peaks_alone = analysis.contests.iter().any(|contest| contest.of_peaks);
    let shown = analysis
        .contests
        .iter()
        .filter(|contest| contest.of_peaks || !peaks_alone)
        .filter(|contest| contest.ranked.len() + contest.unranked.len() > 1)
        .take(MAX_CONTESTS);
    let mut names = BTreeSet::new();
    shown
        .map(|contest| {
            let mut name = match slug(&contest.label) {
                label if label.is_empty() => "cells".to_owned(),
                label => format!("cells-{label}"),
            };
            while !names.insert(name.clone()) {
                name.push_str("-more");
            }
            contest_figure(document, analysis, contest, &name)
        })
        .collect()
}

fn contest_figure(
    document: &Document,
    analysis: &Analysis<'_>,
    contest: &Contest,
    name: &str,
) -> Figure {
    let published = |cell: usize| {
        let of_cell = |row: &&PublishedRow| row.cell == Some(cell) && row.figure == contest.figure;
        analysis
            .published
            .iter()
            .find(of_cell)
            .map(|row| row.published)
    };
    let mut rows = Vec::new();
    for (cell, rank) in &contest.ranked {
        let view = &analysis.cells[*cell];
        rows.push(Bar {
            published: published(*cell),
            ..bar(view, contest, standing(view, rank.standing), false)
        });
    }
    for (cell, why) in &contest.unranked {
        let view = &analysis.cells[*cell];
        let why = match why {
            Unranked::GeneratorBound(_) => "generator-bound".to_owned(),
            Unranked::Nothing(why) => brief(why),
            Unranked::NoContest => String::new(),
        };
        rows.push(Bar {
            published: published(*cell),
            ..bar(view, contest, why, true)
        });
    }
    let cut = rows.len().saturating_sub(MAX_BARS);
    if cut > 0 {
        rows.drain(MAX_BARS / 2..MAX_BARS / 2 + cut);
    }
    let cut = if cut > 0 {
        format!(" {cut} cells in the middle are left out; the table has them.")
    } else {
        String::new()
    };
    let of = if contest.label.is_empty() {
        String::new()
    } else {
        format!(", {}", contest.label)
    };
    let title = format!(
        "{}: {}{of}",
        document.study.title,
        long_name(&contest.figure)
    );
    let caption = format!(
        "The {} of each cell, best first, with its 95 % interval over blocks. “≈ best” cannot be told from the best.{cut}",
        long_name(&contest.figure)
    );
    let drawing = Drawing::Bars(Bars {
        title,
        x_title: long_name(&contest.figure),
        unit: unit(&contest.figure),
        rows,
        line: None,
    });
    Figure::new(name, caption, drawing)
}

fn standing(view: &CellView<'_>, standing: Standing) -> String {
    match standing {
        Standing::Best => "best".to_owned(),
        Standing::AlikeBest => "≈ best".to_owned(),
        Standing::Worse | Standing::TooFew => String::new(),
        Standing::SurvivorsBias => format!("{} lost", percent(view.lost_share())),
    }
}

fn bar(view: &CellView<'_>, contest: &Contest, note: String, doubtful: bool) -> Bar {
    let interval = view.interval(&contest.figure);
    let known = interval.filter(|found| found.blocks > 1 && found.high.is_finite());
    let figure = interval.map(|found| match known {
        Some(known) => interval_text(&known),
        None => short(&contest.figure, found.estimate),
    });
    let note = match (figure, note.is_empty()) {
        (Some(figure), true) => figure,
        (Some(figure), false) => format!("{figure} {note}"),
        (None, true) => "not measured".to_owned(),
        (None, false) => note,
    };
    Bar {
        label: untitled(view, &contest.label),
        value: interval.map(|found| found.estimate),
        interval: known.map(|known| (known.low, known.high)),
        published: None,
        note,
        doubtful: doubtful || view.has_survivors_bias(),
    }
}

/// The name of a cell without the factors that the chart's title has already: these are
/// the same in all its bars.
fn untitled(view: &CellView<'_>, title: &str) -> String {
    let padded = |text: &str| format!(" {text} ");
    let (title, mut name) = (padded(title), padded(view.name()));
    for (factor, value) in tonnage_analysis::factors(view.cell) {
        let told = match factor.as_str() {
            "configuration" | "stack" => continue,
            "workload" => padded(&value),
            _ => padded(&format!("{factor}={value}")),
        };
        // A configuration comes first in a name, and may have the workload's in its own.
        if let Some(at) = name.rfind(&told).filter(|_| title.contains(&told)) {
            name.replace_range(at..at + told.len(), " ");
        }
    }
    match name.trim() {
        "" => view.name().to_owned(),
        name => name.to_owned(),
    }
}

/// Ours ÷ published for each row that has both, of one figure.
pub(super) fn published(document: &Document, analysis: &Analysis<'_>) -> Option<Figure> {
    let compared = analysis
        .contests
        .first()
        .map(|contest| contest.figure.as_str());
    let has = |name: &str| {
        let mut rows = analysis.published.iter();
        rows.any(|row| row.figure == name && row.ratio.is_some())
    };
    let first = analysis.published.iter().find(|row| row.ratio.is_some());
    let name = compared
        .filter(|name| has(name))
        .or_else(|| first.map(|row| row.figure.as_str()))?;
    let all = analysis.published.iter().filter(|row| row.figure == name);
    let rows: Vec<Bar> = all
        .filter_map(|row| ratio_bar(analysis, row))
        .take(MAX_BARS)
        .collect();
    (rows.len() > 1).then(|| {
        let drawing = Drawing::Bars(Bars {
            title: format!(
                "{}: ours ÷ published, {}",
                document.study.title,
                long_name(name)
            ),
            x_title: "ours ÷ published".to_owned(),
            unit: "",
            rows,
            line: Some(1.0),
        });
        let mut caption = format!(
            "The {} that we measured as a multiple of what was published, with its 95 % interval. At the dashed line both are the same.",
            long_name(name)
        );
        let rows = analysis.published.iter();
        let seeds: BTreeSet<&str> = rows.map(|row| row.seed.as_str()).collect();
        let otherwise = |seed| Otherwise::of(document, analysis, seed).sentence();
        let sentences: BTreeSet<String> = seeds.into_iter().filter_map(otherwise).collect();
        for sentence in sentences {
            caption.push(' ');
            caption.push_str(&sentence);
        }
        Figure::new("published", caption, drawing)
    })
}

fn ratio_bar(analysis: &Analysis<'_>, row: &PublishedRow) -> Option<Bar> {
    let ratio = row.ratio?;
    let Ours::Measured(ours) = row.ours else {
        return None;
    };
    let known = ratio.blocks > 1 && ratio.high.is_finite();
    let label = row.cell.map(|cell| analysis.cells[cell].label.clone());
    Some(Bar {
        label: label
            .filter(|label| !label.is_empty())
            .unwrap_or_else(|| row.row.clone()),
        value: Some(ratio.estimate),
        interval: known.then_some((ratio.low, ratio.high)),
        published: None,
        note: format!(
            "{} ({} | {})",
            tonnage_model::format_significant(ratio.estimate, 3),
            short(&row.figure, row.published),
            short(&row.figure, ours.estimate)
        ),
        doubtful: row
            .cell
            .is_some_and(|cell| analysis.cells[cell].has_survivors_bias()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn names_of_bars_leave_out_what_the_title_says() {
        let mut document = fixture::zoo();
        for (index, trial) in document.trials.iter_mut().enumerate() {
            trial.cell.keepalive = index % 2 == 0;
        }
        let analysis = document.analysis();
        let view = &analysis.cells[0];
        assert!(view.name().contains("keepalive="), "{}", view.name());
        let kept = format!("keepalive={}", view.cell.keepalive);
        let name = untitled(view, &kept);
        assert_eq!(format!("{name} {kept}"), view.name());
        assert_eq!(untitled(view, "keepalive=unknown"), view.name());
        assert_eq!(untitled(view, view.name()), "dev single");
    }
}
