//! The charts of a run, as SVG and PNG, and of a load, as SVG, each from one
//! description: what is drawn is decided in `throughput`, `latency` and `load`, how
//! in `draw`.

mod axis;
mod draw;
mod latency;
mod load;
mod plot;
mod render;
mod throughput;

use tonnage_model::LoadReport;

use crate::{Document, ReportError, ladders};

/// A chart in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// For the page; text is text, in the reader's own sans-serif font.
    pub svg: String,
    /// Twice the size in pixels, for slides and chats.
    pub png: Vec<u8>,
}

/// Requests per second over the clients, with bounds and knee.
pub fn throughput_chart(document: &Document) -> Result<Chart, ReportError> {
    render::chart(&throughput::plot(document, &ladders(document)))
}

/// Service time (p50 and p95, milliseconds) over the clients.
pub fn latency_chart(document: &Document) -> Result<Chart, ReportError> {
    render::chart(&latency::plot(document, &ladders(document)))
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
mod tests {
    use super::*;
    use crate::fixture;

    fn both(document: &Document) -> [Chart; 2] {
        [
            throughput_chart(document).unwrap(),
            latency_chart(document).unwrap(),
        ]
    }

    #[test]
    fn svg_is_whole_and_text_stays_text() {
        for (name, document) in fixture::all() {
            for chart in both(&document) {
                assert!(chart.svg.starts_with("<svg "), "{name}");
                assert!(chart.svg.trim_end().ends_with("</svg>"), "{name}");
                assert!(chart.svg.contains("font-family=\"sans-serif\""), "{name}");
                assert_eq!(chart.svg.matches("<svg").count(), 1, "{name}");
                assert!(!chart.svg.contains("NaN"), "{name}");
            }
        }
    }

    #[test]
    fn png_decodes_to_twice_the_size_and_is_not_blank() {
        for (name, document) in fixture::all() {
            for chart in both(&document) {
                let decoder = png::Decoder::new(chart.png.as_slice());
                let mut reader = decoder.read_info().unwrap();
                let mut pixels = vec![0; reader.output_buffer_size()];
                let info = reader.next_frame(&mut pixels).unwrap();
                assert_eq!(info.width, 2 * plot::WIDTH);
                assert!(info.height >= 2 * plot::HEIGHT);
                assert!(pixels.iter().any(|byte| *byte < 128), "{name}");
            }
        }
    }

    #[test]
    fn published_curve_bounds_and_knee_are_named() {
        let [throughput, latency] = both(&fixture::published());
        for text in ["published", "requests per second", "clients", "knee 2.1"] {
            assert!(throughput.svg.contains(text), "{text}");
        }
        for text in ["published p95", "service time in milliseconds", "p50"] {
            assert!(latency.svg.contains(text), "{text}");
        }
    }

    #[test]
    fn a_title_cannot_break_out_of_the_svg() {
        let mut document = fixture::single();
        document.study.title = "<script>&\"".to_owned();
        let [chart, _] = both(&document);
        assert!(!chart.svg.contains("<script"));
    }
}
