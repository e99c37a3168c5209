//! The parameters of a query: numbers with their bounds.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::Request;

use crate::answer::Refusal;

/// The query of a URL, not yet decoded; empty where there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Params<'a>(pub(crate) &'a str);

impl<'a> Params<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        Self(request.uri().query().unwrap_or_default())
    }

    /// The first value of `name`, decoded.
    pub(crate) fn text(self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.0.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The first value of `name` as a number within `bounds`, if it is there.
    pub(crate) fn number<T>(
        self,
        name: &str,
        bounds: &RangeInclusive<T>,
    ) -> Result<Option<T>, Refusal>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        // NaN is in no range.
        let number = text.trim().parse().ok().filter(|n| bounds.contains(n));
        let (least, most) = (bounds.start(), bounds.end());
        let wrong =
            || Refusal::bad_request(format!("{name} must be a number from {least} to {most}"));
        number.ok_or_else(wrong).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::Params;

    #[test]
    fn a_number_is_there_within_bounds_or_told_to_be_wrong() {
        let number = |query, bounds| Params(query).number::<f64>("delay", &bounds);
        assert_eq!(number("", 0.0..=1.0).unwrap(), None);
        assert_eq!(
            number("x=1&delay=0.5&delay=2", 0.0..=1.0).unwrap(),
            Some(0.5)
        );
        assert_eq!(number("de%6Cay=%201", 0.0..=1.0).unwrap(), Some(1.0));
        for wrong in [
            "delay=",
            "delay=2",
            "delay=-1",
            "delay=NaN",
            "delay=inf",
            "delay=x",
        ] {
            let refusal = number(wrong, 0.0..=1.0).unwrap_err();
            assert_eq!(refusal.message, "delay must be a number from 0 to 1");
        }
    }
}
