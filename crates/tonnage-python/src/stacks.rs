//! What the threads of a worker do: asked of the interpreter, and where that does not
//! answer, because some thread holds its lock and never lets go, read by a signal handler
//! that needs no lock (Python's `faulthandler`).

use std::fmt::Write as _;
use std::fs::File;
use std::io::Seek as _;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tonnage_serve::helper_thread;
use tonnage_serve::overdue::{InHand, Witness};

use crate::life::Life;

/// How long the interpreter has to answer. Threads that compute take turns of 5 ms.
const ANSWER: Duration = Duration::from_secs(1);

/// Bytes of a look from outside that are said.
const MOST_BYTES: u64 = 48 * 1024;

/// Said of a thread that runs no Python.
const NO_FRAME: &str = "<no Python frame>";

/// Who looks at the threads of this process.
#[derive(Debug)]
pub(crate) struct Threads {
    life: Arc<Life>,
    /// The signal at which all stacks are written, and where.
    from_outside: Option<(i32, File)>,
    /// An answer that did not come in time, and may come yet.
    owed: Option<Receiver<String>>,
}

impl Threads {
    /// Prepares for looks from outside.
    pub(crate) fn new(py: Python<'_>, life: Arc<Life>) -> Self {
        let from_outside = arm(py)
            .inspect_err(|error| {
                let text = format!("stacks can only be had of the interpreter: {error}");
                life.log(py, "debug", &text);
            })
            .ok();
        Self {
            life,
            from_outside,
            owed: None,
        }
    }

    /// What the interpreter says, where it answers in time. It is asked by a thread that may
    /// wait for ever, of which there is never more than one.
    fn ask(&mut self, requests: &[InHand]) -> Option<String> {
        if let Some(owed) = self.owed.take()
            && matches!(owed.try_recv(), Err(TryRecvError::Empty))
        {
            self.owed = Some(owed);
            return None;
        }
        let (tell, told) = sync_channel(1);
        let (life, requests) = (Arc::clone(&self.life), requests.to_vec());
        let ask = move || {
            let text = Python::attach(|py| describe(py, &life, &requests, None))
                .unwrap_or_else(|error| format!("(no stacks: {error})"));
            // Whoever waited may have lost patience.
            let _ = tell.send(text);
        };
        helper_thread::spawn("tonnage-stacks", ask).ok()?;
        match told.recv_timeout(ANSWER) {
            Ok(text) => Some(text),
            Err(RecvTimeoutError::Timeout) => {
                self.owed = Some(told);
                None
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// What the signal's handler writes. It runs in this thread, before the signal's sender
    /// returns: no thread of the application is disturbed.
    fn dump(&self) -> Option<String> {
        let (signal, file) = self.from_outside.as_ref()?;
        // The handler's descriptor has the same place in the file.
        file.set_len(0).ok()?;
        let mut place = file;
        place.rewind().ok()?;
        if !is_handled(*signal) || !raise(*signal) {
            return None;
        }
        let bytes = file.metadata().ok()?.len();
        let mut text = vec![0; bytes.min(MOST_BYTES) as usize];
        file.read_exact_at(&mut text, 0).ok()?;
        (!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned())
    }
}

impl Witness for Threads {
    fn stacks(&mut self, requests: &[InHand]) -> String {
        let Some(text) = self.ask(requests) else {
            return format!(
                "The interpreter does not answer: a thread holds its lock and runs no Python.\n{}",
                self.stacks_from_outside(requests)
            );
        };
        text
    }

    fn stacks_from_outside(&mut self, requests: &[InHand]) -> String {
        match self.dump() {
            Some(text) => annotate(&text, requests),
            None => "(no stacks: the interpreter does not answer)".to_owned(),
        }
    }

    fn end_late(&mut self) -> bool {
        let life = Arc::clone(&self.life);
        if !life.has_loop() || self.owed.is_some() {
            return false;
        }
        // The loop's thread may hold the interpreter's lock for ever.
        let end = move || Python::attach(|py| life.end_late(py));
        helper_thread::spawn("tonnage-late", end).is_ok()
    }
}

/// What Python makes of it. A thread that was interrupted by a signal and asks for its own
/// stack, too, has the frame in which that was.
pub(crate) fn describe(
    py: Python<'_>,
    life: &Life,
    requests: &[InHand],
    interrupted: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let by_thread = PyDict::new(py);
    for request in requests {
        // The thread of an event loop, or of greenlets, has many; its tasks say which they
        // belong to.
        if !life.shares_a_thread() {
            by_thread.set_item(request.thread, said(request))?;
        }
    }
    let (calls, event_loop) = life.calls(py)?;
    let stacks = py.import("tonnage._stacks")?;
    let text = stacks.call_method1("describe", (by_thread, calls, event_loop, interrupted))?;
    text.extract()
}

/// A request, for people.
fn said(request: &InHand) -> String {
    let seconds = request.age.as_secs_f64();
    format!("{} for {seconds:.1} s", request.name)
}

/// Says of the threads that faulthandler names which request they answer, and leaves out
/// those that run no Python.
fn annotate(text: &str, requests: &[InHand]) -> String {
    let mut answering = String::new();
    let mut others = String::new();
    for block in text.split("\n\n").map(str::trim_end) {
        let Some((title, stack)) = block.split_once('\n') else {
            continue;
        };
        if stack.trim() == NO_FRAME {
            continue;
        }
        let number = title
            .split_whitespace()
            .find_map(|word| word.strip_prefix("0x"));
        let number = number.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let mut answered = requests
            .iter()
            .filter(|request| Some(request.thread) == number);
        let title = title.replace(" (most recent call first):", "");
        let _ = match (answered.next(), answered.next()) {
            (Some(request), None) => {
                write!(answering, "\n{title}, {}:\n{stack}", said(request))
            }
            _ => write!(others, "\n{title}:\n{stack}"),
        };
    }
    format!("Most recent call first:{answering}{others}")
}

/// Has Python's handler installed.
#[expect(unsafe_code, reason = "Python names descriptors by their numbers")]
fn arm(py: Python<'_>) -> PyResult<(i32, File)> {
    let armed = py.import("tonnage._stacks")?.call_method0("arm")?;
    let (signal, descriptor): (i32, i32) = armed.extract()?;
    // SAFETY: it was opened for the handler and never is closed, so that it is open here and
    // when the handler writes; ours is a copy.
    let ours = unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()?;
    Ok((signal, File::from(ours)))
}

/// Whether a signal has a handler: without one it would end the process.
#[expect(unsafe_code, reason = "rustix does not know about handlers")]
fn is_handled(signal: i32) -> bool {
    // SAFETY: an all-zero `sigaction` is a valid value, and the call only writes to it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN)
    }
}

/// Sends a signal to this thread, and returns when its handler has.
#[expect(unsafe_code, reason = "rustix sends signals to processes only")]
fn raise(signal: i32) -> bool {
    // SAFETY: it has no conditions.
    unsafe { libc::raise(signal) == 0 }
}
