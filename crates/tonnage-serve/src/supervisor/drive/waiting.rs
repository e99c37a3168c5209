//! The loop's one wait: for signals, for the bell, for reports and for the next deadline.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::{Drive, Explaining, Reopening, TICK_MS};
use crate::board::now_ms;
use crate::supervisor::Host;

impl<H: Host> Drive<'_, H> {
    pub(super) fn wait(&mut self) {
        let now_ms = now_ms();
        let deadlines = [
            self.machine.next_wake_ms(now_ms),
            self.reopening.as_ref().map(Reopening::at_ms),
        ];
        let wake_ms = deadlines
            .into_iter()
            .flatten()
            .fold(now_ms + TICK_MS, u64::min);
        // A millisecond more, so that a deadline is over when it is looked at.
        let wake_ms = wake_ms + 1;
        let own = [
            self.signals.as_fd(),
            self.bell.as_fd(),
            self.reports.as_fd(),
        ];
        let (machine, board, listeners) = (&self.machine, self.board, &self.listeners);
        let explaining = &mut self.explaining;
        self.host.wait(|| {
            loop {
                // Interrupted or not, what happened is looked at afterwards.
                let is_asked = wait_for_any(&own, explaining, wake_ms);
                if !is_asked {
                    return;
                }
                // Here, where no lock of the host's is held.
                explaining.answer(machine, board, listeners);
            }
        });
    }
}

/// Waits until there is something to do, and says whether that is only somebody who asks for
/// the server's status.
fn wait_for_any(own: &[BorrowedFd<'_>], explaining: &Explaining, wake_ms: u64) -> bool {
    let left = Duration::from_millis(wake_ms.saturating_sub(now_ms()));
    let timeout = Timespec {
        tv_sec: left.as_secs() as i64,
        tv_nsec: left.subsec_nanos().into(),
    };
    let own_sources = own.iter();
    let mut sources: Vec<_> = own_sources
        .map(|source| PollFd::from_borrowed_fd(*source, PollFlags::IN))
        .collect();
    explaining.watch(&mut sources);
    let ready = poll(&mut sources, Some(&timeout));
    let is_more = sources
        .iter()
        .take(own.len())
        .any(|source| !source.revents().is_empty());
    matches!(ready, Ok(1..)) && !is_more && now_ms() < wake_ms
}
