//! Draws curves on any backend of plotters. Title and legend stand above the plot and
//! the names of marks in a band kept free at its top, so that nothing can overlap
//! whatever the curves do.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::palette::{BOUND, GRID, INK};
use super::plot::{LEGEND_LINE, Line, MAX_NAMES, Marker, Plot, Series};
use super::text::{Area, MARGIN, Result, TEXT_SIZE, text, text_at, title, width_of};

/// Length of the line in front of a name in the legend.
const SAMPLE: i32 = 30;
/// How much of a band's colour covers what is behind it.
const BAND_OPACITY: f64 = 0.18;

type Axes<'a, DB> = ChartContext<'a, DB, Cartesian2d<Axis, Axis>>;

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
        let style = text_at(TEXT_SIZE * s, HPos::Center);
        return body.draw_text("nothing was measured", &style, middle);
    }
    let mut axes = axes(&body, plot, s)?;
    for series in &plot.series {
        band(&mut axes, plot, series)?;
    }
    for series in &plot.series {
        line(&mut axes, series, s)?;
        whiskers(&mut axes, plot, series, s)?;
        markers(&mut axes, series, s)?;
    }
    for (place, name) in &plot.marks {
        mark(&mut axes, plot, *place, name, s)?;
    }
    cross(&mut axes, plot, s)
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
        let style = text_at(TEXT_SIZE * s, HPos::Left);
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
    if !series.band.is_empty() {
        let corners = [(x, y - 7 * s), (x + SAMPLE * s, y + 7 * s)];
        let fill = series.color.mix(BAND_OPACITY).filled();
        area.draw(&Rectangle::new(corners, fill))?;
    }
    match series.line {
        Line::Solid => area.draw(&PathElement::new(ends, style))?,
        Line::Dashed => {
            area.draw(&DashedPathElement::new(ends, 6 * s, 4 * s, style))?;
        }
        Line::None => {}
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
    let size = TEXT_SIZE * s;
    let y_ticks = plot.y_ticks();
    let mut digits = 0;
    for tick in &y_ticks {
        digits = digits.max(width_of(body, &plot.y_scale.label(*tick), size)?);
    }
    // Room for the widest number, the title beside it, and air.
    let left = digits + size + 18 * s;
    let plot_width = body.dim_in_pixel().0.cast_signed() - left - 2 * MARGIN * s;
    let ticks = spaced_ticks(body, plot, plot_width, size)?;
    let (scale, y_scale) = (plot.scale, plot.y_scale);
    let across = Axis {
        scale,
        ends: plot.ends(),
        ticks,
    };
    let upwards = Axis {
        scale: y_scale,
        ends: plot.y_ends(),
        ticks: y_ticks,
    };
    let mut chart = ChartBuilder::on(body)
        .margin_right(2 * MARGIN * s)
        .margin_bottom(6 * s)
        .margin_top(4 * s)
        .margin_left(6 * s)
        .set_label_area_size(LabelAreaPosition::Left, left)
        .set_label_area_size(LabelAreaPosition::Bottom, 3 * size)
        .build_cartesian_2d(across, upwards)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(s.unsigned_abs()))
        .axis_style(INK.stroke_width(s.unsigned_abs()))
        .set_all_tick_mark_size(5 * s)
        .x_desc(plot.x_title.clone())
        .y_desc(plot.y_title.clone())
        .label_style(text(size))
        .axis_desc_style(text(size))
        .x_label_formatter(&|value| scale.label(*value))
        .y_label_formatter(&|value| y_scale.label(*value))
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

/// The part of a value that the vertical axis can show.
fn shown(plot: &Plot, value: f64) -> f64 {
    let (low, high) = plot.y_ends();
    let scale = plot.y_scale;
    value.clamp(scale.value(low), scale.value(high))
}

fn band<DB: DrawingBackend>(
    axes: &mut Axes<'_, DB>,
    plot: &Plot,
    series: &Series,
) -> Result<(), DB> {
    if series.band.len() < 2 {
        return Ok(());
    }
    let upper = series
        .band
        .iter()
        .map(|(x, _, high)| (*x, shown(plot, *high)));
    let lower = series
        .band
        .iter()
        .map(|(x, low, _)| (*x, shown(plot, *low)));
    let outline: Vec<(f64, f64)> = upper.chain(lower.rev()).collect();
    axes.draw_series([Polygon::new(outline, series.color.mix(BAND_OPACITY))])?;
    Ok(())
}

fn line<DB: DrawingBackend>(axes: &mut Axes<'_, DB>, series: &Series, s: i32) -> Result<(), DB> {
    let points = series.points.iter().copied();
    let style = series.color.stroke_width(stroke(s));
    match series.line {
        Line::Solid => {
            axes.draw_series(LineSeries::new(points, style))?;
        }
        Line::Dashed => {
            axes.draw_series(DashedLineSeries::new(points, 6 * s, 4 * s, style))?;
        }
        Line::None => {}
    }
    Ok(())
}

fn whiskers<DB: DrawingBackend>(
    axes: &mut Axes<'_, DB>,
    plot: &Plot,
    series: &Series,
    s: i32,
) -> Result<(), DB> {
    let style = series.color.stroke_width(s.unsigned_abs() * 3 / 2);
    let whiskers = series.whiskers.iter().map(|(x, low, high)| {
        let middle = f64::midpoint(*low, *high);
        let (low, high) = (shown(plot, *low), shown(plot, *high));
        ErrorBar::new_vertical(*x, low, middle, high, style, 9 * s.unsigned_abs())
    });
    axes.draw_series(whiskers)?;
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

/// Marks a place by a vertical line, its name in the free band at the top.
fn mark<DB: DrawingBackend>(
    axes: &mut Axes<'_, DB>,
    plot: &Plot,
    at: f64,
    name: &str,
    s: i32,
) -> Result<(), DB> {
    let (low, high) = plot.y_ends();
    let (bottom, top) = (
        plot.y_scale.value(low),
        plot.y_scale.value(low + (high - low) * 0.9),
    );
    let style = BOUND.stroke_width(s.unsigned_abs());
    let ends = [(at, bottom), (at, top)];
    axes.draw_series(DashedLineSeries::new(ends, 2 * s, 4 * s, style))?;
    note(axes, plot, (at, top), name, s)
}

/// Leads both axes to a point, as mprof does to the peak.
fn cross<DB: DrawingBackend>(axes: &mut Axes<'_, DB>, plot: &Plot, s: i32) -> Result<(), DB> {
    let Some((x, y, name)) = &plot.cross else {
        return Ok(());
    };
    let ((left, right), (bottom, top)) = (plot.ends(), plot.y_ends());
    let style = BOUND.stroke_width(s.unsigned_abs());
    let (left, right) = (plot.scale.value(left), plot.scale.value(right));
    let (bottom, top) = (plot.y_scale.value(bottom), plot.y_scale.value(top));
    for ends in [[(left, *y), (right, *y)], [(*x, bottom), (*x, top)]] {
        axes.draw_series(DashedLineSeries::new(ends, 6 * s, 5 * s, style))?;
    }
    note(axes, plot, (*x, *y), name, s)
}

/// Writes above a point; near an end of the axis inwards.
fn note<DB: DrawingBackend>(
    axes: &mut Axes<'_, DB>,
    plot: &Plot,
    at: (f64, f64),
    words: &str,
    s: i32,
) -> Result<(), DB> {
    let (low, high) = plot.ends();
    let share = (plot.scale.place(at.0) - low) / (high - low);
    let (side, shift) = match share {
        ..0.35 => (HPos::Left, 5 * s),
        0.65.. => (HPos::Right, -5 * s),
        _ => (HPos::Center, 0),
    };
    let style = text(TEXT_SIZE * s).pos(Pos::new(side, VPos::Bottom));
    let words = words.to_owned();
    axes.draw_series([EmptyElement::at(at) + Text::new(words, (shift, -4 * s), style)])?;
    Ok(())
}
