//! Waiting for sockets: a thin layer over epoll with timeouts in nanoseconds.

use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::LoadError;

/// Events taken at once.
const EVENTS: usize = 256;

/// How late the kernel may wake a thread to save power, in nanoseconds; 50 µs
/// where nobody asks for less (prctl(2), `PR_SET_TIMERSLACK`).
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;

/// One thread's epoll instance.
#[derive(Debug)]
pub(crate) struct Poll(OwnedFd);

impl Poll {
    /// An instance for the calling thread, whose timers become exact.
    pub(crate) fn new() -> Result<Self, LoadError> {
        // Where the kernel refuses, requests leave a little later, which the
        // figures of the send lag show.
        let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NS));
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC);
        epoll.map(Self).map_err(|error| LoadError::System {
            action: "cannot create an epoll instance",
            source: error.into(),
        })
    }

    /// Room for the events of one wait.
    pub(crate) fn events() -> Vec<Event> {
        Vec::with_capacity(EVENTS)
    }

    /// Registers a socket for everything, edge by edge.
    pub(crate) fn add(&self, socket: &OwnedFd, data: EventData) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.0, socket.as_fd(), data, flags)
    }

    /// Waits until something happens, at most for `ns` nanoseconds.
    pub(crate) fn wait(&self, events: &mut Vec<Event>, ns: u64) -> Result<(), LoadError> {
        let timeout = Duration::from_nanos(ns);
        let timeout = rustix::time::Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match epoll::wait(&self.0, spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(LoadError::System {
                action: "cannot wait for sockets",
                source: error.into(),
            }),
        }
    }
}
