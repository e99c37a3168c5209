//! The functions of a configuration file that gunicorn calls.

use super::super::setting::{Section, Setting, Standing};

const SERVER: Section = Section::ServerHooks;
const DIRTY: Section = Section::DirtyArbiterHooks;

const NEVER: Standing =
    Standing::Accepted("there are no dirty workers, so that it is never called");

pub(super) static ROWS: &[Setting] = &[
    Setting::hook(
        "on_starting",
        SERVER,
        &[1],
        "(server): before anything is started",
    ),
    Setting::hook(
        "on_reload",
        SERVER,
        &[1],
        "(server): on HUP, before new workers are started",
    ),
    Setting::hook("when_ready", SERVER, &[1], "(server): when it listens"),
    Setting::hook(
        "pre_fork",
        SERVER,
        &[2],
        "(server, worker): before a worker is forked",
    ),
    Setting::hook(
        "post_fork",
        SERVER,
        &[2],
        "(server, worker): in the worker, when it was forked",
    ),
    Setting::hook(
        "post_worker_init",
        SERVER,
        &[1],
        "(worker): in the worker, when the application is loaded",
    ),
    Setting::hook(
        "worker_int",
        SERVER,
        &[1],
        "(worker): in the worker, on INT and QUIT",
    ),
    Setting::hook(
        "worker_abort",
        SERVER,
        &[1],
        "(worker): in the worker, on ABRT",
    ),
    Setting::hook(
        "pre_exec",
        SERVER,
        &[1],
        "(server): on USR2, before the new server is started",
    ),
    Setting::hook(
        "pre_request",
        SERVER,
        &[2],
        "(worker, request): before a request is handled",
    ),
    Setting::hook(
        "post_request",
        SERVER,
        &[4, 3, 2],
        "(worker, request, environ, response): when a request is answered; the last two may be left out",
    ),
    Setting::hook(
        "child_exit",
        SERVER,
        &[2],
        "(server, worker): in the server, when a worker ended",
    ),
    Setting::hook(
        "worker_exit",
        SERVER,
        &[2],
        "(server, worker): in the worker, before it ends",
    ),
    Setting::hook(
        "nworkers_changed",
        SERVER,
        &[3],
        "(server, new, old): when the number of workers changed",
    ),
    Setting::hook("on_exit", SERVER, &[1], "(server): before the server ends"),
    Setting::hook(
        "ssl_context",
        SERVER,
        &[2],
        "(config, default_factory): makes the TLS context",
    )
    .standing(Standing::Later {
        what: "a TLS context made by Python",
        starts: true,
    }),
    Setting::hook(
        "on_dirty_starting",
        DIRTY,
        &[1],
        "(arbiter): before the dirty arbiter is started",
    )
    .standing(NEVER),
    Setting::hook(
        "dirty_post_fork",
        DIRTY,
        &[2],
        "(arbiter, worker): when a dirty worker was forked",
    )
    .standing(NEVER),
    Setting::hook(
        "dirty_worker_init",
        DIRTY,
        &[1],
        "(worker): when a dirty worker has loaded its applications",
    )
    .standing(NEVER),
    Setting::hook(
        "dirty_worker_exit",
        DIRTY,
        &[2],
        "(arbiter, worker): when a dirty worker ended",
    )
    .standing(NEVER),
];
