//! The map and the surface that a study asks for: its figure over two factors.

use tonnage_analysis::{Analysis, CellView, unit};
use tonnage_model::Grid as Wanted;

use super::Figure;
use crate::Document;
use crate::chart::{Drawing, Grid};
use crate::figure::{long_name, with_unit};

/// The figure over both factors; `None` where the study asks for none, or fewer than
/// two values of a factor were measured.
pub(crate) fn grid(document: &Document, analysis: &Analysis<'_>) -> Option<Grid> {
    let wanted = document.study.show.grid.as_ref()?;
    let figure = document.study.show.figure.as_ref();
    let figure = figure.map_or("rps", |figure| figure.get_ref().as_str());
    let cells: Vec<&CellView<'_>> = analysis
        .cells
        .iter()
        .filter(|view| view.cell.matches(&wanted.only))
        .collect();
    let xs = values(&cells, wanted.x.get_ref());
    let ys = values(&cells, wanted.y.get_ref());
    if xs.len() < 2 || ys.len() < 2 {
        return None;
    }
    let grid = Grid {
        title: String::new(),
        x_title: wanted.x.get_ref().replace('_', " "),
        y_title: wanted.y.get_ref().replace('_', " "),
        z_title: with_unit(figure),
        values: ys
            .iter()
            .map(|y| {
                xs.iter()
                    .map(|x| value(&cells, wanted, x, y, figure))
                    .collect()
            })
            .collect(),
        xs,
        ys,
    };
    grid.extent()?;
    Some(Grid {
        title: format!("{}: {}", document.study.title, grid.extent_text()),
        ..grid
    })
}

/// The values of a factor: numbers by size, words in the order of cells.
fn values(cells: &[&CellView<'_>], factor: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for value in cells.iter().filter_map(|view| view.cell.factor(factor)) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    let size = |value: &String| -> Option<f64> {
        let bytes = || value.parse::<tonnage_model::HumanBytes>().ok();
        let number = value.parse().ok();
        number.or_else(|| bytes().map(|bytes| bytes.0 as f64))
    };
    if values.iter().all(|value| size(value).is_some()) {
        values.sort_by(|a, b| {
            let order = |value| size(value).unwrap_or(0.0);
            order(a).total_cmp(&order(b))
        });
    }
    values
}

/// The figure where both factors have these values; of several cells the first that
/// counts.
fn value(cells: &[&CellView<'_>], wanted: &Wanted, x: &str, y: &str, figure: &str) -> Option<f64> {
    let is = |view: &&&CellView<'_>| {
        let factor = |name: &str| view.cell.factor(name);
        factor(wanted.x.get_ref()).as_deref() == Some(x)
            && factor(wanted.y.get_ref()).as_deref() == Some(y)
            && view.counts
    };
    Some(cells.iter().find(is)?.interval(figure)?.estimate)
}

/// The map and, where both factors are many enough, the surface.
pub(super) fn figures(document: &Document, analysis: &Analysis<'_>) -> Vec<Figure> {
    let Some(grid) = grid(document, analysis) else {
        return Vec::new();
    };
    let figure = document.study.show.figure.as_ref();
    let figure = figure.map_or("rps", |figure| figure.get_ref().as_str());
    let map = format!(
        "The {} in each cell of {} × {}. Dark is little, light is much ({}); grey was not measured.",
        long_name(figure),
        grid.x_title,
        grid.y_title,
        match unit(figure) {
            "" => "no unit",
            unit => unit,
        },
    );
    let surface = format!("The same as a surface: {}.", grid.extent_text());
    let mut figures = vec![Figure::new("grid", map, Drawing::Map(grid.clone()))];
    if grid.is_surface() {
        figures.push(Figure::new("surface", surface, Drawing::Surface(grid)));
    }
    figures
}
