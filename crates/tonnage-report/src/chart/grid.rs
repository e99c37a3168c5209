//! A figure over two factors, as a map of colours.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use tonnage_model::format_significant;

use super::palette::{GRID, heat, on};
use super::text::{
    Area, MARGIN, Result, TEXT_SIZE, TITLE_SIZE, text_at, title, title_lines, width_of,
};

/// The lowest and the highest row of a map in pixels, at scale 1.
const ROWS: (u32, u32) = (22, 44);

/// A figure over two factors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grid {
    /// The answer.
    pub(crate) title: String,
    /// The factor across, with its unit.
    pub(crate) x_title: String,
    /// The factor upwards, with its unit.
    pub(crate) y_title: String,
    /// The figure, with its unit.
    pub(crate) z_title: String,
    /// Values of the factor across, from left to right.
    pub(crate) xs: Vec<String>,
    /// Values of the factor upwards, lowest first.
    pub(crate) ys: Vec<String>,
    /// The figure in each row, from left to right; `None` where there is none.
    pub(crate) values: Vec<Vec<Option<f64>>>,
}

/// The smallest, the largest and the mean value, with their places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    pub(crate) min: f64,
    pub(crate) min_at: (usize, usize),
    pub(crate) max: f64,
    pub(crate) max_at: (usize, usize),
    pub(crate) mean: f64,
}

impl Grid {
    /// `None` where there is no value at all.
    pub(crate) fn extent(&self) -> Option<Extent> {
        let mut all = self.values.iter().enumerate().flat_map(|(y, row)| {
            let cells = row.iter().enumerate();
            cells.filter_map(move |(x, value)| Some(((x, y), (*value)?)))
        });
        let (first_at, first) = all.next()?;
        let mut extent = Extent {
            min: first,
            min_at: first_at,
            max: first,
            max_at: first_at,
            mean: first,
        };
        let (mut sum, mut count) = (first, 1.0);
        for (at, value) in all {
            if value < extent.min {
                (extent.min, extent.min_at) = (value, at);
            }
            if value > extent.max {
                (extent.max, extent.max_at) = (value, at);
            }
            sum += value;
            count += 1.0;
        }
        extent.mean = sum / count;
        Some(extent)
    }

    /// Smallest, largest and mean as a sentence, as the seed of the study prints them.
    pub(crate) fn extent_text(&self) -> String {
        let Some(extent) = self.extent() else {
            return "nothing was measured".to_owned();
        };
        let value = |value: f64| format_significant(value, 4);
        let at = |(x, y): (usize, usize)| format!("({}, {})", self.xs[x], self.ys[y]);
        format!(
            "min {} at {}, max {} at {}, average {}",
            value(extent.min),
            at(extent.min_at),
            value(extent.max),
            at(extent.max_at),
            value(extent.mean)
        )
    }

    /// Where a value lies between the smallest and the largest, 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        match self.extent() {
            Some(extent) if extent.max > extent.min => {
                (value - extent.min) / (extent.max - extent.min)
            }
            _ => 0.5,
        }
    }

    /// Whether it has enough neighbours in both directions to be a surface.
    pub(crate) fn is_surface(&self) -> bool {
        let known = |x: usize, y: usize| self.values[y][x].is_some();
        let mut pieces = 0;
        for y in 1..self.ys.len() {
            for x in 1..self.xs.len() {
                let corners = [(x, y), (x - 1, y), (x, y - 1), (x - 1, y - 1)];
                pieces += usize::from(corners.iter().all(|(x, y)| known(*x, *y)));
            }
        }
        pieces > 1
    }

    fn row(&self) -> u32 {
        (420 / (self.ys.len().max(1) as u32)).clamp(ROWS.0, ROWS.1)
    }

    pub(super) fn title_height(&self) -> u32 {
        title_lines(&self.title) * (TITLE_SIZE as u32 + 4) + 20
    }

    /// Height of the map in pixels, at scale 1.
    pub(crate) fn map_height(&self) -> u32 {
        self.title_height() + self.row() * self.ys.len().max(1) as u32 + 130
    }
}

/// Draws the map, every length multiplied by `scale`.
pub(crate) fn draw_map<DB: DrawingBackend>(
    area: &Area<DB>,
    grid: &Grid,
    scale: u32,
) -> Result<(), DB> {
    let s = i32::try_from(scale).unwrap_or(1);
    let size = TEXT_SIZE * s;
    area.fill(&WHITE)?;
    let top = title(area, &grid.title, s)? + size * 3 / 2;
    let mut names = 0;
    for y in &grid.ys {
        names = names.max(width_of(area, y, size)?);
    }
    area.draw_text(
        &grid.y_title,
        &text_at(size, HPos::Left),
        (MARGIN * s, top - size),
    )?;
    let left = MARGIN * s + names + 10 * s;
    let right = area.dim_in_pixel().0.cast_signed() - MARGIN * s;
    let (columns, rows) = (grid.xs.len().max(1) as i32, grid.ys.len().max(1) as i32);
    let row = grid.row().cast_signed() * s;
    let column = |x: usize| left + (right - left) * x as i32 / columns;
    let bottom = top + row * rows;
    for (y, values) in grid.values.iter().enumerate() {
        let under = bottom - row * y as i32;
        let middle = under - row / 2;
        let style = text_at(size, HPos::Right);
        area.draw_text(&grid.ys[y], &style, (left - 8 * s, middle))?;
        for (x, value) in values.iter().enumerate() {
            let corners = [(column(x), under - row), (column(x + 1), under)];
            field(area, grid, *value, corners, s)?;
        }
    }
    let mut free_from = i32::MIN;
    for (x, name) in grid.xs.iter().enumerate() {
        let middle = i32::midpoint(column(x), column(x + 1));
        let half = width_of(area, name, size)? / 2;
        if middle - half >= free_from {
            let at = (middle, bottom + size * 3 / 4);
            area.draw_text(name, &text_at(size, HPos::Center), at)?;
            free_from = middle + half + size / 4;
        }
    }
    let middle = i32::midpoint(left, right);
    let at = (middle, bottom + size * 2);
    area.draw_text(&grid.x_title, &text_at(size, HPos::Center), at)?;
    color_key(area, grid, (left, bottom + size * 3), right - left, s)
}

fn field<DB: DrawingBackend>(
    area: &Area<DB>,
    grid: &Grid,
    value: Option<f64>,
    corners: [(i32, i32); 2],
    s: i32,
) -> Result<(), DB> {
    let Some(value) = value else {
        return area.draw(&Rectangle::new(corners, GRID.filled()));
    };
    let color = heat(grid.share(value));
    area.draw(&Rectangle::new(corners, color.filled()))?;
    let words = format_significant(value, 3);
    let size = TEXT_SIZE * s * 4 / 5;
    let fits = width_of(area, &words, size)? < corners[1].0 - corners[0].0;
    if fits {
        let center = (
            i32::midpoint(corners[0].0, corners[1].0),
            i32::midpoint(corners[0].1, corners[1].1),
        );
        let ink = on(color);
        let style = text_at(size, HPos::Center).color(&ink);
        area.draw_text(&words, &style, center)?;
    }
    Ok(())
}

/// What the colours mean, from the smallest to the largest value.
fn color_key<DB: DrawingBackend>(
    area: &Area<DB>,
    grid: &Grid,
    (left, top): (i32, i32),
    width: i32,
    s: i32,
) -> Result<(), DB> {
    let Some(extent) = grid.extent() else {
        return Ok(());
    };
    let size = TEXT_SIZE * s;
    let middle = top + size / 2;
    let value = |value: f64| format_significant(value, 3);
    let (least, most) = (
        value(extent.min),
        format!("{} {}", value(extent.max), grid.z_title),
    );
    let least_width = width_of(area, &least, size)?;
    let most_width = width_of(area, &most, size)?;
    let (from, to) = (
        left + least_width + 8 * s,
        left + width - most_width - 8 * s,
    );
    area.draw_text(&least, &text_at(size, HPos::Left), (left, middle))?;
    area.draw_text(&most, &text_at(size, HPos::Right), (left + width, middle))?;
    let steps = 48;
    let at = |step: i32| from + (to - from).max(0) * step / steps;
    for step in 0..steps {
        let corners = [
            (at(step), middle - size / 3),
            (at(step + 1), middle + size / 3),
        ];
        let color = heat(f64::from(step) / f64::from(steps - 1));
        area.draw(&Rectangle::new(corners, color.filled()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_is_named_as_the_seed_names_it() {
        let grid = Grid {
            xs: vec!["2".to_owned(), "4".to_owned()],
            ys: vec!["14".to_owned(), "15".to_owned()],
            values: vec![vec![Some(15.148), Some(8.589)], vec![Some(16.0), None]],
            ..Grid::default()
        };
        assert_eq!(
            grid.extent_text(),
            "min 8.589 at (4, 14), max 16.00 at (2, 15), average 13.25"
        );
        assert_eq!(Grid::default().extent(), None);
    }
}
