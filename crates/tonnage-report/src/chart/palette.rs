//! Colours and markers, which tell curves apart for people with any colour vision.

use plotters::style::RGBColor;

use super::plot::Marker;

/// From "Color Universal Design" (M. Okabe and K. Ito, 2008), without the one kept for
/// published figures.
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
/// The colour of bounds, fits and marks.
pub(crate) const BOUND: RGBColor = RGBColor(120, 120, 120);
/// Text and axes.
pub(crate) const INK: RGBColor = RGBColor(30, 30, 30);
/// What failed.
pub(crate) const BAD: RGBColor = RGBColor(168, 50, 10);
/// Lines behind the curves.
pub(crate) const GRID: RGBColor = RGBColor(225, 225, 225);

/// Steps of viridis (S. van der Walt and N. Smith, 2015), whose lightness grows evenly.
const VIRIDIS: [RGBColor; 9] = [
    RGBColor(68, 1, 84),
    RGBColor(71, 44, 122),
    RGBColor(59, 81, 139),
    RGBColor(44, 113, 142),
    RGBColor(33, 144, 141),
    RGBColor(39, 173, 129),
    RGBColor(92, 200, 99),
    RGBColor(170, 220, 50),
    RGBColor(253, 231, 37),
];

/// The colour of the curve at `index`; after six they repeat, with another marker.
pub(crate) fn color(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

/// The marker of the curve at `index`.
pub(crate) fn marker(index: usize) -> Marker {
    [Marker::Circle, Marker::Triangle, Marker::Cross][index / PALETTE.len() % 3]
}

/// The colour of a share from 0 to 1: dark to light.
pub(crate) fn heat(share: f64) -> RGBColor {
    let at = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (at as usize).min(VIRIDIS.len() - 2);
    let (a, b) = (VIRIDIS[below], VIRIDIS[below + 1]);
    let mix = |a: u8, b: u8| {
        let value = f64::from(a) + (f64::from(b) - f64::from(a)) * (at - below as f64);
        value.round() as u8
    };
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Black or white, whichever can be read on `color`.
pub(crate) fn on(color: RGBColor) -> RGBColor {
    let light =
        0.299 * f64::from(color.0) + 0.587 * f64::from(color.1) + 0.114 * f64::from(color.2);
    if light > 140.0 {
        RGBColor(0, 0, 0)
    } else {
        RGBColor(255, 255, 255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_goes_from_dark_to_light() {
        assert_eq!(heat(0.0), VIRIDIS[0]);
        assert_eq!(heat(1.0), VIRIDIS[8]);
        assert_eq!(heat(0.5), VIRIDIS[4]);
        assert_eq!(heat(f64::NAN.max(0.0)), VIRIDIS[0]);
        assert_eq!(on(heat(0.0)), RGBColor(255, 255, 255));
        assert_eq!(on(heat(1.0)), RGBColor(0, 0, 0));
    }
}
