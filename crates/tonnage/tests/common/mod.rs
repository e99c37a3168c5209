//! What all test programs of the command line share: the program itself, homes
//! of their own, and a look at the processes it starts.

#![allow(dead_code, reason = "each test program uses its part")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that anything here may take; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_mins(3);

/// A study with as few trials as there are cells, on however noisy a machine: these
/// tests look at what happens, not at figures.
pub(crate) const PLAIN: [&str; 9] = [
    "study",
    "run",
    "flask-bench",
    "--force",
    "--repeat=1",
    "--set=reference=false",
    "--set=duplicate=false",
    "--set=warmup=0s",
    // The first of two cells comes first.
    "--seed=2",
];

/// [`PLAIN`] with more options.
pub(crate) fn plain<'a>(options: &[&'a str]) -> Vec<&'a str> {
    PLAIN.iter().chain(options).copied().collect()
}

/// A home of one test, with the environments that all tests of the workspace
/// share, so that they are installed once.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        fs::create_dir_all(&cache).unwrap();
        symlink(cache, folder.path().join("cache")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives this home a cache of its own, filled with what the shared one holds.
    pub(crate) fn own_cache(&self) -> PathBuf {
        // The environment must be there before it can be copied.
        let installed = self.tonnage(&plain(&[
            "--set=clients=1",
            "--set=duration=100ms",
            "--set=iterations=100",
        ]));
        assert!(installed.status.success(), "{}", text(&installed.stderr));
        let cache = self.path().join("cache");
        let shared = fs::read_link(&cache).unwrap();
        fs::remove_file(&cache).unwrap();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(&shared)
            .arg(&cache)
            .status()
            .unwrap();
        assert!(copied.success());
        cache
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonnage"));
        command
            .args(arguments)
            .env("TONNAGE_HOME", self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line to its end.
    pub(crate) fn tonnage(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a command line whose output is read while it runs.
    pub(crate) fn start(&self, arguments: &[&str]) -> Started {
        Started::of(self.command(arguments))
    }

    /// Every living process that was started for this home's servers, found by
    /// the scratch folder in its environment.
    pub(crate) fn servers(&self) -> Vec<Process> {
        let needle = self.path().join("scratch").to_string_lossy().into_owned();
        processes()
            .into_iter()
            .filter(|process| process.environment.contains(&needle))
            .collect()
    }

    /// The records of all trials in this home's store, in order; none where there is no
    /// store yet.
    pub(crate) fn trials(&self) -> Vec<tonnage_model::TrialRecord> {
        let store = rusqlite::Connection::open(self.path().join("tonnage.db")).unwrap();
        // The file is there a moment before its tables are.
        let query = "SELECT record FROM trial ORDER BY run_id, position";
        let Ok(mut rows) = store.prepare(query) else {
            return Vec::new();
        };
        let records = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
        records
            .map(|record| serde_json::from_str(&record.unwrap()).unwrap())
            .collect()
    }

    pub(crate) fn wait_until_no_server(&self) {
        wait_until("the servers are gone", || self.servers().is_empty());
    }
}

/// A command line at work.
pub(crate) struct Started {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Started {
    /// Starts a command.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self {
            child,
            stdout,
            errors: Some(errors),
        }
    }

    /// The first line of standard output that has `part` in it.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        match self.line_with(part) {
            Ok(line) => line,
            Err(()) => panic!("no line with {part:?}; standard error: {}", self.errors()),
        }
    }

    /// The same where there may be none before standard output ends.
    pub(crate) fn line_with(&mut self, part: &str) -> Result<String, ()> {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).unwrap() > 0 {
            if line.contains(part) {
                return Ok(line);
            }
            line.clear();
        }
        Err(())
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end: exit code, the rest of standard output, standard error.
    pub(crate) fn finish(&mut self) -> (Option<i32>, String, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), rest, self.errors())
    }

    fn errors(&mut self) -> String {
        self.errors
            .take()
            .map(|errors| errors.join().unwrap())
            .unwrap_or_default()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a process of a test. It clears up after itself: its home may go with the test, and
/// nobody would know then what a killed one has left.
pub(crate) fn end(child: &mut Child) {
    let _ = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .stderr(Stdio::null())
        .status();
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// A living process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) command_line: String,
    environment: String,
}

impl Process {
    /// Whether `part` is in its environment.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.environment.contains(part)
    }
}

/// Every process of this user, zombies aside.
pub(crate) fn processes() -> Vec<Process> {
    let read = |pid: u32, file: &str| fs::read(format!("/proc/{pid}/{file}")).ok();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| {
            let stat = String::from_utf8(read(pid, "stat")?).ok()?;
            let (_, fields) = stat.rsplit_once(") ")?;
            let mut fields = fields.split_whitespace();
            let state = fields.next()?;
            let parent = fields.next()?.parse().ok()?;
            (state != "Z").then_some(())?;
            let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', " ");
            Some(Process {
                pid,
                parent,
                command_line: words(read(pid, "cmdline")?),
                environment: words(read(pid, "environ")?),
            })
        })
        .collect()
}

/// Polls for a state that must come.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
