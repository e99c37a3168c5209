//! The real study, in its quick form, on real gunicorn and Flask.

use std::fs;
use std::path::Path;

use crate::common::{Home, plain, text};

/// The workers that 2n+1 gives here.
fn two_n_plus_one() -> usize {
    2 * std::thread::available_parallelism().unwrap().get() + 1
}

#[test]
fn the_quick_study_measures_the_real_stack_and_reports() {
    let home = Home::new();
    let mut study = home.start(&[
        "study",
        "run",
        "flask-bench",
        "--quick",
        "--set",
        "duration=2s",
    ]);

    // While the second step is under way, the processes are gunicorn's own.
    let first = study.wait_for_line("Injecting with 1 vus.");
    assert!(first.contains(" res_failed=0"), "{first}");
    crate::common::wait_until("master and workers are there", || {
        home.servers().len() > two_n_plus_one()
    });
    let servers = home.servers();
    let masters: Vec<_> = servers
        .iter()
        .filter(|p| p.parent == study.child.id())
        .collect();
    assert_eq!(masters.len(), 1, "{servers:?}");
    let workers = servers
        .iter()
        .filter(|p| p.parent == masters[0].pid)
        .count();
    assert_eq!(workers, two_n_plus_one(), "{servers:?}");
    assert!(
        servers
            .iter()
            .all(|p| p.command_line.contains("-m gunicorn --worker-class sync")),
        "{servers:?}"
    );

    let (code, rest, errors) = study.finish();
    assert_eq!(code, Some(0), "{errors}");
    assert!(home.servers().is_empty(), "{:?}", home.servers());
    let folder = Path::new(rest.lines().last().unwrap());
    for file in [
        "report.html",
        "results.csv",
        "results.json",
        "figures/throughput.svg",
        "figures/throughput.png",
        "figures/latency.svg",
        "figures/latency.png",
        "trials/001/server.log",
    ] {
        assert!(
            fs::metadata(folder.join(file)).is_ok_and(|meta| meta.len() > 0),
            "{file}"
        );
    }
    assert!(
        rest.contains("\nvus,rps,resp_time,req_failed\n1,"),
        "{rest}"
    );
    for part in ["published", "ratio", "noise grade"] {
        assert!(rest.contains(part), "{part}: {rest}");
    }
    let log = fs::read_to_string(folder.join("trials/001/server.log")).unwrap();
    assert_eq!(
        log.matches("Booting worker with pid").count(),
        two_n_plus_one(),
        "{log}"
    );

    can_be_shown_and_rebuilt(&home, folder);
}

/// Every file of a report comes from the store alone.
fn can_be_shown_and_rebuilt(home: &Home, folder: &Path) {
    let shown = text(&home.tonnage(&["study", "show"]).stdout);
    assert!(
        shown.contains("flask-bench") && shown.contains("done"),
        "{shown}"
    );
    let rebuilt = home.path().join("again");
    let output = home.tonnage(&["study", "report", "--out", rebuilt.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for file in [
        "results.csv",
        "results.json",
        "figures/latency.svg",
        "figures/throughput.png",
    ] {
        assert_eq!(
            fs::read(rebuilt.join(file)).unwrap(),
            fs::read(folder.join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn a_server_that_somebody_else_started_can_be_loaded() {
    let home = Home::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut up = home.start(&[
        "up",
        "gunicorn-sync",
        "loop",
        "--port",
        &port.to_string(),
        "--workers",
        "1",
    ]);
    up.wait_for_line("serves loop");
    let target = format!("http://127.0.0.1:{port}/");
    let client = Home::new();
    let output = client.tonnage(&plain(&[
        "--target",
        &target,
        "--set=clients=1,2",
        "--set=duration=1s",
        "--set=iterations=5000",
    ]));
    drop(up);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        printed.contains("Injecting with 2 vus.") && printed.contains("\n2,"),
        "{printed}"
    );
    assert!(client.servers().is_empty());
    home.wait_until_no_server();
}

#[test]
fn factors_with_several_values_make_a_cell_each() {
    let home = Home::new();
    let output = home.tonnage(&plain(&[
        "--set=workers=1,2",
        "--set=clients=1",
        "--set=duration=500ms",
        "--set=iterations=1000",
    ]));
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        printed.matches("Injecting with 1 vus.").count(),
        2,
        "{printed}"
    );
    let folder = Path::new(printed.lines().last().unwrap());
    let csv = fs::read_to_string(folder.join("results.csv")).unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");
}
