//! What a request says of the copies that the client has (RFC 9110, section 13), and of what
//! it wants to have.

use std::borrow::Cow;
use std::time::SystemTime;

use super::found::Found;
use super::range::{Wanted, wanted};
use crate::codings::Accepted;
use crate::dispatch::Exchange;
use crate::http::Known;

/// The fields that matter for a file; of each the first, but for lists.
#[derive(Debug, Default)]
pub(super) struct Asked {
    if_match: Option<Vec<u8>>,
    if_none_match: Option<Vec<u8>>,
    if_modified_since: Option<Vec<u8>>,
    if_unmodified_since: Option<Vec<u8>>,
    if_range: Option<Vec<u8>>,
    range: Option<Vec<u8>>,
}

/// What the conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    /// The client has it.
    Unchanged,
    /// It is not what the client wants to be sure of.
    Failed,
}

/// The codings that the client takes.
pub(super) fn accepted(exchange: &Exchange) -> Accepted {
    let mut accepted = Accepted::default();
    for (_, _, value) in exchange
        .fields()
        .filter(|(known, ..)| *known == Known::AcceptEncoding)
    {
        accepted.add(&value);
    }
    accepted
}

impl Asked {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let mut asked = Self::default();
        for (known, _, value) in exchange.fields() {
            match known {
                Known::IfMatch => join(&mut asked.if_match, value),
                Known::IfNoneMatch => join(&mut asked.if_none_match, value),
                Known::IfModifiedSince => first(&mut asked.if_modified_since, value),
                Known::IfUnmodifiedSince => first(&mut asked.if_unmodified_since, value),
                Known::IfRange => first(&mut asked.if_range, value),
                Known::Range => first(&mut asked.range, value),
                _ => {}
            }
        }
        asked
    }

    /// In the order of RFC 9110, section 13.2.2.
    pub(super) fn verdict(&self, found: &Found, tag: &str) -> Verdict {
        let since = |field: &Option<Vec<u8>>| field.as_deref().and_then(date);
        if let Some(tags) = &self.if_match {
            if !names(tags, tag, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if let Some(since) = since(&self.if_unmodified_since)
            && found.modified() > since
        {
            return Verdict::Failed;
        }
        let is_unchanged = match &self.if_none_match {
            Some(tags) => names(tags, tag, Comparison::Weak),
            None => since(&self.if_modified_since).is_some_and(|since| found.modified() <= since),
        };
        if is_unchanged {
            Verdict::Unchanged
        } else {
            Verdict::Send
        }
    }

    /// What of the file is wanted: all of it, where part of it would belong to another version.
    pub(super) fn range(&self, found: &Found, tag: &str) -> Wanted {
        let Some(range) = &self.range else {
            return Wanted::Whole;
        };
        let is_same = match self.if_range.as_deref() {
            None => true,
            Some(validator) => {
                validator == tag.as_bytes()
                    || date(validator).is_some_and(|date| date == found.modified())
            }
        };
        if is_same {
            wanted(range, found.bytes())
        } else {
            Wanted::Whole
        }
    }
}

/// How tags are compared (RFC 9110, section 8.8.3.2). Ours are strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list names this tag, in which there is no comma.
fn names(list: &[u8], tag: &str, comparison: Comparison) -> bool {
    let mut items = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    items.any(|item| {
        let strong = match comparison {
            Comparison::Strong => item,
            Comparison::Weak => item.strip_prefix(b"W/").unwrap_or(item),
        };
        item == b"*" || strong == tag.as_bytes()
    })
}

fn date(text: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()
}

fn first(place: &mut Option<Vec<u8>>, value: Cow<'_, [u8]>) {
    place.get_or_insert_with(|| value.into_owned());
}

fn join(place: &mut Option<Vec<u8>>, value: Cow<'_, [u8]>) {
    match place {
        Some(before) => {
            before.push(b',');
            before.extend_from_slice(&value);
        }
        None => *place = Some(value.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_lists() {
        for (list, weak, strong) in [
            ("\"a\"", true, true),
            ("W/\"a\"", true, false),
            ("\"b\", \"a\"", true, true),
            ("\"b\",W/\"a\" ", true, false),
            ("*", true, true),
            ("a", false, false),
            ("\"A\"", false, false),
            ("", false, false),
        ] {
            let names = |comparison| names(list.as_bytes(), "\"a\"", comparison);
            assert_eq!(names(Comparison::Weak), weak, "{list}");
            assert_eq!(names(Comparison::Strong), strong, "{list}");
        }
    }

    #[test]
    fn dates_come_in_the_three_forms_of_the_standard() {
        let dates = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ];
        let read = dates.map(|text| date(text.as_bytes()).unwrap());
        assert!(read.iter().all(|moment| *moment == read[0]));
        assert_eq!(date(b"yesterday"), None);
    }
}
