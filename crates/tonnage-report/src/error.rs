//! What can go wrong while a report is written. Records that are missing or
//! failed are no errors: they are shown as such.

use tonnage_model::TemplateError;

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A template of the study names something that a trial does not have.
    #[error("the study's line cannot be filled in: {0}")]
    Template(#[from] TemplateError),
    /// A chart could not be drawn.
    #[error("the chart cannot be drawn: {0}")]
    Chart(String),
    /// A chart could not be packed as PNG.
    #[error("the chart cannot be encoded as PNG: {0}")]
    Png(#[from] png::EncodingError),
    /// A table could not be written as CSV.
    #[error("the results cannot be written as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The records could not be written as JSON.
    #[error("the results cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The page's template failed.
    #[error("the page cannot be written: {0}")]
    Html(#[from] askama::Error),
}
