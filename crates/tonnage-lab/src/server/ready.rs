//! Asks a starting server whether it is ready, over whatever it speaks.

use std::time::Duration;

use tonnage_load::{Target, TlsSettings, call_once};
use tonnage_model::{Protocol, Workload};

use crate::verify;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The call that every gRPC server answers.
const GRPC_METHOD: &str = "MyApp/index";

/// The question whether a server is ready.
pub(super) struct Question {
    url: String,
    /// `None` for gRPC.
    agent: Option<ureq::Agent>,
}

impl Question {
    /// For the server at `base`, once it serves `workload`.
    pub(super) fn new(base: &str, protocol: Protocol, workload: &Workload) -> Self {
        match protocol {
            Protocol::Http => {
                let path = workload.ready_path.as_deref().unwrap_or("/");
                Self {
                    url: format!("{base}{path}"),
                    agent: Some(verify::agent(TIMEOUT)),
                }
            }
            Protocol::Grpc => Self {
                url: format!("{base}/{GRPC_METHOD}"),
                agent: None,
            },
        }
    }

    /// Asks; gives why it is not ready, if it is not.
    pub(super) fn ask(&self) -> Result<(), String> {
        let Some(agent) = &self.agent else {
            return Target::resolve(&self.url, TIMEOUT)
                .and_then(|target| call_once(&target, &TlsSettings::default(), "", TIMEOUT))
                .map(|_answer| ())
                .map_err(|error| error.to_string());
        };
        match agent.get(&self.url).call() {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("status {}", response.status())),
            Err(error) => Err(error.to_string()),
        }
    }
}
