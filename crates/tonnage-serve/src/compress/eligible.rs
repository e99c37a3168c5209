//! What a response's head says of whether it may be compressed, and what it says instead where
//! it is.

use super::Compression;
use crate::codings::Coding;

/// Fields that say something of the very bytes (RFC 9530, section 2 and 3, and what was
/// before it).
const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];

/// A response's fields.
pub(crate) type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

/// The head of a response that may be compressed, as the application said it.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) status: u16,
    pub(crate) reason: Vec<u8>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The length that was promised.
    pub(crate) length: Option<u64>,
}

impl Compression {
    /// The head of a response that is compressed where the client takes it, to be kept; `None`
    /// for one that is not. Then others may be sent it in another form, which `fields` say from
    /// now on.
    pub(crate) fn plain(
        &self,
        status: u16,
        reason: &[u8],
        fields: &mut Fields<'_>,
    ) -> Option<Plain> {
        // These have no body, or part of one.
        if matches!(status, 0..=199 | 204..=206) {
            return None;
        }
        // What has not changed may be of any type, and says what it would say with its body
        // (RFC 9110, section 15.4.5).
        let mut is_of_type = status == 304;
        let mut length = None;
        let mut varies = false;
        for (name, value) in fields.iter() {
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            match name.len() {
                4 if is("vary") => varies |= lists(value, &["*", "accept-encoding"]),
                // What it says of the bytes would not be true of others (RFC 9530).
                6 | 11 | 14 if DIGESTS.iter().any(|known| is(known)) => return None,
                12 if is("content-type") => is_of_type = self.has(value),
                13 if is("cache-control") && lists(value, &["no-transform"]) => return None,
                13 if is("content-range") => return None,
                14 if is("content-length") => length = Some(decimal(value)?),
                16 if is("content-encoding") && !lists(value, &["identity"]) => return None,
                _ => {}
            }
        }
        if !is_of_type {
            return None;
        }
        if !varies {
            fields.push((b"Vary", b"Accept-Encoding"));
        }
        if status == 304 || length.is_some_and(|length| length < self.least_bytes()) {
            return None;
        }
        let fields = fields.iter();
        Some(Plain {
            status,
            reason: reason.to_vec(),
            fields: fields
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect(),
            length,
        })
    }
}

impl Plain {
    /// The fields of the compressed response: without a length, and with a tag that does not
    /// promise the very same bytes (RFC 9110, section 8.8.1).
    pub(crate) fn fields(&self, coding: Coding) -> Vec<(Vec<u8>, Vec<u8>)> {
        let is = |name: &[u8], known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let gone = ["content-length", "content-encoding", "accept-ranges"];
        let kept = self.fields.iter();
        let kept = kept.filter(|(name, _)| !gone.iter().any(|known| is(name, known)));
        let mut fields: Vec<_> = kept
            .map(|(name, value)| {
                let weak = is(name, "etag").then(|| weakened(value)).flatten();
                (name.clone(), weak.unwrap_or_else(|| value.clone()))
            })
            .collect();
        let name = coding.name().as_bytes().to_vec();
        fields.push((b"Content-Encoding".to_vec(), name));
        fields
    }
}

/// A tag that does not promise the very same bytes; `None` where it did not before.
pub(crate) fn weakened(tag: &[u8]) -> Option<Vec<u8>> {
    tag.starts_with(b"\"").then(|| [b"W/", tag].concat())
}

/// Whether a list names one of these.
fn lists(value: &[u8], names: &[&str]) -> bool {
    let mut items = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    items.any(|item| {
        let mut names = names.iter();
        names.any(|name| item.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// What is no length is for others to refuse.
fn decimal(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain<'a>(
        status: u16,
        fields: &[(&'a str, &'a str)],
    ) -> (Option<Plain>, Vec<(String, String)>) {
        let compression = Compression::new(["text/*"], 100);
        let html = [(&b"Content-Type"[..], &b"text/html"[..])];
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let mut all: Fields<'_> = html.into_iter().chain(fields).collect();
        let plain = compression.plain(status, b"OK", &mut all);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let all = all.iter().map(|(name, value)| (text(name), text(value)));
        (plain, all.skip(1).collect())
    }

    #[test]
    fn what_would_break_or_gain_nothing_is_left_as_it_is() {
        for (status, fields) in [
            (200, &[("Content-Encoding", "br")][..]),
            (200, &[("content-encoding", "gzip, identity-x")]),
            (200, &[("Content-Range", "bytes 0-1/2")]),
            (200, &[("Cache-Control", "public, No-Transform")]),
            (200, &[("Content-Type", "image/png")]),
            (200, &[("Content-Digest", "sha-256=:AA==:")]),
            (200, &[("repr-digest", "sha-256=:AA==:")]),
            (200, &[("Content-MD5", "AA==")]),
            (200, &[("Content-Length", "99")]),
            (200, &[("Content-Length", "x")]),
            (204, &[]),
            (206, &[]),
            (304, &[]),
        ] {
            assert!(plain(status, fields).0.is_none(), "{status} {fields:?}");
        }
        for (status, fields) in [
            (200, &[][..]),
            (404, &[("Content-Length", "100")]),
            (500, &[("Content-Encoding", "identity")]),
            (200, &[("Cache-Control", "max-age=1")]),
        ] {
            assert!(plain(status, fields).0.is_some(), "{status} {fields:?}");
        }
    }

    #[test]
    fn whoever_keeps_it_is_told_that_others_get_another_form() {
        let vary = ("Vary".to_owned(), "Accept-Encoding".to_owned());
        assert!(plain(200, &[]).1.contains(&vary));
        assert!(plain(200, &[("Content-Length", "1")]).1.contains(&vary));
        assert!(plain(200, &[("Vary", "Cookie")]).1.contains(&vary));
        assert!(plain(304, &[]).1.contains(&vary));
        for (name, value) in [("vary", "cookie, accept-encoding"), ("Vary", "*")] {
            assert!(!plain(200, &[(name, value)]).1.contains(&vary), "{value}");
        }
        assert!(
            !plain(200, &[("Content-Type", "image/png")])
                .1
                .contains(&vary)
        );
    }

    #[test]
    fn a_compressed_head_promises_nothing_of_the_plain_body() {
        let fields = [
            ("Content-Length", "1000"),
            ("ETag", "\"a\""),
            ("Accept-Ranges", "bytes"),
            ("X-A", "1"),
        ];
        let (plain, _) = plain(200, &fields);
        let plain = plain.unwrap();
        assert_eq!(plain.length, Some(1000));
        let fields = plain.fields(Coding::Gzip);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{}: {}", text(name), text(value)))
            .collect();
        assert_eq!(
            fields,
            [
                "Content-Type: text/html",
                "ETag: W/\"a\"",
                "X-A: 1",
                "Vary: Accept-Encoding",
                "Content-Encoding: gzip",
            ]
        );
    }
}
