//! Settings of the application, the sockets, the workers, limits and development.

use super::super::setting::{Fallback, Kind, MOST_THREADS, Section, Setting, Standing, WHOLE};

pub(super) static ROWS: &[Setting] = &[
    Setting::new(
        "config",
        Section::ConfigFile,
        Kind::Text,
        Fallback::Text("./gunicorn.conf.py"),
    )
    .flags(&["-c", "--config"])
    .takes("CONFIG")
    .about("Configuration file: PATH, file:PATH or python:MODULE"),
    Setting::new(
        "wsgi_app",
        Section::ConfigFile,
        Kind::Text,
        Fallback::Nothing,
    )
    .about("The application, where the command line names none"),
    Setting::new(
        "bind",
        Section::ServerSocket,
        Kind::Texts,
        Fallback::Texts(&["127.0.0.1:8000"]),
    )
    .flags(&["-b", "--bind"])
    .takes("ADDRESS")
    .about("Where to listen: HOST:PORT, unix:PATH or fd://FD; may be given several times"),
    Setting::new(
        "backlog",
        Section::ServerSocket,
        Kind::Whole {
            least: 0,
            most: i32::MAX as u64,
        },
        Fallback::Whole(2048),
    )
    .flags(&["--backlog"])
    .takes("INT")
    .about("Connections that may wait to be accepted"),
    Setting::new(
        "workers",
        Section::WorkerProcesses,
        // The supervisor's table has this many places, half of them for a new generation.
        Kind::Automatic {
            least: 0,
            most: 512,
            auto: None,
        },
        Fallback::Whole(1),
    )
    .flags(&["-w", "--workers"])
    .takes("INT|auto")
    .about("Worker processes, or auto: one for each CPU that may be used; the default is WEB_CONCURRENCY where that is set"),
    Setting::new(
        "worker_class",
        Section::WorkerProcesses,
        Kind::Class,
        Fallback::Text("sync"),
    )
    .flags(&["-k", "--worker-class"])
    .takes("STRING")
    .standing(Standing::HonouredDifferently(
        "the names of gunicorn's and uvicorn's workers choose between WSGI, greenlets and \
         ASGI; classes of your own cannot run",
    ))
    .about("sync, gthread, gevent or asgi; without it the application itself tells"),
    Setting::new(
        "threads",
        Section::WorkerProcesses,
        Kind::Automatic {
            least: 0,
            most: MOST_THREADS,
            auto: Some(1),
        },
        Fallback::Whole(1),
    )
    .flags(&["--threads"])
    .takes("INT|auto")
    .about("Python threads of a worker that run a WSGI application, or auto: one, and more while they wait and requests do"),
    Setting::new(
        "worker_connections",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(1000),
    )
    .flags(&["--worker-connections"])
    .takes("INT")
    .standing(Standing::HonouredDifferently(
        "for every kind of worker, and only where it is given: an idle connection costs \
         little here; gevent's workers have at most so many requests at once, given or not",
    ))
    .about("Connections that a worker holds at most, and requests in greenlets"),
    Setting::new(
        "max_requests",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(0),
    )
    .flags(&["--max-requests"])
    .takes("INT")
    .standing(Standing::HonouredDifferently(
        "the replacement is ready before the worker leaves",
    ))
    .about("Requests after which a worker is replaced; 0 is never"),
    Setting::new(
        "max_requests_jitter",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(0),
    )
    .flags(&["--max-requests-jitter"])
    .takes("INT")
    .about("Up to so many requests more, by chance"),
    Setting::new(
        "timeout",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(30),
    )
    .flags(&["-t", "--timeout"])
    .takes("INT")
    .about("Seconds after which a worker that shows no life is killed; 0 is never"),
    Setting::new(
        "graceful_timeout",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(30),
    )
    .flags(&["--graceful-timeout"])
    .takes("INT")
    .about("Seconds that a worker has to finish its requests when it is told to stop"),
    Setting::new(
        "keepalive",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(2),
    )
    .flags(&["--keep-alive"])
    .takes("INT")
    .standing(Standing::HonouredDifferently(
        "for every kind of worker: gunicorn's sync closes each connection",
    ))
    .about("Seconds that an idle connection is kept; 0 closes after each response"),
    Setting::new(
        "asgi_loop",
        Section::WorkerProcesses,
        Kind::Choice(&["auto", "asyncio", "uvloop"]),
        Fallback::Text("auto"),
    )
    .flags(&["--asgi-loop", "--loop"])
    .takes("STRING")
    .about("Event loop of ASGI: auto, asyncio or uvloop"),
    Setting::new(
        "asgi_lifespan",
        Section::WorkerProcesses,
        Kind::Choice(&["auto", "on", "off"]),
        Fallback::Text("auto"),
    )
    .flags(&["--asgi-lifespan"])
    .takes("STRING")
    .about("ASGI lifespan: auto, on or off"),
    Setting::new(
        "asgi_disconnect_grace_period",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(3),
    )
    .flags(&["--asgi-disconnect-grace-period"])
    .takes("INT")
    .about("Seconds that an ASGI request has after its client went away; then it is cancelled"),
    Setting::new(
        "websocket_max_message_size",
        Section::WorkerProcesses,
        WHOLE,
        Fallback::Whole(16 * 1024 * 1024),
    )
    .flags(&["--websocket-max-message-size", "--ws-max-size"])
    .takes("INT")
    .about("Bytes of the largest websocket message; 0 is no bound"),
    Setting::new(
        "http_parser",
        Section::WorkerProcesses,
        Kind::Choice(&["auto", "fast", "python"]),
        Fallback::Text("auto"),
    )
    .flags(&["--http-parser"])
    .takes("STRING")
    .standing(Standing::Accepted("there is one parser, and it is compiled"))
    .about("Which of gunicorn's parsers reads requests"),
    Setting::new(
        "limit_request_line",
        Section::Security,
        WHOLE,
        Fallback::Whole(4094),
    )
    .flags(&["--limit-request-line"])
    .takes("INT")
    .standing(Standing::HonouredDifferently(
        "0 is as much as a whole head may have, not boundless",
    ))
    .about("Bytes of the longest request line, at most 8190"),
    Setting::new(
        "limit_request_fields",
        Section::Security,
        WHOLE,
        Fallback::Whole(100),
    )
    .flags(&["--limit-request-fields"])
    .takes("INT")
    .standing(Standing::HonouredDifferently(
        "and a whole head has at most 64 KiB, more only where the other limits are raised",
    ))
    .about("Header fields of a request, at most 32768"),
    Setting::new(
        "limit_request_field_size",
        Section::Security,
        WHOLE,
        Fallback::Whole(8190),
    )
    .flags(&["--limit-request-field_size", "--limit-request-field-size"])
    .takes("INT")
    .standing(Standing::HonouredDifferently(
        "0 is as much as a whole head may have, not boundless",
    ))
    .about("Bytes of the longest header field"),
    Setting::new(
        "reload",
        Section::Debugging,
        Kind::Switch,
        Fallback::Switch(false),
    )
    .flags(&["--reload"])
    .about("Start workers anew when code changes; for development"),
    Setting::new(
        "reload_engine",
        Section::Debugging,
        Kind::Choice(&["auto", "poll", "inotify"]),
        Fallback::Text("auto"),
    )
    .flags(&["--reload-engine"])
    .takes("STRING")
    .standing(Standing::HonouredDifferently(
        "whichever is named, the times of the files are looked at",
    ))
    .about("How changed files are noticed"),
    Setting::new(
        "reload_extra_files",
        Section::Debugging,
        Kind::Files,
        Fallback::Texts(&[]),
    )
    .flags(&["--reload-extra-file"])
    .takes("FILES")
    .about("A file or pattern to watch besides the code; may be given several times"),
    Setting::new(
        "spew",
        Section::Debugging,
        Kind::Switch,
        Fallback::Switch(false),
    )
    .flags(&["--spew"])
    .standing(Standing::Refused(
        "lines are not traced by the server; `python -m trace` does it for a call of the application",
    ))
    .about("Print each line of Python that is executed"),
    Setting::new(
        "check_config",
        Section::Debugging,
        Kind::Switch,
        Fallback::Switch(false),
    )
    .flags(&["--check-config"])
    .about("Load the application, list each setting that is not honoured, and exit"),
    Setting::new(
        "print_config",
        Section::Debugging,
        Kind::Switch,
        Fallback::Switch(false),
    )
    .flags(&["--print-config"])
    .about("Print all settings as they are in the end, and check them"),
];
