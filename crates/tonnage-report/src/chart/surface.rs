//! A figure over two factors, as a surface. Plotters' own surfaces do not hide what is
//! behind them, and their axes have no titles; so it is projected here.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use tonnage_model::format_significant;

use super::grid::Grid;
use super::palette::{BOUND, GRID, INK, heat};
use super::plot::WIDTH;
use super::text::{Area, Result, TEXT_SIZE, text_at, title};

/// Height without the title in pixels, at scale 1.
const HEIGHT: u32 = 470;

/// Height in pixels, at scale 1.
pub(crate) fn height(grid: &Grid) -> u32 {
    grid.title_height() + HEIGHT
}

/// A box seen from above its near corner, in which a point is three shares.
struct View {
    /// Pixels of the near corner of the floor.
    near: (f64, f64),
    /// Pixels along each of the floor's sides, to the left and to the right, and upwards.
    left: (f64, f64),
    right: (f64, f64),
    up: f64,
}

impl View {
    /// Where a point is: shares along x (to the right), y (to the left) and z (upwards).
    fn at(&self, x: f64, y: f64, z: f64) -> (i32, i32) {
        (
            (self.near.0 + self.right.0 * x + self.left.0 * y).round() as i32,
            (self.near.1 + self.right.1 * x + self.left.1 * y - self.up * z).round() as i32,
        )
    }
}

/// Draws the surface, every length multiplied by `scale`.
pub(crate) fn draw<DB: DrawingBackend>(area: &Area<DB>, grid: &Grid, scale: u32) -> Result<(), DB> {
    let s = i32::try_from(scale).unwrap_or(1);
    area.fill(&WHITE)?;
    let top = title(area, &grid.title, s)?;
    let (width, px) = (f64::from(WIDTH) * f64::from(s), f64::from(s));
    let view = View {
        near: (width * 0.5, f64::from(top) + 400.0 * px),
        left: (-width * 0.34, -115.0 * px),
        right: (width * 0.34, -115.0 * px),
        up: 150.0 * px,
    };
    floor(area, &view, s)?;
    let grid = &with_its_low_corner_first(grid);
    let point = |x: usize, y: usize| {
        let value = *grid.values.get(y)?.get(x)?;
        let share = grid.share(value?);
        let place = view.at(across(grid.xs.len(), x), across(grid.ys.len(), y), share);
        Some((place, share))
    };
    // From the far corner to the near one, so that what is in front covers what is behind.
    for y in (0..grid.ys.len().saturating_sub(1)).rev() {
        for x in (0..grid.xs.len().saturating_sub(1)).rev() {
            let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
            let corners: Option<Vec<_>> = corners.iter().map(|(x, y)| point(*x, *y)).collect();
            let Some(corners) = corners else { continue };
            let height = corners.iter().map(|(_, share)| share).sum::<f64>() / 4.0;
            let mut outline: Vec<(i32, i32)> = corners.iter().map(|(place, _)| *place).collect();
            area.draw(&Polygon::new(outline.clone(), heat(height).filled()))?;
            outline.push(outline[0]);
            area.draw(&PathElement::new(
                outline,
                WHITE.mix(0.6).stroke_width(s.unsigned_abs()),
            ))?;
        }
    }
    surface_axes(area, grid, &view, s)
}

/// The place of a value among so many, as a share.
fn across(count: usize, index: usize) -> f64 {
    index as f64 / (count.max(2) - 1) as f64
}

/// The floor, the two walls behind the surface and their upper edges.
fn floor<DB: DrawingBackend>(area: &Area<DB>, view: &View, s: i32) -> Result<(), DB> {
    let floor = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(x, y)| view.at(x, y, 0.0));
    area.draw(&Polygon::new(
        floor.to_vec(),
        RGBColor(248, 248, 248).filled(),
    ))?;
    let grid = GRID.stroke_width(s.unsigned_abs());
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let lines = [
            [view.at(share, 0.0, 0.0), view.at(share, 1.0, 0.0)],
            [view.at(0.0, share, 0.0), view.at(1.0, share, 0.0)],
            [view.at(0.0, 1.0, share), view.at(1.0, 1.0, share)],
            [view.at(1.0, 0.0, share), view.at(1.0, 1.0, share)],
        ];
        for line in lines {
            area.draw(&PathElement::new(line, grid))?;
        }
    }
    let edge = BOUND.stroke_width(s.unsigned_abs());
    for (x, y) in [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0)] {
        let line = [view.at(x, y, 0.0), view.at(x, y, 1.0)];
        area.draw(&PathElement::new(line, edge))?;
    }
    Ok(())
}

fn surface_axes<DB: DrawingBackend>(
    area: &Area<DB>,
    grid: &Grid,
    view: &View,
    s: i32,
) -> Result<(), DB> {
    let size = TEXT_SIZE * s;
    let ink = INK.stroke_width(s.unsigned_abs());
    let near = view.at(0.0, 0.0, 0.0);
    for end in [view.at(1.0, 0.0, 0.0), view.at(0.0, 1.0, 0.0)] {
        area.draw(&PathElement::new([near, end], ink))?;
    }
    let few = |count: usize| count.div_ceil(7).max(1);
    for (index, name) in grid.xs.iter().enumerate().step_by(few(grid.xs.len())) {
        let (x, y) = view.at(across(grid.xs.len(), index), 0.0, 0.0);
        area.draw_text(name, &text_at(size, HPos::Left), (x + 6 * s, y + 12 * s))?;
    }
    for (index, name) in grid.ys.iter().enumerate().step_by(few(grid.ys.len())) {
        let (x, y) = view.at(0.0, across(grid.ys.len(), index), 0.0);
        area.draw_text(name, &text_at(size, HPos::Right), (x - 6 * s, y + 12 * s))?;
    }
    let (x, y) = view.at(0.5, 0.0, 0.0);
    let at = (x + 46 * s, y + 44 * s);
    area.draw_text(&grid.x_title, &text_at(size, HPos::Left), at)?;
    let (x, y) = view.at(0.0, 0.5, 0.0);
    let at = (x - 46 * s, y + 44 * s);
    area.draw_text(&grid.y_title, &text_at(size, HPos::Right), at)?;
    let Some(extent) = grid.extent() else {
        return Ok(());
    };
    for (share, value) in [(0.0, extent.min), (1.0, extent.max)] {
        let (x, y) = view.at(0.0, 1.0, share);
        let words = format_significant(value, 3);
        area.draw_text(&words, &text_at(size, HPos::Right), (x - 6 * s, y - 8 * s))?;
    }
    let (x, y) = view.at(0.0, 1.0, 1.0);
    let at = (x, y - 30 * s);
    area.draw_text(&grid.z_title, &text_at(size, HPos::Left), at)
}

/// The same with its factors turned round, if need be, so that the surface rises
/// away from the corner that is nearest to whoever looks at it.
fn with_its_low_corner_first(grid: &Grid) -> Grid {
    let mut turned = grid.clone();
    let mean = |values: Vec<Option<f64>>| {
        let known: Vec<f64> = values.into_iter().flatten().collect();
        known.iter().sum::<f64>() / known.len().max(1) as f64
    };
    let column = |x: usize| mean(grid.values.iter().map(|row| row[x]).collect());
    if !grid.xs.is_empty() && column(0) > column(grid.xs.len() - 1) {
        turned.xs.reverse();
        turned.values.iter_mut().for_each(|row| row.reverse());
    }
    let ends = grid.values.first().zip(grid.values.last());
    if ends.is_some_and(|(first, last)| mean(first.clone()) > mean(last.clone())) {
        turned.ys.reverse();
        turned.values.reverse();
    }
    turned
}
