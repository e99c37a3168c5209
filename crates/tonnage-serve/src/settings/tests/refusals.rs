//! What is not taken, and what is taken with a word of warning.

use super::*;

#[test]
fn every_error_is_told_at_once_with_name_place_and_advice() {
    let text = error(
        "app --threads many --spew",
        &[
            ("workers", text("four")),
            ("keyfile", text("key.pem")),
            ("raw_env", RawValue::texts(["A"])),
        ],
    );
    insta::assert_snapshot!(text, @r"
    `workers` from the configuration file gunicorn.conf.py is 'four'; it has to be a whole number from 0 to 512, or auto
    `threads` from the command line is 'many'; it has to be a whole number from 0 to 4096, or auto
    `spew` from the command line is True, which this server cannot do: lines are not traced by the server; `python -m trace` does it for a call of the application
    `raw_env` from the configuration file gunicorn.conf.py is 'A'; it has to be texts of the form KEY=VALUE
    `keyfile` from the configuration file gunicorn.conf.py is 'key.pem'; it has to be the key of a certificate that `certfile` names
    ");
}

#[test]
fn an_address_that_cannot_be_is_told_with_its_origin() {
    insta::assert_snapshot!(
        error("app -b 127.0.0.1:abc", &[]),
        @"`bind` from the command line is ['127.0.0.1:abc']; it has to be HOST:PORT, unix:PATH or fd://NUMBER; `abc` is not a valid port number: it must be between 0 and 65535"
    );
    let environment = Environment {
        port: Some("abc".to_owned()),
        ..Environment::default()
    };
    let error = with_environment("app", &[], environment).unwrap_err();
    insta::assert_snapshot!(
        error,
        @"`bind` from the environment variable PORT is ['0.0.0.0:abc']; it has to be HOST:PORT, unix:PATH or fd://NUMBER; `abc` is not a valid port number: it must be between 0 and 65535"
    );
}

#[test]
fn a_format_that_lines_cannot_have_is_refused_where_there_are_lines() {
    let file = [("access_log_format", text("%(h"))];
    assert!(settings("app", &file).is_ok());
    assert!(settings("app --access-logfile - --logger-class a.Logger", &file).is_ok());
    let text = error("app --access-logfile -", &file);
    assert!(
        text.contains("`access_log_format` from the configuration file"),
        "{text}"
    );
}

#[test]
fn what_would_serve_another_protocol_does_not_start() {
    for line in [
        "app --protocol uwsgi",
        "app -k eventlet",
        "app -k project.Worker",
        "app --dirty-workers 1",
        "app --paste site.ini",
    ] {
        let text = error(line, &[]);
        assert!(text.contains("this server cannot do"), "{line}: {text}");
    }
    let upgrade = error("app --http2-cleartext both", &[]);
    assert!(upgrade.contains("off or prior-knowledge"), "{upgrade}");
    // Said as it is anyway, nothing is asked for.
    let line = "app --protocol http --dirty-workers 0 --http-protocols h1";
    assert!(settings(line, &[]).unwrap().notices().is_empty());
    let file = [("certfile", RawValue::Nothing), ("keyfile", text(""))];
    assert!(settings("app", &file).unwrap().notices().is_empty());
}

#[test]
fn tls_is_spoken_with_a_certificate_and_its_details_belong_to_one() {
    let tls = |line: &str| settings(line, &[]).unwrap().tls;
    assert_eq!(tls("app --cert-reqs 2 --ca-certs ca.pem"), None);
    assert_eq!(
        tls(
            "app --certfile c.pem --sni-certfile a.pem,a.key --sni-certfile b.pem --cert-reqs 1 --ca-certs ca.pem"
        ),
        Some(TlsSettings {
            identities: vec![
                ("c.pem".into(), None),
                ("a.pem".into(), Some("a.key".into())),
                ("b.pem".into(), None),
            ],
            authorities: Some("ca.pem".into()),
            client_certificates: ClientCertificates::Optional,
            ciphers: None,
        })
    );
    for (line, name) in [
        ("app --keyfile k.pem", "`keyfile`"),
        ("app --sni-certfile a.pem", "`sni_certfile`"),
        ("app --certfile c.pem --cert-reqs 2", "`cert_reqs`"),
    ] {
        let text = error(line, &[]);
        assert!(text.starts_with(name), "{line}: {text}");
    }
}

#[test]
fn worker_classes_and_interface_agree_or_say_so() {
    let interface = |line: &str| settings(line, &[]).unwrap().application.interface;
    assert_eq!(interface("app"), Interface::Auto);
    assert_eq!(interface("app -k sync"), Interface::Wsgi);
    assert_eq!(
        interface("app -k uvicorn.workers.UvicornWorker"),
        Interface::Asgi
    );
    assert_eq!(interface("app --interface asgi"), Interface::Asgi);
    assert_eq!(interface("app --interface asgi -k asgi"), Interface::Asgi);
    assert_eq!(
        interface("app --interface auto -k gthread"),
        Interface::Wsgi
    );
    assert_eq!(interface("app -k gevent"), Interface::Wsgi);
    let asgi = settings("app -k asgi", &[]).unwrap();
    assert!(
        asgi.print_config()
            .contains("\ninterface                          = asgi\n")
    );
    let text = error("app --interface wsgi -k asgi", &[]);
    assert!(
        text.contains("`worker_class` from the command line is asgi"),
        "{text}"
    );
}

#[test]
fn greenlets_are_bounded_as_gunicorns_connections_are() {
    let most = |line: &str| settings(line, &[]).unwrap().application.greenlets;
    assert_eq!(most("app"), None);
    assert_eq!(most("app -k gthread --worker-connections 7"), None);
    assert_eq!(most("app -k gevent"), Some(1000));
    assert_eq!(most("app -k gevent --worker-connections 7"), Some(7));
    assert_eq!(most("app -k gevent --worker-connections 0"), Some(1));
    let text = error("app --interface asgi -k gevent", &[]);
    assert!(
        text.contains("`worker_class` from the command line is gevent"),
        "{text}"
    );
}

#[test]
fn notices_tell_what_differs_does_nothing_or_is_missing() {
    let settings = settings(
        "app --keep-alive 5 --worker-tmp-dir /dev/shm --statsd-host :8125",
        &[
            ("dirty_post_fork", RawValue::Object("hook".into())),
            ("post_fork", RawValue::Object("hook".into())),
            ("log_level", text("debug")),
            ("helper", RawValue::Whole(1)),
            ("sendfile", RawValue::Switch(false)),
            ("logger_class", text("gunicorn.glogging.Logger")),
        ],
    )
    .unwrap();
    let levels: Vec<_> = settings
        .notices()
        .iter()
        .map(|notice| (notice.name.as_str(), notice.level))
        .collect();
    assert_eq!(
        levels,
        [
            ("keepalive", Level::Differs),
            ("worker_tmp_dir", Level::NoEffect),
            ("statsd_host", Level::Differs),
            ("dirty_post_fork", Level::NoEffect),
            ("log_level", Level::Misspelt),
        ]
    );
    insta::assert_snapshot!(settings.warnings().join("\n"), @r"
    `log_level` from the configuration file gunicorn.conf.py is no setting: did you mean `loglevel`?
    ");
}

#[test]
fn a_slip_in_the_file_is_an_error_for_who_asks() {
    let file = [("max_request", RawValue::Whole(1000))];
    assert_eq!(settings("app", &file).unwrap().warnings().len(), 1);
    let text = error("app --check-config", &file);
    assert!(text.contains("did you mean `max_requests`?"), "{text}");
}

#[test]
fn a_name_that_no_flag_has_is_an_error_outside_the_file() {
    let layer = Layer {
        source: Source::CommandLine,
        values: vec![
            ("treads".to_owned(), RawValue::Whole(1)),
            ("wsgi_app".to_owned(), text("app")),
        ],
    };
    let text = Settings::resolve(&[layer], Path::new("/"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "`treads` from the command line is no setting; did you mean `threads`?"
    );
}
