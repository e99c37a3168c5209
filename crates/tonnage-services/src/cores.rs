//! Where CPU-bound work is done: on threads of its own, as many at a time as the
//! service has, so that connections are still looked after meanwhile.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::Semaphore;

use crate::answer::Refusal;
use crate::settings::Settings;

/// Threads for CPU-bound work; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Cores(Arc<Semaphore>);

impl Cores {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self(Arc::new(Semaphore::new(settings.threads.max(1))))
    }

    /// Does `work` as soon as a thread is free, first come, first served. A
    /// request that is given up while it waits leaves the queue.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let failed = |message: &str| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message);
        let place = self.0.clone().acquire_owned().await;
        let place = place.map_err(|_| failed("the service is stopping"))?;
        let worked = tokio::task::spawn_blocking(move || {
            let worked = work();
            drop(place);
            worked
        });
        worked.await.map_err(|_| failed("the work failed"))
    }
}
