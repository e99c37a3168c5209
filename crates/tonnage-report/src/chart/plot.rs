//! What a chart of curves shows, without saying how it is drawn: over clients, time
//! or percentiles.

use plotters::style::RGBColor;

use super::axis::{Scale, round_ticks, tenfold_ticks};
use super::palette::BOUND;

/// Width of a chart in pixels, at scale 1.
pub(crate) const WIDTH: u32 = 720;
/// Height of a chart with a short legend in pixels, at scale 1.
pub(crate) const HEIGHT: u32 = 460;
/// Height of a line of the legend in pixels, at scale 1.
pub(crate) const LEGEND_LINE: u32 = 22;
/// More names than this make the legend a wall.
pub(crate) const MAX_NAMES: usize = 24;
/// Room above the largest value, and where something is written there.
const HEADROOM: f64 = 1.08;
const NOTE_HEADROOM: f64 = 1.2;

/// A chart of curves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plot {
    /// The answer.
    pub(crate) title: String,
    /// What the vertical axis shows, with its unit.
    pub(crate) y_title: String,
    /// Its unit, for single values.
    pub(crate) y_unit: &'static str,
    /// How it is spaced; it begins at 0 where it can.
    pub(crate) y_scale: Scale,
    /// What the horizontal axis shows, with its unit.
    pub(crate) x_title: String,
    /// Its unit, for single values.
    pub(crate) x_unit: &'static str,
    /// How it is spaced.
    pub(crate) scale: Scale,
    /// The first and the last value of the horizontal axis; `None` where it ends a
    /// little beyond its outermost ticks.
    pub(crate) span: Option<(f64, f64)>,
    /// The values that get a tick, smallest first.
    pub(crate) ticks: Vec<f64>,
    /// Height with a short legend in pixels, at scale 1; [`HEIGHT`] where 0.
    pub(crate) height: u32,
    /// Curves, drawn in this order.
    pub(crate) series: Vec<Series>,
    /// Places on the horizontal axis that are marked by a line, with their names.
    pub(crate) marks: Vec<(f64, String)>,
    /// A point that both axes are led to by dashed lines, with its name.
    pub(crate) cross: Option<(f64, f64, String)>,
}

/// A curve.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Its name in the legend; empty for one that belongs to the curve before it.
    pub(crate) label: String,
    pub(crate) color: RGBColor,
    pub(crate) line: Line,
    pub(crate) marker: Marker,
    /// Places on the horizontal and the vertical axis, from left to right.
    pub(crate) points: Vec<(f64, f64)>,
    /// Between what it may lie: place, lower and upper bound. Drawn as an area.
    pub(crate) band: Vec<(f64, f64, f64)>,
    /// The same for single points, drawn as whiskers.
    pub(crate) whiskers: Vec<(f64, f64, f64)>,
}

/// How a curve's line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Solid,
    Dashed,
    /// Points alone.
    None,
}

/// How a curve's points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Triangle,
    Cross,
    None,
}

impl Series {
    /// A solid line without markers.
    pub(crate) fn new(label: &str, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self {
            label: label.to_owned(),
            color,
            line: Line::Solid,
            marker: Marker::None,
            points,
            band: Vec::new(),
            whiskers: Vec::new(),
        }
    }

    /// A dashed grey line, for what is computed and not measured.
    pub(crate) fn bound(label: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            line: Line::Dashed,
            ..Self::new(label, BOUND, points)
        }
    }
}

impl Plot {
    /// The places of both ends of the horizontal axis, with some room.
    pub(crate) fn ends(&self) -> (f64, f64) {
        if let Some((first, last)) = self.span {
            return (self.scale.place(first), self.scale.place(last));
        }
        let places = || {
            let marks = self.marks.iter().map(|(value, _)| *value);
            let values = self.ticks.iter().copied().chain(marks);
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

    /// Every value that must be seen: points and whiskers. A band may leave the picture.
    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let whiskers = |series: &'_ Series| -> Vec<f64> {
            let ends = series.whiskers.iter();
            ends.flat_map(|(_, low, high)| [*low, *high]).collect()
        };
        self.series
            .iter()
            .flat_map(move |series| {
                let points = series.points.iter().map(|(_, value)| *value);
                points.chain(whiskers(series)).collect::<Vec<_>>()
            })
            .filter(|value| value.is_finite() && *value > 0.0)
    }

    /// The largest value of any curve; 1 where there is none above 0.
    pub(crate) fn largest(&self) -> f64 {
        self.values().reduce(f64::max).unwrap_or(1.0)
    }

    /// The places of the lower and the upper end of the vertical axis.
    pub(crate) fn y_ends(&self) -> (f64, f64) {
        let notes = !self.marks.is_empty() || self.cross.is_some();
        let room = if notes { NOTE_HEADROOM } else { HEADROOM };
        let largest = self.largest();
        if self.y_scale == Scale::Linear {
            return (0.0, largest * room);
        }
        let least = self.values().reduce(f64::min).unwrap_or(largest);
        let (low, high) = (self.y_scale.place(least), self.y_scale.place(largest));
        let span = (high - low).max(0.3);
        (low - span * 0.05, high + span * (room - 1.0))
    }

    /// The values beside the vertical axis that get a tick.
    pub(crate) fn y_ticks(&self) -> Vec<f64> {
        let (low, high) = self.y_ends();
        if self.y_scale == Scale::Linear {
            let about = if self.full_height() < HEIGHT {
                4.0
            } else {
                6.0
            };
            return round_ticks(low, high, about);
        }
        tenfold_ticks(self.y_scale.value(low), self.y_scale.value(high))
    }

    /// The curves that the legend names.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Series> {
        self.series
            .iter()
            .filter(|series| !series.label.is_empty() && !series.is_empty())
    }

    fn full_height(&self) -> u32 {
        if self.height == 0 {
            HEIGHT
        } else {
            self.height
        }
    }

    /// Height in pixels, at scale 1: a long legend takes no room from the curves.
    pub(crate) fn height(&self) -> u32 {
        let names = self.named().count().min(MAX_NAMES) as u32;
        self.full_height() + LEGEND_LINE * names.saturating_sub(3)
    }

    /// Whether there is anything to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.series.iter().all(Series::is_empty)
    }
}

impl Series {
    fn is_empty(&self) -> bool {
        self.points.is_empty() && self.band.is_empty()
    }
}
