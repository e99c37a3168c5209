//! Settings of websockets that gunicorn does not have; they are uvicorn's.

use super::super::setting::{Fallback, Kind, Section, Setting};

const SECTION: Section = Section::Own;

pub(super) static ROWS: &[Setting] = &[
    Setting::new(
        "ws_ping_interval",
        SECTION,
        Kind::Seconds,
        Fallback::Seconds(20.0),
    )
    .takes("SECONDS")
    .flags(&["--ws-ping-interval"])
    .about("Seconds without a sign of a websocket's client after which it is sent a ping; 0 is never"),
    Setting::new(
        "ws_ping_timeout",
        SECTION,
        Kind::Seconds,
        Fallback::Seconds(20.0),
    )
    .takes("SECONDS")
    .flags(&["--ws-ping-timeout"])
    .about("Seconds that it may take to answer before the websocket is closed; 0 is no bound"),
    Setting::new(
        "ws_per_message_deflate",
        SECTION,
        Kind::Switch,
        Fallback::Switch(true),
    )
    .flags(&["--no-ws-per-message-deflate"])
    .turns_off()
    .about("Send websockets' messages as they are; the default is to compress them for clients that offer it"),
];
