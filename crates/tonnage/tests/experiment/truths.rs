//! What a run must not be fooled by.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Home, Started, plain, text};
use crate::{ATTEMPTS, add_stack, ranking, run};

/// Two stacks side by side, three blocks.
const RIVALS: &str = r#"
title = "Rivals"
question = "Which is better?"

[factors]
stack = ["dropping", "gunicorn-sync"]
workload = "hello"
clients = 8
keepalive = false
duration = "700ms"
warmup = "0s"

[experiment]
blocks = 3
reference = false

[pause]
max_wait = "1s"

[request]
path = "/"
"#;

#[test]
fn a_stack_that_drops_most_requests_does_not_win() {
    let home = Home::new();
    add_stack(&home, "dropping");
    let (printed, report) = run(&home, RIVALS, &[]);
    let made = home.trials();
    let of = |stack: &str| made.iter().find(|trial| trial.cell.stack == stack).unwrap();
    let dropped = of("dropping").measured().unwrap();
    let share =
        dropped.counts.failed as f64 / (dropped.counts.failed + dropped.counts.succeeded) as f64;
    assert!((0.6..0.8).contains(&share), "{share}");
    // It would look better to whoever counts answers, or looks at their latency.
    let rival = of("gunicorn-sync").measured().unwrap();
    println!(
        "dropping: {:.0} answers/s at {:.0} µs; gunicorn: {:.0} at {:.0} µs",
        dropped.throughput.goodput_rps,
        dropped.service_time.mean_us.unwrap(),
        rival.throughput.goodput_rps,
        rival.service_time.mean_us.unwrap()
    );
    let folder = printed.lines().last().unwrap();
    let ranked = ranking(Path::new(folder));
    assert_eq!(ranked, ["gunicorn-sync", "dropping"], "{report}");
}

#[test]
fn a_worker_that_is_killed_for_want_of_memory_and_replaced_is_found() {
    let home = Home::new();
    add_stack(&home, "respawning");
    let study = r#"
title = "Respawning"
question = "What does the master hide?"

[factors]
stack = "respawning"
workload = "hello"
clients = 2
memory = "60MB"
keepalive = false
duration = "2s"
warmup = "0s"

[experiment]
blocks = 1
reference = false
duplicate = false

[request]
path = "/"
"#;
    let (printed, report) = run(&home, study, &[]);
    let made = home.trials();
    // The master lives, and requests succeed all the time.
    let load = made[0].measured().unwrap();
    assert!(load.counts.succeeded > 50, "{:?}", load.counts);
    let usage = made[0].usage.as_ref().unwrap();
    assert!(usage.oom_kills.unwrap() >= 1, "{:?}", usage.oom_kills);
    for text in [printed, report] {
        assert!(text.contains("memory-killed"), "{text}");
    }
}

/// A control group for CPU time that holds whoever joins it to a twentieth of a CPU.
struct Squeeze(PathBuf);

impl Squeeze {
    fn new() -> Self {
        let v1 = Path::new("/sys/fs/cgroup/cpu");
        let (root, file, value) = if v1.is_dir() {
            (v1, "cpu.cfs_quota_us", "5000")
        } else {
            (Path::new("/sys/fs/cgroup"), "cpu.max", "5000 100000")
        };
        let group = root.join(format!("tonnage-squeeze-{}", std::process::id()));
        fs::create_dir(&group).unwrap();
        fs::write(group.join(file), value).unwrap();
        Self(group)
    }

    /// The share of its periods in which the group used up its quota.
    fn throttled_share(&self) -> f64 {
        let stat = fs::read_to_string(self.0.join("cpu.stat")).unwrap();
        let count = |name: &str| -> f64 {
            let value = stat.lines().find_map(|line| line.strip_prefix(name));
            value.unwrap().trim().parse().unwrap()
        };
        count("nr_throttled ") / count("nr_periods ").max(1.0)
    }
}

impl Drop for Squeeze {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// What a study prints whose generator is squeezed; `None` where others on the machine took
/// the CPUs, so that it was not its group that held it back.
fn squeezed(home: &Home, target: &str) -> Option<String> {
    let study = home.path().join("squeezed.toml");
    fs::write(
        &study,
        "title = \"Squeezed\"\nquestion = \"How fast?\"\n[factors]\nstack = \"native\"\nworkload = \"hello\"\n\
         clients = [4, 16]\nkeepalive = true\nduration = \"2s\"\nwarmup = \"0s\"\n[request]\npath = \"/\"\n",
    )
    .unwrap();
    let squeeze = Squeeze::new();
    // The shell joins the group and becomes the program.
    let mut options = plain(&["--target", target]);
    options[2] = study.to_str().unwrap();
    let mut command = home.command(&options);
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let environment: Vec<_> = command
        .get_envs()
        .filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned())))
        .collect();
    command = std::process::Command::new("sh");
    command
        .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
        .arg(squeeze.0.join("cgroup.procs"))
        .arg(program)
        .args(arguments)
        .envs(environment)
        .stdin(std::process::Stdio::null());
    let (_, printed, errors) = Started::of(command).finish();
    assert!(!printed.is_empty(), "{errors}");
    (squeeze.throttled_share() > 0.6).then_some(printed)
}

#[test]
fn a_generator_squeezed_to_a_twentieth_of_a_cpu_gives_no_ranking() {
    let server = Home::new();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let mut up = server.start(&["up", "native", "hello", "--port", &port]);
    up.wait_for_line("serves hello");
    let target = format!("http://127.0.0.1:{port}/");
    let (home, printed) = (0..ATTEMPTS)
        .map(|_| Home::new())
        .find_map(|home| squeezed(&home, &target).map(|printed| (home, printed)))
        .expect("others on this machine left the generator less than its quota, each time");
    drop(up);
    let folder = Path::new(printed.lines().last().unwrap());
    let report = fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(report.contains("generator-bound"), "{report}");
    let ranked = ranking(folder);
    assert!(ranked.is_empty(), "{ranked:?}");
    let shown = text(&home.tonnage(&["study", "show"]).stdout);
    assert!(shown.contains("generator-bound"), "{shown}");
}
