//! Throughput over clients. One ladder stands with its law, band, bounds, knee and the
//! published curve; of several each is a line.

use tonnage_analysis::{Analysis, LadderView, Ours, PublishedRow};
use tonnage_model::{Cell, format_significant};

use super::{Figure, MAX_CURVES, ticks, whisker};
use crate::Document;
use crate::chart::{Drawing, Line, Marker, PUBLISHED, Plot, Scale, Series, color, marker};

/// What is below the axis of clients.
pub(super) const CLIENTS: &str = "clients (concurrent users, each waiting for its answer)";

/// Client counts up to here are tried against published rows that were not reached.
const DENSE_CLIENTS: u32 = 1024;

/// How finely a bound, a curve on the doubling axis, is drawn.
const BOUND_STEPS: u32 = 64;

pub(super) fn figure(document: &Document, analysis: &Analysis<'_>) -> Option<Figure> {
    let ladders: Vec<&LadderView> = analysis.ladders.iter().collect();
    let first = *ladders.first()?;
    let (shown, note) = best(&ladders);
    let mut series = Vec::new();
    let mut marks = Vec::new();
    let mut caption =
        "Requests per second that succeeded, with 95 % intervals over blocks.".to_owned();
    if ladders.len() == 1 {
        caption.push_str(&models(first, &mut series));
        marks.extend(knee(first));
    }
    let published = published(document, analysis, first, "rps");
    if !published.is_empty() {
        series.push(Series {
            marker: Marker::Triangle,
            ..Series::new("published", PUBLISHED, published)
        });
    }
    for (index, ladder) in shown.iter().enumerate() {
        series.push(curve(ladder, index));
    }
    caption.push_str(&note);
    let plot = Plot {
        title: format!("{}: {}", document.study.title, title(&ladders)),
        y_title: "requests per second".to_owned(),
        y_unit: "requests/s",
        x_title: CLIENTS.to_owned(),
        x_unit: "clients",
        scale: Scale::Doubling,
        ticks: ticks(&series),
        series,
        marks,
        ..Plot::default()
    };
    Some(Figure::new("throughput", caption, Drawing::Curves(plot)))
}

fn title(ladders: &[&LadderView]) -> String {
    let peaks = ladders.iter().filter_map(|ladder| {
        let step = ladder.peak_step()?;
        Some((*ladder, step.clients, step.rps?.estimate))
    });
    let best = peaks.reduce(|best, other| if other.2 > best.2 { other } else { best });
    match best {
        Some((ladder, clients, rps)) => {
            let with = if ladder.label.is_empty() {
                String::new()
            } else {
                format!(" with {}", ladder.label)
            };
            let rps = format_significant(rps, 3);
            format!("at most {rps} requests/s, at {clients} clients{with}")
        }
        None => "nothing was measured".to_owned(),
    }
}

/// The ladders with the highest peaks, in their order, and a sentence where they are
/// not all.
fn best<'a>(ladders: &[&'a LadderView]) -> (Vec<&'a LadderView>, String) {
    if ladders.len() <= MAX_CURVES {
        return (ladders.to_vec(), String::new());
    }
    let peak = |index: &usize| {
        let step = ladders[*index].peak_step();
        step.and_then(|step| step.rps)
            .map_or(0.0, |rps| rps.estimate)
    };
    let mut order: Vec<usize> = (0..ladders.len()).collect();
    order.sort_by(|a, b| peak(b).total_cmp(&peak(a)));
    let worst = order.split_off(ladders.len() - MAX_CURVES / 2);
    order.truncate(MAX_CURVES - MAX_CURVES / 2);
    order.extend(worst);
    order.sort_unstable();
    let note = format!(
        " Of {} ladders the {MAX_CURVES} with the highest and the lowest peaks are drawn.",
        ladders.len()
    );
    (
        order.into_iter().map(|index| ladders[index]).collect(),
        note,
    )
}

fn curve(ladder: &LadderView, index: usize) -> Series {
    let measured = ladder.steps.iter().filter_map(|step| {
        let clients = f64::from(step.clients);
        Some((clients, step.rps?))
    });
    let label = match ladder.label.as_str() {
        "" => "ours",
        label => label,
    };
    let points = measured
        .clone()
        .map(|(clients, rps)| (clients, rps.estimate));
    let alone = ladder.label.is_empty() && ladder.usl.is_ok();
    Series {
        // Beside the law's curve a line from point to point would only be noise.
        line: if alone { Line::None } else { Line::Solid },
        marker: marker(index),
        whiskers: measured
            .clone()
            .filter_map(|(clients, rps)| whisker(clients, &rps))
            .collect(),
        ..Series::new(label, color(index), points.collect())
    }
}

/// The law and the bounds, and a sentence about them.
fn models(ladder: &LadderView, series: &mut Vec<Series>) -> String {
    let mut sentence = String::new();
    let measured = ladder.steps.iter().filter(|step| step.rps.is_some());
    let clients: Vec<f64> = measured.map(|step| f64::from(step.clients)).collect();
    let ends = clients
        .first()
        .zip(clients.last())
        .filter(|(first, last)| last > first);
    let Some((first, last)) = ends else {
        return sentence;
    };
    if let Ok(band) = &ladder.usl {
        let points = band.points.iter();
        series.push(Series {
            band: points
                .clone()
                .map(|at| (at.clients, at.low_rps, at.high_rps))
                .collect(),
            ..Series::bound(
                "Universal Scalability Law, 95 % band",
                points.map(|at| (at.clients, at.estimate_rps)).collect(),
            )
        });
        sentence.push_str(" The band is that of the fitted law, point by point.");
    }
    if let Some(bounds) = ladder.bounds {
        let end = (bounds.knee_clients() * 1.06).min(last * 1.06);
        let rising = (0..=BOUND_STEPS).map(|step| {
            let share = f64::from(step) / f64::from(BOUND_STEPS);
            let clients = first * (end / first).powf(share);
            (clients, bounds.light_load_rps(clients))
        });
        let demand = format_significant(bounds.demand_s * 1e3, 3);
        let peak = format_significant(bounds.peak_rps, 3);
        let name = format!("bounds: N/D with D = {demand} ms, Xmax = {peak}/s");
        series.push(Series::bound(&name, rising.collect()));
        // Named together with the other line, which looks the same.
        let flat = vec![(*first, bounds.peak_rps), (*last, bounds.peak_rps)];
        series.push(Series::bound("", flat));
        sentence.push_str(" The asymptotic bounds cross at the knee: with more clients, requests queue (P. J. Denning and J. P. Buzen, 1978).");
    }
    sentence
}

fn knee(ladder: &LadderView) -> Option<(f64, String)> {
    let knee = ladder.knee.by_bounds?;
    let text = |value: f64| format_significant(value, 2);
    let range = if knee.high.is_finite() && knee.high > knee.low {
        format!(" ({}–{})", text(knee.low), text(knee.high))
    } else {
        String::new()
    };
    Some((
        knee.estimate,
        format!("knee {}{range}", text(knee.estimate)),
    ))
}

/// Published values of a figure over the clients, those that were not reached too.
pub(super) fn published(
    document: &Document,
    analysis: &Analysis<'_>,
    ladder: &LadderView,
    figure: &str,
) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for row in analysis.published.iter().filter(|row| row.figure == figure) {
        let of_step = |cell: usize| ladder.steps.iter().find(|step| step.cell == cell);
        match row.cell {
            Some(cell) => {
                points.extend(of_step(cell).map(|step| (f64::from(step.clients), row.published)));
            }
            None if row.ours == Ours::NotReached => {
                let cell = analysis.cells[ladder.steps[0].cell].cell;
                let clients = clients_of(document, cell, row);
                points.extend(clients.map(|clients| (f64::from(clients), row.published)));
            }
            None => {}
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// The number of clients that a published row is about, were it of a cell like this.
fn clients_of(document: &Document, cell: &Cell, row: &PublishedRow) -> Option<u32> {
    let beyond = (11..17).map(|power| 1u32 << power);
    let tables = document.study.published.iter();
    tables
        .filter(|table| table.seed == row.seed)
        .find_map(|table| {
            (1..=DENSE_CLIENTS).chain(beyond.clone()).find(|clients| {
                let at = Cell {
                    clients: *clients,
                    ..cell.clone()
                };
                let name = table.row.get_ref().fill(|name| at.factor(name));
                at.matches(&table.only) && name.is_ok_and(|name| name == row.row)
            })
        })
}
