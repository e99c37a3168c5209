//! One range of bytes (RFC 9110, section 14). Whoever asks for several is given all of it, as
//! the standard allows: no client needs them, and they are a way to ask for much at once.

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) bytes: u64,
}

/// What of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Part(Range),
    /// What it does not have.
    Nothing,
}

impl Range {
    /// The value of Content-Range, for a file of so many bytes.
    pub(super) fn field(self, whole_bytes: u64) -> String {
        let last = self.first + self.bytes.saturating_sub(1);
        format!("bytes {}-{last}/{whole_bytes}", self.first)
    }
}

/// What a Range field asks for of a file of so many bytes. One that is none says nothing.
pub(super) fn wanted(field: &[u8], whole_bytes: u64) -> Wanted {
    let spec = field.split_at_checked(6);
    let spec = spec.filter(|(unit, _)| unit.eq_ignore_ascii_case(b"bytes="));
    let Some(spec) = spec.map(|(_, spec)| spec.trim_ascii()) else {
        return Wanted::Whole;
    };
    let Some(dash) = memchr::memchr(b'-', spec) else {
        return Wanted::Whole;
    };
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    match (first, last) {
        ([], [_, ..]) => match number(last) {
            None => Wanted::Whole,
            Some(0) => Wanted::Nothing,
            Some(_) if whole_bytes == 0 => Wanted::Nothing,
            Some(bytes) => {
                let bytes = bytes.min(whole_bytes);
                let first = whole_bytes - bytes;
                Wanted::Part(Range { first, bytes })
            }
        },
        ([_, ..], _) => {
            let last = if last.is_empty() {
                Some(u64::MAX)
            } else {
                number(last)
            };
            let (Some(first), Some(last)) = (number(first), last) else {
                return Wanted::Whole;
            };
            if last < first {
                Wanted::Whole
            } else if first >= whole_bytes {
                Wanted::Nothing
            } else {
                let bytes = (whole_bytes - first).min((last - first).saturating_add(1));
                Wanted::Part(Range { first, bytes })
            }
        }
        ([], []) => Wanted::Whole,
    }
}

/// A number in digits; one that is too large is as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_what_the_standard_says() {
        let part = |first, bytes| Wanted::Part(Range { first, bytes });
        for (field, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-", part(0, 10)),
            ("Bytes=3-5", part(3, 3)),
            ("bytes=9-100", part(9, 1)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=99999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=0-99999999999999999999", part(0, 10)),
            ("bytes=5-3", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes 1-2", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(wanted(field.as_bytes(), 10), expected, "{field}");
        }
        assert_eq!(wanted(b"bytes=0-", 0), Wanted::Nothing);
        assert_eq!(wanted(b"bytes=-1", 0), Wanted::Nothing);
        assert_eq!(Range { first: 3, bytes: 3 }.field(10), "bytes 3-5/10");
    }

    proptest! {
        #[test]
        fn no_range_is_larger_than_the_file(
            field in "bytes=[0-9]{0,21}-[0-9]{0,21}",
            whole_bytes in any::<u64>(),
        ) {
            if let Wanted::Part(range) = wanted(field.as_bytes(), whole_bytes) {
                prop_assert!(range.bytes > 0);
                prop_assert!(range.bytes <= whole_bytes - range.first);
            }
        }
    }
}
