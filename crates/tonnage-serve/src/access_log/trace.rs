//! Which trace a request belongs to: the `traceparent` field of W3C's Trace Context, which
//! OpenTelemetry speaks. It is handed to the application as any other field is; here it is
//! read so that lines of the log can be found by it.

/// The ids of a `traceparent`, as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext<'a> {
    /// The trace: 32 hexadecimal digits in small letters, not all zero.
    pub trace_id: &'a str,
    /// The caller's span: 16 of them, not all zero.
    pub span_id: &'a str,
    /// Whether the caller keeps the trace.
    pub sampled: bool,
}

impl<'a> TraceContext<'a> {
    /// Reads a field's value (Trace Context, section 3.2); `None` where it has to be ignored.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(value.trim_ascii()).ok()?;
        let mut parts = text.split('-');
        let mut next = |digits| parts.next().filter(|part| is_hexadecimal(part, digits));
        let (version, trace_id, span_id, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        let is_null = |id: &str| id.bytes().all(|byte| byte == b'0');
        // Later versions may have more; the first one has not, and `ff` is none.
        let has_more = parts.next().is_some();
        if version == "ff" || (version == "00" && has_more) || is_null(trace_id) || is_null(span_id)
        {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self {
            trace_id,
            span_id,
            sampled,
        })
    }
}

fn is_hexadecimal(part: &str, digits: usize) -> bool {
    let mut bytes = part.bytes();
    part.len() == digits && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn ids_are_read_and_what_is_none_is_ignored() {
        let value = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let context = TraceContext::parse(value.as_bytes()).unwrap();
        assert_eq!(context.trace_id, TRACE);
        assert_eq!(context.span_id, "00f067aa0ba902b7");
        assert!(context.sampled);
        let later = format!("01-{TRACE}-00f067aa0ba902b7-00-what-comes");
        assert!(!TraceContext::parse(later.as_bytes()).unwrap().sampled);
        for wrong in [
            String::new(),
            value.to_uppercase(),
            format!("{value}-00"),
            value.replacen("00-", "ff-", 1),
            value.replace(TRACE, &"0".repeat(32)),
            value.replace("00f067aa0ba902b7", &"0".repeat(16)),
            value.replace("-01", ""),
            value.replace('4', "g"),
        ] {
            assert_eq!(TraceContext::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
