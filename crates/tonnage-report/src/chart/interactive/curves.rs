//! Curves for plotly.js: bands, points with whiskers, marks.

use plotly::color::Rgba;
use plotly::common::{
    DashType, ErrorData, ErrorType, Fill, HoverInfo, Line as Stroke, Marker as Dots, MarkerSymbol,
    Mode, Position,
};
use plotly::{Plot as Figure, Scatter};
use plotters::style::RGBColor;

use super::{layout, plain, rgb, scaled};
use crate::chart::axis::Scale;
use crate::chart::palette::BOUND;
use crate::chart::plot::{Line, Marker, Plot, Series};

/// How much of a band's colour covers what is behind it.
const BAND_OPACITY: f64 = 0.18;

pub(super) fn figure(plot: &Plot) -> Figure {
    let mut figure = Figure::new();
    for series in plot.series.iter().filter(|series| !series.band.is_empty()) {
        for edge in band(series) {
            figure.add_trace(edge);
        }
    }
    for series in plot
        .series
        .iter()
        .filter(|series| !series.points.is_empty())
    {
        figure.add_trace(curve(plot, series));
    }
    let (left, right) = plot.ends();
    let (low, high) = plot.y_ends();
    let bottom = plot.y_scale.value(low);
    // Above its end there must be room for its name.
    let top = plot.y_scale.value(low + (high - low) * 0.92);
    for (place, name) in &plot.marks {
        figure.add_trace(mark(plot, &[(*place, bottom), (*place, top)], name));
    }
    if let Some((x, y, name)) = &plot.cross {
        let ends = [plot.scale.value(left), plot.scale.value(right)];
        figure.add_trace(mark(plot, &[(*x, bottom), (*x, *y)], name));
        figure.add_trace(mark(plot, &ends.map(|end| (end, *y)), ""));
    }
    // Places of a doubling axis are powers of two, those of plotly.js of ten.
    let place = |place: f64| match plot.scale {
        Scale::Doubling => plot.scale.value(place).log10(),
        _ => place,
    };
    let across = scaled(&plot.x_title, plot.scale, &plot.ticks);
    let upwards = scaled(&plot.y_title, plot.y_scale, &plot.y_ticks());
    let names = plot.named().count();
    figure.set_layout(
        layout()
            .show_legend(names > 1)
            .x_axis(across.range(vec![place(left), place(right)]))
            .y_axis(upwards.range(vec![low, high])),
    );
    figure
}

fn stroke(series: &Series) -> Stroke {
    let stroke = Stroke::new().color(rgb(series.color)).width(2.0);
    match series.line {
        Line::Dashed => stroke.dash(DashType::Dash),
        Line::Solid | Line::None => stroke,
    }
}

/// The two edges of a band, the second filled down to the first.
fn band(series: &Series) -> [Box<Scatter<f64, f64>>; 2] {
    let RGBColor(red, green, blue) = series.color;
    let xs: Vec<f64> = series.band.iter().map(|(x, _, _)| *x).collect();
    let low = series.band.iter().map(|(_, low, _)| *low).collect();
    let high = series.band.iter().map(|(_, _, high)| *high).collect();
    let edge = |ys: Vec<f64>| {
        Scatter::new(xs.clone(), ys)
            .mode(Mode::Lines)
            .line(Stroke::new().width(0.0))
            .show_legend(false)
            .hover_info(HoverInfo::Skip)
    };
    [
        edge(low),
        edge(high)
            .fill(Fill::ToNextY)
            .fill_color(Rgba::new(red, green, blue, BAND_OPACITY)),
    ]
}

fn curve(plot: &Plot, series: &Series) -> Box<Scatter<f64, f64>> {
    let (xs, ys): (Vec<f64>, Vec<f64>) = series.points.iter().copied().unzip();
    let mode = match (series.line, series.marker) {
        (Line::None, _) => Mode::Markers,
        (_, Marker::None) => Mode::Lines,
        _ => Mode::LinesMarkers,
    };
    let symbol = match series.marker {
        Marker::Triangle => MarkerSymbol::TriangleUp,
        Marker::Cross => MarkerSymbol::X,
        Marker::Circle | Marker::None => MarkerSymbol::Circle,
    };
    let name = plain(&series.label);
    let x = match plot.scale {
        Scale::Nines => "%{text}".to_owned(),
        _ => format!("%{{x:.6~g}} {}", plot.x_unit),
    };
    let trace = Scatter::new(xs.clone(), ys)
        .name(&name)
        .show_legend(!name.is_empty())
        .mode(mode)
        .line(stroke(series))
        .marker(Dots::new().symbol(symbol).size(8).color(rgb(series.color)))
        .hover_template(format!(
            "{name}<br>{x}: %{{y:.4~g}} {}<extra></extra>",
            plain(plot.y_unit)
        ));
    let trace = match plot.scale {
        Scale::Nines => trace.text_array(xs.iter().map(|x| percentile(*x)).collect()),
        _ => trace,
    };
    whiskers(series).map_or(trace.clone(), |error| trace.error_y(error))
}

/// A percentile from 1 ÷ (1 − p), without digits that say nothing.
fn percentile(odds: f64) -> String {
    let percent = 100.0 - 100.0 / odds;
    let digits = (odds.log10().max(0.0) as usize) + 1;
    format!("{percent:.digits$} %")
}

fn whiskers(series: &Series) -> Option<ErrorData> {
    if series.whiskers.is_empty() {
        return None;
    }
    let bounds = |x: f64, y: f64| {
        let found = series
            .whiskers
            .iter()
            .find(|(at, _, _)| (at - x).abs() < 1e-9);
        found.map_or((0.0, 0.0), |(_, low, high)| (high - y, y - low))
    };
    let (above, below) = series.points.iter().map(|(x, y)| bounds(*x, *y)).unzip();
    Some(
        ErrorData::new(ErrorType::Data)
            .symmetric(false)
            .array(above)
            .array_minus(below)
            .color(rgb(series.color))
            .thickness(1.5),
    )
}

/// A dashed line with its name at its end, written towards the middle.
fn mark(plot: &Plot, ends: &[(f64, f64); 2], name: &str) -> Box<Scatter<f64, f64>> {
    let (xs, ys): (Vec<f64>, Vec<f64>) = ends.iter().copied().unzip();
    let (left, right) = plot.ends();
    let is_left = plot.scale.place(ends[1].0) < f64::midpoint(left, right);
    Scatter::new(xs, ys)
        .mode(Mode::LinesText)
        .text_array(vec![String::new(), plain(name)])
        .text_position(if is_left {
            Position::TopRight
        } else {
            Position::TopLeft
        })
        .line(
            Stroke::new()
                .color(rgb(BOUND))
                .width(1.0)
                .dash(DashType::Dash),
        )
        .show_legend(false)
        .hover_info(HoverInfo::Skip)
}
