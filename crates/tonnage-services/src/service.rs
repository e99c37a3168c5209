//! The services by name, and the routes of each.

use axum::Router;
use tonnage_model::did_you_mean;

use crate::error::ServiceError;
use crate::settings::Settings;
use crate::{answer, evaluate, hello};

/// A native service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Fixed bytes.
    Hello,
    /// Conditions on logs.
    Evaluate,
}

/// What clients speak to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http,
    /// gRPC over HTTP/2 without TLS.
    Grpc,
}

impl Service {
    /// Every service, in the order in which they are listed.
    pub const ALL: [Self; 2] = [Self::Hello, Self::Evaluate];

    /// The service of this name.
    pub fn parse(name: &str) -> Result<Self, ServiceError> {
        let found = Self::ALL.into_iter().find(|service| service.name() == name);
        found.ok_or_else(|| ServiceError::Unknown {
            name: name.to_owned(),
            hint: did_you_mean(name, &Self::ALL.map(Self::name)),
        })
    }

    /// The name that it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Evaluate => "evaluate",
        }
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Hello | Self::Evaluate => Protocol::Http,
        }
    }

    /// What it answers, with an error for everything else.
    pub(crate) fn router(self, _settings: &Settings) -> Result<Router, ServiceError> {
        let router = match self {
            Self::Hello => hello::router(),
            Self::Evaluate => evaluate::router(),
        };
        Ok(router
            .fallback(answer::not_found)
            .method_not_allowed_fallback(answer::method_not_allowed))
    }
}
