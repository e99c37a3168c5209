//! Settings that gunicorn does not have: bounds on what waits, on slow clients and on
//! bodies, and a few choices.

use super::super::setting::{Fallback, Kind, MOST_THREADS, Section, Setting, WHOLE};

const SECTION: Section = Section::Own;

/// Seconds, in this section.
const fn seconds(name: &'static str, seconds: f64) -> Setting {
    Setting::new(name, SECTION, Kind::Seconds, Fallback::Seconds(seconds)).takes("SECONDS")
}

pub(super) static ROWS: &[Setting] = &[
    Setting::new(
        "interface",
        SECTION,
        Kind::Choice(&["auto", "wsgi", "asgi"]),
        Fallback::Text("auto"),
    )
    .flags(&["--interface"])
    .takes("STRING")
    .about("What the application speaks: wsgi, asgi, or auto to look at it"),
    Setting::new("sni_certfile", SECTION, Kind::Texts, Fallback::Texts(&[]))
        .flags(&["--sni-certfile"])
        .takes("CERT[,KEY]")
        .about("Another certificate, for whoever asks for a name that it has; may be given several times"),
    // As many as wait for databases and services in usual deployments; each has a stack.
    Setting::new(
        "max_threads",
        SECTION,
        Kind::Whole {
            least: 1,
            most: MOST_THREADS,
        },
        Fallback::Whole(64),
    )
    .flags(&["--max-threads"])
    .takes("INT")
    .about("With `--threads auto`: the most threads that a worker may grow to"),
    Setting::new("reload_check", SECTION, Kind::Text, Fallback::Nothing)
        .flags(&["--reload-check"])
        .takes("PATH")
        .about("What a new worker asks its application for before it takes an old one's place; an answer of 400 or more keeps the old one. A path, or a URL where the host matters"),
    seconds("max_worker_age", 0.0)
        .flags(&["--max-worker-age"])
        .about("Seconds after which a worker is replaced; 0 is never"),
    Setting::new("max_worker_age_jitter", SECTION, Kind::Seconds, Fallback::Seconds(0.0))
        .flags(&["--max-worker-age-jitter"])
        .takes("SECONDS")
        .about("Up to so many seconds more, by chance; without it a tenth of the age"),
    Setting::new("max_worker_rss", SECTION, WHOLE, Fallback::Whole(0))
        .flags(&["--max-worker-rss"])
        .takes("MIB")
        .about("MiB of resident memory beyond which a worker is replaced; 0 is never"),
    Setting::new("max_worker_rss_jitter", SECTION, WHOLE, Fallback::Whole(0))
        .flags(&["--max-worker-rss-jitter"])
        .takes("MIB")
        .about("Up to so many MiB more, by chance; without it a tenth of the limit"),
    Setting::new("max_queue", SECTION, WHOLE, Fallback::Whole(1024))
        .flags(&["--max-queue"])
        .takes("INT")
        .about("Complete requests that wait in a worker; one more is answered 503; 0 is no bound"),
    seconds("queue_timeout", 30.0)
        .flags(&["--queue-timeout"])
        .about("Seconds that a request waits before it is answered 503; 0 is no bound"),
    Setting::new(
        "limit_request_body",
        SECTION,
        WHOLE,
        Fallback::Whole(1 << 30),
    )
    .flags(&["--limit-request-body"])
    .takes("INT")
    .about("Bytes of the largest request body; 0 is no bound"),
    // nginx gives a head 60 s and Apache 20 to 40 s; a head is one packet nearly always.
    seconds("header_timeout", 10.0)
        .flags(&["--header-timeout"])
        .about("Seconds from a request's first byte to the end of its head; 0 is no bound"),
    // The next two are nginx's client_body_timeout and send_timeout.
    seconds("body_timeout", 60.0)
        .flags(&["--body-timeout"])
        .about("Seconds without a byte of a request body; 0 is no bound"),
    seconds("send_timeout", 60.0)
        .flags(&["--send-timeout"])
        .about("Seconds in which a client takes no byte of a response; 0 is no bound"),
    seconds("slow_request", 0.0)
        .flags(&["--slow-request"])
        .about("Seconds without a response's beginning after which a request is logged with stacks; 0 is never"),
    seconds("request_timeout", 0.0)
        .flags(&["--request-timeout"])
        .about("Seconds without a response's beginning after which a request is ended; 0 is never"),
    Setting::new(
        "request_timeout_action",
        SECTION,
        Kind::Choice(&["503", "replace"]),
        Fallback::Text("503"),
    )
    .flags(&["--request-timeout-action"])
    .takes("STRING")
    .about("How it is ended: 503 answers its client, replace also has its worker replaced"),
    Setting::new(
        "compress_responses",
        SECTION,
        Kind::Switch,
        Fallback::Switch(false),
    )
    .flags(&["--compress"])
    .about("Compress responses with zstd or gzip, for clients that take it"),
    Setting::new(
        "compress_types",
        SECTION,
        Kind::Names,
        Fallback::Text(
            "text/html,text/css,text/plain,text/csv,text/xml,text/javascript,text/markdown,\
             application/json,application/javascript,application/xml,application/xhtml+xml,\
             application/manifest+json,application/wasm,image/svg+xml",
        ),
    )
    .flags(&["--compress-types"])
    .takes("STRING")
    .about("Media types of responses that are compressed; text/* is all that begin so"),
    Setting::new("compress_min_size", SECTION, WHOLE, Fallback::Whole(1024))
        .flags(&["--compress-min-size"])
        .takes("INT")
        .about("Bytes of the shortest response that is compressed"),
    Setting::new("static_files", SECTION, Kind::Mounts, Fallback::Texts(&[]))
        .flags(&["--static"])
        .takes("PREFIX=FOLDER")
        .about("Serve a folder's files below a prefix, without the application; repeatable"),
    Setting::new("static_max_age", SECTION, WHOLE, Fallback::Whole(0))
        .flags(&["--static-max-age"])
        .takes("SECONDS")
        .about(
            "Seconds that clients may keep such a file without asking again; 0 says nothing of it",
        ),
    Setting::new("switch_interval", SECTION, Kind::Seconds, Fallback::Nothing)
        .takes("SECONDS")
        .flags(&["--switch-interval"])
        .about("Seconds after which a Python thread makes way for another; Python's is 0.005"),
    Setting::new("status_bind", SECTION, Kind::Text, Fallback::Nothing)
        .takes("ADDRESS")
        .flags(&["--status-bind"])
        .about("Where /metrics, /health, /status and a page for people are served"),
];
