//! `tonnage service`: native services as their users start them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::common::{Home, Started, text};

/// Starts a service on a free port; its URL without the slash.
fn start(home: &Home, arguments: &[&str]) -> (Started, String) {
    let started = [&["service"], arguments, &["--port", "0"]].concat();
    let mut service = home.start(&started);
    let line = service.wait_for_line(" serves at http://");
    let name = arguments[0];
    let url = line.strip_prefix(&format!("{name} serves at "));
    let url = url.and_then(|rest| rest.strip_suffix("/ (Ctrl-C stops it)\n"));
    (service, url.expect(&line).to_owned())
}

fn get(url: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_service_runs_until_it_is_told_to_stop() {
    let home = Home::new();
    for signal in ["INT", "TERM"] {
        let (mut service, url) = start(&home, &["hello"]);
        assert!(get(&url, "/").ends_with("Hello, World!"));
        // A client that stays is no reason to stay.
        let _idle = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        service.signal(signal);
        let (code, rest, errors) = service.finish();
        assert_eq!((code, rest.as_str(), errors.as_str()), (Some(130), "", ""));
    }
}

#[test]
fn a_relay_tells_of_each_call_to_its_upstream() {
    let home = Home::new();
    let (_upstream, upstream_url) = start(&home, &["restaurants"]);
    let (mut relay, url) = start(
        &home,
        &["relay", "--upstream", &upstream_url, "--threads", "1"],
    );
    for _ in 0..3 {
        assert!(get(&url, "/restaurant/dufva").contains("\r\nx-upstream-calls: 1\r\n"));
    }
    relay.signal("INT");
    let (_, _, errors) = relay.finish();
    assert_eq!(errors, "new call or cache expired! calling external api\n");
}

#[test]
fn settings_come_from_the_environment_as_well() {
    let home = Home::new();
    let (_upstream, upstream_url) = start(&home, &["restaurants", "--delay", "90s"]);
    let mut command = home.command(&["service", "relay", "--port", "0"]);
    command
        .env("UPSTREAM_URL", upstream_url)
        .env("RELAY_TIMEOUT_S", "0.1");
    let mut relay = Started::of(command);
    let line = relay.wait_for_line("relay serves at ");
    let url = line.split(' ').nth(3).unwrap().trim_end_matches('/');
    let answer = get(url, "/restaurants");
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    let mut command = home.command(&["service", "relay", "--port", "0"]);
    command.env("RELAY_TIMEOUT_S", "soon");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(
        error.contains("$RELAY_TIMEOUT_S must be seconds from 0.001 to 60"),
        "{error}"
    );
}

#[test]
fn a_port_in_use_is_named() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let output = Home::new().tonnage(&["service", "hello", "--port", &port.to_string()]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(
        error.contains(&format!("port {port} on 127.0.0.1 is in use")),
        "{error}"
    );
    assert!(error.contains("--port"), "{error}");
}
