//! Why what is asked for cannot be sent: where the mistake is, and the way out.

use std::fmt;

use crate::RequestError;

/// A source of requests that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No URL at all.
    #[error("there is no URL to send requests to")]
    NoEndpoint,
    /// More URLs than can be told apart.
    #[error("{0} URLs are too many (at most 65534)")]
    TooManyEndpoints(usize),
    /// A URL that would never be asked.
    #[error("the weight of `{0}` is 0 (leave the URL out, or give it at least 1)")]
    NoWeight(String),
    /// A placeholder that cannot be read.
    #[error("{place}, column {column}: `{text}` {problem}")]
    Placeholder {
        /// The template.
        place: Place,
        /// The character at which the placeholder begins, counted from 1.
        column: usize,
        /// The placeholder.
        text: String,
        /// What is wrong with it.
        problem: PlaceholderError,
    },
    /// A text that cannot stand where it is wanted.
    #[error("{place} {flaw}")]
    Flaw {
        /// The text.
        place: Place,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A line of the data that is no JSON object.
    #[error("line {line} of the data, column {column}, is no JSON object: {message}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A method or header of the data that cannot be sent.
    #[error("line {line} of the data: {source}")]
    LineRequest {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        source: RequestError,
    },
    /// A method or header that cannot be sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Data without any line.
    #[error("the data has no line (expected one JSON object a line)")]
    NoLine,
    /// More data than is kept in memory.
    #[error(
        "the data has {bytes} bytes, and at most {limit} are kept in memory (take a part of it)"
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// More combinations of lines and URLs than are kept in memory.
    #[error(
        "{lines} lines of data for {endpoints} URLs are more than {limit} different requests (use fewer)"
    )]
    TooManyRequests {
        /// Lines of the data.
        lines: usize,
        /// URLs.
        endpoints: usize,
        /// The most that is taken.
        limit: usize,
    },
}

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The path of a URL.
    Path(String),
    /// The value of the common header of this name.
    Header(String),
    /// The common body.
    Body,
    /// A field of a line of the data.
    Field {
        /// Counted from 1.
        line: usize,
        /// Dotted, such as `headers.X-Id`.
        name: String,
    },
}

/// What is wrong with a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderError {
    /// Without its closing braces.
    #[error("has no end (close it with }}}}, or write {{{{{{{{ for a literal {{{{)")]
    Open,
    /// Of an unknown name.
    #[error("stands for nothing: {0}; write {{{{{{{{ for a literal {{{{")]
    Unknown(String),
    /// Not two integers in order.
    #[error("needs two integers, the smaller one first, such as {{{{rand:1..100}}}}")]
    Range,
    /// `{{line.}}` and the like.
    #[error("names no field of a line (expected something like {{{{line.id}}}})")]
    Field,
    /// `{{line.x}}` where there are no lines.
    #[error("needs data to take its lines from (give a file with --data)")]
    NoData,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A template asks for it.
    #[error("is missing, and a template asks for it ({0})")]
    Missing(String),
    /// A JSON value of another kind.
    #[error("must be {0}")]
    Kind(&'static str),
    /// JSON that means no text, such as half of a surrogate pair.
    #[error("cannot be read: {0}")]
    Json(String),
    /// A line break or the like, in a header.
    #[error("has a control character, which no header may have")]
    Control,
    /// A blank or the like, in a path.
    #[error(
        "has the character {character:?}, which cannot stand in a path (write {encoded} instead)"
    )]
    NotInPath {
        /// The first such character.
        character: char,
        /// The same, percent-encoded.
        encoded: String,
    },
    /// A path that is none.
    #[error("is no path, since it does not begin with `/`")]
    NoSlash,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "the path `{path}`"),
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Body => f.write_str("the body"),
            Self::Field { line, name } => write!(f, "line {line} of the data: `{name}`"),
        }
    }
}
