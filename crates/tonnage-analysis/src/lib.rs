//! Records in, findings out: what a run's trials say, with how much certainty, and
//! why. A report draws it, and the run's scheduler asks it what to measure next.
//!
//! Nothing here opens a file or knows how a figure was obtained; the mathematics is
//! that of `tonnage-stats`, where the block is the sample and never the request.

mod analysis;
mod causes;
mod cells;
mod compare_runs;
mod comparison;
mod drift;
mod factors;
mod figure;
#[cfg(any(test, feature = "test-fixtures"))]
pub mod fixture;
mod headline;
mod hypothesis;
mod interval;
mod noise;
mod notes;
mod published;
mod quantile;
mod saturation;
mod search;
mod validity;
mod words;

pub use analysis::{Analysis, Facts};
pub use causes::{Cause, Finding, causes};
pub use cells::CellView;
pub use compare_runs::{ComparedCell, RunComparison};
pub use comparison::{Contest, Rank, Standing, Unranked};
pub use drift::{MachineDrift, ReferencePoint};
pub use factors::{Factor, distinguishing_labels, factors};
pub use figure::{figure, larger_is_better, unit};
pub use hypothesis::{Hypothesis, HypothesisVerdict};
pub use interval::{interval_text, quotient, ratio_text};
pub use noise::{NoiseFloor, Versus, survivors_bias};
pub use published::{Ours, PublishedRow};
pub use saturation::{Bend, Doubling, LadderStep, LadderView};
pub use search::{Attempt, LargestRate, MemoryCliff, objective_met};
pub use tonnage_stats::{Comparison, Interval};
pub use validity::{Excluded, Validity, is_generator_side, validity};
