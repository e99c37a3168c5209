//! The same charts for plotly.js, to be hovered over and zoomed into. Titles stand
//! beside a chart, since plotly.js does not break them.

mod curves;

use plotly::color::Rgb;
use plotly::common::{
    Anchor, ColorBar, ColorScale, ColorScalePalette, DashType, ErrorData, ErrorType,
    ExponentFormat, Font, HoverInfo, Line as Stroke, Marker as Dots, MarkerSymbol, Mode,
    Orientation, TickMode, Title,
};
use plotly::configuration::{Configuration, ModeBarButtonName};
use plotly::layout::{
    Axis, AxisType, CategoryOrder, HoverMode, LayoutScene, Legend, Margin, RangeMode,
};
use plotly::{Bar, HeatMap, Layout, Plot as Figure, Scatter, Surface};
use plotters::style::RGBColor;
use tonnage_model::format_significant;

use super::Drawing;
use super::axis::Scale;
use super::bars::Bars;
use super::grid::Grid;
use super::palette::{BOUND, GRID, INK, PUBLISHED, color};

/// Names beside bars are broken after about so many letters.
const NAME_LETTERS: usize = 26;

/// What `Plotly.newPlot` takes, as JSON that may stand inside a `script` element.
pub(crate) fn json(drawing: &Drawing) -> String {
    let mut figure = match drawing {
        Drawing::Curves(plot) => curves::figure(plot),
        Drawing::Bars(bars) => self::bars(bars),
        Drawing::Map(grid) => map(grid),
        Drawing::Surface(grid) => surface(grid),
    };
    figure.set_configuration(
        Configuration::new()
            .responsive(true)
            .display_logo(false)
            .mode_bar_buttons_to_remove(vec![
                ModeBarButtonName::Lasso2d,
                ModeBarButtonName::Select2d,
            ]),
    );
    // `</script>` and `<!--` must not end or change the element around it.
    figure.to_json().replace('<', "\\u003c")
}

fn rgb(RGBColor(red, green, blue): RGBColor) -> Rgb {
    Rgb::new(red, green, blue)
}

/// Text as plotly.js shows it: some tags would be obeyed.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn layout() -> Layout {
    Layout::new()
        .font(Font::new().size(14).color(rgb(INK)))
        .paper_background_color(rgb(RGBColor(255, 255, 255)))
        .plot_background_color(rgb(RGBColor(255, 255, 255)))
        .auto_size(true)
        .hover_mode(HoverMode::Closest)
        .margin(Margin::new().top(30).right(16).bottom(50).left(60))
        .legend(
            Legend::new()
                .orientation(Orientation::Horizontal)
                .x(0.0)
                .x_anchor(Anchor::Left)
                .y(1.02)
                .y_anchor(Anchor::Bottom),
        )
}

fn axis(title: &str) -> Axis {
    Axis::new()
        .title(Title::with_text(plain(title)))
        .grid_color(rgb(GRID))
        .line_color(rgb(INK))
        .show_line(true)
        .zero_line(false)
        .auto_margin(true)
        .exponent_format(ExponentFormat::None)
}

/// An axis with the ticks that the drawing has, where its scale is not even.
fn scaled(title: &str, scale: Scale, ticks: &[f64]) -> Axis {
    let axis = axis(title);
    if scale == Scale::Linear {
        return axis;
    }
    let names = ticks.iter().map(|tick| scale.label(*tick)).collect();
    axis.type_(AxisType::Log)
        .tick_mode(TickMode::Array)
        .tick_values(ticks.to_vec())
        .tick_text(names)
}

fn bars(bars: &Bars) -> Figure {
    let names: Vec<String> = bars.rows.iter().map(|row| folded(&row.label)).collect();
    // Names may be equal; places on the axis must not be.
    let places: Vec<String> = (0..names.len())
        .map(|index| format!("row {index}"))
        .collect();
    let values: Vec<Option<f64>> = bars.rows.iter().map(|row| row.value).collect();
    let bound = |side: fn((f64, f64), f64) -> f64| -> Vec<f64> {
        let rows = bars.rows.iter();
        rows.map(|row| {
            row.interval
                .zip(row.value)
                .map_or(0.0, |(i, value)| side(i, value))
        })
        .collect()
    };
    let notes: Vec<String> = bars.rows.iter().map(|row| plain(&row.note)).collect();
    let colors: Vec<Rgb> = bars
        .rows
        .iter()
        .map(|row| rgb(if row.doubtful { BOUND } else { color(0) }))
        .collect();
    let mut figure = Figure::new();
    let ours = Bar::new(values, places.clone())
        .orientation(Orientation::Horizontal)
        .name("ours, with 95 % interval")
        .marker(Dots::new().color_array(colors).opacity(0.75))
        .hover_text_array(notes)
        .hover_info(HoverInfo::Text)
        .error_x(
            ErrorData::new(ErrorType::Data)
                .symmetric(false)
                .array(bound(|(_, high), value| high - value))
                .array_minus(bound(|(low, _), value| value - low))
                .color(rgb(INK))
                .thickness(1.5),
        );
    figure.add_trace(ours);
    let published = bars.rows.iter().zip(&places);
    let (at, ys): (Vec<f64>, Vec<String>) = published
        .filter_map(|(row, place)| Some((row.published?, place.clone())))
        .unzip();
    let has_published = bars.has_published();
    if has_published {
        figure.add_trace(
            Scatter::new(at, ys)
                .mode(Mode::Markers)
                .name("published")
                .marker(
                    Dots::new()
                        .symbol(MarkerSymbol::TriangleUp)
                        .size(11)
                        .color(rgb(PUBLISHED)),
                )
                .hover_template(format!(
                    "published: %{{x:.4~g}} {}<extra></extra>",
                    bars.unit
                )),
        );
    }
    if let Some(line) = bars.line {
        let ends = [places.first(), places.last()];
        let ends: Vec<String> = ends.into_iter().flatten().cloned().collect();
        figure.add_trace(
            Scatter::new(vec![line; ends.len()], ends)
                .mode(Mode::Lines)
                .line(
                    Stroke::new()
                        .color(rgb(BOUND))
                        .width(2.0)
                        .dash(DashType::Dash),
                )
                .show_legend(false)
                .hover_info(HoverInfo::Skip),
        );
    }
    let upwards = axis("")
        .type_(AxisType::Category)
        .category_order(CategoryOrder::Array)
        .category_array(places.into_iter().rev().collect())
        .tick_mode(TickMode::Array)
        .tick_values((0..names.len()).map(|index| index as f64).collect())
        .tick_text(names.into_iter().rev().collect());
    figure.set_layout(
        layout()
            .show_legend(has_published)
            .x_axis(axis(&bars.x_title).range_mode(RangeMode::ToZero))
            .y_axis(upwards),
    );
    figure
}

/// A name in lines, for the narrow place beside an axis.
fn folded(name: &str) -> String {
    let mut text = String::new();
    let mut letters = 0;
    for word in name.split_whitespace() {
        let length = word.chars().count();
        if letters > 0 && letters + length > NAME_LETTERS {
            text.push_str("<br>");
            letters = 0;
        } else if letters > 0 {
            text.push(' ');
        }
        text.push_str(&plain(word));
        letters += length + 1;
    }
    text
}

fn map(grid: &Grid) -> Figure {
    let texts = grid.values.iter().enumerate().map(|(y, row)| {
        let texts = row.iter().enumerate().map(|(x, value)| {
            let value =
                value.map_or_else(|| "not measured".to_owned(), |v| format_significant(v, 4));
            format!(
                "{} {}<br>{} {}<br>{value} {}",
                plain(&grid.x_title),
                plain(&grid.xs[x]),
                plain(&grid.y_title),
                plain(&grid.ys[y]),
                plain(&grid.z_title)
            )
        });
        texts.collect::<Vec<String>>()
    });
    let trace = HeatMap::new(grid.xs.clone(), grid.ys.clone(), grid.values.clone())
        .color_scale(ColorScale::Palette(ColorScalePalette::Viridis))
        .color_bar(ColorBar::new().title(Title::with_text(plain(&grid.z_title))))
        .hover_text_matrix(texts.collect())
        .hover_info(HoverInfo::Text)
        .hover_on_gaps(true);
    let mut figure = Figure::new();
    figure.add_trace(trace);
    figure.set_layout(
        layout()
            .x_axis(axis(&grid.x_title).type_(AxisType::Category))
            .y_axis(axis(&grid.y_title).type_(AxisType::Category)),
    );
    figure
}

fn surface(grid: &Grid) -> Figure {
    let trace = Surface::new(grid.values.clone())
        .x(grid.xs.clone())
        .y(grid.ys.clone())
        .color_scale(ColorScale::Palette(ColorScalePalette::Viridis))
        .color_bar(ColorBar::new().title(Title::with_text(plain(&grid.z_title))))
        .hover_template(format!(
            "{} %{{x}}<br>{} %{{y}}<br>%{{z:.4~g}} {}<extra></extra>",
            plain(&grid.x_title),
            plain(&grid.y_title),
            plain(&grid.z_title)
        ));
    let side = |title: &str| Axis::new().title(Title::with_text(plain(title)));
    let mut figure = Figure::new();
    figure.add_trace(trace);
    figure.set_layout(
        layout()
            .margin(Margin::new().top(0).right(0).bottom(0).left(0))
            .scene(
                LayoutScene::new()
                    .x_axis(side(&grid.x_title).type_(AxisType::Category))
                    .y_axis(side(&grid.y_title).type_(AxisType::Category))
                    .z_axis(side(&grid.z_title)),
            ),
    );
    figure
}
