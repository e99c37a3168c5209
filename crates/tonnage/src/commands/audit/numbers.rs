//! Numbers as tables have them: with groups, decimal commas, units and emphasis.

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl TimeUnit {
    /// The units that people publish latencies in.
    pub(super) const USUAL: [Self; 3] = [Self::Seconds, Self::Milliseconds, Self::Microseconds];

    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Milliseconds => 1e-3,
            Self::Microseconds => 1e-6,
            Self::Nanoseconds => 1e-9,
        }
    }

    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Nanoseconds => "ns",
        }
    }

    /// A unit by any of its names, in lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Seconds,
            "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => {
                Self::Milliseconds
            }
            // The micro sign and the Greek letter look alike.
            "us" | "µs" | "μs" | "usec" | "micros" | "microsecond" | "microseconds" => {
                Self::Microseconds
            }
            "ns" | "nanos" | "nanosecond" | "nanoseconds" => Self::Nanoseconds,
            _ => return None,
        })
    }
}

impl std::str::FromStr for TimeUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::named(&text.to_lowercase())
            .ok_or_else(|| format!("`{text}` is no unit of time (expected s, ms, us or ns)"))
    }
}

/// What a cell holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Nothing, or a sign for it.
    Nothing,
    /// A number, and what stands behind it, in lower case.
    Number(f64, String),
    /// Something else.
    Words,
}

/// Reads a cell. A comma is a decimal point where `has_decimal_commas`, elsewhere it
/// separates groups of three digits, or is a decimal point where those do not fit.
pub(super) fn content(text: &str, has_decimal_commas: bool) -> Content {
    const NOTHING: [&str; 10] = ["", "-", "–", "—", "n/a", "na", "nan", "null", "none", "?"];
    let plain = text.trim_matches(|c: char| c.is_whitespace() || "*`~≈_".contains(c));
    if NOTHING.contains(&plain.to_lowercase().as_str()) {
        return Content::Nothing;
    }
    // Blanks and quotes inside of a number separate groups, before a letter its unit.
    let is_part = |c: char| c.is_ascii_digit() || ".,+-'’ \u{a0}\u{202f}\u{2009}".contains(c);
    let end = plain.find(|c| !is_part(c)).unwrap_or(plain.len());
    let (digits, unit) = match exponent_end(plain, end) {
        Some(end) => plain.split_at(end),
        None => plain.split_at(end),
    };
    match number(digits.trim(), has_decimal_commas) {
        Some(number) => Content::Number(number, unit.trim().to_lowercase()),
        None => Content::Words,
    }
}

/// The end of an exponent (`1.2e-3`) whose `e` stands at `at`.
fn exponent_end(text: &str, at: usize) -> Option<usize> {
    let behind = text[at..].strip_prefix(['e', 'E'])?;
    let digits = behind.strip_prefix(['+', '-']).unwrap_or(behind);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    (at > 0 && count > 0).then(|| at + (text.len() - at - digits.len()) + count)
}

fn number(text: &str, has_decimal_commas: bool) -> Option<f64> {
    let is_group = |c: char| c.is_whitespace() || "'’".contains(c);
    let text: String = text.chars().filter(|c| !is_group(*c)).collect();
    let commas = text.matches(',').count();
    let plain = match (commas, text.rfind(','), text.rfind('.')) {
        (0, ..) => text,
        // Whichever comes last separates the decimals: 1.234,5 and 1,234.5.
        (1, Some(comma), Some(point)) if comma > point => text.replace('.', "").replace(',', "."),
        (_, Some(comma), point) => {
            let whole = &text[..point.unwrap_or(text.len())];
            let groups_fit = whole.split(',').skip(1).all(|group| group.len() == 3);
            let is_decimal = commas == 1 && point.is_none();
            if is_decimal && (has_decimal_commas || !groups_fit) {
                format!("{}.{}", &text[..comma], &text[comma + 1..])
            } else if groups_fit {
                text.replace(',', "")
            } else {
                return None;
            }
        }
        (_, None, _) => return None,
    };
    plain.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, has_decimal_commas: bool, number: f64, unit: &str) {
        let expected = Content::Number(number, unit.to_owned());
        assert_eq!(content(text, has_decimal_commas), expected, "{text:?}");
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        check("376.6", false, 376.6, "");
        check(" 1263 ms ", false, 1263.0, "ms");
        check("1,909.638", false, 1909.638, "");
        check("1,234", false, 1234.0, "");
        check("1,234,567 req/s", false, 1_234_567.0, "req/s");
        check("376,6", false, 376.6, "");
        check("376,625", true, 376.625, "");
        check("1.234,5", true, 1234.5, "");
        check("1 234", false, 1234.0, "");
        check("12\u{202f}345", false, 12_345.0, "");
        check("12'345", false, 12_345.0, "");
        check("**42**", false, 42.0, "");
        check("~1.2K", false, 1.2, "k");
        check("1.5e3", false, 1500.0, "");
        check("2e-3 s", false, 0.002, "s");
        check("10 errors", false, 10.0, "errors");
        check("-5", false, -5.0, "");
    }

    #[test]
    fn signs_for_nothing_are_nothing_and_words_are_words() {
        for text in ["", "  ", "-", "–", "n/a", "N/A", "null", "*-*"] {
            assert_eq!(content(text, false), Content::Nothing, "{text:?}");
        }
        for text in [
            "abc", "1.2.3", "1,23,4", "timeout", "--", "e5", "1,2,3.4", ".",
        ] {
            assert_eq!(content(text, false), Content::Words, "{text:?}");
        }
    }

    #[test]
    fn a_unit_of_time_has_many_names() {
        for (name, unit) in [("MS", "ms"), ("sec", "s"), ("us", "µs"), ("µs", "µs")] {
            assert_eq!(name.parse::<TimeUnit>().unwrap().symbol(), unit);
        }
        let error = "parsec".parse::<TimeUnit>().unwrap_err();
        assert!(error.contains("expected s, ms, us or ns"), "{error}");
    }

    proptest! {
        #[test]
        fn no_cell_is_a_panic(text in "[-+0-9.,eE '’µ±ms\u{a0}|*]{0,12}", commas: bool) {
            content(&text, commas);
        }

        #[test]
        fn a_number_survives_writing(number in 0.0f64..1e9) {
            prop_assert_eq!(content(&format!("{number}"), false), Content::Number(number, String::new()));
        }
    }
}
