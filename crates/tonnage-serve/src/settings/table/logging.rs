//! Settings of logs, metrics and the name of the process.

use super::super::setting::{Fallback, Kind, Section, Setting, Standing};

const SECTION: Section = Section::Logging;

const STATSD: Standing = Standing::HonouredDifferently(
    "metrics are summed up and sent once a second; those in the `extra` of a line of the log are \
     not sent",
);

/// What `loglevel` may be.
const LEVELS: &[&str] = &["debug", "info", "warning", "error", "critical"];

/// The facilities of syslog.
const FACILITIES: &[&str] = &[
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "security",
    "syslog", "user", "uucp", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// A switch that is off, in this section.
const fn switch(name: &'static str) -> Setting {
    Setting::new(name, SECTION, Kind::Switch, Fallback::Switch(false))
}

/// A text that nobody gave, in this section.
const fn text(name: &'static str) -> Setting {
    Setting::new(name, SECTION, Kind::Text, Fallback::Nothing)
}

pub(super) static ROWS: &[Setting] = &[
    text("accesslog")
        .flags(&["--access-logfile"])
        .takes("FILE")
        .about("Write a line for each request to this file; - is standard output"),
    switch("disable_redirect_access_to_syslog")
        .flags(&["--disable-redirect-access-to-syslog"])
        .about("Keep the access log out of syslog"),
    Setting::new(
        "access_log_format",
        SECTION,
        Kind::Text,
        Fallback::Text(r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#),
    )
    .flags(&["--access-logformat"])
    .takes("STRING")
    .about("What a line of the access log has; `json` for a line of JSON"),
    Setting::new("errorlog", SECTION, Kind::Text, Fallback::Text("-"))
        .flags(&["--error-logfile", "--log-file"])
        .takes("FILE")
        .about("Write the server's own log to this file; - is standard error"),
    Setting::new(
        "loglevel",
        SECTION,
        Kind::Choice(LEVELS),
        Fallback::Text("info"),
    )
    .flags(&["--log-level"])
    .takes("LEVEL")
    .about("debug, info, warning, error or critical"),
    switch("capture_output")
        .flags(&["--capture-output"])
        .about("Send standard output and error to the error log's file"),
    Setting::new(
        "logger_class",
        SECTION,
        Kind::Class,
        Fallback::Text("gunicorn.glogging.Logger"),
    )
    .flags(&["--logger-class"])
    .takes("STRING")
    .standing(Standing::HonouredDifferently(
        "a class of your own is called for each line, which takes Python's time; gunicorn \
         must be installed where it inherits from gunicorn's",
    ))
    .about("Class that writes the logs"),
    text("logconfig")
        .flags(&["--log-config"])
        .takes("FILE")
        .about("File from which Python's logging is set up"),
    Setting::new(
        "logconfig_dict",
        SECTION,
        Kind::Dictionary,
        Fallback::Headers(&[]),
    )
    .about("Dictionary from which Python's logging is set up"),
    text("logconfig_json")
        .flags(&["--log-config-json"])
        .takes("FILE")
        .about("JSON file from which Python's logging is set up"),
    Setting::new(
        "syslog_addr",
        SECTION,
        Kind::Text,
        Fallback::Text("udp://localhost:514"),
    )
    .flags(&["--log-syslog-to"])
    .takes("SYSLOG_ADDR")
    .about("Where syslog is: unix://PATH#TYPE, udp://HOST:PORT or tcp://HOST:PORT"),
    switch("syslog")
        .flags(&["--log-syslog"])
        .about("Send the logs to syslog"),
    text("syslog_prefix")
        .flags(&["--log-syslog-prefix"])
        .takes("SYSLOG_PREFIX")
        .about("Name in syslog behind `gunicorn.`"),
    Setting::new(
        "syslog_facility",
        SECTION,
        Kind::Choice(FACILITIES),
        Fallback::Text("user"),
    )
    .flags(&["--log-syslog-facility"])
    .takes("SYSLOG_FACILITY")
    .about("Facility in syslog"),
    switch("enable_stdio_inheritance")
        .flags(&["-R", "--enable-stdio-inheritance"])
        .about("Keep standard output and error in the background"),
    text("statsd_host")
        .flags(&["--statsd-host"])
        .takes("STATSD_ADDR")
        .standing(STATSD)
        .about("Where statsd is: HOST:PORT or unix://PATH"),
    Setting::new("dogstatsd_tags", SECTION, Kind::Text, Fallback::Text(""))
        .flags(&["--dogstatsd-tags"])
        .takes("DOGSTATSD_TAGS")
        .about("Tags of the metrics, separated by commas"),
    Setting::new("statsd_prefix", SECTION, Kind::Text, Fallback::Text(""))
        .flags(&["--statsd-prefix"])
        .takes("STATSD_PREFIX")
        .about("What the metrics' names begin with"),
    switch("enable_backlog_metric")
        .flags(&["--enable-backlog-metric"])
        .about("Send the number of connections that wait to be accepted"),
    Setting::new(
        "proc_name",
        Section::ProcessNaming,
        Kind::Text,
        Fallback::Nothing,
    )
    .flags(&["-n", "--name"])
    .takes("STRING")
    .about("Name of the processes in ps and top, where setproctitle is installed"),
    Setting::new(
        "default_proc_name",
        Section::ProcessNaming,
        Kind::Text,
        Fallback::Text("gunicorn"),
    )
    .standing(Standing::HonouredDifferently(
        "without it the application's name is taken, as gunicorn does, and else `tonnage`",
    ))
    .about("Name of the processes where proc_name is not given"),
];
