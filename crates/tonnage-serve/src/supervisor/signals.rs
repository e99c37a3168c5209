//! Hearing signals: each one is counted, and the supervisor woken.
//!
//! A forked worker inherits the handlers, and may be sent a signal before it has put its
//! own in their place. Such signals are counted apart, so that neither the supervisor
//! takes them for its own nor the worker misses them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, getpid};
use signal_hook::SigId;
use signal_hook::low_level::{register, unregister};

use super::Bell;

/// What the supervisor hears, apart from the death of its children.
const HEARD: [Signal; 9] = [
    Signal::HUP,
    Signal::QUIT,
    Signal::INT,
    Signal::TERM,
    Signal::TTIN,
    Signal::TTOU,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// The handlers of this process. A handler that was there before is called first, so
/// whoever has one that must not run gives it up before. They end when this is dropped.
#[derive(Debug)]
pub struct Signals {
    shared: Arc<Shared>,
    handlers: Vec<SigId>,
}

#[derive(Debug)]
struct Shared {
    owner: Pid,
    here: [AtomicU32; HEARD.len()],
    elsewhere: [AtomicU32; HEARD.len()],
    bell: Bell,
}

impl Shared {
    /// What the handler does. `index` is none for the death of a child.
    fn note(&self, index: Option<usize>) {
        let here = getpid() == self.owner;
        if let Some(index) = index {
            let counts = if here { &self.here } else { &self.elsewhere };
            counts[index].fetch_add(1, Ordering::Relaxed);
        }
        if here {
            self.bell.ring();
        }
    }
}

impl Signals {
    /// Begins to hear.
    pub fn new() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            owner: getpid(),
            here: Default::default(),
            elsewhere: Default::default(),
            bell: Bell::new()?,
        });
        let mut signals = Self {
            shared,
            handlers: Vec::new(),
        };
        for (index, signal) in HEARD.into_iter().enumerate() {
            signals.hear(signal, Some(index))?;
        }
        signals.hear(Signal::CHILD, None)?;
        Ok(signals)
    }

    #[expect(
        unsafe_code,
        reason = "what runs in a signal handler must be proved harmless"
    )]
    fn hear(&mut self, signal: Signal, index: Option<usize>) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        // SAFETY: the handler adds to an atomic number, asks for the process number and
        // writes eight bytes to a descriptor that stays open as long as the handler
        // exists (it holds `shared`). All three are allowed in signal handlers; nothing
        // allocates, locks or panics: `index` is below the length of both arrays.
        let handler = unsafe { register(signal.as_raw(), move || shared.note(index))? };
        self.handlers.push(handler);
        Ok(())
    }

    /// The signals since this was last asked, each as often as it came.
    pub fn take(&self) -> Vec<Signal> {
        self.shared.bell.take();
        take(&self.shared.here).collect()
    }

    /// In a forked worker, after it has handlers of its own: the signals that came before,
    /// which it must treat as if they came now.
    pub fn missed(&self) -> Vec<Signal> {
        take(&self.shared.elsewhere).collect()
    }
}

fn take(counts: &[AtomicU32; HEARD.len()]) -> impl Iterator<Item = Signal> {
    let taken = HEARD.into_iter().zip(counts);
    taken.flat_map(|(signal, count)| (0..count.swap(0, Ordering::Relaxed)).map(move |_| signal))
}

impl AsFd for Signals {
    /// Readable once a signal has come that was not taken.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.bell.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            unregister(handler);
        }
    }
}

/// The name of a signal, as `SIGTERM`.
pub fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal)
        .map_or_else(|| format!("signal {signal}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_their_names() {
        assert_eq!(signal_name(Signal::KILL.as_raw()), "SIGKILL");
        assert_eq!(signal_name(Signal::TTOU.as_raw()), "SIGTTOU");
        assert_eq!(signal_name(Signal::WINCH.as_raw()), "SIGWINCH");
        assert_eq!(signal_name(40), "signal 40");
    }

    #[test]
    fn a_signal_in_a_forked_worker_is_not_the_supervisors() {
        let counts = |owner| Shared {
            owner,
            here: Default::default(),
            elsewhere: Default::default(),
            bell: Bell::new().unwrap(),
        };
        let (supervisor, worker) = (counts(getpid()), counts(Pid::INIT));
        supervisor.note(Some(3));
        supervisor.note(Some(3));
        supervisor.note(None);
        assert_eq!(
            take(&supervisor.here).collect::<Vec<_>>(),
            [Signal::TERM; 2]
        );
        assert!(supervisor.bell.take());
        worker.note(Some(0));
        assert_eq!(take(&worker.here).count(), 0);
        assert_eq!(take(&worker.elsewhere).collect::<Vec<_>>(), [Signal::HUP]);
        assert!(!worker.bell.take(), "the bell is the supervisor's");
    }
}
