//! The Date field, made once a second.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// The field's line as of some second.
#[derive(Debug, Clone)]
pub struct DateCache {
    unix_s: Option<i64>,
    line: Vec<u8>,
}

impl DateCache {
    /// Without a date yet.
    pub fn new() -> Self {
        Self {
            unix_s: None,
            line: Vec::with_capacity(40),
        }
    }

    /// `Date: Sun, 06 Nov 1994 08:49:37 GMT` with its line end, for a moment in seconds
    /// since 1970 by the wall clock. Empty for a moment that is in no calendar.
    #[inline]
    pub fn line(&mut self, unix_s: i64) -> &[u8] {
        if self.unix_s != Some(unix_s) {
            self.renew(unix_s);
        }
        &self.line
    }

    #[cold]
    fn renew(&mut self, unix_s: i64) {
        self.unix_s = Some(unix_s);
        self.line.clear();
        let date = Timestamp::from_second(unix_s)
            .and_then(|moment| DateTimePrinter::new().timestamp_to_rfc9110_string(&moment));
        if let Ok(date) = date {
            self.line.extend_from_slice(b"Date: ");
            self.line.extend_from_slice(date.as_bytes());
            self.line.extend_from_slice(b"\r\n");
        }
    }
}

impl Default for DateCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_standard() {
        let mut cache = DateCache::new();
        // RFC 9110, section 5.6.7.
        for _ in 0..2 {
            assert_eq!(
                cache.line(784_111_777),
                b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            );
        }
        assert_eq!(
            cache.line(784_111_778),
            b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
        );
        assert_eq!(cache.line(0), b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
        assert_eq!(cache.line(i64::MAX), b"");
    }
}
