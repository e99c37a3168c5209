//! What can be set about a service. Where the values come from is left to others.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How to start a service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on; 0 lets the system choose a free one.
    pub port: u16,
    /// Threads that answer, which is also how many CPU-bound requests run at a time.
    pub threads: usize,
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
            max_connections: 10_000,
            grace: Duration::from_secs(1),
            log: Log::default(),
        }
    }
}

/// Where the lines of a service's log go.
#[derive(Clone, Default)]
pub struct Log(Option<Arc<dyn Fn(&str) + Send + Sync>>);

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
