//! From a command line, an environment and a configuration file to settings.

mod refusals;

use super::*;
use crate::supervisor::Recycling;
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

/// Settings of a command line that is split at blanks, beside a configuration file.
fn settings(line: &str, file: &[(&str, RawValue)]) -> Result<Settings, SettingsErrors> {
    with_environment(line, file, Environment::default())
}

fn with_environment(
    line: &str,
    file: &[(&str, RawValue)],
    environment: Environment,
) -> Result<Settings, SettingsErrors> {
    let values = file
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Invocation::new(line.split_whitespace().map(str::to_owned), environment)
        .unwrap()
        .settings(Some(("gunicorn.conf.py", values)), Path::new("/usr"))
}

fn text(text: &str) -> RawValue {
    RawValue::Text(text.to_owned())
}

fn error(line: &str, file: &[(&str, RawValue)]) -> String {
    settings(line, file).unwrap_err().to_string()
}

fn source_of(settings: &Settings, name: &str) -> String {
    settings.origin(name).unwrap().to_string()
}

#[test]
fn nothing_but_an_application_gives_gunicorns_defaults() {
    let settings = settings("site.wsgi", &[]).unwrap();
    assert_eq!(settings.app, "site.wsgi");
    assert_eq!(settings.listen.bind, ["127.0.0.1:8000"]);
    assert_eq!(settings.listen.backlog, 2048);
    assert_eq!(settings.processes.workers, 1);
    assert_eq!(settings.processes.timeout, Some(Duration::from_secs(30)));
    assert_eq!(settings.processes.max_requests, None);
    assert_eq!(settings.processes.chdir, Path::new("/usr"));
    assert_eq!(settings.processes.proc_name, "site.wsgi");
    assert_eq!(settings.application.interface, Interface::Auto);
    assert_eq!(settings.application.threads, 1);
    assert!(settings.application.sendfile);
    assert_eq!(settings.http.keepalive, Duration::from_secs(2));
    assert_eq!(settings.http.limits, crate::http::Limits::default());
    assert_eq!(settings.http.worker_connections, None);
    assert_eq!(settings.http.queue_timeout, Some(Duration::from_secs(30)));
    assert_eq!(settings.proxies.header_map, HeaderMap::Drop);
    assert_eq!(
        settings.proxies.forwarder_headers,
        ["SCRIPT_NAME", "PATH_INFO"]
    );
    let home = Some("127.0.0.1".parse().unwrap());
    assert!(settings.proxies.forwarded_allow_ips.trusts(home));
    assert_eq!(settings.logging.errorlog.as_deref(), Some("-"));
    assert_eq!(settings.logging.accesslog, None);
    assert_eq!(settings.logging.loglevel, "info");
    assert_eq!(settings.logging.logger_class, None);
    assert!(!settings.logging.has_logconfig_dict);
    assert!(settings.notices().is_empty(), "{:?}", settings.notices());
}

#[test]
fn later_sources_win_and_lists_are_replaced_whole() {
    let environment = Environment {
        web_concurrency: Some("2".to_owned()),
        port: Some("80".to_owned()),
        forwarded_allow_ips: Some("*".to_owned()),
        sendfile: Some("no".to_owned()),
        gunicorn_cmd_args: Some("-b :81 -b :82 --threads 5 -n 'by args'".to_owned()),
    };
    let file = [
        ("workers", RawValue::Whole(3)),
        ("threads", RawValue::Whole(4)),
        ("timeout", RawValue::Whole(60)),
    ];
    let settings = with_environment("app -t 90", &file, environment.clone()).unwrap();
    assert_eq!(settings.processes.workers, 3);
    assert_eq!(
        source_of(&settings, "workers"),
        "the configuration file gunicorn.conf.py"
    );
    assert_eq!(settings.application.threads, 5);
    assert_eq!(source_of(&settings, "threads"), "GUNICORN_CMD_ARGS");
    assert_eq!(settings.listen.bind, [":81", ":82"]);
    assert_eq!(settings.processes.timeout, Some(Duration::from_secs(90)));
    assert_eq!(source_of(&settings, "timeout"), "the command line");
    assert_eq!(settings.processes.proc_name, "by args");
    assert!(!settings.application.sendfile);
    let stranger = Some("192.0.2.1".parse().unwrap());
    assert!(settings.proxies.forwarded_allow_ips.trusts(stranger));

    let settings = with_environment(
        "app",
        &[],
        Environment {
            gunicorn_cmd_args: None,
            ..environment
        },
    )
    .unwrap();
    assert_eq!(settings.processes.workers, 2);
    assert_eq!(
        source_of(&settings, "workers"),
        "the environment variable WEB_CONCURRENCY"
    );
    assert_eq!(settings.listen.bind, ["0.0.0.0:80"]);
}

#[test]
fn the_configuration_file_is_named_by_flags_and_the_command_line_goes_first() {
    let named = |line: &str, args: &str| {
        let environment = Environment {
            gunicorn_cmd_args: Some(args.to_owned()),
            ..Environment::default()
        };
        Invocation::new(line.split_whitespace().map(str::to_owned), environment)
            .unwrap()
            .config_location()
            .map(str::to_owned)
    };
    assert_eq!(named("app", ""), None);
    assert_eq!(named("app", "-c a.py").as_deref(), Some("a.py"));
    assert_eq!(
        named("app -c python:b", "-c a.py").as_deref(),
        Some("python:b")
    );
    // A file cannot name itself, and none other either.
    let settings = settings("app", &[("config", text("c.py"))]).unwrap();
    assert_eq!(settings.app, "app");
}

#[test]
fn the_application_may_stand_in_the_file_and_must_stand_somewhere() {
    let file = [("wsgi_app", text("a:app"))];
    assert_eq!(settings("", &file).unwrap().app, "a:app");
    assert_eq!(settings("b:app", &file).unwrap().app, "b:app");
    assert!(error("", &[]).starts_with("No application module specified"));
    assert!(error("app", &[("bind", RawValue::Nothing)]).contains("one address at least"));
}

#[test]
fn limits_are_resolved_to_numbers_that_bound_memory() {
    let http = |line: &str| settings(line, &[]).unwrap().http;
    let unlimited = http(
        "app --limit-request-line 0 --limit-request-fields 0 --limit-request-field_size 0 \
         --limit-request-body 0 --max-queue 0 --queue-timeout 0",
    );
    assert_eq!(unlimited.limits.request_line_bytes, HEAD_BYTES);
    assert_eq!(unlimited.limits.fields, 32768);
    assert_eq!(unlimited.limits.field_bytes, HEAD_BYTES);
    assert_eq!(unlimited.limits.head_bytes, HEAD_BYTES);
    assert_eq!(unlimited.limits.body_bytes, 0);
    assert_eq!(unlimited.max_queue, None);
    assert_eq!(unlimited.queue_timeout, None);
    let raised = http("app --limit-request-field-size 65536 --limit-request-line 9999");
    assert_eq!(raised.limits.request_line_bytes, 8190);
    assert_eq!(raised.limits.head_bytes, 8190 + 65536 + 16384);
    // A moment plus the longest time must be a moment.
    let patient = http("app --keep-alive 9223372036854775807 --send-timeout 1e300");
    assert!(
        std::time::Instant::now()
            .checked_add(patient.keepalive)
            .is_some()
    );
    assert_eq!(patient.send_timeout, Some(patient.keepalive));
    assert_eq!(
        http("app --worker-connections 1000").worker_connections,
        Some(1000)
    );
}

#[test]
fn processes_and_logs_take_what_was_given() {
    let settings = settings(
        "app -u www-data -g 33 -m 0027 -p /run/x.pid --pythonpath a,b, --threads 0 \
         --log-level WARN --log-config log.ini --switch-interval 0.001 --chdir lib",
        &[
            ("raw_env", RawValue::texts(["A=1", "B=x=y"])),
            ("logger_class", RawValue::Object("app.Logger".into())),
            (
                "secure_scheme_headers",
                RawValue::Map(vec![("x-proto".into(), text("https"))]),
            ),
            ("errorlog", RawValue::Nothing),
        ],
    )
    .unwrap();
    let processes = &settings.processes;
    assert_eq!(processes.user, Account::Name("www-data".into()));
    assert_eq!(processes.group, Account::Id(33));
    assert_eq!(processes.umask, 0o27);
    assert_eq!(processes.pidfile.as_deref(), Some(Path::new("/run/x.pid")));
    assert_eq!(processes.pythonpath, ["a", "b"]);
    assert_eq!(processes.chdir, Path::new("/usr/lib"));
    let pairs = [("A", "1"), ("B", "x=y")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(processes.raw_env, pairs);
    assert_eq!(settings.application.threads, 1);
    let millisecond = Duration::from_millis(1);
    assert_eq!(settings.application.switch_interval, Some(millisecond));
    assert_eq!(settings.logging.loglevel, "warning");
    assert_eq!(settings.logging.logger_class.as_deref(), Some("app.Logger"));
    assert_eq!(settings.logging.errorlog, None);
    let headers = [("X-PROTO".to_owned(), "https".to_owned())];
    assert_eq!(settings.proxies.secure_scheme_headers, headers);
}

#[test]
fn the_configuration_prints_as_gunicorn_prints_it() {
    let hook = RawValue::Object("post_fork".into());
    let settings = settings("app -w 4 -m 0022", &[("post_fork", hook)]).unwrap();
    let printed = settings.print_config();
    assert_eq!(printed.lines().count(), all_settings().count());
    let line = |name: &str| {
        printed
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name))
            .unwrap()
    };
    // As gunicorn 27.0.1 printed them, with as many blanks as its longest name asks for.
    for (name, value) in [
        ("bind", "['127.0.0.1:8000']"),
        ("workers", "4"),
        ("umask", "18"),
        ("wsgi_app", "app"),
        ("pidfile", "None"),
        ("reload", "False"),
        ("forwarded_allow_ips", "['127.0.0.1', '::1']"),
        ("post_fork", "<post_fork()>"),
    ] {
        assert_eq!(line(name), format!("{name:34} = {value}"));
    }
}

fn raw_value() -> impl Strategy<Value = RawValue> {
    let leaf = prop_oneof![
        Just(RawValue::Nothing),
        any::<bool>().prop_map(RawValue::Switch),
        any::<i64>().prop_map(RawValue::Whole),
        any::<f64>().prop_map(RawValue::Fraction),
        "[ -~]{0,12}".prop_map(RawValue::Text),
        "-?[0-9]{1,20}".prop_map(RawValue::Text),
        Just(RawValue::Object("x".to_owned())),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(RawValue::List),
            prop::collection::vec(("[A-Z]{1,4}", inner), 0..4).prop_map(RawValue::Map),
        ]
    })
}

proptest! {
    /// What was checked once is in its one form: it stays what it is.
    #[test]
    fn a_checked_value_is_its_own_check(raw in raw_value()) {
        for setting in all_settings() {
            let directory = Path::new("/usr");
            if let Ok(value) = normalise::normalise(setting, &raw, directory) {
                let again = normalise::normalise(setting, &value, directory);
                // NaN is unequal to itself, and only `Kind::Anything` lets it through.
                if setting.kind != Kind::Anything {
                    prop_assert_eq!(again, Ok(value), "{}", setting.name);
                }
            }
        }
    }

    #[test]
    fn quoted_words_come_back(words in prop::collection::vec("[ -~\n]{0,8}", 0..5)) {
        let quoted: Vec<String> = words
            .iter()
            .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
            .collect();
        prop_assert_eq!(split_words(&quoted.join(" ")).unwrap(), words);
    }
}

proptest! {
    // Each case makes a value for every setting.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever a file holds, there are settings or there are errors.
    #[test]
    fn any_file_is_answered(values in prop::collection::vec(raw_value(), 140)) {
        let names = all_settings().map(|setting| setting.name);
        let file: Vec<(&str, RawValue)> = names.zip(values).collect();
        match settings("app", &file) {
            Ok(settings) => prop_assert!(!settings.print_config().is_empty()),
            Err(errors) => prop_assert!(!errors.0.is_empty() && !errors.to_string().is_empty()),
        }
    }
}

#[test]
fn workers_and_threads_may_be_found() {
    let fixed = settings("app", &[]).unwrap();
    assert_eq!(
        (fixed.auto_workers, fixed.application.max_threads),
        (None, None)
    );
    let found = settings("app --workers auto --threads AUTO --max-threads 9", &[]).unwrap();
    let cpus = found.auto_workers.unwrap();
    assert_eq!(found.processes.workers, cpus.usable());
    assert_eq!(found.application.threads, 1);
    assert_eq!(found.application.max_threads, Some(9));
    let expected = format!("`workers` is auto: {}, since {cpus}", cpus.usable());
    assert_eq!(found.decisions(), [expected]);
    // Whoever asks for the value gets a number.
    let value = |name| {
        let mut entries = found.entries().iter();
        let entry = entries.find(|entry| entry.setting.name == name);
        entry.unwrap().value.clone()
    };
    assert_eq!(value("threads"), RawValue::Whole(1));
    assert!(matches!(value("workers"), RawValue::Whole(1..)));
    let refused = error("app -w many", &[]);
    assert!(
        refused.contains("a whole number from 0 to 512, or auto"),
        "{refused}"
    );
}

#[test]
fn recycling_has_a_jitter_of_a_tenth_unless_it_is_given() {
    let recycling = |line| settings(line, &[]).unwrap().processes.recycling;
    assert_eq!(recycling("app"), Recycling::default());
    let own = recycling("app --max-worker-age 100 --max-worker-rss 200");
    assert_eq!(own.age, Some(Duration::from_secs(100)));
    assert_eq!(own.age_jitter, Duration::from_secs(10));
    assert_eq!(own.rss_bytes, Some(200 << 20));
    assert_eq!(own.rss_jitter_bytes, 20 << 20);
    let given = recycling(
        "app --max-worker-age 1 --max-worker-age-jitter 0.5 --max-worker-rss 2 \
         --max-worker-rss-jitter 0",
    );
    assert_eq!(given.age_jitter, Duration::from_millis(500));
    assert_eq!(given.rss_jitter_bytes, 0);
}

#[test]
fn a_self_request_is_a_path_or_a_url() {
    let check = |line: &str| settings(line, &[]).map(|settings| settings.processes.reload_check);
    assert_eq!(check("app").unwrap(), None);
    for target in [
        "/health?deep",
        "http://example.org/",
        "https://example.org:8443/x",
    ] {
        let line = format!("app --reload-check {target}");
        assert_eq!(check(&line).unwrap().as_deref(), Some(target));
    }
    assert!(check("app --reload-check health").is_err());
}
