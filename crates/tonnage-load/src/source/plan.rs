//! What is asked for: URLs with their weights, the common request and the data.

use crate::RequestParts;

/// What is to be sent, request by request.
///
/// Paths, header values and the body are templates. `{{seq}}` is the request's
/// number (0, 1, 2 … over all threads), `{{rand:a..b}}` an integer from `a` to `b`
/// inclusive, `{{line.field}}` a field of the data line (`{{line.a.b}}` one inside
/// an object, `{{line.a.0}}` one inside a list). `{{{{` stands for a literal `{{`;
/// a `}}` that closes nothing stands for itself. Texts are put in as they are,
/// numbers and the like as in the data, objects and lists as JSON without blanks:
/// nothing is escaped, neither for URLs nor for JSON.
#[derive(Debug, Clone)]
pub struct SourcePlan {
    /// The URLs, all of the same host and port; at least one.
    pub endpoints: Vec<Endpoint>,
    /// Method, headers and body, wherever the data does not give its own.
    pub request: RequestParts,
    /// Data that fills in the templates, or whole requests.
    pub data: Option<DataPlan>,
}

/// One URL of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Path and query, as a template.
    pub path: String,
    /// Its share of the requests, in relation to the others' weights; at least 1.
    pub weight: u32,
}

/// A data file: one JSON object a line, empty lines skipped.
///
/// Four fields of a line replace what is common to all requests: `method`, `path`,
/// `headers` (an object; its headers are added in the order of their names, and
/// replace common ones of the same name) and `body` (a text is sent as it is; an object or a list as JSON without
/// blanks, with `Content-Type: application/json` unless a header says otherwise).
/// They are templates, too, except for the method. All other fields serve
/// `{{line.field}}` only. A field that a common template names must be in every line.
#[derive(Debug, Clone)]
pub struct DataPlan {
    /// The file's text.
    pub text: String,
    /// Which line each request takes.
    pub pick: Pick,
}

/// Which line of the data a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pick {
    /// One after the other, from the beginning again after the last: request `n`
    /// (as in `{{seq}}`) takes line `n` modulo the number of lines.
    #[default]
    Sequential,
    /// Any line, all equally likely.
    Random,
}

impl From<&str> for Endpoint {
    /// A path of weight 1.
    fn from(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            weight: 1,
        }
    }
}

impl SourcePlan {
    /// The same request to one path, over and over.
    pub fn constant(path: &str, request: RequestParts) -> Self {
        Self {
            endpoints: vec![Endpoint::from(path)],
            request,
            data: None,
        }
    }
}
