//! Draws a chart on any backend of plotters. Title and legend stand above the
//! plot and the knee's name in a band kept free at its top, so that nothing can
//! overlap whatever the curves do.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::plot::{BOUND, LEGEND_LINE, Line, MAX_NAMES, Marker, Plot, Series};

/// The generic name: browsers take their own font for it.
pub(crate) const FONT: &str = "sans-serif";

const INK: RGBColor = RGBColor(30, 30, 30);
const GRID: RGBColor = RGBColor(225, 225, 225);

const MARGIN: i32 = 16;
const TITLE_SIZE: i32 = 22;
const TEXT_SIZE: i32 = 17;
/// Length of the line in front of a name in the legend.
const SAMPLE: i32 = 30;
/// The browser's font may be wider than the one that texts are measured in.
const FONT_SLACK: f64 = 1.2;
/// Room above the largest value, and with a knee, whose name stands there.
const HEADROOM: f64 = 1.08;
const KNEE_HEADROOM: f64 = 1.2;

type Area<DB> = DrawingArea<DB, Shift>;
type Result<T, DB> =
    std::result::Result<T, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;
type Axes<'a, DB> = ChartContext<'a, DB, Cartesian2d<Axis, RangedCoordf64>>;

/// Draws `plot`, every length multiplied by `scale`.
pub(crate) fn draw<DB: DrawingBackend>(area: &Area<DB>, plot: &Plot, scale: u32) -> Result<(), DB> {
    let s = i32::try_from(scale).unwrap_or(1);
    area.fill(&WHITE)?;
    let below_title = title(area, &plot.title, s)?;
    let below_legend = legend(area, plot, below_title, s)?;
    let (_, body) = area.split_vertically(below_legend + 8 * s);
    if plot.is_empty() {
        let (width, height) = body.dim_in_pixel();
        let middle = (width.cast_signed() / 2, height.cast_signed() / 2);
        let style = text(TEXT_SIZE * s).pos(Pos::new(HPos::Center, VPos::Center));
        return body.draw_text("nothing was measured", &style, middle);
    }
    let mut axes = axes(&body, plot, s)?;
    for series in &plot.series {
        line(&mut axes, series, s)?;
        markers(&mut axes, series, s)?;
    }
    knee(&mut axes, plot, s)
}

fn text(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

fn width_of<DB: DrawingBackend>(area: &Area<DB>, words: &str, size: i32) -> Result<i32, DB> {
    let (width, _) = area.estimate_text_size(words, &text(size))?;
    Ok((f64::from(width) * FONT_SLACK) as i32)
}

/// Writes the title in as many lines as it needs; returns where the next thing
/// may begin.
fn title<DB: DrawingBackend>(area: &Area<DB>, title: &str, s: i32) -> Result<i32, DB> {
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

/// `words` in lines that are no wider than `room`.
fn broken<DB: DrawingBackend>(
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

/// Writes the legend in as many lines as it needs; returns where it ends.
fn legend<DB: DrawingBackend>(area: &Area<DB>, plot: &Plot, top: i32, s: i32) -> Result<i32, DB> {
    let room = area.dim_in_pixel().0.cast_signed() - MARGIN * s;
    let line_height = LEGEND_LINE.cast_signed() * s;
    let (mut x, mut y) = (MARGIN * s, top);
    for series in plot.named().take(MAX_NAMES) {
        let width = (SAMPLE + 6) * s + width_of(area, &series.label, TEXT_SIZE * s)?;
        if x + width > room && x > MARGIN * s {
            x = MARGIN * s;
            y += line_height;
        }
        let middle = y + line_height / 2;
        sample(area, series, (x, middle), s)?;
        let style = text(TEXT_SIZE * s).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw_text(&series.label, &style, (x + (SAMPLE + 6) * s, middle))?;
        x += width + 14 * s;
    }
    Ok(if plot.is_empty() {
        top
    } else {
        y + line_height
    })
}

/// The piece of line, with its marker, that stands before a name in the legend.
fn sample<DB: DrawingBackend>(
    area: &Area<DB>,
    series: &Series,
    (x, y): (i32, i32),
    s: i32,
) -> Result<(), DB> {
    let ends = [(x, y), (x + SAMPLE * s, y)];
    let style = series.color.stroke_width(stroke(s));
    match series.line {
        Line::Solid => area.draw(&PathElement::new(ends, style))?,
        Line::Dashed => {
            area.draw(&DashedPathElement::new(ends, 6 * s, 4 * s, style))?;
        }
    }
    let center = (x + SAMPLE * s / 2, y);
    let fill = series.color.filled();
    match series.marker {
        Marker::Circle => area.draw(&Circle::new(center, 4 * s, fill)),
        Marker::Triangle => area.draw(&TriangleMarker::new(center, 5 * s, fill)),
        Marker::Cross => area.draw(&Cross::new(center, 4 * s, style)),
        Marker::None => Ok(()),
    }
}

fn stroke(s: i32) -> u32 {
    2 * s.unsigned_abs()
}

fn axes<'a, DB: DrawingBackend>(body: &Area<DB>, plot: &Plot, s: i32) -> Result<Axes<'a, DB>, DB> {
    let room = plot.knee_clients.map_or(HEADROOM, |_| KNEE_HEADROOM);
    let top = plot.largest() * room;
    let size = TEXT_SIZE * s;
    // Room for the widest number, the title beside it, and air.
    let digits = width_of(body, &y_label(top), size)?;
    let left = digits + size + 18 * s;
    let plot_width = body.dim_in_pixel().0.cast_signed() - left - 2 * MARGIN * s;
    let ticks = spaced_ticks(body, plot, plot_width, size)?;
    let scale = plot.scale;
    let axis = Axis {
        scale,
        ends: plot.ends(),
        ticks,
    };
    let mut chart = ChartBuilder::on(body)
        .margin_right(2 * MARGIN * s)
        .margin_bottom(6 * s)
        .margin_top(4 * s)
        .margin_left(6 * s)
        .set_label_area_size(LabelAreaPosition::Left, left)
        .set_label_area_size(LabelAreaPosition::Bottom, 3 * size)
        .build_cartesian_2d(axis, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(s.unsigned_abs()))
        .axis_style(INK.stroke_width(s.unsigned_abs()))
        .set_all_tick_mark_size(5 * s)
        .y_labels(plot.y_labels())
        .x_desc(plot.x_title)
        .y_desc(plot.y_title)
        .label_style(text(size))
        .axis_desc_style(text(size))
        .x_label_formatter(&|value| scale.label(*value))
        .y_label_formatter(&|value| y_label(*value))
        .draw()?;
    Ok(chart)
}

/// The ticks whose labels have room beside each other.
fn spaced_ticks<DB: DrawingBackend>(
    area: &Area<DB>,
    plot: &Plot,
    plot_width: i32,
    size: i32,
) -> Result<Vec<f64>, DB> {
    let (low, high) = plot.ends();
    let mut ticks = Vec::new();
    let mut free_from = i32::MIN;
    for value in &plot.ticks {
        let place = plot.scale.place(*value);
        let x = ((place - low) / (high - low) * f64::from(plot_width)) as i32;
        let half = width_of(area, &plot.scale.label(*value), size)? / 2;
        if x - half >= free_from {
            ticks.push(*value);
            free_from = x + half + size / 3;
        }
    }
    Ok(ticks)
}

/// A number of the vertical axis, without decimals that say nothing.
fn y_label(value: f64) -> String {
    let decimals = if value >= 10.0 { 1 } else { 3 };
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn line<DB: DrawingBackend>(axes: &mut Axes<'_, DB>, series: &Series, s: i32) -> Result<(), DB> {
    let points = series.points.iter().copied();
    let style = series.color.stroke_width(stroke(s));
    match series.line {
        Line::Solid => axes.draw_series(LineSeries::new(points, style))?,
        Line::Dashed => axes.draw_series(DashedLineSeries::new(points, 6 * s, 4 * s, style))?,
    };
    Ok(())
}

fn markers<DB: DrawingBackend>(axes: &mut Axes<'_, DB>, series: &Series, s: i32) -> Result<(), DB> {
    let points = series.points.iter().copied();
    let fill = series.color.filled();
    match series.marker {
        Marker::Circle => axes.draw_series(points.map(|p| Circle::new(p, 4 * s, fill)))?,
        Marker::Triangle => {
            axes.draw_series(points.map(|p| TriangleMarker::new(p, 5 * s, fill)))?
        }
        Marker::Cross => {
            let style = series.color.stroke_width(stroke(s));
            axes.draw_series(points.map(|p| Cross::new(p, 4 * s, style)))?
        }
        Marker::None => return Ok(()),
    };
    Ok(())
}

/// Marks the knee by a vertical line, its name in the free band at the top.
fn knee<DB: DrawingBackend>(axes: &mut Axes<'_, DB>, plot: &Plot, s: i32) -> Result<(), DB> {
    let Some(clients) = plot.knee_clients else {
        return Ok(());
    };
    let (low, high) = plot.ends();
    let top = plot.largest() * 1.09;
    let style = BOUND.stroke_width(s.unsigned_abs());
    axes.draw_series(DashedLineSeries::new(
        [(clients, 0.0), (clients, top)],
        2 * s,
        4 * s,
        style,
    ))?;
    // Near an end of the axis the name is written inwards.
    let share = (clients.log2() - low) / (high - low);
    let side = match share {
        ..0.15 => HPos::Left,
        0.85.. => HPos::Right,
        _ => HPos::Center,
    };
    let style = text(TEXT_SIZE * s).pos(Pos::new(side, VPos::Bottom));
    axes.draw_series([Text::new(
        format!("knee {clients:.1}"),
        (clients, top * 1.01),
        style,
    )])?;
    Ok(())
}
