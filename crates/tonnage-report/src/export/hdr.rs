//! Response times for the public tools of HdrHistogram: the percentile
//! distribution that its plotter draws, and the interval log that its readers and
//! analysers take.

use std::fmt::Write as _;

use jiff::Timestamp;
use tonnage_model::{Histogram, LoadReport};

/// Rows for each halving of what is left, as HdrHistogram's own writers do.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
/// Every histogram of ours has three significant digits, which takes so many.
const SUB_BUCKETS: u32 = 2048;
/// Powers of two between the sub-buckets and the longest latency, one hour.
const BUCKETS: u32 = 32;

/// The response times of the successes as a percentile distribution (`.hgrm`), in
/// milliseconds. Other than elsewhere its rows go to the very last sample, as the
/// format demands: the counts beside them say how much each is worth.
pub fn hgrm(report: &LoadReport) -> String {
    let histogram = report.response_time.histogram();
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    for step in histogram.quantile_steps(TICKS_PER_HALF_DISTANCE) {
        let ms = step.value_ns as f64 / 1e6;
        let (quantile, count) = (step.quantile, step.count);
        // The last row has no odds: nothing is left above it.
        let odds = if quantile < 1.0 {
            format!(" {:>14.2}", 1.0 / (1.0 - quantile))
        } else {
            String::new()
        };
        writeln!(text, "{ms:>12.3} {quantile:>14.12} {count:>10}{odds}")
            .expect("writing to memory does not fail");
    }
    let ms = |us: Option<f64>| us.unwrap_or(0.0) / 1e3;
    writeln!(
        text,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n#[Max     = {:>12.3}, Total count    = {:>12}]\n#[Buckets = {BUCKETS:>12}, SubBuckets     = {SUB_BUCKETS:>12}]",
        ms(histogram.mean_us()),
        ms(histogram.stdev_us()),
        ms(histogram.max_us()),
        histogram.count(),
    )
    .expect("writing to memory does not fail");
    text
}

/// The response times of the successes as an interval log (`.hlog`, version 1.3):
/// one histogram in nanoseconds for each slice, its largest value in milliseconds.
/// A report without slices is one interval.
pub fn hlog(report: &LoadReport) -> String {
    let start_us = report.started_unix_us.saturating_add(report.warmup_us);
    let date = i64::try_from(start_us)
        .ok()
        .and_then(|us| Timestamp::from_microsecond(us).ok())
        .map_or_else(
            || "unknown".to_owned(),
            |time| time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string(),
        );
    let since_epoch = format!("{:.3} (seconds since epoch)", start_us as f64 / 1e6);
    let mut text = format!(
        "#[Response times in nanoseconds, written by Tonnage {}]\n#[Histogram log format version 1.3]\n#[StartTime: {since_epoch}, {date}]\n#[BaseTime: {since_epoch}]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        report.generator.version,
    );
    if report.series.slices.is_empty() {
        let whole = &report.response_time;
        text.push_str(&interval(
            0,
            report.window_us,
            whole.max_us,
            &whole.histogram,
        ));
    }
    for slice in &report.series.slices {
        text.push_str(&interval(
            slice.start_us,
            slice.length_us,
            slice.max_us,
            &slice.histogram,
        ));
    }
    text
}

fn interval(start_us: u64, length_us: u64, max_us: Option<f64>, histogram: &str) -> String {
    let payload = if histogram.is_empty() {
        Histogram::new().to_base64()
    } else {
        histogram.to_owned()
    };
    format!(
        "{:.3},{:.3},{:.3},{payload}\n",
        start_us as f64 / 1e6,
        length_us as f64 / 1e6,
        max_us.unwrap_or(0.0) / 1e3,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use insta::assert_snapshot;

    #[test]
    fn the_distribution_goes_from_the_first_to_the_last_sample() {
        let report = fixture::steady();
        let text = hgrm(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_snapshot!(lines[..5].join("\n"), @r"
        Value     Percentile TotalCount 1/(1-Percentile)

        4.243 0.000000000000         27           1.00
        4.600 0.100000000000        972           1.11
        5.005 0.200000000000       1941           1.25
        ");
        assert_snapshot!(lines[lines.len() - 5..].join("\n"), @r"
              54.198 0.999902343750       9670       10240.00
              54.198 1.000000000000       9670
        #[Mean    =        7.812, StdDeviation   =        3.940]
        #[Max     =       54.198, Total count    =         9670]
        #[Buckets =           32, SubBuckets     =         2048]
        ");
        let rows = lines[2..].iter().filter(|line| !line.starts_with('#'));
        let counts: Vec<u64> = rows
            .map(|row| row.split_whitespace().nth(2).unwrap().parse().unwrap())
            .collect();
        assert!(counts.is_sorted());
        assert_eq!(counts.last(), Some(&report.response_time.count));
    }

    #[test]
    fn the_log_is_read_back_by_the_public_parser() {
        let report = fixture::steady();
        let text = hlog(&report);
        let mut starts = Vec::new();
        let mut samples = 0;
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            match entry.unwrap() {
                LogEntry::StartTime(time) | LogEntry::BaseTime(time) => {
                    assert_eq!(time.as_secs(), 1_795_226_002);
                }
                LogEntry::Interval(interval) => {
                    starts.push(interval.start_timestamp().as_secs());
                    assert_eq!(interval.duration().as_millis(), 1000);
                    let payload = interval.encoded_histogram();
                    let histogram = Histogram::from_base64(payload).unwrap();
                    let max_ms = histogram.max_us().unwrap() / 1e3;
                    assert!((interval.max() - max_ms).abs() < 0.001);
                    samples += histogram.count();
                }
            }
        }
        assert_eq!(starts, (0..10).collect::<Vec<u64>>());
        assert_eq!(samples, report.response_time.count);
    }

    #[test]
    fn a_load_without_slices_is_one_interval() {
        let [(_, sketch), (_, nothing)] = ["without slices", "nothing at all"].map(|wanted| {
            let mut loads = fixture::all_loads().into_iter();
            loads.find(|(name, _)| *name == wanted).unwrap()
        });
        let intervals = |text: &str| {
            IntervalLogIterator::new(text.as_bytes())
                .filter(|entry| matches!(entry, Ok(LogEntry::Interval(_))))
                .count()
        };
        assert_eq!(intervals(&hlog(&sketch)), 1);
        assert_eq!(intervals(&hlog(&nothing)), 1);
        assert!(hgrm(&nothing).contains("Total count    =            0]"));
    }
}
