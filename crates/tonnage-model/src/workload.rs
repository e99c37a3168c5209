//! Workloads (`apps/workloads.toml`): what a request does, and how to see that an
//! app does just that, over HTTP and over gRPC.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Protocol;

/// All workloads by name.
pub type Workloads = BTreeMap<String, Workload>;

/// What a request does, and how to see that an app does just that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What a reader of a report sees.
    pub title: String,
    /// A cheap request path, answered with 2xx as soon as the app is up. Needed
    /// by stacks that speak HTTP.
    pub ready_path: Option<String>,
    /// The native service (`tonnage service NAME`) that the app asks in turn,
    /// started beside each server.
    pub upstream: Option<String>,
    /// More arguments of that service, such as `--delay 300ms`.
    #[serde(default)]
    pub upstream_arguments: Vec<String>,
    /// Requests whose answers must be right before any load is sent.
    #[serde(default)]
    pub verify: Vec<Verification>,
    /// How the same is asked over gRPC. Needed by stacks that speak it.
    pub grpc: Option<GrpcQuestion>,
}

impl Workload {
    /// Whether it says how it is asked over this protocol.
    pub fn is_asked_over(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Http => self.ready_path.is_some() && !self.verify.is_empty(),
            Protocol::Grpc => self.grpc.is_some(),
        }
    }
}

/// One request over HTTP and what its answer must look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// The request's method.
    #[serde(default = "get")]
    pub method: String,
    /// The request path.
    pub path: String,
    /// Headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The request's body.
    pub send: Option<String>,
    /// A file with the request's body, relative to `apps/`.
    pub send_file: Option<String>,
    /// The status that the answer must have.
    #[serde(default = "ok")]
    pub status: u16,
    /// A regular expression that the answer's body must match.
    pub body: Option<String>,
    /// JSON pointers into the answer's body, and the values they must lead to.
    #[serde(default)]
    pub json: BTreeMap<String, Value>,
    /// Named groups of `body` that must be numbers above zero.
    #[serde(default)]
    pub positive: Vec<String>,
}

/// One call over gRPC and what its answer must look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcQuestion {
    /// `Service/Method`.
    pub method: String,
    /// The request's message as JSON.
    #[serde(default)]
    pub send: String,
    /// JSON pointers into the answer's message, and the values they must lead to.
    #[serde(default)]
    pub json: BTreeMap<String, Value>,
    /// A regular expression that the answer's field `text` must match.
    pub text: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_toml;

    #[test]
    fn a_question_is_a_plain_get_unless_it_says_otherwise() {
        let text = "
            [echo]
            title = \"Echo\"
            ready_path = \"/\"
            [[echo.verify]]
            path = \"/\"
            [[echo.verify]]
            method = \"POST\"
            path = \"/uploader\"
            headers = { content-type = \"application/json\" }
            send = '[1]'
            json = { \"/0\" = 1, \"\" = [1] }
            [echo.grpc]
            method = \"MyApp/index\"
            text = \"^ready$\"
        ";
        let workloads: Workloads = parse_toml("workloads.toml", text).unwrap();
        let echo = &workloads["echo"];
        assert_eq!(
            (&*echo.verify[0].method, echo.verify[0].status),
            ("GET", 200)
        );
        assert_eq!(echo.verify[1].json["/0"], serde_json::json!(1));
        assert_eq!(echo.verify[1].json[""], serde_json::json!([1]));
        assert!(echo.is_asked_over(Protocol::Http) && echo.is_asked_over(Protocol::Grpc));
    }

    #[test]
    fn a_slip_is_shown_with_its_place() {
        let text = "[loop]\ntitle = \"x\"\n[[loop.verify]]\npath = \"/\"\nstaus = 200\n";
        let error = parse_toml::<Workloads>("workloads.toml", text).unwrap_err();
        assert_eq!((error.line, error.column), (5, 1), "{error}");
    }
}
