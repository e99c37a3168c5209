//! Servers that the laboratory starts end with it, however it ends.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tonnage_lab::{Bounds, LabError, Output, Running, ServerPlan, Settings, Size, Stacks};
use tonnage_load::Stop;

/// A home of its own, with the environments that the workspace's tests share.
fn settings(home: &Path) -> Settings {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap();
    let mut installer_environment: BTreeMap<_, _> = std::env::vars_os().collect();
    if let Some(certificates) = std::env::var_os("PIP_CERT") {
        installer_environment
            .entry("SSL_CERT_FILE".into())
            .or_insert(certificates);
    }
    Settings {
        home: home.to_owned(),
        // No native service is started here.
        tonnage: PathBuf::from("tonnage"),
        cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
        python: folder("TONNAGE_PYTHON"),
        package: None,
        active_python: None,
        search_path: std::env::split_paths(&path).collect(),
        pyenv_versions: folder("PYENV_ROOT")
            .or(folder("HOME").map(|home| home.join(".pyenv")))
            .map(|root| root.join("versions")),
        container_base: None,
        installer_environment,
        environment: [("PATH".into(), path)].into(),
    }
}

fn start(settings: &Settings, stop: &Stop) -> Result<Running, LabError> {
    let plan = ServerPlan {
        stack: Stacks::new(settings).find("gunicorn-sync").unwrap(),
        workload: "loop".to_owned(),
        size: Size {
            workers: Some(2),
            threads: None,
        },
        host: "127.0.0.1".to_owned(),
        port: None,
        environment: BTreeMap::new(),
        bounds: Bounds::none(settings).unwrap(),
    };
    let (events, _unwatched) = mpsc::channel();
    Running::start(
        settings,
        &plan,
        Output::File(settings.home.join("server.log")),
        stop,
        &events,
    )
}

/// Processes with the home's scratch folder in their environment.
fn servers(settings: &Settings) -> usize {
    let needle = settings.home.join("scratch").to_string_lossy().into_owned();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read(entry.path().join("environ")).ok())
        .filter(|environment| String::from_utf8_lossy(environment).contains(&needle))
        .count()
}

#[test]
fn a_panic_takes_the_whole_process_tree_along() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    let mut seen = 0;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let running = start(&settings, &Stop::new()).unwrap();
        seen = running.processes();
        panic!("in the middle of a trial");
    }));
    assert!(panicked.is_err());
    assert_eq!(seen, 3, "a master and two workers");
    assert_eq!(servers(&settings), 0);
    for folder in ["scratch", "leases"] {
        assert_eq!(
            std::fs::read_dir(home.path().join(folder)).unwrap().count(),
            0,
            "{folder}"
        );
    }
}

#[test]
fn a_stop_while_the_server_starts_is_obeyed() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    let stop = Stop::new();
    stop.request();
    assert!(matches!(
        start(&settings, &stop),
        Err(LabError::Interrupted)
    ));
    assert_eq!(servers(&settings), 0);
}
