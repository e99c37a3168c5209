//! The mathematics behind Tonnage's answers: pure functions on numbers.
//!
//! Nothing here knows of studies, files or processes; whoever has measured
//! figures passes them in.

mod bounds;
mod little;
mod steady;

pub use bounds::AsymptoticBounds;
pub use little::little_residual;
pub use steady::{Drift, drift, mean, mser_truncation};
