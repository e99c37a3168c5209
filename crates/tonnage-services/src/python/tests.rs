//! The echo's text beside what a real Python makes of it, and what must hold for
//! every value.

use std::borrow::Cow;
use std::collections::HashSet;

use proptest::prelude::*;
use serde::Deserialize;

use super::{Text, Value, dumps, parse, repr, str};

/// Written by `golden/make.py` with Python 3.12.
#[derive(Deserialize)]
struct Golden {
    /// JSON, and what `str` and `json.dumps` make of its value.
    cases: Vec<(String, String, String)>,
    refused: Vec<String>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/golden.json")).unwrap()
}

#[test]
fn python_writes_the_same() {
    let cases = golden().cases;
    assert!(cases.len() > 500, "{}", cases.len());
    for (json, as_text, as_json) in cases {
        let value = parse(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(str(&value), as_text, "str of {json}");
        assert_eq!(dumps(&value), as_json, "JSON of {json}");
    }
}

#[test]
fn python_refuses_the_same() {
    let refused = golden().refused;
    assert!(refused.len() > 50, "{}", refused.len());
    for json in refused {
        let parsed = parse(json.as_bytes());
        assert!(parsed.is_err(), "{json:?} was read as {parsed:?}");
    }
    assert!(parse(b"\"\xff\"").is_err() && parse(b"\"\xed\xa0\x80\"").is_err());
}

#[test]
fn an_error_says_where() {
    let error = |json: &str| parse(json.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error("[1, tru]"),
        "the body is not JSON: no value at byte 4"
    );
    assert_eq!(error("{\"å\" 1}"), "the body is not JSON: no `:` at byte 6");
    assert_eq!(error("[1] x"), "the body is not JSON: extra data at byte 4");
}

#[test]
fn depth_is_bounded() {
    let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(str(&parse(nested(512).as_bytes()).unwrap()), nested(512));
    let error = parse(nested(100_000).as_bytes()).unwrap_err().to_string();
    assert!(error.contains("too many levels at byte 512"), "{error}");
}

#[test]
fn a_dict_of_any_size_keeps_the_place_of_a_repeated_key() {
    for keys in [1, 15, 16, 17, 1000] {
        let entry = |n| format!("\"k{n}\": {n}");
        let entries: Vec<String> = (0..keys).map(entry).collect();
        let again = format!("\"k0\": -1, \"k{}\": -2", keys - 1);
        let json = format!("{{{}, {again}}}", entries.join(", "));
        let Value::Dict(dict) = parse(json.as_bytes()).unwrap() else {
            panic!("{json}")
        };
        assert_eq!(dict.len(), keys);
        assert_eq!(dict[keys - 1].1, Value::Int("-2"));
        assert!(keys == 1 || dict[0].1 == Value::Int("-1"));
    }
}

/// A string as Python may have it: code points with surrogates that are no pair.
fn text() -> impl Strategy<Value = Text<'static>> {
    let point = prop_oneof![4 => any::<char>().prop_map(u32::from), 1 => 0xd800..0xe000_u32];
    prop::collection::vec(point, 0..8).prop_map(|points| {
        let chars: Option<String> = points.iter().map(|point| char::from_u32(*point)).collect();
        match chars {
            Some(chars) => Text::Plain(Cow::Owned(chars)),
            None => Text::Points(joined(&points)),
        }
    })
}

/// Pairs of surrogates joined: JSON cannot say them apart.
fn joined(points: &[u32]) -> Vec<u32> {
    let mut out: Vec<u32> = Vec::new();
    for point in points {
        match out.last().copied() {
            Some(high @ 0xd800..0xdc00) if (0xdc00..0xe000).contains(point) => {
                out.pop();
                out.push(0x10000 + ((high - 0xd800) << 10 | (point - 0xdc00)));
            }
            _ => out.push(*point),
        }
    }
    out
}

fn value() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        prop::sample::select(vec!["0", "-7", "123456789012345678901234567890"])
            .prop_map(Value::Int),
        (prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO)
            .prop_map(Value::Float),
        text()
            .prop_filter("a pair joined is no lone surrogate", |text| match text {
                Text::Plain(_) => true,
                Text::Points(points) => points.iter().any(|p| char::from_u32(*p).is_none()),
            })
            .prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let entry = (
            "[a-z]{0,3}".prop_map(|key| Text::Plain(Cow::Owned(key))),
            inner.clone(),
        );
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(Value::List),
            prop::collection::vec(entry, 0..20).prop_map(|mut entries| {
                let mut seen = HashSet::new();
                entries.retain(|(key, _)| seen.insert(key.clone()));
                Value::Dict(entries)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn json_reads_back_as_the_same_value(value in value()) {
        let json = dumps(&value);
        prop_assert!(json.is_ascii());
        prop_assert_eq!(parse(json.as_bytes()).unwrap(), value);
    }

    #[test]
    fn repr_is_one_line_of_printable_text(value in value()) {
        let text = repr(&value);
        prop_assert!(!text.contains(|char: char| char.is_control()), "{}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn what_looks_like_json_is_judged_as_serde_judges_it(json in r#"[\[\]{}",:0-9.eE+\-truefalsn \\u]{0,24}"#) {
        // Serde knows neither lone surrogates nor numbers too large for a float.
        prop_assume!(!json.contains('u') && !json.contains(['e', 'E']));
        let theirs = serde_json::from_str::<serde_json::Value>(&json).is_ok();
        prop_assert_eq!(parse(json.as_bytes()).is_ok(), theirs, "{}", json);
    }
}
