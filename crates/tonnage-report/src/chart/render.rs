//! From a description to bytes: sets the font up, draws once as SVG and once, at
//! twice the size, as PNG.

use std::sync::OnceLock;

use plotters::prelude::{BitMapBackend, DrawingBackend, IntoDrawingArea, SVGBackend};
use plotters::style::{FontStyle, register_font};

use super::plot::{Plot, WIDTH};
use super::text::{Area, FONT, Result};
use super::{Chart, Drawing, bars, draw, grid, surface};
use crate::ReportError;

/// Pixels of the PNG for each of the SVG.
const PNG_SCALE: u32 = 2;

pub(crate) fn chart(drawing: &Drawing) -> std::result::Result<Chart, ReportError> {
    prepare_font()?;
    Ok(Chart {
        svg: svg(drawing)?,
        png: png(drawing)?,
    })
}

/// The chart as SVG alone.
pub(crate) fn svg_only(plot: &Plot) -> std::result::Result<String, ReportError> {
    prepare_font()?;
    svg(&Drawing::Curves(plot.clone()))
}

/// Makes the embedded font known, once in a process. The SVG needs it too: for
/// the room that its texts take.
fn prepare_font() -> std::result::Result<(), ReportError> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let font = epaint_default_fonts::UBUNTU_LIGHT;
    if *REGISTERED.get_or_init(|| register_font(FONT, FontStyle::Normal, font).is_ok()) {
        Ok(())
    } else {
        Err(ReportError::Chart(
            "the embedded font is unusable".to_owned(),
        ))
    }
}

fn height(drawing: &Drawing) -> u32 {
    match drawing {
        Drawing::Curves(plot) => plot.height(),
        Drawing::Bars(bars) => bars.height(),
        Drawing::Map(grid) => grid.map_height(),
        Drawing::Surface(grid) => surface::height(grid),
    }
}

fn draw_on<DB: DrawingBackend>(area: &Area<DB>, drawing: &Drawing, scale: u32) -> Result<(), DB> {
    match drawing {
        Drawing::Curves(plot) => draw::draw(area, plot, scale),
        Drawing::Bars(bars) => bars::draw(area, bars, scale),
        Drawing::Map(grid) => grid::draw_map(area, grid, scale),
        Drawing::Surface(grid) => surface::draw(area, grid, scale),
    }
}

fn svg(drawing: &Drawing) -> std::result::Result<String, ReportError> {
    let mut text = String::new();
    {
        let size = (WIDTH, height(drawing));
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw_on(&area, drawing, 1).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    Ok(text)
}

fn png(drawing: &Drawing) -> std::result::Result<Vec<u8>, ReportError> {
    let (width, height) = (WIDTH * PNG_SCALE, height(drawing) * PNG_SCALE);
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw_on(&area, drawing, PNG_SCALE).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Charts are mostly flat: unfiltered rows of one colour pack best.
    encoder.set_compression(png::Compression::Best);
    encoder.set_filter(png::FilterType::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

fn failed(error: impl std::fmt::Display) -> ReportError {
    ReportError::Chart(error.to_string())
}
