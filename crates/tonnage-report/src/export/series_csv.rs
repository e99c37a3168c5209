//! The course of a load as a table: a row for each slice. What is missing is an
//! empty field, never a zero.

use tonnage_model::{LoadReport, Slice};

use crate::figure::exact;

const HEADING: &str = "start_s,length_s,succeeded,failed,goodput_rps,failed_rps,in_flight,queued,bytes_received,p50_ms,p90_ms,p99_ms,max_ms";

/// The slices of a load as CSV: response times of the successes in milliseconds,
/// `start_s` counted from the beginning of the window.
pub fn series_csv(report: &LoadReport) -> String {
    let rows = report.series.slices.iter().map(row);
    let lines: Vec<String> = [HEADING.to_owned()].into_iter().chain(rows).collect();
    // Only numbers: nothing in it needs quotes.
    lines.join("\n") + "\n"
}

fn row(slice: &Slice) -> String {
    let seconds = |us: u64| exact(us as f64 / 1e6);
    let ms = |us: Option<f64>| us.map_or_else(String::new, |us| exact(us / 1e3));
    [
        seconds(slice.start_us),
        seconds(slice.length_us),
        slice.succeeded.to_string(),
        slice.failed.to_string(),
        exact(slice.goodput_rps()),
        exact(slice.failed_rps()),
        slice.in_flight.to_string(),
        slice.queued.to_string(),
        slice.bytes_received.to_string(),
        ms(slice.p50_us),
        ms(slice.p90_us),
        ms(slice.p99_us),
        ms(slice.max_us),
    ]
    .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn every_slice_is_a_row() {
        let report = fixture::open_loop();
        let text = series_csv(&report);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<std::collections::BTreeMap<String, String>> =
            reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 10);
        assert_eq!(rows[3]["start_s"], "3");
        assert_eq!(rows[3]["goodput_rps"], "1000");
        assert_eq!(rows[3]["queued"], "720");
        assert!(rows[3]["p99_ms"].parse::<f64>().unwrap() > 0.0);
    }

    #[test]
    fn what_is_missing_is_empty() {
        let mut report = fixture::steady();
        report.series.slices.truncate(1);
        report.series.slices[0].p99_us = None;
        report.series.slices[0].max_us = None;
        let text = series_csv(&report);
        assert!(text.ends_with(",\n"), "{text}");
        assert!(text.lines().nth(1).unwrap().split(',').count() == 13);
        assert_eq!(series_csv(&LoadReport::default()).lines().count(), 1);
    }
}
