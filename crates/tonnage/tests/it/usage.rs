//! What people mistype, and what they are told.

use crate::common::{Home, text};

/// Exit code 2, and an error with all of `parts` in it.
#[track_caller]
fn refused(arguments: &[&str], parts: &[&str]) {
    let output = Home::new().tonnage(arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    for part in parts {
        assert!(
            error.contains(part),
            "{arguments:?}: no {part:?} in: {error}"
        );
    }
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn an_unknown_name_gets_a_suggestion() {
    refused(
        &["study", "run", "flask-bnech"],
        &["no study `flask-bnech`", "did you mean `flask-bench`?"],
    );
    refused(
        &["up", "gunicorn-snyc", "loop"],
        &["no stack `gunicorn-snyc`", "did you mean `gunicorn-sync`?"],
    );
    refused(
        &["up", "gunicorn-sync", "lop"],
        &["no workload `lop`", "did you mean `loop`?"],
    );
    refused(
        &["study", "run", "flask-bench", "--set", "iteration=5"],
        &["no factor `iteration`", "did you mean `iterations`?"],
    );
    refused(
        &["service", "fannout"],
        &["no service `fannout`", "did you mean `fanout`?"],
    );
    refused(&["study", "reprot"], &["reprot", "'report'"]);
    refused(&["study", "run", "flask-bench", "--quik"], &["--quick"]);
    refused(
        &["study", "show", "no-such-run"],
        &["no run `no-such-run`", "there are no runs yet"],
    );
}

#[test]
fn a_wrong_value_is_refused_with_what_would_be_right() {
    refused(
        &["load", "http://"],
        &["`http://` is no URL", "http://127.0.0.1:8000/path"],
    );
    refused(
        &["load", "ftp://127.0.0.1/"],
        &["scheme `ftp` is not supported", "http, https"],
    );
    refused(&["load"], &["no URL to load"]);
    refused(
        &["load", "--think", "exp", "http://127.0.0.1/"],
        &["`exp` is no think time", "exp:1s"],
    );
    refused(
        &["load", "--stages", "10", "http://127.0.0.1/"],
        &["`10` has no @", "0..100@30s"],
    );
    refused(
        &["load", "--overload", "drop", "http://127.0.0.1/"],
        &["--overload needs an open loop", "--rate"],
    );
    refused(
        &["load", "--assert", "p99=1s", "http://127.0.0.1/"],
        &["`p99=1s` is no assertion", "p99<50ms"],
    );
    refused(
        &["load", "http://127.0.0.1/", "http://127.0.0.2/"],
        &["on different hosts", "tonnage load merge"],
    );
    refused(
        &[
            "load",
            "--proto",
            "x.proto",
            "--reflect",
            "grpc://127.0.0.1/a.B/C",
        ],
        &["cannot be used with"],
    );
    refused(
        &["load", "--hdr", "x.txt", "http://127.0.0.1/"],
        &[".hgrm", ".hlog"],
    );
    refused(
        &["load", "--summary", "siege", "http://127.0.0.1/"],
        &["siege"],
    );
    refused(
        &["load", "--live", "nowhere", "http://127.0.0.1/"],
        &["`nowhere` is no address for --live"],
    );
    refused(
        &["load", "merge", "/no/such/a.json", "/no/such/b.json"],
        &["cannot read /no/such/a.json"],
    );
    refused(
        &["load", "-d", "10", "http://127.0.0.1/"],
        &["`10` is no duration", "30s"],
    );
    refused(
        &["load", "-c", "0", "http://127.0.0.1/"],
        &["0 is not in 1..=100000"],
    );
    refused(
        &["load", "-H", "nonsense", "http://127.0.0.1/"],
        &["`nonsense` is no header"],
    );
    refused(
        &["load", "--expect-status", "9", "http://127.0.0.1/"],
        &["`9` is no list of status codes"],
    );
    refused(
        &["load", "-B", "/no/such/file", "http://127.0.0.1/"],
        &["cannot read the body /no/such/file"],
    );
}

#[test]
fn a_wrong_value_of_a_study_is_refused_likewise() {
    refused(
        &["up", "gunicorn-sync", "loop", "--workers", "2x"],
        &["`2x` is no number of workers"],
    );
    refused(
        &["study", "run", "flask-bench", "--set", "clients=0"],
        &["`0` is no number of clients"],
    );
    refused(
        &[
            "study",
            "run",
            "flask-bench",
            "--target",
            "http://127.0.0.1:1/x",
        ],
        &["has the path /x"],
    );
    refused(
        &[
            "study",
            "run",
            "flask-bench",
            "--target",
            "http://127.0.0.1:99999/",
        ],
        &["`http://127.0.0.1:99999/` is no URL"],
    );
    refused(
        &[
            "load",
            "--json",
            "/no/such/folder/x.json",
            "http://127.0.0.1:1/",
        ],
        &["cannot write to /no/such/folder/x.json"],
    );
    refused(
        &["up", "gunicorn-sync", "loop", "--port", "0"],
        &["0 is not in 1..=65535"],
    );
    refused(
        &[
            "study",
            "run",
            "flask-bench",
            "--target",
            "http://127.0.0.1:1/",
            "--set",
            "workers=3",
        ],
        &["--set workers has no effect"],
    );
}

#[test]
fn a_wrong_value_of_a_service_is_refused_likewise() {
    refused(&["service", "relay"], &["`relay` needs", "--upstream"]);
    refused(
        &["service", "relay", "--upstream", ""],
        &["`relay` needs", "--upstream"],
    );
    refused(
        &["service", "relay", "--upstream", "https://127.0.0.1/"],
        &["only http", "http://127.0.0.1:4000"],
    );
    refused(
        &["service", "hello", "--garbage"],
        &["--garbage", "`restaurants`"],
    );
    refused(
        &["service", "restaurants", "--fail-status", "99"],
        &["from 200 to 599"],
    );
    refused(
        &["service", "hello", "--host", "192.0.2.1"],
        &["cannot listen on 192.0.2.1"],
    );
    refused(
        &["service", "hello", "--threads", "0"],
        &["0 is not in 1..=1024"],
    );
}

#[test]
fn a_mistake_in_a_study_file_is_located() {
    let home = Home::new();
    let file = home.path().join("mine.toml");
    let path = file.to_str().unwrap();
    let check = |content: &str, place: &str, expected: &str| {
        std::fs::write(&file, content).unwrap();
        refused(
            &["study", "run", path],
            &[&format!("{path}:{place}: "), expected],
        );
    };
    check("title = 5\n", "1:9", "expected a string");
    check(
        "title = \"x\"\nquestion = \"y\"\n[factor]\n",
        "3:2",
        "expected one of `title`",
    );
    check("title = \n", "1:9", "");
    refused(
        &["study", "run", "no/such.toml"],
        &["cannot read the study no/such.toml"],
    );
}

#[test]
fn help_and_version_are_no_errors() {
    let home = Home::new();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["load", "--help"],
        &["study", "run", "--help"],
    ] {
        let output = home.tonnage(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn the_lists_name_what_ships() {
    let home = Home::new();
    for (arguments, part) in [
        (&["study", "list"], "flask-bench"),
        (&["stack", "list"], "gunicorn-sync"),
        (&["workload", "list"], "loop"),
    ] {
        let output = home.tonnage(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            text(&output.stdout).contains(part),
            "{}",
            text(&output.stdout)
        );
    }
}
