//! The services by name, and the routes of each.

use axum::Router;
use tonnage_model::did_you_mean;

use crate::error::ServiceError;
use crate::settings::Settings;
use crate::{
    answer, echo, evaluate, fanout, grpc, hello, matmul, nested_loop, relay, restaurants, slow,
};

/// A native service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Fixed bytes.
    Hello,
    /// JSON in, its text back.
    Echo,
    /// A nested loop.
    Loop,
    /// Random matrices.
    Matmul,
    /// Ten calls to a slow upstream at once.
    Fanout,
    /// The slow upstream.
    Slow,
    /// JSON of an upstream, cached.
    Relay,
    /// The upstream of the relay.
    Restaurants,
    /// Conditions on logs.
    Evaluate,
    /// `matmul` and `fanout` over gRPC.
    Grpc,
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
    pub const ALL: &[Self] = &[
        Self::Hello,
        Self::Echo,
        Self::Loop,
        Self::Matmul,
        Self::Fanout,
        Self::Slow,
        Self::Relay,
        Self::Restaurants,
        Self::Evaluate,
        Self::Grpc,
    ];

    /// The service of this name.
    pub fn parse(name: &str) -> Result<Self, ServiceError> {
        let found = Self::ALL.iter().find(|service| service.name() == name);
        found.copied().ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|service| service.name()).collect();
            ServiceError::Unknown {
                name: name.to_owned(),
                hint: did_you_mean(name, &known),
            }
        })
    }

    /// The name that it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Echo => "echo",
            Self::Loop => "loop",
            Self::Matmul => "matmul",
            Self::Fanout => "fanout",
            Self::Slow => "slow",
            Self::Relay => "relay",
            Self::Restaurants => "restaurants",
            Self::Evaluate => "evaluate",
            Self::Grpc => "grpc",
        }
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Grpc => Protocol::Grpc,
            _ => Protocol::Http,
        }
    }

    /// What it answers.
    pub(crate) fn router(self, settings: &Settings) -> Result<Router, ServiceError> {
        let router = match self {
            Self::Hello => hello::router(),
            Self::Echo => echo::router(),
            Self::Loop => nested_loop::router(settings),
            Self::Matmul => matmul::router(settings),
            Self::Fanout => fanout::router(settings)?,
            Self::Slow => slow::router(),
            Self::Relay => relay::router(settings)?,
            Self::Restaurants => restaurants::router(settings)?,
            Self::Evaluate => evaluate::router(settings),
            // Its errors are gRPC's own.
            Self::Grpc => return grpc::router(settings),
        };
        Ok(router
            .fallback(answer::not_found)
            .method_not_allowed_fallback(answer::method_not_allowed))
    }
}
