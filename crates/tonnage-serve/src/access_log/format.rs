//! gunicorn's format language: a Python `%` format whose names are atoms. It is read
//! once; what Python would only stumble over at the first request is an error here.

use thiserror::Error;

/// The widest that a column may be, in characters.
const MAX_WIDTH: usize = 4096;

/// gunicorn's default, which is Apache's combined format.
const COMBINED: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#;

/// A format of lines.
///
/// The atoms are gunicorn's: `h` remote address, `l` always `-`, `u` user name, `t`
/// date, `r` request line, `m` method, `U` path, `q` query, `H` protocol, `s` status,
/// `b` bytes of the body (also `B`, as a number), `f` referer, `a` user agent, `T`
/// seconds, `D` microseconds, `M` milliseconds, `L` decimal seconds, `p` process,
/// `{name}i` field of the request, `{name}o` field of the response, `{name}e` variable
/// of the environment. Ours are `trace_id` and `span_id`, of a `traceparent` field. As in
/// gunicorn, any other atom is `-`. The format `json` is a line of JSON in place of all that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFormat {
    pub(super) pieces: Vec<Piece>,
    pub(super) json: bool,
}

/// What asks for JSON in place of a format.
const JSON: &str = "json";

/// Why a text is no format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadAccessFormat {
    /// A percent sign that begins nothing.
    #[error("`%` at byte {at} is followed by neither `(` nor `%`")]
    NoAtom {
        /// Where the percent sign is.
        at: usize,
    },
    /// A name without an end.
    #[error("the name at byte {at} is not closed by `)`")]
    Unclosed {
        /// Where the name begins.
        at: usize,
    },
    /// The format ends before the letter that says how the atom is written.
    #[error("`%({name})` lacks its conversion, as in `%({name})s`")]
    NoConversion {
        /// The atom.
        name: String,
    },
    /// A letter that has no meaning here.
    #[error("`%({name}){conversion}`: the conversion is none of `s`, `d` and `i`")]
    UnknownConversion {
        /// The atom.
        name: String,
        /// The letter.
        conversion: char,
    },
    /// A number asked of a text.
    #[error("`%({name}){conversion}`: {name} is a text, write `%({name})s`")]
    NotANumber {
        /// The atom.
        name: String,
        /// The letter.
        conversion: char,
    },
    /// A column that nobody can want.
    #[error("`%({name})` is wider than {max} characters", max = MAX_WIDTH)]
    TooWide {
        /// The atom.
        name: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Atom(Atom, Layout),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    RemoteAddress,
    User,
    Date,
    RequestLine,
    Method,
    Path,
    Query,
    Protocol,
    Status,
    SentBytes,
    Referer,
    UserAgent,
    Seconds,
    Milliseconds,
    Microseconds,
    DecimalSeconds,
    Process,
    /// Names in lower case.
    RequestField(String),
    ResponseField(String),
    Variable(String),
    /// Of the field `traceparent`.
    TraceId,
    SpanId,
    /// `l`, and what gunicorn does not know.
    Dash,
}

/// How wide an atom is written, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) left: bool,
    /// Filled with zeros; of numbers only.
    pub(super) zeros: bool,
    pub(super) width: usize,
    /// The most characters of a text.
    pub(super) precision: Option<usize>,
}

impl AccessFormat {
    /// Reads a format.
    pub fn parse(text: &str) -> Result<Self, BadAccessFormat> {
        let mut pieces = Vec::new();
        if text.trim() == JSON {
            return Ok(Self { pieces, json: true });
        }
        let mut literal = String::new();
        let mut at = 0;
        while let Some(offset) = text[at..].find('%') {
            let percent = at + offset;
            literal.push_str(&text[at..percent]);
            match text.as_bytes().get(percent + 1) {
                Some(b'%') => {
                    literal.push('%');
                    at = percent + 2;
                }
                Some(b'(') => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    let (piece, end) = atom(text, percent + 2)?;
                    pieces.push(piece);
                    at = end;
                }
                _ => return Err(BadAccessFormat::NoAtom { at: percent }),
            }
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self {
            pieces,
            json: false,
        })
    }

    /// Whether lines are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether any atom is a field of the response.
    pub fn wants_response_fields(&self) -> bool {
        let field = |piece: &Piece| matches!(piece, Piece::Atom(Atom::ResponseField(_), _));
        self.pieces.iter().any(field)
    }
}

impl Default for AccessFormat {
    /// gunicorn's default.
    fn default() -> Self {
        Self::parse(COMBINED).unwrap_or(Self {
            pieces: Vec::new(),
            json: false,
        })
    }
}

/// Reads an atom whose name begins at `start`; tells where it ends.
fn atom(text: &str, start: usize) -> Result<(Piece, usize), BadAccessFormat> {
    let unclosed = BadAccessFormat::Unclosed { at: start };
    let close = start + closing(&text[start..]).ok_or(unclosed)?;
    let name = &text[start..close];
    let owned = || name.to_owned();
    let (layout, end) = layout(text.as_bytes(), close + 1);
    let layout = layout.ok_or_else(|| BadAccessFormat::TooWide { name: owned() })?;
    let Some(conversion) = text[end..].chars().next() else {
        return Err(BadAccessFormat::NoConversion { name: owned() });
    };
    let atom = Atom::named(name);
    let is_number = atom.is_number(name);
    let zeros = layout.zeros && !layout.left && conversion != 's';
    match conversion {
        's' => {}
        'd' | 'i' if is_number => {}
        'd' | 'i' => {
            return Err(BadAccessFormat::NotANumber {
                name: owned(),
                conversion,
            });
        }
        _ => {
            return Err(BadAccessFormat::UnknownConversion {
                name: owned(),
                conversion,
            });
        }
    }
    let precision = layout.precision.filter(|_| conversion == 's');
    let layout = Layout {
        zeros,
        precision,
        ..layout
    };
    Ok((Piece::Atom(atom, layout), end + conversion.len_utf8()))
}

/// Where the name ends: Python counts parentheses.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Flags, width, precision and Python's idle length modifiers; `None` for what is too
/// wide. The end points at the conversion.
fn layout(text: &[u8], start: usize) -> (Option<Layout>, usize) {
    let mut layout = Layout::default();
    let mut at = start;
    while let Some(flag @ (b'-' | b'0' | b'#' | b' ' | b'+')) = text.get(at) {
        layout.left |= *flag == b'-';
        layout.zeros |= *flag == b'0';
        at += 1;
    }
    let (width, after) = number(text, at);
    at = after;
    let mut precision = Some(0);
    if text.get(at) == Some(&b'.') {
        (precision, at) = number(text, at + 1);
        layout.precision = precision;
    }
    if let Some(b'h' | b'l' | b'L') = text.get(at) {
        at += 1;
    }
    let (Some(width), Some(_)) = (width, precision) else {
        return (None, at);
    };
    layout.width = width;
    (Some(layout), at)
}

/// A decimal number, 0 where there is none, `None` where it is too large.
fn number(text: &[u8], start: usize) -> (Option<usize>, usize) {
    let digits = text[start.min(text.len())..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let mut value = Some(0_usize);
    let mut at = start;
    for digit in digits {
        at += 1;
        value = value
            .map(|value| value * 10 + usize::from(digit - b'0'))
            .filter(|value| *value <= MAX_WIDTH);
    }
    (value, at)
}

impl Atom {
    fn named(name: &str) -> Self {
        if let Some(rest) = name.strip_prefix('{') {
            return Self::field(rest);
        }
        match name {
            "h" => Self::RemoteAddress,
            "u" => Self::User,
            "t" => Self::Date,
            "r" => Self::RequestLine,
            "m" => Self::Method,
            "U" => Self::Path,
            "q" => Self::Query,
            "H" => Self::Protocol,
            "s" => Self::Status,
            "b" | "B" => Self::SentBytes,
            "f" => Self::Referer,
            "a" => Self::UserAgent,
            "T" => Self::Seconds,
            "M" => Self::Milliseconds,
            "D" => Self::Microseconds,
            "L" => Self::DecimalSeconds,
            "p" => Self::Process,
            "trace_id" => Self::TraceId,
            "span_id" => Self::SpanId,
            _ => Self::Dash,
        }
    }

    /// gunicorn compares the whole key in lower case, so that `{X}I` is `{x}i`.
    fn field(rest: &str) -> Self {
        let key = rest.to_ascii_lowercase();
        match key.rsplit_once('}') {
            Some((name, "i")) => Self::RequestField(name.to_owned()),
            Some((name, "o")) => Self::ResponseField(name.to_owned()),
            Some((name, "e")) => Self::Variable(name.to_owned()),
            _ => Self::Dash,
        }
    }

    /// Whether `%d` may be asked of it: gunicorn's `b` is a text, its `B` a number.
    fn is_number(&self, name: &str) -> bool {
        match self {
            Self::SentBytes => name == "B",
            Self::Seconds | Self::Milliseconds | Self::Microseconds | Self::Status => true,
            _ => false,
        }
    }
}
