//! A run for programs: a table, and everything; a load for the tools that draw
//! distributions, and its course as a table.

mod csv_table;
mod hdr;
mod json;
mod series_csv;

pub use csv_table::results_csv;
pub use hdr::{hgrm, hlog};
pub(crate) use json::results_json_of;
pub use json::{STUDY_SCHEMA, results_json};
pub use series_csv::series_csv;
