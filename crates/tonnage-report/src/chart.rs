//! Charts as SVG and PNG and for plotly.js, each from one description: what is drawn is
//! decided in `figures` (of a run) and `load` (of a load), how in the other files.

mod axis;
mod bars;
mod draw;
mod grid;
mod interactive;
mod load;
mod palette;
mod plot;
mod render;
mod surface;
mod text;

use tonnage_model::LoadReport;

use crate::ReportError;

pub(crate) use axis::{Scale, round_ticks};
pub(crate) use bars::{Bar, Bars};
pub(crate) use grid::Grid;
pub(crate) use load::{AT_MOST, last_odds, nines, supported};
pub(crate) use palette::{PUBLISHED, color, marker};
pub(crate) use plot::{Line, Marker, Plot, Series};

/// A chart in its static forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chart {
    /// For the page; text is text, in the reader's own sans-serif font.
    pub(crate) svg: String,
    /// Twice the size in pixels, for slides and chats.
    pub(crate) png: Vec<u8>,
}

/// A chart of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Drawing {
    /// Over clients, time or percentiles.
    Curves(Plot),
    /// One a cell.
    Bars(Bars),
    /// A figure over two factors, as colours.
    Map(Grid),
    /// The same as a landscape.
    Surface(Grid),
}

impl Drawing {
    /// The answer that stands above it.
    pub(crate) fn title(&self) -> &str {
        match self {
            Self::Curves(plot) => &plot.title,
            Self::Bars(bars) => &bars.title,
            Self::Map(grid) | Self::Surface(grid) => &grid.title,
        }
    }

    /// As SVG and as PNG.
    pub(crate) fn chart(&self) -> Result<Chart, ReportError> {
        render::chart(self)
    }

    /// As JSON for plotly.js, which may stand inside a `script` element.
    pub(crate) fn interactive(&self) -> String {
        interactive::json(self)
    }
}

/// The charts of one load as SVG, each with what it shows: rates, latencies and
/// requests under way over time, and the response time by percentile.
pub(crate) fn load_charts(report: &LoadReport) -> Result<[(&'static str, String); 4], ReportError> {
    Ok([
        ("Rates over time", render::svg_only(&load::rates(report))?),
        (
            "Response time over time",
            render::svg_only(&load::latencies(report))?,
        ),
        (
            "Requests under way over time",
            render::svg_only(&load::under_way(report))?,
        ),
        (
            "Response time by percentile",
            render::svg_only(&load::distribution(report))?,
        ),
    ])
}

#[cfg(test)]
mod tests;
