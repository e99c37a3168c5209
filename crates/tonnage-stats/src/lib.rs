//! The mathematics behind Tonnage's answers: pure functions on numbers.
//!
//! Nothing here knows of studies, files or processes; whoever has measured
//! figures passes them in.

mod bounds;
mod little;

pub use bounds::AsymptoticBounds;
pub use little::little_residual;
