//! Texts of a chart: measured before they are drawn, so that nothing overlaps.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::palette::INK;

/// The generic name: browsers take their own font for it.
pub(crate) const FONT: &str = "sans-serif";

pub(crate) const MARGIN: i32 = 16;
pub(crate) const TITLE_SIZE: i32 = 22;
pub(crate) const TEXT_SIZE: i32 = 17;
/// The browser's font may be wider than the one that texts are measured in.
const FONT_SLACK: f64 = 1.2;

pub(crate) type Area<DB> = DrawingArea<DB, Shift>;
pub(crate) type Result<T, DB> =
    std::result::Result<T, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

pub(crate) fn text(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

/// A text whose place is its left, centre or right, and the middle of its height.
pub(crate) fn text_at(size: i32, anchor: HPos) -> TextStyle<'static> {
    text(size).pos(Pos::new(anchor, VPos::Center))
}

pub(crate) fn width_of<DB: DrawingBackend>(
    area: &Area<DB>,
    words: &str,
    size: i32,
) -> Result<i32, DB> {
    if words.is_empty() {
        return Ok(0);
    }
    let (width, _) = area.estimate_text_size(words, &text(size))?;
    Ok((f64::from(width) * FONT_SLACK) as i32)
}

/// Writes the title in as many lines as it needs; returns where the next thing
/// may begin.
pub(crate) fn title<DB: DrawingBackend>(area: &Area<DB>, title: &str, s: i32) -> Result<i32, DB> {
    let size = TITLE_SIZE * s;
    let room = area.dim_in_pixel().0.cast_signed() - 2 * MARGIN * s;
    // A title too long for one line is best broken between subject and answer.
    let parts = match title.split_once(": ") {
        Some((subject, answer)) if width_of(area, title, size)? > room => {
            vec![format!("{subject}:"), answer.to_owned()]
        }
        _ => vec![title.to_owned()],
    };
    let mut y = MARGIN * s;
    for part in &parts {
        for line in broken(area, part, size, room)? {
            area.draw_text(&line, &text(size), (MARGIN * s, y))?;
            y += size + 4 * s;
        }
    }
    Ok(y + 4 * s)
}

/// How many lines a title of so many letters takes, at most: for the height of charts
/// that must be known before anything is measured.
pub(crate) fn title_lines(title: &str) -> u32 {
    // A letter is about half as wide as it is high; with the slack of `width_of`.
    let per_line = f64::from(super::plot::WIDTH - 32) / (f64::from(TITLE_SIZE) * 0.55 * FONT_SLACK);
    let parts = title.split(": ");
    let lines: u32 = parts
        .map(|part| (part.chars().count() as f64 / per_line).ceil() as u32)
        .sum();
    lines.max(1)
}

/// `words` in lines that are no wider than `room`.
pub(crate) fn broken<DB: DrawingBackend>(
    area: &Area<DB>,
    words: &str,
    size: i32,
    room: i32,
) -> Result<Vec<String>, DB> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width_of(area, &format!("{line} {word}"), size)? <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    Ok(lines)
}
