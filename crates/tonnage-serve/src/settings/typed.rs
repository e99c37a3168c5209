//! From texts and numbers to the types of `values.rs`, with gunicorn's special values
//! resolved. Every value has been checked before; what cannot be is not asked for again.

use super::http2::http2;
use super::networks::TrustedPeers;
use super::resolved::Resolved;
use super::values::{
    Account, ApplicationSettings, CompressSettings, EventLoop, FileSettings, HEAD_BYTES, HeaderMap,
    HttpSettings, Lifespan, ListenSettings, LoggingSettings, MetricsSettings, ProcessSettings,
    ProxySettings, WebSocketSettings,
};
use super::worker_class::{Interface, WorkerClass, worker_class};
use crate::http::Limits;
use crate::overdue::{self, TimeoutAction};
use crate::proxy_protocol::Versions;
use crate::static_files::Mount;
use crate::supervisor::Recycling;
use std::path::PathBuf;

/// gunicorn's greatest request line.
const LONGEST_REQUEST_LINE_BYTES: u64 = 8190;

/// gunicorn's greatest number of fields.
const MOST_FIELDS: u64 = 32768;

impl ListenSettings {
    pub(super) fn new(resolved: &Resolved) -> Self {
        Self {
            bind: resolved.texts("bind"),
            backlog: resolved.whole("backlog") as u32,
            reuse_port: resolved.switch("reuse_port"),
            umask: resolved.whole("umask") as u32,
        }
    }
}

impl ProcessSettings {
    pub(super) fn new(resolved: &Resolved, app: &str, raw_env: Vec<(String, String)>) -> Self {
        let path = |name| resolved.text(name).map(PathBuf::from);
        let list = resolved.text("pythonpath").unwrap_or_default();
        Self {
            workers: resolved.whole("workers") as u32,
            timeout: resolved.bound("timeout"),
            graceful_timeout: resolved.duration("graceful_timeout"),
            max_requests: Some(resolved.whole("max_requests")).filter(|number| *number > 0),
            max_requests_jitter: resolved.whole("max_requests_jitter"),
            recycling: recycling(resolved),
            reload_check: resolved.text("reload_check"),
            preload_app: resolved.switch("preload_app"),
            reload: resolved.switch("reload"),
            reload_extra_files: resolved.texts("reload_extra_files"),
            daemon: resolved.switch("daemon"),
            enable_stdio_inheritance: resolved.switch("enable_stdio_inheritance"),
            pidfile: path("pidfile"),
            user: account(resolved, "user"),
            group: account(resolved, "group"),
            initgroups: resolved.switch("initgroups"),
            umask: resolved.whole("umask") as u32,
            chdir: path("chdir").unwrap_or_default(),
            raw_env,
            pythonpath: list
                .split(',')
                .filter(|directory| !directory.is_empty())
                .map(str::to_owned)
                .collect(),
            proc_name: proc_name(resolved, app),
        }
    }
}

/// Without a jitter of its own each bound has a tenth of itself, so that workers that were
/// started together are not replaced together.
fn recycling(resolved: &Resolved) -> Recycling {
    const MIB: u64 = 1024 * 1024;
    let age = resolved.bound("max_worker_age");
    let rss_bytes = resolved.whole("max_worker_rss").saturating_mul(MIB);
    Recycling {
        age,
        age_jitter: if resolved.is_given("max_worker_age_jitter") {
            resolved.duration("max_worker_age_jitter")
        } else {
            age.unwrap_or_default() / 10
        },
        rss_bytes: Some(rss_bytes).filter(|bytes| *bytes > 0),
        rss_jitter_bytes: if resolved.is_given("max_worker_rss_jitter") {
            resolved.whole("max_worker_rss_jitter").saturating_mul(MIB)
        } else {
            rss_bytes / 10
        },
    }
}

fn account(resolved: &Resolved, name: &str) -> Account {
    match resolved.text(name) {
        Some(name) => Account::Name(name),
        None => Account::Id(resolved.whole(name) as u32),
    }
}

/// gunicorn's order: the name, the default if somebody changed it, the application.
fn proc_name(resolved: &Resolved, app: &str) -> String {
    resolved
        .text("proc_name")
        .or_else(|| {
            resolved
                .text("default_proc_name")
                .filter(|_| resolved.is_given("default_proc_name"))
        })
        .or_else(|| Some(app.to_owned()).filter(|app| !app.is_empty()))
        .unwrap_or_else(|| "tonnage".to_owned())
}

impl ApplicationSettings {
    pub(super) fn new(resolved: &Resolved, interface: Interface, grows: bool) -> Self {
        Self {
            interface,
            // gunicorn's sync worker does not look at it; none cannot serve.
            threads: (resolved.whole("threads") as u32).max(1),
            max_threads: grows.then(|| resolved.whole("max_threads") as u32),
            greenlets: greenlets(resolved),
            asgi_loop: match resolved.word("asgi_loop") {
                "asyncio" => EventLoop::Asyncio,
                "uvloop" => EventLoop::Uvloop,
                _ => EventLoop::Auto,
            },
            asgi_lifespan: match resolved.word("asgi_lifespan") {
                "on" => Lifespan::On,
                "off" => Lifespan::Off,
                _ => Lifespan::Auto,
            },
            asgi_disconnect_grace_period: resolved.duration("asgi_disconnect_grace_period"),
            root_path: resolved.text("root_path").unwrap_or_default(),
            switch_interval: resolved.bound("switch_interval"),
            // Nothing is on.
            sendfile: !resolved.is_off("sendfile"),
        }
    }
}

/// gunicorn's bound on a gevent worker's connections, which are its greenlets there. None at
/// all could not serve.
fn greenlets(resolved: &Resolved) -> Option<u32> {
    let most = u32::try_from(resolved.whole("worker_connections")).unwrap_or(u32::MAX);
    let class = worker_class(resolved.word("worker_class"));
    (class == WorkerClass::Greenlets).then_some(most.max(1))
}

impl HttpSettings {
    pub(super) fn new(resolved: &Resolved) -> Self {
        let count = |name| Some(resolved.whole(name)).filter(|number| *number > 0);
        Self {
            limits: limits(resolved),
            http2: http2(resolved),
            keepalive: resolved.duration("keepalive"),
            worker_connections: count("worker_connections")
                .filter(|_| resolved.is_given("worker_connections"))
                .map(|number| u32::try_from(number).unwrap_or(u32::MAX)),
            header_timeout: resolved.bound("header_timeout"),
            body_timeout: resolved.bound("body_timeout"),
            send_timeout: resolved.bound("send_timeout"),
            max_queue: count("max_queue").map(|number| number as usize),
            queue_timeout: resolved.bound("queue_timeout"),
            request_limits: overdue::Limits {
                slow: resolved.bound("slow_request"),
                timeout: resolved.bound("request_timeout"),
                action: match resolved.word("request_timeout_action") {
                    "replace" => TimeoutAction::Replace,
                    _ => TimeoutAction::Answer,
                },
            },
            tmp_upload_dir: resolved.text("tmp_upload_dir").map(PathBuf::from),
        }
    }
}

/// gunicorn's zeros are no bound; here the bound on a whole head is one.
fn limits(resolved: &Resolved) -> Limits {
    let count = |name| Some(resolved.whole(name)).filter(|number| *number > 0);
    let field_bytes = count("limit_request_field_size").map(|bytes| bytes as usize);
    let request_line_bytes = count("limit_request_line").map_or(HEAD_BYTES, |bytes| {
        bytes.min(LONGEST_REQUEST_LINE_BYTES) as usize
    });
    Limits {
        request_line_bytes,
        fields: count("limit_request_fields").map_or(MOST_FIELDS, |number| number.min(MOST_FIELDS))
            as usize,
        field_bytes: field_bytes.unwrap_or(HEAD_BYTES),
        head_bytes: head_bytes(request_line_bytes, field_bytes),
        // Zero is no bound there too.
        body_bytes: resolved.whole("limit_request_body"),
        folding: resolved.switch("permit_obsolete_folding"),
        strip_name_spaces: resolved.switch("strip_header_spaces"),
        unconventional_method: resolved.switch("permit_unconventional_http_method"),
        unconventional_version: resolved.switch("permit_unconventional_http_version"),
        casefold_method: resolved.switch("casefold_http_method"),
        ..Limits::default()
    }
}

/// Whoever raises the limit on a field wants one such field to pass, beside the line and
/// what else clients send. Without a limit on a field that on the head stays.
fn head_bytes(request_line_bytes: usize, field_bytes: Option<usize>) -> usize {
    const OTHER_FIELDS_BYTES: usize = 16 * 1024;
    let raised = request_line_bytes
        .saturating_add(field_bytes.unwrap_or_default())
        .saturating_add(OTHER_FIELDS_BYTES);
    if field_bytes.is_some() {
        raised.max(HEAD_BYTES)
    } else {
        HEAD_BYTES
    }
}

impl WebSocketSettings {
    pub(super) fn new(resolved: &Resolved) -> Self {
        let most_bytes = resolved.whole("websocket_max_message_size");
        Self {
            max_message_size: Some(most_bytes as usize).filter(|bytes| *bytes > 0),
            ping_interval: resolved.bound("ws_ping_interval"),
            ping_timeout: resolved.bound("ws_ping_timeout"),
            per_message_deflate: resolved.switch("ws_per_message_deflate"),
        }
    }
}

impl ProxySettings {
    pub(super) fn new(resolved: &Resolved) -> Self {
        let upper = |name: String| name.to_ascii_uppercase();
        Self {
            // It was parsed when it was checked.
            forwarded_allow_ips: TrustedPeers::parse(&resolved.texts("forwarded_allow_ips"))
                .unwrap_or_default(),
            secure_scheme_headers: resolved
                .headers("secure_scheme_headers")
                .into_iter()
                .map(|(name, value)| (upper(name), value))
                .collect(),
            forwarder_headers: resolved
                .texts("forwarder_headers")
                .into_iter()
                .map(upper)
                .collect(),
            header_map: match resolved.word("header_map") {
                "refuse" => HeaderMap::Refuse,
                "dangerous" => HeaderMap::Dangerous,
                _ => HeaderMap::Drop,
            },
            proxy_protocol: match resolved.word("proxy_protocol") {
                "v1" => Some(Versions::One),
                "v2" => Some(Versions::Two),
                "auto" => Some(Versions::Both),
                _ => None,
            },
            proxy_allow_ips: TrustedPeers::parse(&resolved.texts("proxy_allow_ips"))
                .unwrap_or_default(),
        }
    }
}

impl CompressSettings {
    pub(super) fn new(resolved: &Resolved) -> Option<Self> {
        resolved.switch("compress_responses").then(|| Self {
            types: resolved.texts("compress_types"),
            min_size_bytes: resolved.whole("compress_min_size"),
        })
    }
}

impl FileSettings {
    pub(super) fn new(resolved: &Resolved) -> Self {
        let mounts = resolved.texts("static_files");
        // They were read when they were checked, and are absolute since.
        let mounts = mounts.iter().map(|text| Mount::parse(text, "/".as_ref()));
        Self {
            static_files: mounts.filter_map(Result::ok).collect(),
            static_max_age_s: Some(resolved.whole("static_max_age")).filter(|age_s| *age_s > 0),
        }
    }
}

impl LoggingSettings {
    pub(super) fn new(resolved: &Resolved) -> Self {
        Self {
            accesslog: resolved.text("accesslog"),
            access_log_format: resolved.text("access_log_format").unwrap_or_default(),
            errorlog: resolved.text("errorlog"),
            loglevel: match resolved.word("loglevel") {
                "debug" => "debug",
                "warning" => "warning",
                "error" => "error",
                "critical" => "critical",
                _ => "info",
            },
            capture_output: resolved.switch("capture_output"),
            logger_class: resolved
                .text("logger_class")
                .filter(|class| !is_gunicorns_logger(class)),
            logconfig: resolved.text("logconfig"),
            logconfig_json: resolved.text("logconfig_json"),
            has_logconfig_dict: resolved.is_given("logconfig_dict"),
            syslog: resolved.switch("syslog"),
            syslog_addr: resolved.text("syslog_addr").unwrap_or_default(),
            syslog_prefix: resolved.text("syslog_prefix"),
            syslog_facility: resolved.word("syslog_facility").to_owned(),
            disable_redirect_access_to_syslog: resolved.switch("disable_redirect_access_to_syslog"),
        }
    }
}

impl MetricsSettings {
    pub(super) fn new(resolved: &Resolved) -> Self {
        Self {
            status_bind: resolved.text("status_bind"),
            statsd_host: resolved.text("statsd_host"),
            statsd_prefix: resolved.text("statsd_prefix").unwrap_or_default(),
            dogstatsd_tags: resolved.text("dogstatsd_tags").unwrap_or_default(),
            enable_backlog_metric: resolved.switch("enable_backlog_metric"),
        }
    }
}

/// gunicorn's own loggers, for which ours stands in.
pub(super) fn is_gunicorns_logger(class: &str) -> bool {
    matches!(
        class,
        "simple"
            | "gunicorn.glogging.Logger"
            | "egg:gunicorn#simple"
            | "gunicorn.instrument.statsd.Statsd"
    )
}
