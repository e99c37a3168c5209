//! `echo`: JSON in, and the text that Python's `str` makes of it out; with
//! `?format=json`, what Python's `json.dumps` makes of it.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::answer::Refusal;
use crate::body::Bodies;
use crate::params::Params;
use crate::python;

/// The largest body taken, in bytes. The study's has 1,530.
const MAX_BODY: usize = 16 * 1024 * 1024;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || "ready"))
        .route("/uploader", post(upload))
        .with_state(Bodies::new(MAX_BODY))
}

async fn upload(State(bodies): State<Bodies>, request: Request) -> Result<Response, Refusal> {
    let format = Params::of(&request).text("format");
    let body = bodies.read(request).await?;
    let value = python::parse(&body.bytes);
    let value = value.map_err(|error| Refusal::bad_request(error.to_string()))?;
    if format.as_deref() == Some("json") {
        let json = python::dumps(&value);
        return Ok(([(CONTENT_TYPE, "application/json")], json).into_response());
    }
    Ok(python::str(&value).into_response())
}
