//! Runs that go wrong, and what is left of them: the trials done, and nothing else.

use std::path::Path;

use crate::answerer::{OK, answer_with};
use crate::common::{Home, plain, text};

/// A study whose first trial is short and whose second would last very long.
fn steady() -> Vec<&'static str> {
    plain(&["--set=duration=1s,10m", "--set=clients=1"])
}

#[test]
fn a_wrong_answer_ends_the_run_before_any_load() {
    let target = format!("http://{}/", answer_with(OK));
    let output = Home::new().tonnage(&plain(&["--target", &target]));
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(
        error.contains("answers wrongly: its body does not match"),
        "{error}"
    );
    assert!(!text(&output.stdout).contains("Injecting"));
}

#[test]
fn a_target_that_refuses_ends_the_run_and_is_on_record() {
    let home = Home::new();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let target = format!("http://{address}/");
    let output = home.tonnage(&plain(&["--target", &target]));
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(
        error.contains("gives no answer") && error.contains("refused"),
        "{error}"
    );
    let printed = text(&output.stdout);
    let folder = Path::new(printed.lines().last().unwrap());
    let csv = std::fs::read_to_string(folder.join("results.csv")).unwrap();
    assert!(csv.contains("failed") && csv.contains("refused"), "{csv}");
}

#[test]
fn ctrl_c_keeps_what_is_done_and_leaves_no_process() {
    let home = Home::new();
    let mut study = home.start(&steady());
    study.wait_for_line("Injecting with 1 vus.");
    crate::common::wait_until("the second server is up", || home.servers().len() > 1);
    study.signal("INT");
    let (code, rest, errors) = study.finish();
    assert_eq!(code, Some(130), "{errors}");
    assert!(home.servers().is_empty(), "{:?}", home.servers());
    let folder = Path::new(rest.lines().last().unwrap());
    let csv = std::fs::read_to_string(folder.join("results.csv")).unwrap();
    assert!(
        csv.contains("measured") && csv.contains("interrupted"),
        "{csv}"
    );
    let shown = text(&home.tonnage(&["study", "show"]).stdout);
    assert!(shown.contains("interrupted"), "{shown}");
}

#[test]
fn kill_minus_nine_loses_the_trial_in_progress_and_nothing_else() {
    let home = Home::new();
    let mut study = home.start(&steady());
    study.wait_for_line("Injecting with 1 vus.");
    crate::common::wait_until("the second server is up", || home.servers().len() > 1);
    study.signal("KILL");
    assert_eq!(study.finish().0, None);

    // The next start of anything clears up.
    let output = home.tonnage(&plain(&[
        "--set=clients=1",
        "--set=duration=200ms",
        "--set=iterations=100",
    ]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(home.servers().is_empty(), "{:?}", home.servers());
    for folder in ["scratch", "leases"] {
        assert_eq!(
            std::fs::read_dir(home.path().join(folder)).unwrap().count(),
            0,
            "{folder}"
        );
    }
    let listed = text(&home.tonnage(&["study", "list"]).stdout);
    assert!(
        listed.contains("(abandoned)") && listed.contains("(done)"),
        "{listed}"
    );
    let abandoned = listed
        .lines()
        .find(|line| line.contains("(abandoned)"))
        .unwrap();
    let run = abandoned.split_whitespace().next().unwrap();
    let shown = text(&home.tonnage(&["study", "show", run]).stdout);
    assert!(shown.contains("abandoned"), "{shown}");
    let rebuilt = home.path().join("rebuilt");
    let report = home.tonnage(&["study", "report", run, "--out", rebuilt.to_str().unwrap()]);
    assert_eq!(report.status.code(), Some(0), "{}", text(&report.stderr));
    let csv = std::fs::read_to_string(rebuilt.join("results.csv")).unwrap();
    assert_eq!(csv.lines().count(), 2, "the first trial is kept: {csv}");
}

#[test]
fn two_runs_at_once_share_the_store_without_harm() {
    let home = Home::new();
    let arguments = plain(&[
        "--set=clients=1,2,3,4",
        "--set=duration=300ms",
        "--set=iterations=100",
    ]);
    let mut runs = [home.start(&arguments), home.start(&arguments)];
    for run in &mut runs {
        let (code, _, errors) = run.finish();
        assert_eq!(code, Some(0), "{errors}");
    }
    let store = rusqlite::Connection::open(home.path().join("tonnage.db")).unwrap();
    let check: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let trials: i64 = store
        .query_row(
            "SELECT count(*) FROM trial WHERE outcome = 'measured'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(trials, 8);
    assert!(home.servers().is_empty());
}

#[test]
fn a_window_without_any_answer_is_no_measurement() {
    let output = Home::new().tonnage(&plain(&[
        "--set=iterations=100000000",
        "--set=duration=300ms",
    ]));
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(
        error.contains("no request succeeded: unfinished when the window ended: 1"),
        "{error}"
    );
    assert!(!text(&output.stdout).contains("Injecting"));
}

#[test]
fn a_folder_that_holds_something_is_not_written_to() {
    let home = Home::new();
    let folder = home.path().join("mine");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("results.csv"), "precious").unwrap();
    let output = home.tonnage(&[
        "study",
        "run",
        "flask-bench",
        "--out",
        folder.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is not empty"));
    assert_eq!(
        std::fs::read_to_string(folder.join("results.csv")).unwrap(),
        "precious"
    );
}

#[test]
fn ctrl_c_ends_an_installation_too() {
    let home = Home::new();
    let python = home.path().join("python");
    // Answers like a Python, and then never finishes making an environment.
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *venv\\ /*) sleep 600 & wait;; *) echo 3.12.0; echo {};; esac\n",
        python.display()
    );
    std::fs::write(&python, script).unwrap();
    let mut permissions = std::fs::metadata(&python).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&python, permissions).unwrap();

    let mut command = home.command(&["study", "run", "flask-bench", "--quick"]);
    command.env("TONNAGE_PYTHON", &python);
    command.env("INSTALLER_OF", home.path());
    let mut study = crate::common::Started::of(command);
    let mark = format!("INSTALLER_OF={}", home.path().display());
    let installers = || {
        let own = |p: &crate::common::Process| p.has(&mark) && p.command_line.contains("sleep 600");
        crate::common::processes().into_iter().filter(own).count()
    };
    crate::common::wait_until("the installer is at work", || installers() > 0);
    study.signal("INT");
    let (code, rest, errors) = study.finish();
    assert_eq!(code, Some(130), "{errors}");
    assert!(Path::new(rest.lines().last().unwrap()).is_dir());
    assert_eq!(installers(), 0);
}
