//! gunicorn's settings of HTTP/2 and what they mean here.

use super::resolved::Resolved;
use crate::h2::Http2Settings;

/// How HTTP/2 is spoken; none where it is not.
pub(super) fn http2(resolved: &Resolved) -> Option<Http2Settings> {
    let number = |name| u32::try_from(resolved.whole(name)).unwrap_or(u32::MAX);
    let protocols = resolved.texts("http_protocols");
    let settings = Http2Settings {
        prior_knowledge: resolved.word("http2_cleartext") == "prior-knowledge",
        alpn: protocols.iter().any(|protocol| protocol == "h2"),
        is_preferred: protocols.first().is_some_and(|first| first == "h2"),
        streams: number("http2_max_concurrent_streams"),
        // Nobody could send a body without any.
        window_bytes: number("http2_initial_window_size").max(1),
        frame_bytes: number("http2_max_frame_size"),
        head_bytes: number("http2_max_header_list_size"),
    };
    (settings.prior_knowledge || settings.alpn).then_some(settings)
}

/// What is wrong with them: the setting, and what is expected.
pub(super) fn check(resolved: &Resolved) -> Option<(&'static str, &'static str)> {
    let name = "http2_cleartext";
    // RFC 9113, section 3.1.
    let expected =
        "off or prior-knowledge; the upgrade from HTTP/1.1 is no part of HTTP/2 any more";
    matches!(resolved.word(name), "upgrade" | "both").then_some((name, expected))
}
