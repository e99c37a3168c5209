//! A run as tables for other programs: one CSV row a trial, and the whole of it
//! as JSON.

mod csv_table;
mod json;

pub use csv_table::results_csv;
pub use json::{STUDY_SCHEMA, results_json};
