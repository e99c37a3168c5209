//! Lines are gathered in memory and written a tenth of a second later by a thread that
//! needs neither an interpreter nor the request's thread. A destination that stalls
//! costs lines, never requests: memory is bounded, and what is lost is counted.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use memchr::memchr_iter;

use super::date::LogDate;
use super::file::Destination;
use super::format::AccessFormat;
use super::render::{AccessLookup, AccessRecord};
use crate::helper_thread;

/// How long a line may wait for others to be written with.
const DELAY: Duration = Duration::from_millis(100);

/// So many bytes are written at once without waiting.
const BATCH_BYTES: usize = 64 * 1024;

/// So many bytes may wait for a destination that does not take them.
const MAX_PENDING_BYTES: usize = 4 * 1024 * 1024;

/// How long the end of a log waits for its destination.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// What went wrong with a destination. Told once for each batch of lines.
#[derive(Debug)]
pub enum Trouble {
    /// It took no more lines, or too slowly; so many were lost.
    Lost {
        /// How many.
        lines: u64,
        /// Why; `None` where memory was full because it stalls.
        cause: Option<io::Error>,
    },
    /// It could not be opened anew; the old file stays in use.
    Reopen(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost {
                lines,
                cause: Some(cause),
            } => write!(f, "access log: {lines} lines lost: {cause}"),
            Self::Lost { lines, cause: None } => {
                write!(f, "access log: {lines} lines lost, its reader is too slow")
            }
            Self::Reopen(error) => write!(f, "access log: cannot be opened anew: {error}"),
        }
    }
}

/// A log that any thread may add lines to. Its thread starts with it, so it must be
/// made after the process was forked. Dropping it writes what is left.
pub struct AccessLog {
    shared: Arc<Shared>,
    format: AccessFormat,
    writer: Option<JoinHandle<()>>,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

struct Shared {
    state: Mutex<State>,
    /// There is something to do for the writer.
    work: Condvar,
    /// The writer did something.
    done: Condvar,
}

struct State {
    date: LogDate,
    pending: Vec<u8>,
    /// Lines lost because memory was full.
    lost: u64,
    /// Rounds that were asked to happen at once, and those that did.
    asked: u64,
    served: u64,
    reopen: bool,
    end: bool,
    ended: bool,
}

impl State {
    /// Whether the writer should not wait for more lines.
    fn is_urgent(&self) -> bool {
        self.pending.len() >= BATCH_BYTES || self.asked > self.served || self.end
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state whole: lines are pushed at once.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccessLog {
    /// Starts the writer. `tell` hears of trouble, on the writer's thread.
    pub fn start(
        format: AccessFormat,
        destination: Destination,
        zone: TimeZone,
        tell: impl Fn(Trouble) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                date: if format.is_json() {
                    LogDate::rfc3339(zone)
                } else {
                    LogDate::new(zone)
                },
                pending: Vec::new(),
                lost: 0,
                asked: 0,
                served: 0,
                reopen: false,
                end: false,
                ended: false,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let write = move || write_until_the_end(&theirs, destination, &tell);
        let writer = helper_thread::spawn("access-log", write)?;
        Ok(Self {
            shared,
            format,
            writer: Some(writer),
        })
    }

    /// The format, for callers that prepare only what it wants.
    pub fn format(&self) -> &AccessFormat {
        &self.format
    }

    /// Adds a line. Never waits for the destination.
    pub fn log(&self, record: &AccessRecord<'_>, lookup: &dyn AccessLookup) {
        let now = SystemTime::now();
        let mut state = self.shared.lock();
        let before = state.pending.len();
        if before >= MAX_PENDING_BYTES {
            state.lost += 1;
            return;
        }
        let State { date, pending, .. } = &mut *state;
        self.format.render(record, lookup, date.at(now), pending);
        pending.push(b'\n');
        let after = pending.len();
        drop(state);
        // The writer sleeps without an end only where nothing was pending.
        if before == 0 || (before < BATCH_BYTES && after >= BATCH_BYTES) {
            self.shared.work.notify_one();
        }
    }

    /// Waits until the lines so far are written, at most so long; tells whether they
    /// are.
    pub fn flush(&self, timeout: Duration) -> bool {
        let round = self.ask(|_| {});
        let (state, _) = self
            .shared
            .done
            .wait_timeout_while(self.shared.lock(), timeout, |state| {
                state.served < round && !state.ended
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.served >= round
    }

    /// Has the file opened anew, after what is pending was written to the old one.
    pub fn reopen(&self) {
        self.ask(|state| state.reopen = true);
    }

    fn ask(&self, what: impl FnOnce(&mut State)) -> u64 {
        let mut state = self.shared.lock();
        what(&mut state);
        state.asked += 1;
        let round = state.asked;
        drop(state);
        self.shared.work.notify_one();
        round
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.ask(|state| state.end = true);
        let (state, _) = self
            .shared
            .done
            .wait_timeout_while(self.shared.lock(), END_TIMEOUT, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        let ended = state.ended;
        drop(state);
        // A writer that hangs in a dead pipe is left behind: it owns all it uses.
        if let Some(writer) = self.writer.take().filter(|_| ended) {
            let _ = writer.join();
        }
    }
}

/// What the writer takes out of the state for a round.
struct Round {
    lost: u64,
    asked: u64,
    reopen: bool,
    end: bool,
}

fn write_until_the_end(shared: &Shared, mut destination: Destination, tell: &dyn Fn(Trouble)) {
    let mut batch = Vec::new();
    loop {
        let round = next_round(shared, &mut batch);
        if round.lost > 0 {
            tell(Trouble::Lost {
                lines: round.lost,
                cause: None,
            });
        }
        if let Err(error) = destination.write(&batch) {
            tell(Trouble::Lost {
                lines: memchr_iter(b'\n', &batch).count() as u64,
                cause: Some(error),
            });
        }
        if round.reopen
            && let Err(error) = destination.reopen()
        {
            tell(Trouble::Reopen(error));
        }
        let mut state = shared.lock();
        state.served = round.asked;
        state.ended = round.end;
        drop(state);
        shared.done.notify_all();
        if round.end {
            return;
        }
    }
}

/// Waits for lines, gives others time to join them, and takes them all.
fn next_round(shared: &Shared, batch: &mut Vec<u8>) -> Round {
    let idle = |state: &mut State| state.pending.is_empty() && !state.is_urgent();
    let state = shared
        .work
        .wait_while(shared.lock(), idle)
        .unwrap_or_else(PoisonError::into_inner);
    let (mut state, _) = shared
        .work
        .wait_timeout_while(state, DELAY, |state| !state.is_urgent())
        .unwrap_or_else(PoisonError::into_inner);
    batch.clear();
    std::mem::swap(batch, &mut state.pending);
    Round {
        lost: std::mem::take(&mut state.lost),
        asked: state.asked,
        reopen: std::mem::take(&mut state.reopen),
        end: state.end,
    }
}
