//! The store keeps what it is given, also when several write at once.

use tonnage_model::{
    Cell, Conditions, Host, Isolation, RunRecord, RunStatus, TimeWait, TrialKind, TrialOutcome,
    TrialRecord, Usage,
};

use super::*;

fn run(run_id: &str) -> RunRecord {
    RunRecord {
        run_id: run_id.to_owned(),
        study: "sample".to_owned(),
        study_toml: "title = 'Sample'".to_owned(),
        sets: vec!["clients=1,2".to_owned()],
        tool_version: "0.1.0".to_owned(),
        argv: vec!["tonnage".to_owned(), "study".to_owned()],
        target: None,
        quick: true,
        host: Host::default(),
        folder: "/tmp/run".into(),
        started_unix_us: 1,
        ended_unix_us: None,
        status: RunStatus::Running,
        reason: String::new(),
        conditions: Conditions {
            seed: 42,
            isolation: Isolation::CgroupV1,
            ..Conditions::default()
        },
    }
}

fn trial(run_id: &str, position: u32) -> TrialRecord {
    TrialRecord {
        run_id: run_id.to_owned(),
        position,
        cell: Cell {
            stack: "gunicorn-sync".to_owned(),
            workload: "loop".to_owned(),
            workers: Some(5),
            worker_rule: "2n+1".to_owned(),
            threads: None,
            clients: 1,
            keepalive: true,
            duration_us: 1,
            warmup_us: 0,
            parameters: [("iterations".to_owned(), "60000".to_owned())].into(),
            lock: "abc".to_owned(),
            ..Cell::default()
        },
        started_unix_us: 2,
        boot_ms: Some(300),
        processes: Some(6),
        time_wait: TimeWait::default(),
        outcome: TrialOutcome::Failed("the server died".to_owned()),
        block: 2,
        kind: TrialKind::Duplicate,
        usage: Some(Usage {
            cpu_us: 5,
            oom_kills: Some(1),
            ..Usage::default()
        }),
        ..TrialRecord::default()
    }
}

#[test]
fn what_is_kept_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("new/tonnage.db")).unwrap();
    store.begin_run(&run("a")).unwrap();
    store.add_trial(&trial("a", 0)).unwrap();
    store.end_run("a", RunStatus::Failed, "died", 9).unwrap();
    let read = store.run(Some("a")).unwrap();
    let expected = RunRecord {
        status: RunStatus::Failed,
        reason: "died".to_owned(),
        ended_unix_us: Some(9),
        ..run("a")
    };
    assert_eq!(read, expected);
    assert_eq!(store.run(None).unwrap(), expected);
    assert_eq!(store.trials("a").unwrap(), [trial("a", 0)]);
}

#[test]
fn two_processes_worth_of_writers_do_not_disturb_each_other() {
    const TRIALS: u32 = 40;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tonnage.db");
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let path = &path;
            scope.spawn(move || {
                let mut store = Store::open(path).unwrap();
                store.begin_run(&run(name)).unwrap();
                (0..TRIALS).for_each(|position| store.add_trial(&trial(name, position)).unwrap());
            });
        }
    });
    let store = Store::open(&path).unwrap();
    for name in ["a", "b", "c"] {
        assert_eq!(store.trials(name).unwrap().len(), TRIALS as usize);
    }
    let check: String = store
        .connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_new_store_may_be_opened_by_many_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tonnage.db");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| Store::open(&path).unwrap());
            }
        });
    }
}

#[test]
fn the_run_of_a_vanished_process_is_marked_as_abandoned() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tonnage.db")).unwrap();
    store.begin_run(&run("mine")).unwrap();
    store.begin_run(&run("gone")).unwrap();
    let gone = serde_json::to_string(&crate::process::Owner::gone()).unwrap();
    store
        .connection
        .execute("UPDATE run SET owner = ?1 WHERE run_id = 'gone'", [gone])
        .unwrap();
    assert_eq!(store.mark_abandoned().unwrap(), ["gone"]);
    assert_eq!(
        store.run(Some("gone")).unwrap().status,
        RunStatus::Abandoned
    );
    assert_eq!(store.run(Some("mine")).unwrap().status, RunStatus::Running);
    assert!(store.other_runs().unwrap().is_empty());
}

#[test]
fn an_unknown_run_gets_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tonnage.db")).unwrap();
    assert!(
        store
            .run(None)
            .unwrap_err()
            .to_string()
            .contains("there are no runs yet")
    );
    store.begin_run(&run("flask-bench-1")).unwrap();
    let error = store.run(Some("flask-bench-2")).unwrap_err().to_string();
    assert!(error.contains("did you mean `flask-bench-1`"), "{error}");
}

#[test]
fn a_store_from_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tonnage.db");
    drop(Store::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "user_version", VERSION + 1)
        .unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::TooNew { .. })));
}

#[test]
fn an_older_store_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tonnage.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("schema.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO run VALUES ('old', 's', '', '[]', '0', '[]', NULL, 0,
            '{\"cpu_model\":\"\",\"usable_cpus\":2,\"online_cpus\":2,\"memory_kib\":1,\"kernel\":\"\",\"clock_source\":\"\"}',
            '/tmp', 1, NULL, 'done', '', '{}')",
    )
    .unwrap();
    drop(old);
    let mut store = Store::open(&path).unwrap();
    assert_eq!(
        store.run(Some("old")).unwrap().conditions,
        Conditions::default()
    );
    store.begin_run(&run("new")).unwrap();
    store.add_trial(&trial("new", 0)).unwrap();
    assert_eq!(store.trials("new").unwrap(), [trial("new", 0)]);
}

#[test]
fn only_a_run_that_nobody_makes_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("tonnage.db")).unwrap();
    store.begin_run(&run("a")).unwrap();
    assert!(!store.take_over("a").unwrap(), "this process makes it");
    store
        .end_run("a", RunStatus::Interrupted, "stop", 9)
        .unwrap();
    assert!(store.take_over("a").unwrap());
    let taken = store.run(Some("a")).unwrap();
    assert_eq!(
        (taken.status, taken.ended_unix_us),
        (RunStatus::Running, None)
    );
}
