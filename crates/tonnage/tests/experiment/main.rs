//! Truths that were planted, and whether a run finds them: on real servers, under
//! real limits.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod limits;
mod truths;

use std::path::Path;

use common::{Home, text};

/// How often something is tried whose premise others on the machine may take away, such as
/// that a group uses up its quota.
const ATTEMPTS: usize = 3;

/// Runs a study written here; gives what it prints, and its Markdown report.
#[track_caller]
fn run(home: &Home, study: &str, options: &[&str]) -> (String, String) {
    let file = home.path().join("planted.toml");
    std::fs::write(&file, study).unwrap();
    let mut command = vec![
        "study",
        "run",
        file.to_str().unwrap(),
        "--force",
        "--seed=3",
    ];
    command.extend(options);
    let output = home.tonnage(&command);
    let printed = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}\n{printed}",
        text(&output.stderr)
    );
    let folder = printed.lines().last().unwrap();
    let report = std::fs::read_to_string(Path::new(folder).join("report.md")).unwrap();
    (printed, report)
}

/// The stacks in a run's rankings, best first.
fn ranking(folder: &Path) -> Vec<String> {
    let results = std::fs::read(folder.join("results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_slice(&results).unwrap();
    let cells = results["cells"].as_array().unwrap();
    let stack = |rank: &serde_json::Value| {
        let cell = rank["cell"].as_u64().unwrap() as usize;
        cells[cell]["factors"]["stack"].as_str().unwrap().to_owned()
    };
    let contests = results["contests"].as_array().unwrap().iter();
    contests
        .flat_map(|contest| contest["ranked"].as_array().unwrap())
        .map(stack)
        .collect()
}

/// Puts a stack of this folder into a home.
fn add_stack(home: &Home, name: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/experiment")
        .join(name);
    let folder = home.path().join("stacks").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["stack.toml", "serve.py"] {
        std::fs::copy(source.join(file), folder.join(file)).unwrap();
    }
}
