//! The supervisor with real processes, signals and sockets. The workers are shells, whose
//! part on the board the host plays. In a program of its own, since signals and children
//! belong to the whole process; one test after the other for the same reason.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod host;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use tonnage_serve::listen::ListenOptions;
use tonnage_serve::supervisor::{Hook, Level, Options, Policy, Telling, Wanted};

use host::{OBEDIENT, Server, Worker};

fn policy(workers: u32) -> Policy {
    Policy {
        workers,
        timeout: None,
        graceful_timeout: Duration::from_secs(5),
        ..Policy::default()
    }
}

fn wanted(workers: u32, address: &str) -> Wanted {
    Wanted {
        policy: policy(workers),
        addresses: vec![address.parse().unwrap()],
        listen: ListenOptions {
            retry_after: Duration::from_millis(20),
            ..ListenOptions::default()
        },
        pidfile: None,
        telling: Telling::default(),
    }
}

fn local(workers: u32) -> Options {
    Options::new(wanted(workers, "127.0.0.1:0"))
}

/// A server with so many workers that live.
fn serving(workers: u32) -> Server {
    let server = Server::start(local(workers), OBEDIENT);
    server.until("all workers", |server| {
        server.living().len() == workers as usize
    });
    server
}

#[test]
fn a_server_grows_shrinks_and_ends_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, pidfile) = (folder.path().join("s.sock"), folder.path().join("pid"));
    let mut wanted = wanted(2, &format!("unix:{}", socket.display()));
    wanted.pidfile = Some(pidfile.clone());
    let server = Server::start(Options::new(wanted), OBEDIENT);
    server.until("two workers", |server| server.living().len() == 2);
    assert_eq!(
        fs::read_to_string(&pidfile).unwrap(),
        format!("{}\n", std::process::id())
    );
    UnixStream::connect(&socket).unwrap();
    server.signal(Signal::TTIN);
    server.until("three workers", |server| server.living().len() == 3);
    server.signal(Signal::TTOU);
    server.until("two workers again", |server| server.living().len() == 2);
    assert!(
        server.living().iter().all(|worker| worker.age > 1),
        "the oldest goes"
    );
    server.signal(Signal::TERM);
    let end = server.end();
    assert_eq!(end.code, 0);
    assert!(end.workers.iter().all(Worker::is_gone), "{:?}", end.workers);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "socket and pidfile are removed"
    );
    end.has_said(Level::Info, "Handling signal: ttin");
    end.has_said(
        Level::Info,
        &format!(
            "Listening at: unix:{} ({})",
            socket.display(),
            std::process::id()
        ),
    );
    end.has_said(Level::Info, "Using worker: sync");
    end.has_said(Level::Info, "Shutting down: Master");
    let listening = vec![format!("unix:{}", socket.display())];
    assert_eq!(
        end.hooks[..2],
        [Hook::OnStarting, Hook::WhenReady { listening }]
    );
    assert_eq!(end.hooks.last(), Some(&Hook::OnExit));
}

#[test]
fn a_killed_worker_is_replaced_within_a_second() {
    let server = serving(2);
    let victim = server.living()[0];
    let begin = Instant::now();
    kill_process(victim.pid, Signal::KILL).unwrap();
    server.until("a third worker", |server| server.workers().len() == 3);
    assert!(begin.elapsed() < Duration::from_secs(1));
    let said = format!("Worker (pid:{}) was sent SIGKILL!", victim.pid);
    server.until("a report", |server| server.has_said(&said));
    server.signal(Signal::INT);
    assert_eq!(server.end().code, 0);
}

#[test]
fn a_reload_replaces_all_workers_and_a_bad_one_none() {
    let server = serving(2);
    let old = server.living();
    server.set_script("exit 4", false);
    server.signal(Signal::HUP);
    server.until("a failure", |server| {
        server.has_said("Reload failed, the old workers go on: App failed to load")
    });
    assert_eq!(server.living(), old);
    server.set_script(OBEDIENT, true);
    server.signal(Signal::HUP);
    server.until("a reload", |server| {
        server.has_said("Reloaded: 2 new workers serve")
    });
    server.until("the old ones are gone", |server| {
        old.iter().all(Worker::is_gone) && server.living().len() == 2
    });
    server.signal(Signal::TERM);
    let end = server.end();
    assert_eq!(end.code, 0);
    let on_reload = end
        .hooks
        .iter()
        .filter(|hook| **hook == Hook::OnReload)
        .count();
    assert_eq!(on_reload, 2);
}

#[test]
fn a_reload_opens_other_sockets_and_keeps_the_old_ones_if_it_cannot() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let server = serving(1);
    server.set_wanted(wanted(1, &address.to_string()));
    server.signal(Signal::HUP);
    let failed = format!("Can't connect to ('127.0.0.1', {})", address.port());
    server.until("a failure", |server| server.has_said(&failed));
    assert_eq!(server.living()[0].generation, 1);
    drop(other);
    server.signal(Signal::HUP);
    server.until("the new address", |server| {
        server.has_said(&format!("Listening at: http://{address}"))
    });
    server.until("a new worker", |server| {
        server.living().iter().any(|worker| worker.generation == 2)
    });
    TcpStream::connect(address).unwrap();
    server.signal(Signal::TERM);
    assert_eq!(server.end().code, 0);
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn a_worker_that_ignores_term_is_killed() {
    let mut options = local(1);
    options.wanted.policy.graceful_timeout = Duration::from_millis(200);
    let server = Server::start(options, "trap '' TERM; while :; do sleep 0.02; done");
    server.until("a worker", |server| server.living().len() == 1);
    server.until_trapped();
    let begin = Instant::now();
    server.signal(Signal::TERM);
    let end = server.end();
    assert!(
        begin.elapsed() >= Duration::from_millis(700) && begin.elapsed() < Duration::from_secs(3)
    );
    assert_eq!(end.code, 0);
    end.has_said(
        Level::Warning,
        &format!("Worker (pid:{}) did not stop in time", end.workers[0].pid),
    );
}

#[test]
fn a_worker_without_a_heartbeat_is_aborted() {
    let mut options = local(1);
    options.wanted.policy.timeout = Some(Duration::from_millis(300));
    let server = Server::start(options, "while :; do sleep 0.02; done");
    server.until("an abortion", |server| {
        let first = server.workers().first().map(|worker| worker.pid);
        first.is_some_and(|pid| server.has_said(&format!("Worker (pid:{pid}) was sent SIGABRT!")))
    });
    server.signal(Signal::QUIT);
    let end = server.end();
    end.has_said(
        Level::Critical,
        &format!("WORKER TIMEOUT (pid:{})", end.workers[0].pid),
    );
    assert!(end.workers.len() >= 2, "it is replaced");
}

#[test]
fn a_server_that_cannot_start_ends_with_gunicorns_codes() {
    for code in [3, 4] {
        let server = Server::start_failing(local(2), &format!("exit {code}"));
        assert_eq!(server.end().code, code);
    }
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = wanted(1, &address);
    wanted.pidfile = Some(folder.path().join("pid"));
    let end = Server::start_failing(Options::new(wanted), OBEDIENT).end();
    assert_eq!((end.code, end.workers.len()), (1, 0));
    let port = other.local_addr().unwrap().port();
    let in_use = format!("Connection in use: ('127.0.0.1', {port})");
    assert_eq!(
        end.log.iter().filter(|(_, text)| *text == in_use).count(),
        5
    );
    end.has_said(
        Level::Error,
        &format!("Can't connect to ('127.0.0.1', {port})"),
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_hook_that_fails_at_the_start_ends_it() {
    for hook in [
        Hook::OnStarting,
        Hook::WhenReady {
            listening: Vec::new(),
        },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut wanted = wanted(1, &format!("unix:{}/s.sock", folder.path().display()));
        wanted.pidfile = Some(folder.path().join("pid"));
        let end = Server::start_with_failing_hook(Options::new(wanted), &hook).end();
        assert_eq!((end.code, end.workers.len()), (1, 0));
        end.has_said(Level::Error, "the hook failed");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_server_that_runs_already_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    fs::write(&path, "1\n").unwrap();
    let mut wanted = wanted(1, "127.0.0.1:0");
    wanted.pidfile = Some(path.clone());
    let end = Server::start_failing(Options::new(wanted), OBEDIENT).end();
    assert_eq!(end.code, 1);
    end.has_said(
        Level::Error,
        &format!(
            "Already running on PID 1 (or pid file '{}' is stale)",
            path.display()
        ),
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
}

#[test]
fn many_signals_at_once_are_all_heard() {
    let server = serving(1);
    for (count, signal) in [(5, Signal::TTIN), (3, Signal::TTOU)] {
        for _ in 0..count {
            server.signal(signal);
        }
    }
    server.until("the right number", |server| {
        let handled = |name: &str| server.times_said(&format!("Handling signal: {name}"));
        handled("ttin") == 5 && handled("ttou") == 3 && server.living().len() == 3
    });
    server.signal(Signal::USR1);
    server.until("the logs are reopened", Server::has_reopened_logs);
    server.signal(Signal::TERM);
    assert_eq!(server.end().code, 0);
}

#[test]
fn a_signal_to_the_whole_group_replaces_nobody() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = serving(2);
        server.signal_with_worker(server.living()[0], signal);
        let end = server.end();
        assert_eq!((end.code, end.workers.len()), (0, 2));
    }
}

#[test]
fn a_connection_on_its_way_to_a_dead_worker_finds_another() {
    let server = serving(2);
    server.until("a connection is under way", Server::has_sent_connection);
    kill_process(server.workers()[0].pid, Signal::KILL).unwrap();
    server.until("a third worker", |server| server.workers().len() == 3);
    server.signal(Signal::TTIN);
    server.until("a fourth worker, which looks into all inboxes", |server| {
        server.workers().len() == 4
    });
    assert_eq!(server.connections_found(), 1);
    server.signal(Signal::TERM);
    assert_eq!(server.end().code, 0);
}

#[test]
fn usr2_starts_one_new_server_and_keeps_the_files_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s.sock");
    let server = Server::start(
        Options::new(wanted(1, &format!("unix:{}", socket.display()))),
        OBEDIENT,
    );
    server.until("a worker", |server| server.living().len() == 1);
    server.signal(Signal::USR2);
    server.until("a new server", |server| server.new_server().is_some());
    server.signal(Signal::USR2);
    server.until("a refusal", |server| {
        server.has_said("USR2 signal ignored. Child exists.")
    });
    server.signal(Signal::TERM);
    let end = server.end();
    assert_eq!(end.code, 0);
    assert!(socket.exists());
    let new = end.new_server.unwrap();
    kill_process(new, Signal::KILL).unwrap();
    rustix::process::waitpid(Some(new), rustix::process::WaitOptions::empty()).unwrap();
}
