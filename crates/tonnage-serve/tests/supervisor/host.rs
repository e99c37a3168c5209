//! A host whose workers are shells, and a server that runs in a thread while the test
//! looks at it and sends it signals.

use std::io;
use std::mem::Discriminant;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process, test_kill_process};
use tonnage_serve::board::SlotId;
use tonnage_serve::listen::Listeners;
use tonnage_serve::supervisor::{Birth, Hook, Host, Level, Options, Wanted, run};

/// A worker that ends when it is asked to.
pub(crate) const OBEDIENT: &str =
    "trap 'exit 0' TERM QUIT INT; trap : USR1; while :; do sleep 0.02; done";

/// Signals and children belong to the process, so that there is one server at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Worker {
    pub(crate) pid: Pid,
    pub(crate) age: u64,
    pub(crate) generation: u32,
}

impl Worker {
    pub(crate) fn is_gone(&self) -> bool {
        test_kill_process(self.pid).is_err()
    }

    /// Whether it has ended, and the server has not looked.
    pub(crate) fn is_unburied(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        stat.is_ok_and(|stat| stat.contains(") Z "))
    }
}

/// What happened so far.
#[derive(Debug, Default)]
struct Record {
    script: String,
    /// Whether workers say that they are ready.
    ready: bool,
    reload: Option<Wanted>,
    log: Vec<(Level, String)>,
    hooks: Vec<Hook>,
    workers: Vec<Worker>,
    reopened_logs: bool,
    sent_connection: bool,
    connections_found: usize,
    new_server: Option<Pid>,
    failing_hook: Option<Discriminant<Hook>>,
}

/// Whether the server may notice what happens.
#[derive(Debug, Default)]
struct Attention {
    /// Held while it may not.
    lock: Mutex<()>,
    /// It waits for something to happen.
    waits: AtomicBool,
}

struct Shells {
    record: Arc<Mutex<Record>>,
    attention: Arc<Attention>,
    /// The other end of the connection that is handed over.
    client: Option<UnixStream>,
}

impl Shells {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shell(script: &str) -> io::Result<Pid> {
        let child = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Pid::from_child(&child))
    }

    /// The second worker sends the first one a connection, which nobody takes; the fourth
    /// looks where it is.
    fn hand_over(&mut self, birth: &Birth<'_>) {
        if birth.age == 2 && self.client.is_none() {
            let (client, server) = UnixStream::pair().unwrap();
            self.client = Some(client);
            let sent = birth.inboxes.send(SlotId::new(0), &server, 0).unwrap();
            self.record().sent_connection = sent;
        }
        if birth.age == 4 {
            let all = 0..birth.inboxes.len() as u16;
            let found = all
                .filter(|slot| birth.inboxes.take(SlotId::new(*slot)).unwrap().is_some())
                .count();
            self.record().connections_found = found;
        }
    }
}

impl Host for Shells {
    fn spawn(&mut self, birth: &Birth<'_>) -> io::Result<Pid> {
        self.hand_over(birth);
        let mut record = self.record();
        let pid = Self::shell(&record.script)?;
        if record.ready {
            assert!(birth.place().become_ready());
            birth.bell.ring();
        }
        record.workers.push(Worker {
            pid,
            age: birth.age,
            generation: birth.generation,
        });
        Ok(pid)
    }

    fn log(&mut self, level: Level, text: &str) {
        self.record().log.push((level, text.to_owned()));
    }

    fn reload(&mut self) -> Result<Wanted, String> {
        self.record()
            .reload
            .clone()
            .ok_or_else(|| "nothing to reload".to_owned())
    }

    fn hook(&mut self, hook: &Hook) -> Result<(), String> {
        let mut record = self.record();
        record.hooks.push(hook.clone());
        let fails = record.failing_hook == Some(std::mem::discriminant(hook));
        if fails {
            Err("the hook failed".to_owned())
        } else {
            Ok(())
        }
    }

    fn reopen_logs(&mut self) {
        self.record().reopened_logs = true;
    }

    fn reexec(&mut self, listeners: &Listeners) -> io::Result<Pid> {
        assert_eq!(listeners.descriptors().len(), 1);
        let new = Self::shell("while :; do sleep 0.02; done")?;
        self.record().new_server = Some(new);
        Ok(new)
    }

    fn wait<R: Send>(&mut self, waiting: impl FnOnce() -> R + Send) -> R {
        self.attention.waits.store(true, Ordering::SeqCst);
        let waited = waiting();
        let _noticed = self.attention.lock.lock();
        self.attention.waits.store(false, Ordering::SeqCst);
        waited
    }
}

/// A server that runs.
pub(crate) struct Server {
    record: Arc<Mutex<Record>>,
    attention: Arc<Attention>,
    thread: JoinHandle<i32>,
    _alone: MutexGuard<'static, ()>,
}

/// A server that ran.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) new_server: Option<Pid>,
}

impl Server {
    /// Starts a server, and waits until it hears signals.
    pub(crate) fn start(options: Options, script: &str) -> Self {
        let server = Self::launch(options, script, true, None);
        server.until("it listens", |server| {
            server
                .record()
                .log
                .iter()
                .any(|(_, text)| text.starts_with("Listening"))
        });
        server
    }

    /// Starts a server that is not expected to come so far. Its workers never get ready.
    pub(crate) fn start_failing(options: Options, script: &str) -> Self {
        Self::launch(options, script, false, None)
    }

    /// Starts a server whose host fails at this kind of hook.
    pub(crate) fn start_with_failing_hook(options: Options, hook: &Hook) -> Self {
        Self::launch(options, OBEDIENT, true, Some(std::mem::discriminant(hook)))
    }

    fn launch(
        options: Options,
        script: &str,
        ready: bool,
        failing_hook: Option<Discriminant<Hook>>,
    ) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let record = Record {
            script: script.to_owned(),
            ready,
            reload: Some(options.wanted.clone()),
            failing_hook,
            ..Record::default()
        };
        let record = Arc::new(Mutex::new(record));
        let attention = Arc::<Attention>::default();
        let mut host = Shells {
            record: Arc::clone(&record),
            attention: Arc::clone(&attention),
            client: None,
        };
        let thread = thread::spawn(move || run(&mut host, options));
        Self {
            record,
            attention,
            thread,
            _alone: alone,
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(
                Instant::now() < deadline,
                "waited in vain: {what}; {:#?}",
                self.record()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the first worker's shell ignores TERM.
    pub(crate) fn until_trapped(&self) {
        let status = format!("/proc/{}/status", self.workers()[0].pid);
        self.until("it ignores TERM", |_| {
            let text = std::fs::read_to_string(&status).unwrap();
            let ignored = text
                .lines()
                .find_map(|line| line.strip_prefix("SigIgn:"))
                .unwrap();
            u64::from_str_radix(ignored.trim(), 16).unwrap() & (1 << (Signal::TERM.as_raw() - 1))
                != 0
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let before = self.record().log.len();
        kill_process(getpid(), signal).unwrap();
        // The kernel keeps one signal of a kind at a time: wait until it is heard.
        self.until("the signal is heard", |server| {
            server.record().log.len() > before
        });
    }

    /// Signals a worker and then the server, which hears of it when both have happened.
    pub(crate) fn signal_with_worker(&self, worker: Worker, signal: Signal) {
        let distracted = self.attention.lock.lock();
        self.until("it has done all it knows of", |server| {
            server.attention.waits.load(Ordering::SeqCst)
        });
        kill_process(worker.pid, signal).unwrap();
        self.until("the worker has ended", |_| worker.is_unburied());
        // To this thread, so that the handler has run before it goes on.
        signal_hook::low_level::raise(signal.as_raw()).unwrap();
        drop(distracted);
    }

    pub(crate) fn set_script(&self, script: &str, ready: bool) {
        let mut record = self.record();
        script.clone_into(&mut record.script);
        record.ready = ready;
    }

    pub(crate) fn set_wanted(&self, wanted: Wanted) {
        self.record().reload = Some(wanted);
    }

    pub(crate) fn workers(&self) -> Vec<Worker> {
        self.record().workers.clone()
    }

    pub(crate) fn living(&self) -> Vec<Worker> {
        self.workers()
            .into_iter()
            .filter(|worker| !worker.is_gone())
            .collect()
    }

    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.times_said(text) > 0
    }

    pub(crate) fn times_said(&self, text: &str) -> usize {
        self.record()
            .log
            .iter()
            .filter(|(_, said)| said == text)
            .count()
    }

    pub(crate) fn has_reopened_logs(&self) -> bool {
        self.record().reopened_logs
    }

    pub(crate) fn has_sent_connection(&self) -> bool {
        self.record().sent_connection
    }

    pub(crate) fn connections_found(&self) -> usize {
        self.record().connections_found
    }

    pub(crate) fn new_server(&self) -> Option<Pid> {
        self.record().new_server
    }

    /// Waits for the end.
    pub(crate) fn end(self) -> End {
        self.until("the end", |server| server.thread.is_finished());
        let code = self.thread.join().expect("the server panicked");
        let record =
            std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner));
        End {
            code,
            log: record.log,
            hooks: record.hooks,
            workers: record.workers,
            new_server: record.new_server,
        }
    }
}

impl End {
    #[track_caller]
    pub(crate) fn has_said(&self, level: Level, text: &str) {
        let said = self
            .log
            .iter()
            .any(|(its_level, said)| *its_level == level && said == text);
        assert!(said, "not said: {text}; {:#?}", self.log);
    }
}
