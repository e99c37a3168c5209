//! What can be set about a service. Where the values come from is left to others.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ServiceError;
use crate::restaurants::Trouble;

/// How to start a service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on; 0 lets the system choose a free one.
    pub port: u16,
    /// Threads that answer, which is also how many CPU-bound requests run at a time.
    pub threads: usize,
    /// URL of the service behind this one, such as `http://127.0.0.1:4000`.
    pub upstream: Option<String>,
    /// How long gRPC's `io_bound` lets the upstream wait where the call has no
    /// number or 0.
    pub default_delay: Duration,
    /// The longest wait of the relay for its upstream.
    pub relay_timeout: Duration,
    /// How long the relay keeps an answer.
    pub cache_ttl: Duration,
    /// What the simulated restaurant service does wrong from the start.
    pub trouble: Trouble,
    /// Connections served at a time; more wait in the system's queue.
    pub max_connections: usize,
    /// How long requests in flight may take once the service is told to stop.
    pub grace: Duration,
    /// Takes each line that the service has to say; discarded by default.
    pub log: Log,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            upstream: None,
            default_delay: Duration::from_secs(1),
            relay_timeout: Duration::from_secs(5),
            cache_ttl: Duration::from_secs(10),
            trouble: Trouble::default(),
            max_connections: 10_000,
            grace: Duration::from_secs(1),
            log: Log::default(),
        }
    }
}

impl Settings {
    /// The URL of the upstream, without which `service` cannot do its work.
    pub(crate) fn upstream(&self, service: &str) -> Result<&str, ServiceError> {
        self.upstream.as_deref().ok_or_else(|| {
            let message = "needs the URL of its upstream: --upstream http://127.0.0.1:4000";
            ServiceError::Setting(format!("`{service}` {message}"))
        })
    }
}

/// Where the lines of a service's log go.
#[derive(Clone, Default)]
pub struct Log(Option<Arc<TakeLine>>);

/// What takes a line.
type TakeLine = dyn Fn(&str) + Send + Sync;

impl Log {
    /// A log whose lines, without their ends, are handed to `line`. It is called
    /// by the threads that answer requests and must not wait for long.
    pub fn new(line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(line)))
    }

    pub(crate) fn line(&self, text: &str) {
        if let Some(line) = &self.0 {
            line(text);
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Log" } else { "no Log" })
    }
}
