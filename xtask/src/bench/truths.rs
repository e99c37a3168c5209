//! Runs of a study whose answer is known: two cells that are the same, and one that
//! works 1.3 times as long for each request. Equal cells must print "≈" in 19 of 20
//! runs, and the slower one must be found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;

use super::process::release_binary;

/// Shares of the runs in which the truth must be found.
const ALIKE: f64 = 0.95;
const FOUND: f64 = 0.95;

#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// The program, in place of a release build
    #[arg(long)]
    program: Option<PathBuf>,
    /// Runs
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Blocks of each
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(3..=100))]
    blocks: u32,
}

/// A server that works for each request as long as it is told.
const SERVER: &str = r#"
import socket, sys

host, port, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
listener = socket.create_server((host, port), backlog=128)
answers = {
    b"/": b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nHello, World!",
    b"/json": b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\nConnection: close\r\n\r\n{"message":"Hello, World!"}',
}
lost = b'HTTP/1.1 404 Not Found\r\nContent-Length: 24\r\nConnection: close\r\n\r\n{"error": {"code": 404}}'
while True:
    connection, _ = listener.accept()
    with connection:
        request = connection.recv(65536)
        if request:
            for _ in range(rounds):
                pass
            connection.sendall(answers.get(request.split(b" ")[1], lost))
"#;

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let program = match &settings.program {
        Some(program) => program.clone(),
        None => release_binary()?,
    };
    let home = tempfile::tempdir()?;
    let spin = 100_000;
    for (stack, rounds) in [("first", spin), ("same", spin), ("slower", spin * 13 / 10)] {
        add_stack(&home.path().join("stacks").join(stack), rounds)?;
    }
    let study = home.path().join("truths.toml");
    fs::write(&study, study_text(settings.blocks))?;
    println!("run   first ÷ same                slower ÷ best");
    let (mut alike, mut found) = (0, 0);
    for run in 1..=settings.runs {
        let results = one(&program, home.path(), &study, run)?;
        let equal = says(&results, "same", "first");
        let slower = says(&results, "slower", "first");
        println!("{run:>3}   {:<27} {}", equal.0, slower.0);
        alike += u32::from(equal.1 == "alike");
        found += u32::from(slower.1 == "smaller");
    }
    let share = |count: u32| f64::from(count) / f64::from(settings.runs);
    println!(
        "equal cells alike in {alike} of {0} runs, the slower one found in {found} of {0}",
        settings.runs
    );
    ensure!(
        share(alike) >= ALIKE,
        "equal cells must be alike in {ALIKE} of the runs"
    );
    ensure!(
        share(found) >= FOUND,
        "the slower cell must be found in {FOUND} of the runs"
    );
    Ok(())
}

fn add_stack(folder: &Path, rounds: u32) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("serve.py"), SERVER)?;
    let stack = format!(
        "title = \"planted\"\napp = \"native\"\nrequires = [{{ program = \"python3\" }}]\nkeepalive = false\n\
         capacity = \"1\"\nstop_signal = \"TERM\"\nstop_timeout = \"2s\"\nready_timeout = \"10s\"\n\
         command = [\"python3\", \"{{stack}}/serve.py\", \"{{host}}\", \"{{port}}\", \"{rounds}\"]\n"
    );
    fs::write(folder.join("stack.toml"), stack)?;
    Ok(())
}

/// With one CPU for the server, the generator has another to itself.
fn study_text(blocks: u32) -> String {
    format!(
        "title = \"Planted\"\nquestion = \"Which is slower?\"\n[factors]\nstack = [\"first\", \"same\", \"slower\"]\n\
         workload = \"hello\"\nclients = 4\ncpus = 1\nkeepalive = false\nduration = \"1500ms\"\nwarmup = \"300ms\"\n\
         [experiment]\nblocks = {blocks}\nsteady_within = \"0s\"\nreference = false\n[request]\npath = \"/\"\n"
    )
}

/// Runs the study once; gives its results.
fn one(program: &Path, home: &Path, study: &Path, seed: u32) -> anyhow::Result<Value> {
    let output = Command::new(program)
        .args(["study", "run", "--force", "--seed", &seed.to_string()])
        .arg(study)
        .env("TONNAGE_HOME", home)
        .output()
        .context("cannot start tonnage")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "the study failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = printed
        .lines()
        .last()
        .context("the study printed nothing")?;
    let results = fs::read(Path::new(folder).join("results.json"))?;
    Ok(serde_json::from_slice(&results)?)
}

/// The ratio of two stacks' throughput, by their medians over blocks, and what the
/// ranking says of the lesser one: `alike`, `smaller`, or that it says nothing.
fn says(results: &Value, one: &str, other: &str) -> (String, String) {
    let cell = |stack: &str| {
        let cells = results["cells"].as_array()?;
        cells
            .iter()
            .position(|cell| cell["factors"]["stack"] == stack)
    };
    let ranked = || results["contests"][0]["ranked"].as_array();
    let rank = |stack: &str| {
        let number = cell(stack)?;
        ranked()?.iter().find(|rank| rank["cell"] == number)
    };
    // One of the two may be the best, which is compared with nothing.
    let compared = [one, other]
        .into_iter()
        .filter_map(rank)
        .find(|rank| !rank["to_best"].is_null());
    let Some(compared) = compared else {
        return ("no ranking".to_owned(), "nothing".to_owned());
    };
    let ratio = &compared["to_best"]["ratio"];
    let text = format!(
        "{:.3} ({:.3} to {:.3})",
        ratio["estimate"].as_f64().unwrap_or(f64::NAN),
        ratio["low"].as_f64().unwrap_or(f64::NAN),
        ratio["high"].as_f64().unwrap_or(f64::NAN)
    );
    let verdict = compared["to_best"]["says"].as_str().unwrap_or("nothing");
    (text, verdict.to_owned())
}
