//! The date of a line as Apache's common log format or RFC 3339 has it, made anew once a
//! second.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// As gunicorn's `Logger.now` has it.
const PATTERN: &str = "[%d/%b/%Y:%H:%M:%S %z]";

/// RFC 3339 with milliseconds, which are filled in afterwards, at these bytes.
const RFC3339: &str = "%Y-%m-%dT%H:%M:%S.000%:z";
const MILLISECONDS: std::ops::Range<usize> = 20..23;

/// The text of a moment, kept as long as the second lasts.
#[derive(Debug)]
pub struct LogDate {
    zone: TimeZone,
    pattern: &'static str,
    second: Option<i64>,
    text: Vec<u8>,
}

impl LogDate {
    /// Dates of a time zone.
    pub fn new(zone: TimeZone) -> Self {
        Self::by(PATTERN, zone)
    }

    /// Dates of RFC 3339 with milliseconds.
    pub fn rfc3339(zone: TimeZone) -> Self {
        Self::by(RFC3339, zone)
    }

    fn by(pattern: &'static str, zone: TimeZone) -> Self {
        Self {
            pattern,
            zone,
            second: None,
            text: Vec::new(),
        }
    }

    /// Such as `[25/Nov/2026:20:23:05 +0000]` or `2026-11-25T20:23:05.678+00:00`.
    pub fn at(&mut self, moment: SystemTime) -> &[u8] {
        let second = seconds_since_epoch(moment);
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            match Timestamp::from_second(second) {
                Ok(timestamp) => {
                    let date = timestamp.to_zoned(self.zone.clone());
                    let text = date.strftime(self.pattern).to_string();
                    self.text.extend_from_slice(text.as_bytes());
                }
                // A clock that far off has no date.
                Err(_) => self.text.push(b'-'),
            }
        }
        if self.pattern == RFC3339
            && let Some(digits) = self.text.get_mut(MILLISECONDS)
        {
            let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
            digits.copy_from_slice(format!("{:03}", since.subsec_millis()).as_bytes());
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
