//! Asking a service, and waiting for what must come.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tonnage_services::{Handle, Service, Settings, serve};
use ureq::Agent;

/// The longest that anything here may take; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_mins(2);

/// The largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    /// `X-Upstream-Calls`, where there is one.
    pub(crate) upstream_calls: Option<u64>,
    pub(crate) body: String,
}

impl Answer {
    fn of(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let header = |name: &str| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
        Self {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            upstream_calls: header("x-upstream-calls").map(|calls| calls.parse().unwrap()),
            body: {
                let body = response.body_mut().with_config().limit(MAX_ANSWER);
                body.read_to_string().unwrap()
            },
        }
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.content_type, "application/json", "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// That this is the error `status`, with `part` in its message.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, part: &str) {
        let json = self.json();
        assert_eq!(
            (self.status, &json["error"]["code"]),
            (status, &status.into()),
            "{self:?}"
        );
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
}

pub(crate) fn start(service: &str) -> Handle {
    start_with(service, &Settings::default())
}

pub(crate) fn start_with(service: &str, settings: &Settings) -> Handle {
    serve(Service::parse(service).unwrap(), settings).unwrap()
}

/// Settings of a service that stands in front of another.
pub(crate) fn in_front_of(url: String) -> Settings {
    Settings {
        upstream: Some(url),
        ..Settings::default()
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

pub(crate) fn get(service: &Handle, path: &str) -> Answer {
    let url = format!("{}{path}", service.url());
    Answer::of(agent().get(&url).call().unwrap())
}

pub(crate) fn post(service: &Handle, path: &str, body: &[u8]) -> Answer {
    let url = format!("{}{path}", service.url());
    let request = agent().post(&url).content_type("application/json");
    Answer::of(request.send(body).unwrap())
}

/// Polls for a state that must come.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
