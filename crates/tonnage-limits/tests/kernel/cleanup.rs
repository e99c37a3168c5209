//! Nothing is left in any hierarchy.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tonnage_limits::{Asked, Backend, Group, Places, remove};
use tonnage_model::Limits;

use super::{backend, group, left_over, name, noisy, quota, run, wait_until};

#[test]
fn a_group_takes_its_processes_along_when_dropped() {
    let _noise = noisy();
    let group = group(&quota(0.5, 100));
    let paths = group.paths();
    assert!(paths.len() > 1 || paths[0].join("cgroup.kill").exists());
    let mut child = run(&group, "trap '' TERM INT; setsid sleep 1000 & sleep 1000");
    wait_until("all are there", || group.members().unwrap().len() == 3);
    drop(group);
    assert_eq!(left_over(&paths), Vec::<&std::path::PathBuf>::new());
    let status = child.0.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9)
    );
}

#[test]
fn after_a_panic_nothing_is_left() {
    let _noise = noisy();
    let mut paths = Vec::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let group = group(&Limits::default());
        paths = group.paths();
        let _child = run(&group, "sleep 1000");
        panic!("as asked");
    }));
    assert!(panicked.is_err());
    assert!(!paths.is_empty());
    assert_eq!(left_over(&paths), Vec::<&std::path::PathBuf>::new());
}

#[test]
fn processes_that_go_on_being_born_do_not_escape() {
    let _noise = noisy();
    breed_and_remove(group(&Limits::default()));
}

/// Removes a group in which fifty processes replace each other every few milliseconds.
#[track_caller]
fn breed_and_remove(group: Group) {
    let paths = group.paths();
    let script = "for i in $(seq 50); do (while :; do sleep 0.003; done) & done; wait";
    let mut child = run(&group, script);
    wait_until("fifty are there", || group.members().unwrap().len() > 50);
    drop(group);
    assert_eq!(left_over(&paths), Vec::<&std::path::PathBuf>::new());
    child.0.wait().unwrap();
}

/// As on a host with version 1 alone: nothing kills a whole group at once there.
#[test]
fn without_version_2_they_do_not_escape_either() {
    let _noise = noisy();
    let home = tempfile::tempdir().unwrap();
    let own = home.path().join("self");
    fs::create_dir(&own).unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    fs::copy("/proc/self/cgroup", own.join("cgroup")).unwrap();
    for hidden in ["- cgroup2 ", "rw,pids"] {
        let mounts: Vec<_> = mounts
            .lines()
            .filter(|line| !line.contains(hidden))
            .collect();
        fs::write(own.join("mountinfo"), mounts.join("\n")).unwrap();
        let places = Places::read(home.path(), Vec::new()).unwrap();
        let backend = Backend::choose(Asked::Cgroup, &Limits::default(), &places);
        if mounts.iter().any(|line| line.contains("- cgroup ")) {
            let group = backend.unwrap().group(&name(), &Limits::default());
            breed_and_remove(group.unwrap());
        } else {
            // With version 2 hidden nothing is left on a host that has no other.
            assert!(backend.is_err());
        }
    }
}

#[test]
fn what_a_killed_owner_left_is_removed_by_its_paths() {
    let _noise = noisy();
    let group = group(&quota(0.5, 100));
    let paths = group.paths();
    let mut child = run(&group, "sleep 1000 & sleep 1000");
    wait_until("all are there", || group.members().unwrap().len() == 3);
    std::mem::forget(group);
    remove(&paths).unwrap();
    assert_eq!(left_over(&paths), Vec::<&std::path::PathBuf>::new());
    child.0.wait().unwrap();
    // Once more is no error.
    remove(&paths).unwrap();
}

#[test]
fn many_runs_at_once_do_not_disturb_each_other() {
    let _noise = noisy();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let group = group(&Limits::default());
                    let paths = group.paths();
                    assert_eq!(left_over(&paths).len(), paths.len());
                    drop(group);
                    assert_eq!(left_over(&paths), Vec::<&std::path::PathBuf>::new());
                }
            });
        }
    });
}

/// What a killed owner left, and nobody wrote down or the note of which is gone, too.
#[test]
fn empty_groups_of_owners_that_are_gone_are_swept_by_their_names() {
    let _noise = noisy();
    let limits = quota(0.5, 100);
    let backend = backend(&limits);
    let [gone, here, young] = ["gone", "here", "young"].map(|of| format!("{}-{of}", name()));
    let groups = [&gone, &here, &young].map(|name| backend.group(name, &limits).unwrap());
    let paths: Vec<_> = groups.iter().map(Group::paths).collect();
    // Alone: a shell may run the last of its commands beside itself.
    let mut busy = run(&groups[1], "exec sleep 1000");
    wait_until("it is there", || groups[1].members().unwrap().len() == 1);
    groups.into_iter().for_each(std::mem::forget);
    // Whoever is in a group keeps it, whatever its name says; so does its youth.
    backend.sweep(|name| name != young, Duration::ZERO);
    assert_eq!(left_over(&paths[0]), Vec::<&std::path::PathBuf>::new());
    assert_eq!(left_over(&paths[1]).len(), paths[1].len());
    assert_eq!(left_over(&paths[2]).len(), paths[2].len());
    backend.sweep(|_| true, Duration::from_hours(1));
    assert_eq!(left_over(&paths[2]).len(), paths[2].len());
    remove(&paths.concat()).unwrap();
    busy.0.wait().unwrap();
}
