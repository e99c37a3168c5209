//! Settings of TLS, HTTP/2, gunicorn's dirty workers and its control socket: what is here,
//! what is not yet, and what will not come.

use super::super::setting::{Fallback, Kind, Section, Setting, Standing, WHOLE};

const DIRTY: Standing = Standing::Refused(
    "there is no pool of dirty workers; give long work to a task queue or a service of its own",
);

const NO_DIRTY: Standing = Standing::Accepted("there are no dirty workers");

const NO_CONTROL: Standing =
    Standing::Accepted("there is no socket for gunicornc; signals do the same");

pub(super) static ROWS: &[Setting] = &[
    Setting::new("keyfile", Section::Ssl, Kind::Text, Fallback::Nothing)
        .flags(&["--keyfile"])
        .takes("FILE")
        .about("Private key in PEM form; without it, it is looked for in certfile"),
    Setting::new("certfile", Section::Ssl, Kind::Text, Fallback::Nothing)
        .flags(&["--certfile"])
        .takes("FILE")
        .about("Certificate in PEM form, then those that signed it; TLS is spoken with it"),
    Setting::new(
        "ssl_version",
        Section::Ssl,
        Kind::Anything,
        Fallback::Nothing,
    )
    .flags(&["--ssl-version"])
    .standing(Standing::Accepted("gunicorn ignores it too, since 21.0"))
    .about("Version of TLS"),
    Setting::new(
        "cert_reqs",
        Section::Ssl,
        Kind::Whole { least: 0, most: 2 },
        Fallback::Whole(0),
    )
    .flags(&["--cert-reqs"])
    .takes("INT")
    .standing(Standing::HonouredDifferently(
        "who signs them is always `ca_certs`, not what the system trusts",
    ))
    .about("Client certificates: 0 none, 1 optional, 2 required"),
    Setting::new("ca_certs", Section::Ssl, Kind::Text, Fallback::Nothing)
        .flags(&["--ca-certs"])
        .takes("FILE")
        .about("Authorities of client certificates"),
    Setting::new(
        "suppress_ragged_eofs",
        Section::Ssl,
        Kind::Switch,
        Fallback::Switch(true),
    )
    .flags(&["--suppress-ragged-eofs"])
    .standing(Standing::Accepted("it is always so: requests say how long they are"))
    .about("Take a connection that ends without notice for one that ended"),
    Setting::new(
        "do_handshake_on_connect",
        Section::Ssl,
        Kind::Switch,
        Fallback::Switch(false),
    )
    .flags(&["--do-handshake-on-connect"])
    .standing(Standing::Accepted("handshakes are made as they come, and nobody waits for them"))
    .about("Shake hands as soon as a client connects"),
    Setting::new("ciphers", Section::Ssl, Kind::Text, Fallback::Nothing)
        .flags(&["--ciphers"])
        .takes("STRING")
        .standing(Standing::HonouredDifferently(
            "ciphers of TLS 1.2 by name; words such as HIGH choose nothing, since only strong ones are here",
        ))
        .about("Ciphers, as OpenSSL writes them"),
    Setting::new(
        "http_protocols",
        Section::Http2,
        Kind::HttpProtocols,
        Fallback::Text("h2,h1"),
    )
    .flags(&["--http-protocols"])
    .takes("STRING")
    .about("Versions of HTTP that TLS offers, the preferred one first: h1, h2"),
    Setting::new(
        "http2_cleartext",
        Section::Http2,
        Kind::Choice(&["off", "prior-knowledge", "upgrade", "both"]),
        Fallback::Text("prior-knowledge"),
    )
    .flags(&["--http2-cleartext"])
    .takes("STRING")
    .about("HTTP/2 without TLS: off or prior-knowledge; nobody can upgrade from HTTP/1.1"),
    Setting::new(
        "http2_max_concurrent_streams",
        Section::Http2,
        Kind::Whole {
            least: 1,
            most: i64::MAX as u64,
        },
        Fallback::Whole(100),
    )
    .flags(&["--http2-max-concurrent-streams"])
    .takes("INT")
    .about("Streams of a connection"),
    Setting::new(
        "http2_initial_window_size",
        Section::Http2,
        // RFC 9113 section 6.9.1.
        Kind::Whole {
            least: 0,
            most: (1 << 31) - 1,
        },
        Fallback::Whole(65535),
    )
    .flags(&["--http2-initial-window-size"])
    .takes("INT")
    .about("Bytes of a stream's first window"),
    Setting::new(
        "http2_max_frame_size",
        Section::Http2,
        // RFC 9113 section 6.5.2.
        Kind::Whole {
            least: 1 << 14,
            most: (1 << 24) - 1,
        },
        Fallback::Whole(16384),
    )
    .flags(&["--http2-max-frame-size"])
    .takes("INT")
    .about("Bytes of the largest frame"),
    Setting::new(
        "http2_max_header_list_size",
        Section::Http2,
        WHOLE,
        Fallback::Whole(65536),
    )
    .flags(&["--http2-max-header-list-size"])
    .takes("INT")
    .about("Bytes of all header fields of a request"),
    Setting::new(
        "dirty_apps",
        Section::DirtyArbiters,
        Kind::Texts,
        Fallback::Texts(&[]),
    )
    .flags(&["--dirty-app"])
    .takes("STRING")
    .standing(DIRTY)
    .about("An application for dirty workers; may be given several times"),
    Setting::new(
        "dirty_workers",
        Section::DirtyArbiters,
        WHOLE,
        Fallback::Whole(0),
    )
    .flags(&["--dirty-workers"])
    .takes("INT")
    .standing(DIRTY)
    .about("Dirty workers"),
    Setting::new(
        "dirty_timeout",
        Section::DirtyArbiters,
        WHOLE,
        Fallback::Whole(300),
    )
    .flags(&["--dirty-timeout"])
    .takes("INT")
    .standing(NO_DIRTY)
    .about("Seconds that a dirty task may take"),
    Setting::new(
        "dirty_threads",
        Section::DirtyArbiters,
        WHOLE,
        Fallback::Whole(1),
    )
    .flags(&["--dirty-threads"])
    .takes("INT")
    .standing(NO_DIRTY)
    .about("Threads of a dirty worker"),
    Setting::new(
        "dirty_graceful_timeout",
        Section::DirtyArbiters,
        WHOLE,
        Fallback::Whole(30),
    )
    .flags(&["--dirty-graceful-timeout"])
    .takes("INT")
    .standing(NO_DIRTY)
    .about("Seconds that a dirty worker has to finish"),
    // gunicorn makes the default of XDG_RUNTIME_DIR and HOME.
    Setting::new(
        "control_socket",
        Section::Control,
        Kind::Text,
        Fallback::Nothing,
    )
    .flags(&["--control-socket"])
    .takes("PATH")
    .standing(NO_CONTROL)
    .about("Socket for gunicornc"),
    Setting::new(
        "control_socket_mode",
        Section::Control,
        Kind::Mode,
        Fallback::Whole(0o600),
    )
    .flags(&["--control-socket-mode"])
    .takes("INT")
    .standing(NO_CONTROL)
    .about("Mode of that socket"),
    Setting::new(
        "control_socket_disable",
        Section::Control,
        Kind::Switch,
        Fallback::Switch(false),
    )
    .flags(&["--no-control-socket"])
    .about("Make no socket for gunicornc; there is none"),
];
