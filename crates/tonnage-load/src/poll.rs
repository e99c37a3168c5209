//! Waiting for sockets and for moments: a thin layer over epoll, with a timer for
//! moments, because epoll by itself only knows whole milliseconds (its successor
//! `epoll_pwait2` is not everywhere).

use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::LoadError;

/// Events taken at once.
const EVENTS: usize = 256;

/// How late the kernel may wake a thread to save power, in nanoseconds; 50 µs
/// where nobody asks for less (prctl(2), `PR_SET_TIMERSLACK`).
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;

/// The timer's number among the events; sockets have others.
const TIMER: u64 = u64::MAX;

/// One thread's epoll instance and timer.
#[derive(Debug)]
pub(crate) struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
    /// The moment that the timer is set to.
    armed_ns: u64,
}

fn failed(action: &'static str) -> impl Fn(Errno) -> LoadError {
    move |error| LoadError::System {
        action,
        source: error.into(),
    }
}

impl Poll {
    /// An instance for the calling thread, whose timers become exact.
    pub(crate) fn new() -> Result<Self, LoadError> {
        // Where the kernel refuses, requests leave a little later, which the
        // figures of the send lag show.
        let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NS));
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(failed("cannot create an epoll instance"))?;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)
            .map_err(failed("cannot create a timer"))?;
        // By edges: each setting of the timer makes a new one, so that it never
        // has to be read.
        let edges = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, timer.as_fd(), EventData::new_u64(TIMER), edges)
            .map_err(failed("cannot watch a timer"))?;
        Ok(Self {
            epoll,
            timer,
            armed_ns: u64::MAX,
        })
    }

    /// Room for the events of one wait.
    pub(crate) fn events() -> Vec<Event> {
        Vec::with_capacity(EVENTS)
    }

    /// Registers a socket for everything, edge by edge. `data` is anything but
    /// `u64::MAX`.
    pub(crate) fn add(&self, socket: &OwnedFd, data: EventData) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, socket.as_fd(), data, flags)
    }

    /// Waits until something happens, at most until `until_ns`, both moments in
    /// nanoseconds of the same clock.
    pub(crate) fn wait(
        &mut self,
        events: &mut Vec<Event>,
        now_ns: u64,
        until_ns: u64,
    ) -> Result<(), LoadError> {
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let timeout = (until_ns <= now_ns).then_some(&at_once);
        if timeout.is_none() && until_ns != self.armed_ns {
            self.arm(now_ns, until_ns)?;
        }
        match epoll::wait(&self.epoll, spare_capacity(events), timeout) {
            Ok(_) => events.retain(|event| event.data.u64() != TIMER),
            Err(Errno::INTR) => {}
            Err(error) => return Err(failed("cannot wait for sockets")(error)),
        }
        Ok(())
    }

    fn arm(&mut self, now_ns: u64, until_ns: u64) -> Result<(), LoadError> {
        let left_ns = until_ns - now_ns;
        let setting = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                // Beyond a century there is no difference to never.
                tv_sec: (left_ns / 1_000_000_000).min(1 << 32) as i64,
                tv_nsec: (left_ns % 1_000_000_000) as _,
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)
            .map_err(failed("cannot set a timer"))?;
        self.armed_ns = until_ns;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn it_never_wakes_before_the_moment_and_says_nothing_of_its_timer() {
        let clock = Clock::start();
        let mut poll = Poll::new().unwrap();
        let mut events = Poll::events();
        for wait_ns in [1, 100_000, 2_500_000, 1_000] {
            let now = clock.now_ns();
            poll.wait(&mut events, now, now + wait_ns).unwrap();
            assert!(clock.now_ns() >= now + wait_ns, "{wait_ns} ns");
            assert!(events.is_empty());
        }
        poll.wait(&mut events, 10, 5).unwrap();
    }
}
