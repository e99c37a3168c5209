//! Field names that are met again and again, each a small number: what decides about a
//! request is found by it, and an environ's keys can be made once.

/// Declares the names: the variant, the name in small letters, the CGI variable.
macro_rules! known {
    ($($variant:ident $name:literal $variable:literal)*) => {
        /// A name of a field. As a number it is an index into tables of `Known::COUNT`
        /// entries, except for `Other`, whose number is `Known::COUNT`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Known {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
            /// Any other name.
            Other,
        }

        impl Known {
            /// All but `Other`, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            const NAMES: &[&str] = &[$($name),*];
            const VARIABLES: &[&str] = &[$($variable),*];
        }
    };
}

known! {
    Host "host" "HTTP_HOST"
    ContentLength "content-length" "CONTENT_LENGTH"
    ContentType "content-type" "CONTENT_TYPE"
    TransferEncoding "transfer-encoding" "HTTP_TRANSFER_ENCODING"
    Connection "connection" "HTTP_CONNECTION"
    Expect "expect" "HTTP_EXPECT"
    Upgrade "upgrade" "HTTP_UPGRADE"
    Te "te" "HTTP_TE"
    Trailer "trailer" "HTTP_TRAILER"
    KeepAlive "keep-alive" "HTTP_KEEP_ALIVE"
    ProxyConnection "proxy-connection" "HTTP_PROXY_CONNECTION"
    Accept "accept" "HTTP_ACCEPT"
    AcceptEncoding "accept-encoding" "HTTP_ACCEPT_ENCODING"
    AcceptLanguage "accept-language" "HTTP_ACCEPT_LANGUAGE"
    UserAgent "user-agent" "HTTP_USER_AGENT"
    Referer "referer" "HTTP_REFERER"
    Origin "origin" "HTTP_ORIGIN"
    Cookie "cookie" "HTTP_COOKIE"
    Authorization "authorization" "HTTP_AUTHORIZATION"
    ProxyAuthorization "proxy-authorization" "HTTP_PROXY_AUTHORIZATION"
    CacheControl "cache-control" "HTTP_CACHE_CONTROL"
    Pragma "pragma" "HTTP_PRAGMA"
    Date "date" "HTTP_DATE"
    Via "via" "HTTP_VIA"
    IfMatch "if-match" "HTTP_IF_MATCH"
    IfNoneMatch "if-none-match" "HTTP_IF_NONE_MATCH"
    IfModifiedSince "if-modified-since" "HTTP_IF_MODIFIED_SINCE"
    IfUnmodifiedSince "if-unmodified-since" "HTTP_IF_UNMODIFIED_SINCE"
    IfRange "if-range" "HTTP_IF_RANGE"
    Range "range" "HTTP_RANGE"
    ContentEncoding "content-encoding" "HTTP_CONTENT_ENCODING"
    Dnt "dnt" "HTTP_DNT"
    UpgradeInsecureRequests "upgrade-insecure-requests" "HTTP_UPGRADE_INSECURE_REQUESTS"
    Priority "priority" "HTTP_PRIORITY"
    SecFetchSite "sec-fetch-site" "HTTP_SEC_FETCH_SITE"
    SecFetchMode "sec-fetch-mode" "HTTP_SEC_FETCH_MODE"
    SecFetchDest "sec-fetch-dest" "HTTP_SEC_FETCH_DEST"
    SecFetchUser "sec-fetch-user" "HTTP_SEC_FETCH_USER"
    SecChUa "sec-ch-ua" "HTTP_SEC_CH_UA"
    SecChUaMobile "sec-ch-ua-mobile" "HTTP_SEC_CH_UA_MOBILE"
    SecChUaPlatform "sec-ch-ua-platform" "HTTP_SEC_CH_UA_PLATFORM"
    SecGpc "sec-gpc" "HTTP_SEC_GPC"
    SecWebsocketKey "sec-websocket-key" "HTTP_SEC_WEBSOCKET_KEY"
    SecWebsocketVersion "sec-websocket-version" "HTTP_SEC_WEBSOCKET_VERSION"
    SecWebsocketProtocol "sec-websocket-protocol" "HTTP_SEC_WEBSOCKET_PROTOCOL"
    SecWebsocketExtensions "sec-websocket-extensions" "HTTP_SEC_WEBSOCKET_EXTENSIONS"
    AccessControlRequestMethod "access-control-request-method" "HTTP_ACCESS_CONTROL_REQUEST_METHOD"
    AccessControlRequestHeaders "access-control-request-headers" "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"
    Forwarded "forwarded" "HTTP_FORWARDED"
    XForwardedFor "x-forwarded-for" "HTTP_X_FORWARDED_FOR"
    XForwardedHost "x-forwarded-host" "HTTP_X_FORWARDED_HOST"
    XForwardedPort "x-forwarded-port" "HTTP_X_FORWARDED_PORT"
    XForwardedProto "x-forwarded-proto" "HTTP_X_FORWARDED_PROTO"
    XForwardedProtocol "x-forwarded-protocol" "HTTP_X_FORWARDED_PROTOCOL"
    XForwardedSsl "x-forwarded-ssl" "HTTP_X_FORWARDED_SSL"
    XRealIp "x-real-ip" "HTTP_X_REAL_IP"
    XRequestId "x-request-id" "HTTP_X_REQUEST_ID"
    XRequestedWith "x-requested-with" "HTTP_X_REQUESTED_WITH"
    XCsrftoken "x-csrftoken" "HTTP_X_CSRFTOKEN"
    Traceparent "traceparent" "HTTP_TRACEPARENT"
}

/// The length of the hash table.
const SLOTS: usize = 256;

/// A slot of the hash table without a name: no index is as large.
const EMPTY: u8 = u8::MAX;

/// Where each name is; no two are in one slot.
static TABLE: [u8; SLOTS] = table();

const fn table() -> [u8; SLOTS] {
    let mut table = [EMPTY; SLOTS];
    let mut index = 0;
    while index < Known::COUNT {
        let slot = slot(Known::NAMES[index].as_bytes());
        assert!(
            table[slot] == EMPTY,
            "two names in one slot: search other factors"
        );
        table[slot] = index as u8;
        index += 1;
    }
    table
}

/// The slot of a name of two bytes or more, in whatever case. The factors were searched
/// at random until no two names had the same; 20,000 tries are more than enough.
#[inline]
const fn slot(name: &[u8]) -> usize {
    const SMALL: u8 = 0x20;
    let bytes = name.len();
    let first = (name[0] | SMALL) as usize;
    let before_last = (name[bytes - 2] | SMALL) as usize;
    let last = (name[bytes - 1] | SMALL) as usize;
    (bytes * 50 + first * 49 + before_last * 27 + last * 41) % SLOTS
}

impl Known {
    /// How many there are without `Other`.
    pub const COUNT: usize = Self::ALL.len();

    /// The name that is `name` in small letters. It must be a token: a control
    /// character could pass for another byte.
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        if name.len() < 2 {
            return Self::Other;
        }
        let index = usize::from(TABLE[slot(name)]);
        match Self::NAMES.get(index) {
            Some(known) if is_same(name, known.as_bytes()) => Self::ALL[index],
            _ => Self::Other,
        }
    }

    /// The name in small letters, as ASGI wants it; nothing for `Other`.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).copied().unwrap_or_default()
    }

    /// The CGI variable, as WSGI wants it; nothing for `Other`.
    pub fn variable(self) -> &'static str {
        Self::VARIABLES
            .get(self as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The bit of this name in a set of names. `Other` has one that means nothing.
    #[inline]
    pub(super) const fn bit(self) -> u64 {
        1 << self as u32
    }
}

// Each has a bit, and so has `Other`.
const _: () = assert!(Known::COUNT < 64);

/// Whether a token is the name in any case: a letter differs from its other case in one
/// bit, which all bytes of our names have, and which no byte of a token that lacks it
/// could get to become one of the others.
#[inline]
fn is_same(name: &[u8], known: &[u8]) -> bool {
    const SMALL: u64 = u64::from_ne_bytes([0x20; 8]);
    if name.len() != known.len() {
        return false;
    }
    let fold = |eight: &[u8; 8]| u64::from_ne_bytes(*eight) | SMALL;
    match (name.last_chunk::<8>(), known.last_chunk::<8>()) {
        (Some(name_end), Some(known_end)) => {
            let (eights, _) = name.as_chunks::<8>();
            let (known_eights, _) = known.as_chunks::<8>();
            fold(name_end) == u64::from_ne_bytes(*known_end)
                && eights
                    .iter()
                    .zip(known_eights)
                    .all(|(eight, known)| fold(eight) == u64::from_ne_bytes(*known))
        }
        _ => name
            .iter()
            .zip(known)
            .all(|(&byte, &known)| byte | 0x20 == known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_name_is_found_in_any_case() {
        for (number, &known) in Known::ALL.iter().enumerate() {
            assert_eq!(known as usize, number);
            assert_eq!(Known::of(known.name().as_bytes()), known);
            let capital = known.name().to_ascii_uppercase();
            assert_eq!(Known::of(capital.as_bytes()), known, "{capital}");
            assert!(
                known
                    .name()
                    .bytes()
                    .all(|byte| byte | 0x20 == byte && byte != b'_')
            );
            let variable = capital.replace('-', "_");
            assert!(
                known.variable() == format!("HTTP_{variable}") || {
                    matches!(known, Known::ContentLength | Known::ContentType)
                        && known.variable() == variable
                },
                "{variable}"
            );
        }
        assert_eq!(Known::Other as usize, Known::COUNT);
        assert_eq!((Known::Other.name(), Known::Other.variable()), ("", ""));
    }

    proptest! {
        #[test]
        fn other_tokens_are_other_names(name in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}") {
            let expected = Known::ALL
                .iter()
                .copied()
                .find(|known| known.name().eq_ignore_ascii_case(&name));
            prop_assert_eq!(Known::of(name.as_bytes()), expected.unwrap_or(Known::Other));
        }

        #[test]
        fn one_other_byte_makes_another_name(
            number in 0..Known::COUNT,
            at in any::<prop::sample::Index>(),
            byte in "[!#$%&'*+.^_`|~0-9A-Za-z-]",
        ) {
            let known = Known::ALL[number];
            let mut name = known.name().as_bytes().to_vec();
            let at = at.index(name.len());
            name[at] = byte.as_bytes()[0];
            let expected = Known::ALL
                .iter()
                .copied()
                .find(|known| known.name().as_bytes().eq_ignore_ascii_case(&name));
            prop_assert_eq!(Known::of(&name), expected.unwrap_or(Known::Other));
        }
    }
}
