//! `hello`: the least that a service can do.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || "Hello, World!"))
        .route("/json", get(json))
}

async fn json() -> impl IntoResponse {
    let body = r#"{"message":"Hello, World!"}"#;
    ([(CONTENT_TYPE, "application/json")], body)
}
