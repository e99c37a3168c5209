//! Percent-decoding of paths as Python's `urllib.parse.unquote_to_bytes` does it: what
//! is no escape stays as it is.

use std::borrow::Cow;

use memchr::memchr;

use super::bytes::hex_digit;

/// `text` with each `%41` as the byte that it stands for.
pub fn unquote(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(b'%', text) else {
        return Cow::Borrowed(text);
    };
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut next = Some(first);
    while let Some(percent) = next {
        plain.extend_from_slice(&rest[..percent]);
        let digit = |at: usize| rest.get(percent + at).copied().and_then(hex_digit);
        if let (Some(high), Some(low)) = (digit(1), digit(2)) {
            plain.push(high << 4 | low);
            rest = &rest[percent + 3..];
        } else {
            plain.push(b'%');
            rest = &rest[percent + 1..];
        }
        next = memchr(b'%', rest);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_bytes_and_the_rest_stays() {
        for (text, plain) in [
            ("", ""),
            ("/plain", "/plain"),
            ("/a%20b", "/a b"),
            ("%41%6a%6A", "Ajj"),
            ("/%2F%2f/", "////"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            // As Python: `unquote_to_bytes("%%41") == b"%A"`.
            ("%%41", "%A"),
            ("%2541", "%41"),
        ] {
            assert_eq!(unquote(text.as_bytes()), plain.as_bytes(), "{text}");
        }
        assert_eq!(unquote(b"%C3%A9%00%ff"), &b"\xc3\xa9\x00\xff"[..]);
    }

    #[test]
    fn what_has_no_escape_is_not_copied() {
        assert!(matches!(unquote(b"/plain"), Cow::Borrowed(_)));
    }
}
