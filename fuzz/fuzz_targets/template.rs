//! Templates and data: whatever is compiled is rendered without a panic, and what
//! comes out is a request that can be taken apart again.
//!
//! Input: path, header value, body and data, separated by bytes 0.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tonnage_load::{
    DataPlan, Header, Parts, Pick, Request, RequestParts, RequestSource, SourcePlan,
};

fuzz_target!(|input: &[u8]| {
    let mut fields = input.splitn(4, |&byte| byte == 0);
    let mut text = || String::from_utf8_lossy(fields.next().unwrap_or_default()).into_owned();
    let (path, value, body, data) = (text(), text(), text(), text());
    let request = RequestParts {
        method: "POST".to_owned(),
        headers: Header::new("X-Fuzz", &value).into_iter().collect(),
        body: body.into_bytes(),
    };
    let mut plan = SourcePlan::constant(&path, request);
    plan.data = (!data.is_empty()).then_some(DataPlan {
        text: data,
        pick: Pick::Sequential,
    });
    let Ok(source) = RequestSource::compile(&plan, "fuzz.test", true) else {
        return;
    };
    let mut cursor = source.cursor(1, 0, 1);
    let mut buffer = Vec::new();
    for _ in 0..4 {
        let next = cursor.next(&mut buffer);
        let parts = match next.request {
            Request::Fixed(index) => source.fixed_parts(index),
            Request::Rendered => Parts::of(&buffer),
        };
        assert!(parts.path.starts_with('/'));
        // Exactly one line each: nothing that was put in breaks out of its place.
        assert!(!parts.path.contains(['\r', '\n', ' ']));
        assert!(!parts.method.contains(['\r', '\n', ' ']));
    }
});
