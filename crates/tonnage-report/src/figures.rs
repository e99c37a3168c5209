//! The figures of a run: only those that its records support, each with a name for its
//! files, an answer above it and what one sees below it. How they are drawn is in
//! `chart`.

mod cells;
mod grid;
mod latency;
mod throughput;
mod usage;

use tonnage_analysis::{Analysis, CellView, larger_is_better};

use crate::Document;
use crate::chart::{Drawing, Series};

pub(crate) use grid::grid;

/// More curves than this hide each other.
pub(crate) const MAX_CURVES: usize = 20;

/// A figure of a run.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// The name of its files, of letters, digits and dashes.
    pub(crate) name: String,
    /// What one sees, and how to read it.
    pub(crate) caption: String,
    /// What is drawn.
    pub(crate) drawing: Drawing,
}

impl Figure {
    fn new(name: &str, caption: impl Into<String>, drawing: Drawing) -> Self {
        Self {
            name: name.to_owned(),
            caption: caption.into(),
            drawing,
        }
    }
}

/// Every figure that the run's records support, in the order in which a page has them.
pub(crate) fn figures(document: &Document, analysis: &Analysis<'_>) -> Vec<Figure> {
    let mut figures = cells::contests(document, analysis);
    figures.extend(throughput::figure(document, analysis));
    figures.extend(latency::over_clients(document, analysis));
    figures.extend(latency::distribution(document, analysis));
    figures.extend(grid::figures(document, analysis));
    figures.extend(cells::published(document, analysis));
    figures.extend(usage::memory(document, analysis));
    figures.extend(usage::cpu(document, analysis));
    figures.extend(usage::machine(analysis));
    figures
}

/// The cells that stand for all where there are more than `most`: the best and the
/// worst by the figure that is compared, in the order of cells; and a sentence that
/// says so.
fn chosen<'a, 'b>(
    analysis: &'b Analysis<'a>,
    wanted: impl Fn(&CellView<'a>) -> bool,
    most: usize,
) -> (Vec<&'b CellView<'a>>, String) {
    let better = larger_is_better(&analysis.figure);
    let figure = |index: &usize| {
        let values: Vec<f64> = analysis.cells[*index]
            .by_block(&analysis.figure)
            .into_values()
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // What has no figure is the worst, whichever way it is looked at.
        if values.is_empty() {
            f64::INFINITY
        } else if better {
            -mean
        } else {
            mean
        }
    };
    let mut order: Vec<usize> = (0..analysis.cells.len()).collect();
    order.retain(|index| wanted(&analysis.cells[*index]));
    order.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
    let all = order.len();
    if all > most {
        let worst = order.split_off(all - most / 2);
        order.truncate(most - most / 2);
        order.extend(worst);
    }
    order.sort_unstable();
    let note = if all > most {
        format!(" Of {all} cells the best and the worst {most} are drawn; the tables have all.")
    } else {
        String::new()
    };
    let cells = order.into_iter().map(|index| &analysis.cells[index]);
    (cells.collect(), note)
}

/// Numbers of clients that curves have points at, as ticks.
fn ticks(series: &[Series]) -> Vec<f64> {
    let mut ticks: Vec<f64> = series
        .iter()
        .filter(|series| !series.label.is_empty())
        .flat_map(|series| series.points.iter().map(|(clients, _)| *clients))
        .filter(|clients| clients.fract() == 0.0)
        .collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    ticks
}

/// Bounds as whiskers, where they are known.
fn whisker(x: f64, interval: &tonnage_analysis::Interval) -> Option<(f64, f64, f64)> {
    let known = interval.blocks > 1 && interval.low.is_finite() && interval.high.is_finite();
    known.then_some((x, interval.low, interval.high))
}

/// Letters, digits and dashes of a label: part of a file's name.
fn slug(label: &str) -> String {
    let mut slug = String::new();
    for letter in label.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(48);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Plot;
    use crate::fixture;

    fn curves(document: &Document, name: &str) -> (Plot, String) {
        let figures = figures(document, &document.analysis());
        let found = figures.into_iter().find(|figure| figure.name == name);
        let found = found.unwrap();
        match found.drawing {
            Drawing::Curves(plot) => (plot, found.caption),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn points<'a>(plot: &'a Plot, label: &str) -> &'a [(f64, f64)] {
        let found = plot.series.iter().find(|series| series.label == label);
        &found.unwrap().points
    }

    #[test]
    fn what_was_published_goes_on_where_our_ladder_ended() {
        let (plot, _) = curves(&fixture::published(), "throughput");
        let theirs: Vec<f64> = points(&plot, "published").iter().map(|(n, _)| *n).collect();
        assert_eq!(theirs, [1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(points(&plot, "ours").len(), 4);
        assert!(plot.ticks.contains(&16.0));
        assert!(plot.marks[0].1.starts_with("knee 2.1"));
    }

    #[test]
    fn of_many_cells_the_best_and_the_worst_are_drawn_and_that_is_said() {
        let document = fixture::crowded();
        let (plot, caption) = curves(&document, "distribution");
        assert!(plot.series.len() <= MAX_CURVES);
        assert!(
            caption.contains("Of 78 cells the best and the worst 20 are drawn"),
            "{caption}"
        );
        let (plot, _) = curves(&document, "memory");
        assert!(plot.named().count() <= 12);
    }

    #[test]
    fn the_peak_of_memory_is_led_to() {
        let (plot, _) = curves(&fixture::single(), "memory");
        let (at, mib, name) = plot.cross.unwrap();
        assert!(
            (at - 4.0).abs() < 1e-9 && (mib - 60.0).abs() < 1e-9,
            "{name}"
        );
    }

    #[test]
    fn times_far_apart_get_a_tenfold_axis() {
        let (plot, _) = curves(&fixture::crowded(), "distribution");
        assert_eq!(plot.y_scale, crate::chart::Scale::Tenfold);
        let (plot, _) = curves(&fixture::single(), "distribution");
        assert_eq!(plot.y_scale, crate::chart::Scale::Linear);
    }

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(
            slug("workload=cpu clients=4 4p×50t"),
            "workload-cpu-clients-4-4p-50t"
        );
        assert_eq!(slug("../.."), "");
    }
}
