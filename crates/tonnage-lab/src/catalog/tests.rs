//! Everything that ships, read and looked up.

use std::fs;

use super::*;
use crate::Stacks;
use crate::settings::for_tests;

fn shipped() -> Vec<FoundStack> {
    let home = tempfile::tempdir().unwrap();
    let stacks = Stacks::new(&for_tests(home.path()));
    let names = Stacks::shipped().into_iter();
    names.map(|name| stacks.find(name).unwrap()).collect()
}

#[test]
fn every_file_that_ships_can_be_read_and_refers_to_what_exists() {
    let catalog = Catalog;
    let workloads = catalog.workloads().unwrap();
    let names = catalog.app_names();
    for app in &names {
        for workload in catalog.app(app).unwrap().targets.keys() {
            assert!(workloads.contains_key(workload), "{app}: {workload}");
        }
    }
    let stacks = shipped();
    assert!(!stacks.is_empty());
    for found in &stacks {
        let name = &found.name;
        assert!(names.contains(&&*found.stack.app), "{name}: its app");
        assert!(
            !catalog.served(found).unwrap().is_empty(),
            "{name} serves nothing"
        );
        assert!(found.stack.capacity.is_some(), "{name}: its capacity");
        assert!(found.stack.keepalive.is_some(), "{name}: its keep-alive");
        for file in found.stack.files.values() {
            let template = tonnage_model::Template::parse(&found.text(file).unwrap()).unwrap();
            template.check(&found.stack.placeholders()).unwrap();
        }
        if let Some(lock) = found.lock().unwrap() {
            assert!(
                lock.contains("--hash=sha256:"),
                "{name}: the lock has no hashes"
            );
            assert!(!lock.contains("://"), "{name}: the lock names a host");
        }
    }
    let published = catalog.published().unwrap();
    assert!(!catalog.study_names().is_empty());
    for name in catalog.study_names() {
        let study = catalog.study(name).unwrap();
        for cell in study.cells() {
            let found = stacks
                .iter()
                .find(|found| found.name == cell.stack)
                .unwrap();
            catalog.app_target(found, &cell.workload).unwrap();
        }
        for rows in &study.published {
            assert!(
                published.iter().any(|figure| figure.seed == rows.seed),
                "{name}"
            );
        }
    }
}

#[test]
fn every_workload_can_be_asked_and_is_served() {
    let stacks = shipped();
    for (name, workload) in Catalog.workloads().unwrap() {
        let served = |found: &&FoundStack| Catalog.app_target(found, &name).is_ok();
        assert!(
            stacks.iter().any(|found| served(&found)),
            "nobody serves {name}"
        );
        assert!(
            workload.ready_path.iter().all(|path| path.starts_with('/')),
            "{name}"
        );
    }
}

#[test]
fn a_slip_gets_a_suggestion() {
    let error = Catalog.study_text("flask-bnech").unwrap_err().to_string();
    assert!(error.contains("did you mean `flask-bench`?"), "{error}");
    let error = Catalog.workload("lop").unwrap_err().to_string();
    assert!(error.contains("did you mean `loop`?"), "{error}");
}

#[test]
fn a_workload_with_a_mistake_says_where() {
    let text = "title = \"x\"\n[[verify]]\npath = \"/\"\nbody = \"a\"\npositive = [\"seconds\"]\n";
    let problem = |text: &str| check_workload(&parse_toml("w", text).unwrap()).unwrap_err();
    assert_eq!(problem(text).1, "`body` has no group `seconds`");
    let file = text.replace("positive = [\"seconds\"]", "send_file = \"data/none\"");
    assert_eq!(problem(&file).1, "there is no file apps/data/none");
    let regex = text.replace("\"a\"", "\"(\"");
    assert!(problem(&regex).1.contains("unclosed group"));
}

#[test]
fn apps_are_unpacked_once_and_mended() {
    let cache = tempfile::tempdir().unwrap();
    let folder = Catalog::unpack_apps(cache.path()).unwrap();
    let file = folder.join("flask/loop.py");
    let original = fs::read_to_string(&file).unwrap();
    fs::write(&file, "spoiled").unwrap();
    assert_eq!(Catalog::unpack_apps(cache.path()).unwrap(), folder);
    assert_eq!(fs::read_to_string(&file).unwrap(), original);
}
