//! The date of a line as Apache's common log format has it, made anew once a second.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// As gunicorn's `Logger.now` has it.
const PATTERN: &str = "[%d/%b/%Y:%H:%M:%S %z]";

/// The text of a moment, kept as long as the second lasts.
#[derive(Debug)]
pub struct LogDate {
    zone: TimeZone,
    second: Option<i64>,
    text: Vec<u8>,
}

impl LogDate {
    /// Dates of a time zone.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: None,
            text: Vec::new(),
        }
    }

    /// Such as `[25/Nov/2026:20:23:05 +0000]`.
    pub fn at(&mut self, moment: SystemTime) -> &[u8] {
        let second = seconds_since_epoch(moment);
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            match Timestamp::from_second(second) {
                Ok(timestamp) => {
                    let date = timestamp.to_zoned(self.zone.clone());
                    let text = date.strftime(PATTERN).to_string();
                    self.text.extend_from_slice(text.as_bytes());
                }
                // A clock that far off has no date.
                Err(_) => self.text.push(b'-'),
            }
        }
        &self.text
    }
}

fn seconds_since_epoch(moment: SystemTime) -> i64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}
