//! Horizontal bars, one a cell, each with its interval; what failed keeps its row.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::{Scale, round_ticks};
use super::palette::{BAD, BOUND, GRID, INK, PUBLISHED, color};
use super::plot::{LEGEND_LINE, WIDTH};
use super::text::{
    Area, MARGIN, Result, TEXT_SIZE, TITLE_SIZE, broken, text_at, title, title_lines, width_of,
};

/// Height of a row with one line in pixels, at scale 1.
const ROW: i32 = 30;
/// How far below a bar's middle its published figure is marked: at its lower edge,
/// within its row.
const BELOW: i32 = 11;
/// The names may take this share of the width before they are broken.
const NAMES_SHARE: f64 = 0.42;
/// A letter in a name is at most about this wide, as a share of its height.
const LETTER: f64 = 0.62;

/// A chart of bars.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bars {
    /// The answer.
    pub(crate) title: String,
    /// What the bars show, with its unit.
    pub(crate) x_title: String,
    /// Its unit, for single values.
    pub(crate) unit: &'static str,
    /// From top to bottom.
    pub(crate) rows: Vec<Bar>,
    /// A value that is marked by a line through all rows.
    pub(crate) line: Option<f64>,
}

/// A bar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) label: String,
    /// Its length; `None` where there is no figure, and the note says why.
    pub(crate) value: Option<f64>,
    /// Between what the figure may lie; `None` where that is not known.
    pub(crate) interval: Option<(f64, f64)>,
    /// What was published of it.
    pub(crate) published: Option<f64>,
    /// What is written behind it.
    pub(crate) note: String,
    /// Whether the figure is no answer: requests failed, or something was invalid.
    pub(crate) doubtful: bool,
}

impl Bars {
    /// Whether any row has a published figure.
    pub(crate) fn has_published(&self) -> bool {
        self.rows.iter().any(|row| row.published.is_some())
    }

    /// The largest value, bounds included where they are known.
    fn largest(&self) -> f64 {
        let ends = self.rows.iter().flat_map(|row| {
            let high = row.interval.map(|(_, high)| high);
            [row.value, high, row.published].into_iter().flatten()
        });
        let largest = ends
            .chain(self.line)
            .filter(|end| end.is_finite() && *end > 0.0);
        largest.reduce(f64::max).unwrap_or(1.0)
    }

    /// How many lines each name takes when it has a share of the width, at most.
    fn lines(&self) -> Vec<i32> {
        let room = f64::from(WIDTH) * NAMES_SHARE;
        let per_line = (room / (f64::from(TEXT_SIZE) * LETTER)).floor();
        let lines = |row: &Bar| (row.label.chars().count() as f64 / per_line).ceil() as i32;
        self.rows.iter().map(|row| lines(row).max(1)).collect()
    }

    fn heights(&self) -> Vec<i32> {
        let line = TEXT_SIZE + 3;
        let heights = self.lines().into_iter();
        heights.map(|lines| ROW + (lines - 1) * line).collect()
    }

    /// Height in pixels, at scale 1.
    pub(crate) fn height(&self) -> u32 {
        let rows: i32 = self.heights().iter().sum();
        let title = title_lines(&self.title) * (TITLE_SIZE as u32 + 4);
        let legend = if self.has_published() { LEGEND_LINE } else { 0 };
        title + legend + rows.unsigned_abs() + 76
    }
}

/// Draws the bars, every length multiplied by `scale`.
pub(crate) fn draw<DB: DrawingBackend>(area: &Area<DB>, bars: &Bars, scale: u32) -> Result<(), DB> {
    let s = i32::try_from(scale).unwrap_or(1);
    let size = TEXT_SIZE * s;
    area.fill(&WHITE)?;
    let mut top = title(area, &bars.title, s)?;
    if bars.has_published() {
        top = legend(area, top, s)?;
    }
    let width = area.dim_in_pixel().0.cast_signed();
    let names_room = (f64::from(width) * NAMES_SHARE) as i32 - MARGIN * s;
    let mut names = Vec::new();
    let (mut names_width, mut notes_width) = (0, 0);
    for row in &bars.rows {
        let lines = broken(area, &row.label, size, names_room)?;
        for line in &lines {
            names_width = names_width.max(width_of(area, line, size)?.min(names_room));
        }
        if row.value.is_some() {
            notes_width = notes_width.max(width_of(area, &row.note, size)?);
        }
        names.push(lines);
    }
    let left = MARGIN * s + names_width + 10 * s;
    let right = (width - MARGIN * s - notes_width - 8 * s).max(left + width / 6);
    let place = |value: f64| {
        let share = (value / bars.largest()).clamp(0.0, 1.0);
        left + (share * f64::from(right - left)) as i32
    };
    let bottom = top + bars.heights().iter().sum::<i32>() * s;
    axis(area, bars, (top, bottom), &place, s)?;
    let mut y = top;
    for ((row, names), height) in bars.rows.iter().zip(&names).zip(bars.heights()) {
        let middle = y + height * s / 2;
        name(area, names, (left - 10 * s, middle), s)?;
        bar(area, row, middle, left, &place, s)?;
        y += height * s;
    }
    if let Some(line) = bars.line {
        let ends = [(place(line), top), (place(line), bottom)];
        let style = BOUND.stroke_width(s.unsigned_abs() * 2);
        area.draw(&DashedPathElement::new(ends, 6 * s, 4 * s, style))?;
    }
    area.draw(&PathElement::new(
        [(left, top), (left, bottom)],
        INK.stroke_width(s.unsigned_abs()),
    ))
}

fn legend<DB: DrawingBackend>(area: &Area<DB>, top: i32, s: i32) -> Result<i32, DB> {
    let middle = top + LEGEND_LINE.cast_signed() * s / 2;
    let style = text_at(TEXT_SIZE * s, HPos::Left);
    let x = MARGIN * s;
    let corners = [(x, middle - 6 * s), (x + 20 * s, middle + 6 * s)];
    area.draw(&Rectangle::new(corners, color(0).mix(0.75).filled()))?;
    area.draw_text("ours, with 95 % interval", &style, (x + 26 * s, middle))?;
    let x = x + 60 * s + width_of(area, "ours, with 95 % interval", TEXT_SIZE * s)?;
    area.draw(&TriangleMarker::new((x, middle), 6 * s, PUBLISHED.filled()))?;
    area.draw_text("published", &style, (x + 12 * s, middle))?;
    Ok(top + (LEGEND_LINE.cast_signed() + 6) * s)
}

fn axis<DB: DrawingBackend>(
    area: &Area<DB>,
    bars: &Bars,
    (top, bottom): (i32, i32),
    place: &impl Fn(f64) -> i32,
    s: i32,
) -> Result<(), DB> {
    let size = TEXT_SIZE * s;
    let mut free_from = i32::MIN;
    for tick in round_ticks(0.0, bars.largest(), 5.0) {
        let x = place(tick);
        let label = Scale::Linear.label(tick);
        let half = width_of(area, &label, size)? / 2;
        let style = GRID.stroke_width(s.unsigned_abs());
        area.draw(&PathElement::new([(x, top), (x, bottom)], style))?;
        if x - half >= free_from {
            let at = (x, bottom + size * 3 / 4);
            area.draw_text(&label, &text_at(size, HPos::Center), at)?;
            free_from = x + half + size / 3;
        }
    }
    let right = area.dim_in_pixel().0.cast_signed() - MARGIN * s;
    let style = text_at(size, HPos::Right);
    area.draw_text(&bars.x_title, &style, (right, bottom + size * 2))
}

fn name<DB: DrawingBackend>(
    area: &Area<DB>,
    lines: &[String],
    (right, middle): (i32, i32),
    s: i32,
) -> Result<(), DB> {
    let line_height = (TEXT_SIZE + 3) * s;
    let mut y = middle - line_height * (lines.len() as i32 - 1) / 2;
    for line in lines {
        area.draw_text(line, &text_at(TEXT_SIZE * s, HPos::Right), (right, y))?;
        y += line_height;
    }
    Ok(())
}

fn bar<DB: DrawingBackend>(
    area: &Area<DB>,
    row: &Bar,
    middle: i32,
    left: i32,
    place: &impl Fn(f64) -> i32,
    s: i32,
) -> Result<(), DB> {
    let mut end = left;
    if let Some(value) = row.value {
        let fill = if row.doubtful { BOUND } else { color(0) };
        let corners = [(left, middle - 9 * s), (place(value), middle + 9 * s)];
        area.draw(&Rectangle::new(corners, fill.mix(0.75).filled()))?;
        end = place(value);
    }
    if let Some((low, high)) = row.interval {
        let style = INK.stroke_width(s.unsigned_abs() * 3 / 2);
        let (low, high) = (place(low), place(high));
        for ends in [
            [(low, middle), (high, middle)],
            [(low, middle - 5 * s), (low, middle + 5 * s)],
            [(high, middle - 5 * s), (high, middle + 5 * s)],
        ] {
            area.draw(&PathElement::new(ends, style))?;
        }
        end = end.max(high);
    }
    if let Some(published) = row.published {
        // Below the line of the note, which stays at the bar's end: a number beside the
        // triangle would look like the published one.
        let at = (place(published), middle + BELOW * s);
        area.draw(&TriangleMarker::new(at, 5 * s, PUBLISHED.filled()))?;
    }
    let size = TEXT_SIZE * s;
    let mut style = text_at(size, HPos::Left);
    if row.value.is_none() {
        style = style.color(&BAD);
    }
    let room = area.dim_in_pixel().0.cast_signed() - MARGIN * s / 2 - end - 8 * s;
    let note = cut(area, &row.note, size, room)?;
    area.draw_text(&note, &style, (end + 8 * s, middle))
}

/// As much of a note as has room.
fn cut<DB: DrawingBackend>(
    area: &Area<DB>,
    note: &str,
    size: i32,
    room: i32,
) -> Result<String, DB> {
    let mut text = note.to_owned();
    while !text.is_empty() && width_of(area, &text, size)? > room {
        let mut letters: Vec<char> = text.trim_end_matches('…').chars().collect();
        letters.pop();
        if letters.is_empty() {
            return Ok(String::new());
        }
        text = letters.into_iter().collect::<String>() + "…";
    }
    Ok(text)
}
