//! `--live`: a page with charts that renew themselves while load is sent. Drawing
//! is the report's part; this is the small server that hands it out.

use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use axum::Router;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use tokio::sync::{oneshot, watch};
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt as _};
use tonnage_model::LoadReport;
use tonnage_report::{live_html, load_fragment, load_html};

use crate::args::LoadArgs;
use crate::commands::UsageError;
use crate::output;

/// Where the page is, unless somebody says otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:18888";

/// How long pages that are open have to fetch the end of it.
const LAST_FETCH: Duration = Duration::from_millis(500);

/// The address that was asked for, if any. `--live URL` means the default address
/// and that URL: a flag with an optional value takes what follows it.
pub(super) fn address(args: &mut LoadArgs) -> Result<Option<SocketAddr>, UsageError> {
    let text = match args.live.take() {
        None => return Ok(None),
        Some(None) => DEFAULT_ADDRESS.to_owned(),
        Some(Some(text)) if text.contains("://") => {
            args.urls.insert(0, text);
            DEFAULT_ADDRESS.to_owned()
        }
        Some(Some(text)) => text,
    };
    text.parse().map(Some).map_err(|_| {
        UsageError(format!(
            "`{text}` is no address for --live (expected something like {DEFAULT_ADDRESS})"
        ))
    })
}

/// What the page shows: the inner HTML, and the whole page for saving.
#[derive(Clone, Default)]
struct Shown {
    fragment: String,
    page: String,
}

/// The page, served until it is finished or dropped.
pub(super) struct LivePage {
    shown: watch::Sender<Shown>,
    end: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl LivePage {
    /// Serves the page of a load of `url`.
    pub(super) fn start(address: SocketAddr, url: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).map_err(|error| {
            UsageError(format!(
                "cannot serve the live page at {address}: {error} (choose another with --live ADDR)"
            ))
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (shown, seen) = watch::channel(Shown::default());
        let (end, ended) = oneshot::channel();
        let title = url.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the live page")?;
        let server = thread::Builder::new().name("live-page".to_owned());
        let server = server.spawn(move || {
            runtime.block_on(serve(listener, title, seen, ended));
        })?;
        output::note(&format!("Live charts at http://{address}/"));
        Ok(Self {
            shown,
            end: Some(end),
            server: Some(server),
        })
    }

    /// Shows a report of what has been measured so far.
    pub(super) fn update(&self, report: &LoadReport) {
        self.show(report, Some(since_start_s(report)));
    }

    /// Shows the final report, and ends.
    pub(super) fn finish(self, report: &LoadReport) {
        self.show(report, None);
    }

    fn show(&self, report: &LoadReport, running: Option<f64>) {
        self.shown.send_replace(Shown {
            fragment: load_fragment(report, running),
            page: load_html(report),
        });
    }
}

impl Drop for LivePage {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(server) = self.server.take() {
            // A server that panicked has nothing left to clean up.
            let _ = server.join();
        }
    }
}

fn since_start_s(report: &LoadReport) -> f64 {
    let now_us = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64);
    now_us.saturating_sub(report.started_unix_us) as f64 / 1e6
}

async fn serve(
    listener: TcpListener,
    title: String,
    shown: watch::Receiver<Shown>,
    ended: oneshot::Receiver<()>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let (page, events) = (shown.clone(), shown);
    let app = Router::new()
        .route("/", get(move || async move { Html(live_html(&title)) }))
        .route("/events", get(move || async move { stream(events) }))
        .route("/report.html", get(move || async move { save(&page) }));
    let server = axum::serve(listener, app);
    tokio::select! {
        _ = server => {}
        () = async {
            let _ = ended.await;
            tokio::time::sleep(LAST_FETCH).await;
        } => {}
    }
}

fn stream(
    shown: watch::Receiver<Shown>,
) -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
    let events = WatchStream::new(shown)
        .filter(|shown| !shown.fragment.is_empty())
        .map(|shown| Ok(Event::default().data(shown.fragment)));
    Sse::new(events).keep_alive(KeepAlive::default())
}

fn save(shown: &watch::Receiver<Shown>) -> impl IntoResponse + use<> {
    let disposition = "attachment; filename=\"report.html\"";
    let page = shown.borrow().page.clone();
    ([(header::CONTENT_DISPOSITION, disposition)], Html(page))
}
