//! What a chart shows, without saying how it is drawn: curves over clients, time
//! or percentiles.

use plotters::style::RGBColor;

use super::axis::Scale;

/// Width of a chart in pixels, at scale 1.
pub(crate) const WIDTH: u32 = 720;
/// Height of a chart with a short legend in pixels, at scale 1.
pub(crate) const HEIGHT: u32 = 460;
/// Height of a line of the legend in pixels, at scale 1.
pub(crate) const LEGEND_LINE: u32 = 22;
/// More names than this make the legend a wall; the others are counted.
pub(crate) const MAX_NAMES: usize = 24;

/// Colours that people with any colour vision tell apart (M. Okabe and K. Ito,
/// "Color Universal Design", 2008), without the one kept for published figures.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// The colour of everything published.
pub(crate) const PUBLISHED: RGBColor = RGBColor(213, 94, 0);
/// The colour of bounds and of the knee.
pub(crate) const BOUND: RGBColor = RGBColor(120, 120, 120);

/// The colour of the ladder at `index`; after six they repeat, with another marker.
pub(crate) fn color(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

/// The marker of the ladder at `index`.
pub(crate) fn marker(index: usize) -> Marker {
    [Marker::Circle, Marker::Triangle, Marker::Cross][index / PALETTE.len() % 3]
}

/// A chart.
pub(crate) struct Plot {
    /// The answer.
    pub(crate) title: String,
    /// What the vertical axis shows, with its unit.
    pub(crate) y_title: &'static str,
    /// What the horizontal axis shows, with its unit.
    pub(crate) x_title: &'static str,
    /// How the horizontal axis is spaced.
    pub(crate) scale: Scale,
    /// The first and the last value of the horizontal axis; `None` where it ends a
    /// little beyond its outermost ticks.
    pub(crate) span: Option<(f64, f64)>,
    /// The values that get a tick, smallest first.
    pub(crate) ticks: Vec<f64>,
    /// Height with a short legend in pixels, at scale 1.
    pub(crate) height: u32,
    /// Curves, drawn in this order.
    pub(crate) series: Vec<Series>,
    /// The knee in clients, where one is marked.
    pub(crate) knee_clients: Option<f64>,
}

/// A curve.
pub(crate) struct Series {
    /// Its name in the legend.
    pub(crate) label: String,
    pub(crate) color: RGBColor,
    pub(crate) line: Line,
    pub(crate) marker: Marker,
    /// Places on the horizontal and the vertical axis, from left to right.
    pub(crate) points: Vec<(f64, f64)>,
}

/// How a curve's line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Solid,
    Dashed,
}

/// How a curve's points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Triangle,
    Cross,
    None,
}

/// What the charts of a run have below them.
pub(crate) const CLIENTS: &str = "clients (concurrent users, each waiting for its answer)";

/// Numbers of clients as ticks.
pub(crate) fn as_ticks(clients: &[u32]) -> Vec<f64> {
    clients.iter().map(|&n| f64::from(n)).collect()
}

/// Points with clients as a number.
pub(crate) fn as_points(curve: &[(u32, f64)]) -> Vec<(f64, f64)> {
    curve
        .iter()
        .map(|&(clients, value)| (f64::from(clients), value))
        .collect()
}

impl Plot {
    /// The places of both ends of the horizontal axis, with some room.
    pub(crate) fn ends(&self) -> (f64, f64) {
        if let Some((first, last)) = self.span {
            return (self.scale.place(first), self.scale.place(last));
        }
        let places = || {
            let values = self.ticks.iter().copied().chain(self.knee_clients);
            values.map(|value| self.scale.place(value))
        };
        let low = places().reduce(f64::min).unwrap_or(0.0);
        let high = places().reduce(f64::max).unwrap_or(0.0);
        // A single step gets an octave on either side, so that it has a scale.
        let room = if high - low < 0.5 {
            1.0
        } else {
            (high - low) * 0.04
        };
        (low - room, high + room)
    }

    /// The largest value of any curve; 1 where there is none above 0.
    pub(crate) fn largest(&self) -> f64 {
        self.series
            .iter()
            .flat_map(|series| &series.points)
            .map(|(_, value)| *value)
            .filter(|value| value.is_finite() && *value > 0.0)
            .reduce(f64::max)
            .unwrap_or(1.0)
    }

    /// The curves that the legend names.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Series> {
        self.series
            .iter()
            .filter(|series| !series.label.is_empty() && !series.points.is_empty())
    }

    /// Height in pixels, at scale 1: a long legend takes no room from the curves.
    pub(crate) fn height(&self) -> u32 {
        let names = self.named().count().min(MAX_NAMES) as u32;
        self.height + LEGEND_LINE * names.saturating_sub(3)
    }

    /// About how many numbers stand beside the vertical axis.
    pub(crate) fn y_labels(&self) -> usize {
        if self.height < HEIGHT { 5 } else { 7 }
    }

    /// Whether there is anything to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }
}
