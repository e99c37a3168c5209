//! The mathematics behind Tonnage's answers: pure functions on numbers.
//!
//! Nothing here knows of studies, files or processes; whoever has measured figures
//! passes them in. What is random takes a seed and gives the same on every machine.
//!
//! | question | look at |
//! |---|---|
//! | how certain is a figure that was measured once a block? | [`mean_interval`], [`level_interval`], [`ratio_interval`] |
//! | do two cells differ, and which match the best? | [`judge`], [`noise_floor`], [`not_distinguishable_from_best`] |
//! | which cells deserve more trials? | [`survivors`], [`settled`] |
//! | in what order do they run? | [`order`] |
//! | how does throughput grow with load? | [`usl`], [`AsymptoticBounds`], [`doublings`] |
//! | how long would an ideal queue let them wait? | [`Mmc`] |
//! | where is the edge of what holds? | [`Bisection`] |
//! | did the machine change? | [`steps`], [`drifted_blocks`] |
//! | do published figures fit together? | [`audit()`], [`little_residual`] |

mod audit;
mod bounds;
mod compare;
mod interval;
mod levels;
mod little;
mod queue;
mod race;
mod random;
mod saturation;
mod search;
mod shuffle;
mod steady;
mod steps;
mod student;
mod unpaired;
pub mod usl;

pub use audit::{Audit, AuditRow, AuditedRow, TOLERANCE, audit};
pub use bounds::AsymptoticBounds;
pub use compare::{
    BestCell, Comparison, FEWEST_BLOCKS, drift_floor, judge, noise_floor,
    not_distinguishable_from_best,
};
pub use interval::{Interval, Method, level_interval, mean_interval, ratio_interval};
pub use little::little_residual;
pub use queue::{Mmc, erlang_c};
pub use race::{HOPELESS, SCREENING_BLOCKS, SETTLED_HALF_WIDTH, settled, survivors};
pub use saturation::{
    Doubling, Knee, LEAST_GAIN, Rung, Saturated, bounds_knee, doubling_knee, doublings, gain,
    saturated,
};
pub use search::{Bisection, Holds, SearchStep, Unfindable};
pub use shuffle::order;
pub use steady::{Drift, drift, mean, mser_truncation};
pub use steps::{SHORTEST_LEVEL, drifted_blocks, level_shifts, steps};
pub use unpaired::unpaired_ratio_interval;
pub use usl::{Usl, UslError, UslFit};
