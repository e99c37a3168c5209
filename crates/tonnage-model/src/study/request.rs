//! What a study sends, and what happens between its trials.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::{HumanDuration, Template};

/// The request that is sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Path and query; placeholders are the study's parameters.
    pub path: Spanned<Template>,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A file with the body, relative to `apps/`.
    pub body_file: Option<String>,
    /// A file with one body a line, relative to `apps/`, of which each request
    /// takes one at random.
    pub bodies_file: Option<String>,
    /// How long connecting may take; as long as everything else by default.
    pub connect_timeout: Option<HumanDuration>,
    /// How long each other phase may take.
    #[serde(default = "default_timeout")]
    pub timeout: HumanDuration,
    /// The same over gRPC, for stacks that speak it.
    pub grpc: Option<GrpcRequest>,
}

impl Request {
    /// A plain GET of a path without placeholders.
    pub fn get(path: &str) -> Self {
        Self {
            path: Spanned::new(0..path.len(), Template::literal(path)),
            method: get(),
            headers: BTreeMap::new(),
            body_file: None,
            bodies_file: None,
            connect_timeout: None,
            timeout: default_timeout(),
            grpc: None,
        }
    }
}

/// A unary call, whose method the server is asked for by reflection.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcRequest {
    /// `Service/Method`.
    pub method: String,
    /// The message as JSON; placeholders are the study's parameters. Braces of the
    /// JSON itself are written twice.
    pub send: Spanned<Template>,
}

fn get() -> String {
    "GET".to_owned()
}

/// A request that takes longer is a failure for any user of a web service.
fn default_timeout() -> HumanDuration {
    HumanDuration(std::time::Duration::from_mins(1))
}

/// What happens between trials, so that one does not disturb the next.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    /// Wait until at most this share of the local ports is in TIME_WAIT.
    pub time_wait_share: f64,
    /// But not longer than this.
    pub max_wait: HumanDuration,
}

impl Default for Pause {
    fn default() -> Self {
        // TIME_WAIT lasts 60 s on Linux (TCP_TIMEWAIT_LEN), so that waiting
        // longer than that cannot help.
        Self {
            time_wait_share: 0.5,
            max_wait: HumanDuration(std::time::Duration::from_secs(65)),
        }
    }
}
