//! Every stack with every workload that it serves, as `tonnage up` runs them:
//! started, its answers verified and compared with the native service's, stopped,
//! and nothing left behind.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod questions;
mod relay;
mod up;
mod variants;

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use answers::Native;
use common::{Home, Started, text, wait_until};
use up::{Up, next_port, nothing_is_left};

/// Pairs that are tried at the same time.
const AT_A_TIME: usize = 2;

/// The stack that may be missing where the interpreter that it needs is.
const MAY_BE_MISSING: &str = "japronto";

/// The stacks of `tonnage serve`, which are missing where its package is, and only there.
const NEED_THE_PACKAGE: [&str; 4] = [
    "tonnage-asgi",
    "tonnage-gevent",
    "tonnage-wsgi",
    "tonnage-wsgi-threads",
];

/// A stack as `tonnage stack list` shows it.
#[derive(Debug)]
struct Listed {
    name: String,
    workloads: Vec<String>,
    state: String,
}

/// Reads the list: a name at the margin, what is known of it indented below.
fn listed(home: &Home) -> Vec<Listed> {
    let output = home.tonnage(&["stack", "list"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let text = text(&output.stdout);
    // Lines that were broken to fit the width are put together again.
    let mut stacks: Vec<Listed> = Vec::new();
    let mut in_workloads = false;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let words = line.trim();
        match (line.starts_with(' '), stacks.last_mut()) {
            (true, Some(stack)) => {
                in_workloads = words.starts_with("serves ") || in_workloads && !is_state(words);
                if in_workloads {
                    let names = words.trim_start_matches("serves ").split(',');
                    let names = names.map(str::trim).filter(|name| !name.is_empty());
                    stack.workloads.extend(names.map(str::to_owned));
                } else {
                    stack.state = format!("{} {words}", stack.state);
                }
            }
            _ if line.ends_with(':') => {}
            _ => stacks.push(Listed {
                name: words.to_owned(),
                workloads: Vec::new(),
                state: String::new(),
            }),
        }
    }
    stacks
}

fn is_state(words: &str) -> bool {
    ["ready", "could not", "unavailable"]
        .iter()
        .any(|begin| words.starts_with(begin))
}

/// Whether the active Python has the package `tonnage` with an extension of its version.
fn package_is_installed() -> bool {
    let active = std::env::var("VIRTUAL_ENV").map(|root| format!("{root}/bin/python"));
    let python = active.unwrap_or_else(|_| "python3".to_owned());
    let asked = Command::new(python)
        .args(["-c", "import tonnage._tonnage"])
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Runs one pair to its end; gives what went wrong.
fn try_pair(stack: &str, workload: &str, native: &Native) -> Result<(), String> {
    let up = Up::start(stack, workload, &[])?;
    let compared = native.compare(&up.base, workload);
    let stopped = up.stop();
    compared?;
    stopped.map(drop)
}

#[test]
fn every_stack_serves_every_workload_rightly_and_leaves_nothing_behind() {
    let home = Home::new();
    let mut pairs = VecDeque::new();
    let mut missing = Vec::new();
    for stack in listed(&home) {
        assert!(!stack.workloads.is_empty(), "{stack:?}");
        if stack.state.contains("unavailable:") {
            missing.push(stack);
            continue;
        }
        let name = stack.name;
        pairs.extend(
            stack
                .workloads
                .into_iter()
                .map(|workload| (name.clone(), workload)),
        );
    }
    for stack in &missing {
        println!("not run: {}:{}", stack.name, stack.state);
    }
    let needs_the_package = |stack: &&Listed| NEED_THE_PACKAGE.contains(&&*stack.name);
    let without_package = missing.iter().filter(needs_the_package).count();
    let expected = if package_is_installed() {
        0
    } else {
        NEED_THE_PACKAGE.len()
    };
    assert_eq!(without_package, expected, "{missing:?}");
    let mut others = missing.iter().filter(|stack| !needs_the_package(stack));
    assert!(
        others.all(|stack| stack.name == MAY_BE_MISSING),
        "{missing:?}"
    );
    assert!(!pairs.is_empty());

    let count = pairs.len();
    let native = Native::default();
    let waiting = Mutex::new(pairs);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().pop_front();
                    let Some((stack, workload)) = next else {
                        break;
                    };
                    if let Err(problem) = try_pair(&stack, &workload, &native) {
                        failures
                            .lock()
                            .unwrap()
                            .push(format!("{stack} {workload}: {problem}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {count} pairs failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    println!("{count} pairs");
}

#[test]
fn a_stack_behind_nginx_with_an_upstream_is_swept_after_a_kill() {
    let home = Home::new();
    let port = next_port().to_string();
    let mut up = home.start(&["up", "nginx-gunicorn", "relay", "--port", &port]);
    up.wait_for_line("nginx-gunicorn serves relay");
    assert!(home.servers().len() > 3, "{:?}", home.servers());
    up.signal("KILL");
    up.finish();
    let mut next: Started = home.start(&["up", "native", "hello", "--port", &port]);
    next.wait_for_line("native serves hello");
    wait_until("only the new server is there", || home.servers().len() == 1);
    next.signal("INT");
    let (code, _, errors) = next.finish();
    assert_eq!(code, Some(130), "{errors}");
    nothing_is_left(&home, port.parse().unwrap()).unwrap();
}
