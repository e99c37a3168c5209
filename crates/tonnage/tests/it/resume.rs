//! A run that is killed at any moment goes on where it was: no trial is lost, none
//! counts twice, nothing is left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tonnage_model::{TrialKind, TrialOutcome, TrialRecord};

use crate::common::{Home, Started, processes, text};

/// Two native cells, three blocks, references and duplicates.
const STUDY: &str = r#"
title = "Short"
question = "Which is faster?"

[factors]
stack = "native"
workload = "hello"
threads = [1, 2]
clients = [1, 4]
keepalive = true
duration = "200ms"
warmup = "0s"

[experiment]
blocks = 3

[request]
path = "/"
"#;

/// Measured and duplicate trials, and references: (4 + 1 + 2) × 3.
const TRIALS: usize = 21;

fn study(home: &Home) -> PathBuf {
    let file = home.path().join("short.toml");
    std::fs::write(&file, STUDY).unwrap();
    file
}

/// The control groups of servers that these processes started.
fn groups(owners: &[u32]) -> Vec<PathBuf> {
    let of_owner = |name: &str| {
        owners
            .iter()
            .any(|pid| name.starts_with(&format!("{pid}-")))
    };
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        let in_ours = folder.ends_with("tonnage");
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if in_ours && of_owner(&entry.file_name().to_string_lossy()) {
                found.push(entry.path());
            }
            folders.push(entry.path());
        }
    }
    found
}

/// How often each cell was measured to the end in each block.
fn counted(trials: &[TrialRecord]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for trial in trials
        .iter()
        .filter(|trial| trial.outcome == TrialOutcome::Measured)
    {
        let key = format!(
            "block {} {} cell {:?} with {}",
            trial.block,
            trial.kind.name(),
            trial.cell_number,
            trial.cell.clients
        );
        *counts.entry(key).or_default() += 1;
    }
    counts
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been() {
    let home = Home::new();
    let file = study(&home);
    let mut command = home.command(&[
        "study",
        "run",
        file.to_str().unwrap(),
        "--force",
        "--seed=7",
    ]);
    let mut kills = 0;
    let mut owners = Vec::new();
    let mut groups_seen = 0;
    loop {
        let mut run = Started::of(command);
        owners.push(run.child.id());
        // Each time a little later, so that it is hit while it starts, measures,
        // writes and clears up.
        let before = if kills == 0 { 0 } else { home.trials().len() };
        let wanted = if kills == 0 { 1 } else { before + kills % 3 };
        let pause = Duration::from_millis(37 * (kills as u64 + 1) % 300);
        let killed = kill_after(&home, &mut run, wanted, pause);
        let (code, _, errors) = run.finish();
        command = home.command(&["study", "resume"]);
        if !killed {
            assert_eq!(code, Some(0), "{errors}");
            break;
        }
        // What a killed run leaves is there until somebody starts the next.
        groups_seen += groups(&owners).len();
        kills += 1;
        assert!(kills < 40, "it does not come forward");
    }
    assert!(kills >= 4, "killed {kills} times only");
    let made = home.trials();
    let counts = counted(&made);
    assert_eq!(counts.values().sum::<usize>(), TRIALS, "{counts:#?}");
    let twice = counts
        .iter()
        .filter(|(key, count)| **count > 1 && !key.contains("reference"));
    assert_eq!(twice.count(), 0, "{counts:#?}");
    let references = made
        .iter()
        .filter(|trial| trial.kind == TrialKind::Reference);
    assert_eq!(references.count(), 6);
    let positions: Vec<u32> = made.iter().map(|trial| trial.position).collect();
    assert_eq!(positions, (0..made.len() as u32).collect::<Vec<_>>());
    nothing_is_left(&home, &owners);
    println!("killed {kills} times, which left {groups_seen} groups for a while");

    let again = home.tonnage(&["study", "resume"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("every one is complete"));
}

/// Kills a run once it has so many trials, and a little later; `false` where it ended
/// before.
fn kill_after(home: &Home, run: &mut Started, wanted: usize, pause: Duration) -> bool {
    let deadline = Instant::now() + Duration::from_mins(2);
    let store = home.path().join("tonnage.db");
    while !store.exists() || home.trials().len() < wanted {
        assert!(
            Instant::now() < deadline,
            "gave up waiting for {wanted} trials"
        );
        if run.child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(pause);
    if run.child.try_wait().unwrap().is_some() {
        return false;
    }
    run.signal("KILL");
    true
}

#[track_caller]
fn nothing_is_left(home: &Home, owners: &[u32]) {
    assert!(home.servers().is_empty(), "{:?}", home.servers());
    for folder in ["scratch", "leases"] {
        let left = std::fs::read_dir(home.path().join(folder)).unwrap().count();
        assert_eq!(left, 0, "{folder}");
    }
    assert!(groups(owners).is_empty(), "{:?}", groups(owners));
    let mark = home.path().to_string_lossy().into_owned();
    let strays = processes().into_iter().filter(|process| process.has(&mark));
    assert_eq!(strays.count(), 0);
}

#[test]
fn ctrl_c_keeps_what_is_done_and_resume_goes_on() {
    let home = Home::new();
    let file = study(&home);
    let mut run = home.start(&["study", "run", file.to_str().unwrap(), "--force"]);
    let deadline = Instant::now() + Duration::from_mins(2);
    while !home.path().join("tonnage.db").exists() || home.trials().len() < 3 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    run.signal("INT");
    let owner = run.child.id();
    let (code, rest, errors) = run.finish();
    assert_eq!(code, Some(130), "{errors}");
    assert!(Path::new(rest.lines().last().unwrap()).is_dir());
    nothing_is_left(&home, &[owner]);
    let resumed = home.tonnage(&["study", "resume"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    assert_eq!(counted(&home.trials()).values().sum::<usize>(), TRIALS);
    nothing_is_left(&home, &[owner]);
}

#[test]
fn every_file_of_a_report_is_the_same_from_the_store() {
    let home = Home::new();
    let file = study(&home);
    let run = home.tonnage(&[
        "study",
        "run",
        file.to_str().unwrap(),
        "--force",
        "--repeat=1",
    ]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let printed = text(&run.stdout);
    let folder = Path::new(printed.lines().last().unwrap());
    let files = |folder: &Path| -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for part in [folder.to_owned(), folder.join("figures")] {
            for entry in std::fs::read_dir(&part).unwrap().flatten() {
                if entry.path().is_file() {
                    let name = entry.path().strip_prefix(folder).unwrap().to_owned();
                    let bytes = std::fs::read(entry.path()).unwrap();
                    files.insert(name.to_string_lossy().into_owned(), bytes);
                }
            }
        }
        files
    };
    let before = files(folder);
    std::fs::remove_dir_all(folder).unwrap();
    let report = home.tonnage(&["study", "report"]);
    assert_eq!(report.status.code(), Some(0), "{}", text(&report.stderr));
    let after = files(folder);
    assert!(before.len() >= 6, "{:?}", before.keys());
    for (name, bytes) in &before {
        assert!(after.get(name) == Some(bytes), "{name} differs");
    }
    assert_eq!(before.len(), after.len());
}
