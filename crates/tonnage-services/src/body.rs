//! Bodies of requests: bounded one by one, and large ones in number, since each of
//! ten thousand connections may send one.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use http_body_util::LengthLimitError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Refusal;

/// Bodies up to this many bytes are read at once.
const SMALL: usize = 64 * 1024;

/// How many larger ones, or ones of unknown length, are held at a time.
const MAX_LARGE: usize = 32;

/// Room for bodies; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    max_bytes: usize,
    large: Arc<Semaphore>,
}

/// A body, and its place if it is large.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    /// Room for bodies of at most `max_bytes` each.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            large: Arc::new(Semaphore::new(MAX_LARGE)),
        }
    }

    /// Reads a request's body to its end.
    pub(crate) async fn read(&self, request: Request) -> Result<Body, Refusal> {
        let too_long = || {
            let message = format!("the body is longer than {} bytes", self.max_bytes);
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        };
        let length = request.headers().get(CONTENT_LENGTH);
        let length: Option<usize> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        // Told at once, without reading it.
        if length.is_some_and(|length| length > self.max_bytes) {
            return Err(too_long());
        }
        let place = if length.is_some_and(|length| length <= SMALL) {
            None
        } else {
            self.large.clone().acquire_owned().await.ok()
        };
        let read = axum::body::to_bytes(request.into_body(), self.max_bytes).await;
        let bytes = read.map_err(|error| {
            let source = std::error::Error::source(&error);
            if matches!(source, Some(source) if source.is::<LengthLimitError>()) {
                too_long()
            } else {
                Refusal::bad_request("the body was cut off")
            }
        })?;
        Ok(Body {
            bytes,
            _place: place,
        })
    }
}
