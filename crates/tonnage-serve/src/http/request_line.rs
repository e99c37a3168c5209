//! The request line (RFC 9112, section 3): method, target and version. What the target
//! is made of is found in the same pass; nothing is decoded.

use std::borrow::Cow;

use memchr::memchr;

use super::authority::{is_host, is_host_and_port};
use super::bytes::{METHOD, PATH, QUERY, TOKEN, VISIBLE, run};
use super::limits::bound;
use super::{Limits, Method, Refusal, Span};

/// The end of nearly every request line.
const USUAL_END: &[u8] = b"HTTP/1.1\r\n";

/// The version that a request is treated as. A minor version that nobody knows is
/// treated as the highest known one (RFC 9110, section 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
}

impl Version {
    /// As `SERVER_PROTOCOL` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// In which form a target is (RFC 9112, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetForm {
    /// A path and perhaps a query.
    #[default]
    Origin,
    /// A whole URI.
    Absolute {
        /// Its `host[:port]`, which counts instead of the Host field (RFC 9112, section
        /// 3.2.2).
        authority: Span,
    },
    /// The `host:port` of a CONNECT.
    Authority,
    /// The `*` of an OPTIONS.
    Asterisk,
}

/// A request line. Its spans are relative to the input that it was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestLine {
    /// The method as it was sent; `method_name` is how it is meant.
    pub method: Span,
    /// Which method that is.
    pub kind: Method,
    /// The whole target as it was sent.
    pub target: Span,
    /// Its path, still with its escapes. Empty where an absolute URI has none.
    pub path: Span,
    /// Its query without the question mark.
    pub query: Span,
    /// Its form.
    pub form: TargetForm,
    /// The version.
    pub version: Version,
    /// How long it is, in bytes, an empty line before it and its end included.
    pub bytes: usize,
    casefold: bool,
}

impl RequestLine {
    /// Reads the line at the beginning of `input`; `None` where its end has not come
    /// yet. One empty line before it is passed over (RFC 9112, section 2.2).
    #[inline]
    pub fn parse(input: &[u8], limits: &Limits) -> Result<Option<Self>, Refusal> {
        let begin = match input {
            [b'\r', b'\n', ..] => 2,
            [] | [b'\r'] => return Ok(None),
            _ => 0,
        };
        let most = bound(limits.request_line_bytes).min(bound(limits.head_bytes));
        // The line's end comes on top.
        let line = &input[..input.len().min(begin + most + 2)];
        let read = read(line, begin, limits)?;
        if read.is_none() && line.len() == begin + most + 2 {
            return Err(Refusal::RequestLineTooLong);
        }
        Ok(read)
    }

    /// The method's name, in capital letters where `Limits::casefold_method` asks for
    /// them.
    pub fn method_name<'a>(&self, input: &'a [u8]) -> Cow<'a, [u8]> {
        let name = self.method.of(input);
        if self.casefold {
            Cow::Owned(name.to_ascii_uppercase())
        } else {
            Cow::Borrowed(name)
        }
    }

    /// The `host[:port]` that counts instead of the Host field, if there is one.
    pub fn authority<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        match self.form {
            TargetForm::Absolute { authority } => Some(authority.of(input)),
            _ => None,
        }
    }
}

/// Reads the line that begins at `begin`; `None` where `line` ends before it.
#[inline]
fn read(line: &[u8], begin: usize, limits: &Limits) -> Result<Option<RequestLine>, Refusal> {
    let Some((method_bytes, kind)) = method(&line[begin..], limits)? else {
        return Ok(None);
    };
    let method = Span::new(begin, begin + method_bytes);
    let target_start = begin + method_bytes + 1;
    let path_end = target_start + run(&line[target_start..], PATH);
    let mut path = Span::new(target_start, path_end);
    let mut query = Span::new(path_end, path_end);
    let mut end = path_end;
    if line.get(end) == Some(&b'?') {
        let start = end + 1;
        end = start + run(&line[start..], QUERY);
        query = Span::new(start, end);
    }
    // A fragment belongs to the client; gunicorn takes and drops it, so that we do.
    if line.get(end) == Some(&b'#') {
        end += 1 + run(&line[end + 1..], VISIBLE);
    }
    match line.get(end) {
        Some(b' ') => {}
        Some(b'\n') => return Err(Refusal::BareLineFeed),
        Some(b'\r') => return Err(Refusal::RequestLine),
        Some(_) => return Err(Refusal::Target),
        None => return Ok(None),
    }
    let form = if kind != Method::Connect && line[target_start] == b'/' {
        TargetForm::Origin
    } else {
        other_form(line, kind, Span::new(target_start, end), &mut path)?
    };
    let rest = &line[end + 1..];
    let version = if rest.starts_with(USUAL_END) {
        Version::Http11
    } else {
        match version(rest, limits)? {
            Some(version) => version,
            None => return Ok(None),
        }
    };
    Ok(Some(RequestLine {
        method,
        kind,
        target: Span::new(target_start, end),
        path,
        query,
        form,
        version,
        bytes: end + 1 + USUAL_END.len(),
        casefold: limits.casefold_method,
    }))
}

/// The length of the method at the beginning of `line`, behind which there is a space,
/// and which it is.
#[inline]
fn method(line: &[u8], limits: &Limits) -> Result<Option<(usize, Method)>, Refusal> {
    match line {
        [b'G', b'E', b'T', b' ', ..] => Ok(Some((3, Method::Get))),
        [b'P', b'O', b'S', b'T', b' ', ..] => Ok(Some((4, Method::Post))),
        _ => other_method(line, limits),
    }
}

fn other_method(line: &[u8], limits: &Limits) -> Result<Option<(usize, Method)>, Refusal> {
    // What gunicorn takes for a usual method.
    let (class, least, most) = if limits.unconventional_method {
        (TOKEN, 1, usize::MAX)
    } else {
        (METHOD, 3, 20)
    };
    let bytes = run(line, class);
    if bytes > most {
        return Err(Refusal::Method);
    }
    match line.get(bytes) {
        None => Ok(None),
        Some(b' ') if bytes >= least => {
            let kind = Method::of(&line[..bytes], limits.casefold_method);
            Ok(Some((bytes, kind)))
        }
        Some(b'\n') => Err(Refusal::BareLineFeed),
        Some(b'\r') => Err(Refusal::RequestLine),
        Some(_) => Err(Refusal::Method),
    }
}

/// The form of a target that does not begin with a slash, or that is a CONNECT's.
/// Takes what comes before the path off `path`.
fn other_form(
    line: &[u8],
    kind: Method,
    target: Span,
    path: &mut Span,
) -> Result<TargetForm, Refusal> {
    let text = target.of(line);
    if kind == Method::Connect {
        return if is_host_and_port(text) {
            Ok(TargetForm::Authority)
        } else {
            Err(Refusal::Target)
        };
    }
    if text == b"*" && kind == Method::Options {
        return Ok(TargetForm::Asterisk);
    }
    // RFC 3986, section 3.1: a scheme begins with a letter.
    let before_query = path.of(line);
    let scheme_bytes = memchr(b':', before_query).ok_or(Refusal::Target)?;
    let (scheme, rest) = before_query.split_at(scheme_bytes);
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let rest = rest.strip_prefix(b"://").ok_or(Refusal::Target)?;
    let authority_bytes = memchr(b'/', rest).unwrap_or(rest.len());
    if !is_scheme || !is_host(&rest[..authority_bytes]) {
        return Err(Refusal::Target);
    }
    let start = path.start as usize + scheme_bytes + b"://".len();
    let authority = Span::new(start, start + authority_bytes);
    path.start = authority.end;
    Ok(TargetForm::Absolute { authority })
}

/// A version and the line's end; `None` where they have not come yet.
fn version(rest: &[u8], limits: &Limits) -> Result<Option<Version>, Refusal> {
    for (at, (&byte, &usual)) in rest.iter().zip(USUAL_END).enumerate() {
        let is_digit = matches!(at, 5 | 7);
        if byte == usual || (is_digit && byte.is_ascii_digit()) {
            continue;
        }
        return Err(match (at, byte) {
            (9, _) => Refusal::BareCarriageReturn,
            (_, b'\n') => Refusal::BareLineFeed,
            _ => Refusal::RequestLine,
        });
    }
    if rest.len() < USUAL_END.len() {
        return Ok(None);
    }
    match (rest[5], rest[7]) {
        (b'1', b'0') => Ok(Some(Version::Http10)),
        (b'1', _) => Ok(Some(Version::Http11)),
        // As gunicorn compares its pairs of numbers.
        (b'0', _) if limits.unconventional_version => Ok(Some(Version::Http10)),
        (_, _) if limits.unconventional_version => Ok(Some(Version::Http11)),
        _ => Err(Refusal::Version),
    }
}
