//! Method, headers and body of a request, checked. How their bytes are put
//! together is `source/recipe.rs`'s business.

use crate::Target;
use crate::source::recipe::{Draft, Piece, Recipe, Wire};

/// A header to be sent, checked so that it cannot break the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

/// A request that cannot be put into words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not of the form `Name: value`.
    #[error("`{0}` is no header (expected `Name: value`)")]
    Header(String),
    /// A header that the engine has to set itself.
    #[error("the header `{0}` is set by the engine ({1})")]
    Reserved(String, &'static str),
    /// Not a token of RFC 9110.
    #[error("`{0}` is no HTTP method")]
    Method(String),
}

/// Method, headers and body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestParts {
    /// The method, such as `GET`.
    pub method: String,
    /// Extra headers, in order.
    pub headers: Vec<Header>,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

impl Default for RequestParts {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

impl Header {
    /// A header, unless it would break the request or is the engine's to set.
    /// Blanks around the value are no part of it.
    pub fn new(name: &str, value: &str) -> Result<Self, RequestError> {
        let value = value.trim();
        let value_is_clean = !value.chars().any(|c| c.is_control() && c != '\t');
        if !is_token(name) || !value_is_clean {
            return Err(RequestError::Header(format!("{name}: {value}")));
        }
        let reserved = |why| Err(RequestError::Reserved(name.to_owned(), why));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => reserved("it follows from the body"),
            "transfer-encoding" => reserved("bodies are sent with their length"),
            "connection" => reserved("use --no-keepalive"),
            _ => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    /// The name, as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, without blanks around it.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl std::str::FromStr for Header {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((name, value)) => Self::new(name, value),
            None => Err(RequestError::Header(text.to_owned())),
        }
    }
}

/// Whether `text` is a token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Refuses what is no method.
pub(crate) fn check_method(method: &str) -> Result<(), RequestError> {
    if is_token(method) {
        Ok(())
    } else {
        Err(RequestError::Method(method.to_owned()))
    }
}

impl RequestParts {
    /// The request as it goes over the wire to `target`, with every text taken as
    /// it is: `{{seq}}` is no placeholder here.
    pub fn to_bytes(&self, target: &Target, keepalive: bool) -> Result<Vec<u8>, RequestError> {
        check_method(&self.method)?;
        let values: Vec<_> = self
            .headers
            .iter()
            .map(|header| [Piece::text(header.value.as_bytes())])
            .collect();
        let headers: Vec<_> = self
            .headers
            .iter()
            .zip(&values)
            .map(|(header, value)| (header.name.as_str(), &value[..]))
            .collect();
        let draft = Draft {
            method: &self.method,
            path: &[Piece::text(target.path.as_bytes())],
            headers: &headers,
            body: [Piece::text(&*self.body)].into(),
        };
        let wire = Wire {
            host: &target.host_header,
            keepalive,
        };
        Ok(Recipe::new(&draft, wire).render_constant(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target::for_tests()
    }

    fn text(parts: &RequestParts, keepalive: bool) -> String {
        String::from_utf8(parts.to_bytes(&target(), keepalive).unwrap()).unwrap()
    }

    #[test]
    fn a_get_is_bare() {
        assert_eq!(
            text(&RequestParts::default(), true),
            format!(
                "GET /p?q HTTP/1.1\r\nHost: h:1\r\nUser-Agent: tonnage/{}\r\n\r\n",
                env!("CARGO_PKG_VERSION")
            )
        );
    }

    #[test]
    fn a_body_brings_its_length_and_headers_can_be_replaced() {
        let parts = RequestParts {
            method: "POST".to_owned(),
            headers: vec!["host: other".parse().unwrap(), "X-A: b: c".parse().unwrap()],
            body: b"{}".to_vec(),
        };
        let sent = text(&parts, false);
        assert!(
            sent.contains(
                "host: other\r\nX-A: b: c\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            ),
            "{sent}"
        );
        assert!(!sent.contains("Host: h:1"));
    }

    #[test]
    fn an_empty_post_says_so() {
        let parts = RequestParts {
            method: "POST".to_owned(),
            ..RequestParts::default()
        };
        assert!(text(&parts, true).contains("Content-Length: 0\r\n"));
    }

    #[test]
    fn nothing_can_be_smuggled_in() {
        for header in [
            "X",
            "X y: z",
            ": z",
            "X: a\r\nY: b",
            "Content-Length: 3",
            "connection: close",
        ] {
            assert!(header.parse::<Header>().is_err(), "{header:?}");
        }
        let parts = RequestParts {
            method: "GET /x".to_owned(),
            ..RequestParts::default()
        };
        assert!(parts.to_bytes(&target(), true).is_err());
    }
}
