//! Builds a folder once, however many processes want it at the same time: runs
//! installers, passes on what they say, and leaves none of them behind. What is
//! built, and how, is said by `environment`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::Signal;
use tonnage_load::Stop;

use crate::lease::Lease;
use crate::process::{Confinement, ProcessId, spawn_in_session};
use crate::tree::MARK_VARIABLE;
use crate::{LabError, LabEvent, Settings};

/// The file whose presence says that an environment is complete.
pub(super) const COMPLETE: &str = "tonnage-complete";

/// The ending of the file that says why an environment could not be built.
pub(super) const FAILED: &str = "failed";

/// How often a wait looks whether it should end.
const POLL: Duration = Duration::from_millis(100);

/// How long the last words of an installer that has ended may take to arrive.
const DRAIN: Duration = Duration::from_millis(50);

/// How long one installer may take, and how long one process waits for another
/// that builds the same environment.
const MAX_BUILD_TIME: Duration = Duration::from_mins(15);

/// How many lines of an installer's output an error shows.
const ERROR_LINES: usize = 15;

/// Builds one folder.
pub(super) struct Builder<'a> {
    pub(super) settings: &'a Settings,
    pub(super) what: &'a str,
    pub(super) stop: &'a Stop,
    pub(super) events: &'a Sender<LabEvent>,
}

impl Builder<'_> {
    /// Runs `build` unless `folder` is complete; one process at a time, and a
    /// half-built folder of one that died is built anew.
    pub(super) fn once(
        &self,
        folder: &Path,
        build: impl FnOnce(&Path) -> Result<(), LabError>,
    ) -> Result<(), LabError> {
        if folder.join(COMPLETE).is_file() {
            return Ok(());
        }
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(LabError::io(parent))?;
        let _lock = self.lock_file(&folder.with_extension("lock"))?;
        if folder.join(COMPLETE).is_file() {
            return Ok(());
        }
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(LabError::io(folder))?;
        }
        let start = Instant::now();
        self.tell(LabEvent::EnvironmentBegins {
            what: self.what.to_owned(),
        });
        let failed = folder.with_extension(FAILED);
        let outcome = build(folder);
        if let Err(LabError::Environment { reason, .. }) = &outcome {
            // For `stack list`; that it cannot be kept is no reason to say more.
            let _ = fs::write(&failed, reason);
        }
        outcome?;
        let _ = fs::remove_file(&failed);
        let mark = folder.join(COMPLETE);
        fs::write(&mark, "").map_err(LabError::io(&mark))?;
        self.tell(LabEvent::EnvironmentDone {
            what: self.what.to_owned(),
            seconds: start.elapsed().as_secs_f64(),
        });
        Ok(())
    }

    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.settings.installer_environment);
        command
    }

    /// Runs an installer, passing on what it says; its last words make the error.
    /// It ends when a stop is requested or its time is up, and with a lease like
    /// a server's: whatever it has started ends with it.
    pub(super) fn run(&self, mut command: Command) -> Result<(), LabError> {
        let mut lease = Lease::take(self.settings)?;
        let (reader, writer) = std::io::pipe().map_err(LabError::io("a pipe"))?;
        let second = writer.try_clone().map_err(LabError::io("a pipe"))?;
        command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(second)
            .env(MARK_VARIABLE, &lease.tree().mark);
        let mut child = spawn_in_session(&mut command, Signal::KILL, Confinement::default())?;
        // Our copies of the pipe's end live in `command`; the reader sees its
        // end only once they are gone.
        drop(command);
        let noted = lease.add_root(ProcessId::of(child.id()));
        let (lines, said) = mpsc::channel();
        thread::spawn(move || {
            // Bytes that are no UTF-8 must not end the reading, and with it the
            // installer.
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                drop(lines.send(line.trim_end_matches('\r').to_owned()));
            }
        });
        let followed = noted.and_then(|()| self.follow(&mut child, &said));
        // On success, too: nothing that it has started may go on.
        lease.tree().kill();
        let _ = child.kill();
        let ended = child.wait().map_err(LabError::io("an installer's end"));
        let (last_words, status) = (followed?, ended?);
        if status.success() {
            return Ok(());
        }
        Err(LabError::Environment {
            what: self.what.to_owned(),
            reason: format!("the installer ended with {status}\n{last_words}"),
        })
    }

    /// Passes on an installer's lines until it has ended; gives the last ones.
    fn follow(&self, child: &mut Child, said: &Receiver<String>) -> Result<String, LabError> {
        let deadline = Instant::now() + MAX_BUILD_TIME;
        let mut last = VecDeque::new();
        loop {
            let ended = child
                .try_wait()
                .map_err(LabError::io("an installer's end"))?
                .is_some();
            let wait = if ended { DRAIN } else { POLL };
            match said.recv_timeout(wait) {
                Ok(line) => {
                    self.tell(LabEvent::EnvironmentStep(line.clone()));
                    last.push_back(line);
                    if last.len() > ERROR_LINES {
                        last.pop_front();
                    }
                }
                Err(_) if ended => return Ok(Vec::from(last).join("\n")),
                // It has closed its output, and goes on.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.stop.is_requested() {
                return Err(LabError::Interrupted);
            }
            if Instant::now() > deadline {
                return Err(self.took_too_long());
            }
        }
    }

    /// An exclusive lock, held until the file is closed; waits for other holders
    /// as long as a slow installation may take.
    fn lock_file(&self, path: &Path) -> Result<File, LabError> {
        let file = File::create(path).map_err(LabError::io(path))?;
        let deadline = Instant::now() + MAX_BUILD_TIME;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(error) => return Err(LabError::io(path)(error.into())),
            }
            if self.stop.is_requested() {
                return Err(LabError::Interrupted);
            }
            if Instant::now() > deadline {
                return Err(self.took_too_long());
            }
            thread::sleep(POLL);
        }
    }

    fn took_too_long(&self) -> LabError {
        LabError::Environment {
            what: self.what.to_owned(),
            reason: format!(
                "it took longer than {} minutes",
                MAX_BUILD_TIME.as_secs() / 60
            ),
        }
    }

    fn tell(&self, event: LabEvent) {
        // A receiver that went away does not want to know.
        let _ = self.events.send(event);
    }
}
