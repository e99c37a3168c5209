//! The settings as the server uses them: typed and checked. A field is named as its
//! setting is; what is not here does nothing. `typed.rs` makes them.

use super::cpus::Cpus;
use super::networks::TrustedPeers;
use super::notice::Notice;
use super::resolved::Resolved;
use super::tls::TlsSettings;
use super::worker_class::Interface;
use crate::h2::Http2Settings;
use crate::http::Limits;
use crate::proxy_protocol::Versions;
use crate::static_files::Mount;
use crate::supervisor::Recycling;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes that a whole request head may have, unless single limits are raised beyond it.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Every setting. Made by [`Settings::resolve`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// The application: the command line's, or `wsgi_app`.
    pub app: String,
    /// What is listened on.
    pub listen: ListenSettings,
    /// What TLS is spoken with, where it is.
    pub tls: Option<TlsSettings>,
    /// The supervisor and its workers.
    pub processes: ProcessSettings,
    /// How the application is called.
    pub application: ApplicationSettings,
    /// What clients may do.
    pub http: HttpSettings,
    /// Websockets.
    pub websockets: WebSocketSettings,
    /// Which proxies are believed what.
    pub proxies: ProxySettings,
    /// Which responses are compressed; none where it is off.
    pub compress: Option<CompressSettings>,
    /// Files that are served without the application.
    pub files: FileSettings,
    /// The logs.
    pub logging: LoggingSettings,
    /// Who is told how the server fares.
    pub metrics: MetricsSettings,
    /// What the number of workers was found by, where it was `auto`.
    pub auto_workers: Option<Cpus>,
    /// Whether to check and exit.
    pub check_config: bool,
    /// Whether to print [`Settings::print_config`], check and exit.
    pub print_config: bool,
    pub(super) notices: Vec<Notice>,
    pub(super) resolved: Resolved,
}

/// What is listened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenSettings {
    /// Addresses as they were written; at least one.
    pub bind: Vec<String>,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// Whether `SO_REUSEPORT` is set.
    pub reuse_port: bool,
    /// For the modes of unix sockets.
    pub umask: u32,
}

/// The name or number of a user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// A number.
    Id(u32),
    /// A name that the system's database has to know.
    Name(String),
}

/// The supervisor and its workers.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSettings {
    /// Worker processes; 0 is allowed, `TTIN` adds one.
    pub workers: u32,
    /// Seconds without a sign of life after which a worker is killed.
    pub timeout: Option<Duration>,
    /// How long a worker may take to finish.
    pub graceful_timeout: Duration,
    /// Requests after which a worker is replaced.
    pub max_requests: Option<u64>,
    /// Up to so many requests more.
    pub max_requests_jitter: u64,
    /// When a worker is replaced for its age or its memory.
    pub recycling: Recycling,
    /// What a new worker asks its application for before it replaces another.
    pub reload_check: Option<String>,
    /// Whether the application is loaded before workers are forked.
    pub preload_app: bool,
    /// Whether workers are started anew when code changes.
    pub reload: bool,
    /// Files and patterns that are watched besides the code.
    pub reload_extra_files: Vec<String>,
    /// Whether to go into the background.
    pub daemon: bool,
    /// Whether standard output and error stay open there.
    pub enable_stdio_inheritance: bool,
    /// Where the process id is written.
    pub pidfile: Option<PathBuf>,
    /// The user of the workers.
    pub user: Account,
    /// The group of the workers.
    pub group: Account,
    /// Whether workers get all groups of their user.
    pub initgroups: bool,
    /// Mode bits that files do not get.
    pub umask: u32,
    /// Where the application is loaded; absolute.
    pub chdir: PathBuf,
    /// Environment variables to set.
    pub raw_env: Vec<(String, String)>,
    /// Directories that go before `sys.path`.
    pub pythonpath: Vec<String>,
    /// What the processes are called.
    pub proc_name: String,
}

/// The event loop of ASGI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventLoop {
    /// uvloop where it is installed.
    Auto,
    /// Python's own.
    Asyncio,
    /// uvloop.
    Uvloop,
}

/// Whether ASGI's lifespan is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifespan {
    /// If the application does.
    Auto,
    /// Always; an application that does not is an error.
    On,
    /// Never.
    Off,
}

/// How the application is called.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationSettings {
    /// WSGI, ASGI, or to be found out.
    pub interface: Interface,
    /// Python threads of a WSGI worker; at least one.
    pub threads: u32,
    /// To how many they may grow; none where their number is fixed.
    pub max_threads: Option<u32>,
    /// A WSGI worker runs each request in a greenlet, at most so many at once; none: it runs
    /// them in its threads.
    pub greenlets: Option<u32>,
    /// The event loop of ASGI.
    pub asgi_loop: EventLoop,
    /// Whether ASGI's lifespan is spoken.
    pub asgi_lifespan: Lifespan,
    /// How long a request may go on when its client went away.
    pub asgi_disconnect_grace_period: Duration,
    /// Where the application is mounted.
    pub root_path: String,
    /// Seconds for `sys.setswitchinterval`; none leaves Python's.
    pub switch_interval: Option<Duration>,
    /// Whether files are sent by the kernel.
    pub sendfile: bool,
}

/// What clients may do, and for how long. Where a field is an option, none is no bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Bounds on requests, and which oddities are let through.
    pub limits: Limits,
    /// How HTTP/2 is spoken; none is not at all.
    pub http2: Option<Http2Settings>,
    /// How long an idle connection is kept; zero closes after each response.
    pub keepalive: Duration,
    /// Connections that a worker holds.
    pub worker_connections: Option<u32>,
    /// From a request's first byte to the end of its head.
    pub header_timeout: Option<Duration>,
    /// Without a byte of a body.
    pub body_timeout: Option<Duration>,
    /// Without a byte of a response taken.
    pub send_timeout: Option<Duration>,
    /// Complete requests that wait in a worker.
    pub max_queue: Option<usize>,
    /// How long they wait.
    pub queue_timeout: Option<Duration>,
    /// How long a request may take until its response begins.
    pub request_limits: crate::overdue::Limits,
    /// Where bodies go that do not fit into memory; none is the system's choice.
    pub tmp_upload_dir: Option<PathBuf>,
}

/// What becomes of header fields with an underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMap {
    /// They are left out.
    Drop,
    /// The request is refused.
    Refuse,
    /// They are mapped, though two names may become one.
    Dangerous,
}

/// Which proxies are believed what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// Who is believed.
    pub forwarded_allow_ips: TrustedPeers,
    /// Fields and the values by which TLS is said; names in capital letters.
    pub secure_scheme_headers: Vec<(String, String)>,
    /// Fields with an underscore that they may set; in capital letters.
    pub forwarder_headers: Vec<String>,
    /// What becomes of other such fields.
    pub header_map: HeaderMap,
    /// The versions of the PROXY protocol that are spoken; none where it is off.
    pub proxy_protocol: Option<Versions>,
    /// Who may speak it.
    pub proxy_allow_ips: TrustedPeers,
}

/// Which responses are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressSettings {
    /// Media types.
    pub types: Vec<String>,
    /// Bytes of the shortest one.
    pub min_size_bytes: u64,
}

/// Files that are served without the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// Folders, and the paths that lead to them.
    pub static_files: Vec<Mount>,
    /// Seconds that clients may keep a file without asking again.
    pub static_max_age_s: Option<u64>,
}

/// Websockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketSettings {
    /// Bytes of the longest message, unpacked.
    pub max_message_size: Option<usize>,
    /// How long nothing may come of a client before it is sent a ping.
    pub ping_interval: Option<Duration>,
    /// How long it may take to answer.
    pub ping_timeout: Option<Duration>,
    /// Whether messages are compressed where the client can unpack them.
    pub per_message_deflate: bool,
}

/// The logs.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggingSettings {
    /// File of the access log; `-` is standard output, none is no log.
    pub accesslog: Option<String>,
    /// What a line has.
    pub access_log_format: String,
    /// File of the error log; `-` is standard error, none is no file.
    pub errorlog: Option<String>,
    /// `debug`, `info`, `warning`, `error` or `critical`.
    pub loglevel: &'static str,
    /// Whether standard output and error go to the error log's file.
    pub capture_output: bool,
    /// A class of the user's own.
    pub logger_class: Option<String>,
    /// File from which logging is set up.
    pub logconfig: Option<String>,
    /// JSON file from which logging is set up.
    pub logconfig_json: Option<String>,
    /// Whether a dictionary from which logging is set up was given, to Python.
    pub has_logconfig_dict: bool,
    /// Whether logs go to syslog.
    pub syslog: bool,
    /// Where that is.
    pub syslog_addr: String,
    /// Name there, behind `gunicorn.`.
    pub syslog_prefix: Option<String>,
    /// Facility there.
    pub syslog_facility: String,
    /// Whether the access log stays out of it.
    pub disable_redirect_access_to_syslog: bool,
}

/// Who is told how the server fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Where questions are answered.
    pub status_bind: Option<String>,
    /// Where statsd is.
    pub statsd_host: Option<String>,
    /// What its metrics' names begin with.
    pub statsd_prefix: String,
    /// Tags of its metrics.
    pub dogstatsd_tags: String,
    /// Whether it is told how many connections wait to be accepted.
    pub enable_backlog_metric: bool,
}

impl MetricsSettings {
    /// Whether anybody is, so that workers have to count.
    pub fn are_wanted(&self) -> bool {
        self.status_bind.is_some() || self.statsd_host.is_some()
    }
}
