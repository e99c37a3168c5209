//! Records in, bytes out: what a run or a load looks like as text, CSV, JSON,
//! charts and HTML.
//!
//! Nothing here opens a socket, starts a process, reads a database or the
//! environment, prints, or writes a file: whoever calls does that with the
//! strings and bytes returned.

mod answer;
mod chart;
mod comparison;
mod console;
mod document;
mod error;
mod export;
mod factors;
mod figure;
#[cfg(test)]
mod fixture;
mod html;
mod ladder;
mod load_html;
mod progress;
mod summary;
mod text;

pub use answer::{headline, notes};
pub use chart::{Chart, latency_chart, throughput_chart};
pub use comparison::{ComparisonRow, Measured};
pub use console::{csv_block, step_line};
pub use document::{Artifact, Document, artifacts};
pub use error::ReportError;
pub use export::{STUDY_SCHEMA, hgrm, hlog, results_csv, results_json, series_csv};
pub use figure::{figure, figure_text};
pub use html::html;
pub use ladder::{LadderEnd, LadderView, ladders};
pub use load_html::{live_html, load_fragment, load_html};
pub use progress::{progress_line, progress_view, sparkline};
pub use summary::{SummaryStyle, SummaryStyleError, summary_text};
pub use text::{
    StackEntry, WorkloadEntry, comparison_text, load_text, show_text, stacks_text, workloads_text,
};
