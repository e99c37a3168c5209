//! What can be run, as text: a block for each stack, a block for each workload.
//! Who can run and why not is found out by others.

use tonnage_model::{InFlight, Protocol, Stack};

use super::wrap;

/// A stack as a list shows it.
#[derive(Debug, Clone)]
pub struct StackEntry {
    /// Its name.
    pub name: String,
    /// What its file says; where that cannot be read, why.
    pub stack: Result<Stack, String>,
    /// Workers by its own rule on this machine.
    pub workers: Option<u32>,
    /// The workloads that it serves.
    pub workloads: Vec<String>,
    /// Whether it can run here, and if not, why, in words.
    pub state: String,
    /// The same as a yes or no.
    pub can_run: bool,
}

/// A workload as a list shows it.
#[derive(Debug, Clone)]
pub struct WorkloadEntry {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// The native service that its apps ask in turn.
    pub upstream: Option<String>,
    /// The stacks that serve it on this machine.
    pub served: Vec<String>,
    /// The stacks that serve it and cannot run here, each with the reason.
    pub missing: Vec<(String, String)>,
}

/// How far the lines below a name are indented.
const INDENT: usize = 4;

/// All stacks, those that cannot run here last; lines of at most `width` columns.
pub fn stacks_text(entries: &[StackEntry], width: usize) -> String {
    let (here, elsewhere): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.can_run);
    let mut text = String::new();
    for entry in here {
        text.push_str(&stack_text(entry, width));
    }
    if !elsewhere.is_empty() {
        text.push_str("\nNot on this machine:\n\n");
    }
    for entry in elsewhere {
        text.push_str(&stack_text(entry, width));
    }
    text
}

/// All workloads; lines of at most `width` columns.
pub fn workloads_text(entries: &[WorkloadEntry], width: usize) -> String {
    entries
        .iter()
        .map(|entry| workload_text(entry, width))
        .collect()
}

fn stack_text(entry: &StackEntry, width: usize) -> String {
    let mut text = String::new();
    let mut line = |words: &str| text.push_str(&wrap("    ", words, width, INDENT));
    match &entry.stack {
        Ok(stack) => {
            line(&stack.title);
            line(&facts(stack, entry.workers));
            line(&format!("serves {}", listed(&entry.workloads)));
            line(&entry.state);
        }
        Err(problem) => line(problem),
    }
    wrap("", &entry.name, width, 0) + &text
}

/// What a stack is like, in one sentence.
fn facts(stack: &Stack, workers: Option<u32>) -> String {
    let mut facts = Vec::new();
    if let (Some(rule), Some(workers)) = (stack.workers, workers) {
        facts.push(match rule.to_string() {
            rule if rule == workers.to_string() => format!("workers {rule}"),
            rule => format!("workers {rule} = {workers}"),
        });
    }
    if let Some(threads) = stack.threads {
        facts.push(format!("threads {threads}"));
    }
    if let Some(capacity) = &stack.capacity {
        facts.push(match capacity.in_flight(workers, stack.threads) {
            InFlight::Unbounded => "in flight unbounded".to_owned(),
            InFlight::AtMost(number) if capacity.is_fixed() => format!("in flight {number}"),
            InFlight::AtMost(number) => format!("in flight {capacity} = {number}"),
        });
    }
    facts.extend(stack.keepalive.map(|keeps| {
        let keeps = if keeps { "keep-alive" } else { "no keep-alive" };
        keeps.to_owned()
    }));
    if stack.protocol == Protocol::Grpc {
        facts.push("gRPC".to_owned());
    }
    facts.join(" · ")
}

fn workload_text(entry: &WorkloadEntry, width: usize) -> String {
    let mut text = wrap("", &entry.name, width, 0);
    let mut line = |words: &str| text.push_str(&wrap("    ", words, width, INDENT));
    line(&entry.title);
    if let Some(upstream) = &entry.upstream {
        line(&format!(
            "asks the native service {upstream}, started beside it"
        ));
    }
    line(&format!("served by {}", listed(&entry.served)));
    for (stack, reason) in &entry.missing {
        line(&format!("not by {stack}, {reason}"));
    }
    text
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn stack(extra: &str) -> Result<Stack, String> {
        let text = format!(
            "title = \"gunicorn, gthread workers, Flask\"\napp = \"flask\"\n{extra}\n\
             command = [\"x\"]\nstop_signal = \"TERM\"\nstop_timeout = \"5s\"\nready_timeout = \"5s\""
        );
        Stack::parse("stack.toml", &text).map_err(|error| error.to_string())
    }

    fn entries() -> Vec<StackEntry> {
        let gthread =
            "workers = \"2n+1\"\nthreads = 8\ncapacity = \"workers * threads\"\nkeepalive = true";
        let entry = |name: &str, stack, workers, state: &str, can_run| StackEntry {
            name: name.to_owned(),
            stack,
            workers,
            workloads: ["echo", "evaluate", "fanout", "hello", "loop", "matmul"]
                .map(str::to_owned)
                .to_vec(),
            state: state.to_owned(),
            can_run,
        };
        vec![
            entry("broken", stack("ap = 1"), None, "", false),
            entry("gunicorn-gthread", stack(gthread), Some(5), "ready", true),
            entry(
                "nginx-gunicorn",
                stack("capacity = 1\nkeepalive = false\nprotocol = \"grpc\""),
                None,
                "unavailable: nginx is not installed (on Debian and Ubuntu: apt-get install nginx-light)",
                false,
            ),
        ]
    }

    #[test]
    fn stacks_are_legible_at_60_columns() {
        assert_snapshot!(stacks_text(&entries(), 60), @r"
        gunicorn-gthread
            gunicorn, gthread workers, Flask
            workers 2n+1 = 5 · threads 8 · in flight workers *
            threads = 40 · keep-alive
            serves echo, evaluate, fanout, hello, loop, matmul
            ready

        Not on this machine:

        broken
            stack.toml:3:1: unknown field `ap`, expected one of
            `title`, `app`, `lock`, `python`, `tonnage_package`,
            `requires`, `protocol`, `workers`, `threads`,
            `capacity`, `keepalive`, `command`, `environment`,
            `directories`, `files`, `front`, `stop_signal`,
            `stop_timeout`, `ready_timeout`
        nginx-gunicorn
            gunicorn, gthread workers, Flask
            in flight 1 · no keep-alive · gRPC
            serves echo, evaluate, fanout, hello, loop, matmul
            unavailable: nginx is not installed (on Debian and
            Ubuntu: apt-get install nginx-light)
        ");
    }

    #[test]
    fn a_workload_tells_who_serves_it_and_who_cannot() {
        let entry = WorkloadEntry {
            name: "relay".to_owned(),
            title: "a JSON API behind a cache of 10 s".to_owned(),
            upstream: Some("restaurants".to_owned()),
            served: vec!["gunicorn-sync".to_owned(), "native".to_owned()],
            missing: vec![(
                "japronto".to_owned(),
                "unavailable: it needs CPython 3.6".to_owned(),
            )],
        };
        assert_snapshot!(workloads_text(&[entry], 60), @r"
        relay
            a JSON API behind a cache of 10 s
            asks the native service restaurants, started beside it
            served by gunicorn-sync, native
            not by japronto, unavailable: it needs CPython 3.6
        ");
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in [40, 60, 100] {
            let text = stacks_text(&entries(), width);
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{text}"
            );
        }
    }
}
