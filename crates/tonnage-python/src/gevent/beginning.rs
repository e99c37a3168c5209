//! A turn of the hub: the sockets are looked at, and what requests they have are begun, each in
//! a greenlet of its own. What becomes of them is `answering.rs`'s affair.

use std::sync::atomic::Ordering;

use pyo3::intern;
use pyo3::prelude::*;

use super::greenlets::{Core, Greenlets};
use super::hub;

/// Requests that are begun at one turn of the hub: what else it has to do waits for them.
const TURN_REQUESTS: usize = 64;

/// Requests at one look from which on it pays to look again: under load there are more by
/// then, and a turn of the hub costs more than a look.
const BUSY_REQUESTS: usize = 4;

impl Greenlets {
    /// Looks at the sockets and begins what requests they have.
    pub(super) fn begin_all(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mut left = TURN_REQUESTS;
        loop {
            let refusals = {
                let Core { streams, .. } = &mut *self.core();
                streams.poll();
                streams.take_refusals()
            };
            if let Some(refusals) = refusals {
                self.calls.tell(py, &refusals);
            }
            self.drain_if_told(slf)?;
            let before = left;
            while left > 0
                && let Some(number) = self.take()
            {
                left -= 1;
                self.begin(slf, number)?;
            }
            let begun = before - left;
            if begun == 0 && before == TURN_REQUESTS {
                // Perhaps a signal woke the hub, whose handler wants to run.
                self.look_around(py);
            }
            if left == 0 || begun < BUSY_REQUESTS {
                return Ok(());
            }
        }
    }

    /// Takes the next request in hand, where there is one and room for it; the number of its
    /// greenlet.
    fn take(&self) -> Option<u64> {
        let core = &mut *self.core();
        core.handed = Some(core.streams.next()?);
        core.number += 1;
        Some(core.number)
    }

    /// Begins the request that was taken.
    fn begin(&self, slf: &Bound<'_, Self>, number: u64) -> PyResult<()> {
        let py = slf.py();
        let serve = slf.getattr(intern!(py, "_serve"))?;
        let begun = self.hub().greenlet(&serve, number).and_then(|greenlet| {
            let kept = (greenlet.clone().unbind(), self.name_of_handed());
            self.core().working.insert(number, kept);
            hub::run(&greenlet)
        });
        // Where it could not be begun nobody has taken the request.
        let left = self.core().handed.take();
        if let Some((token, exchange)) = left {
            let ended = {
                let mut core = self.core();
                core.streams.end(token, exchange);
                core.working.remove(&number)
            };
            drop(ended);
        }
        begun
    }

    /// The name of the request that was taken, where somebody wants to know.
    fn name_of_handed(&self) -> String {
        let core = self.core();
        let handed = core.handed.as_ref().filter(|_| self.has_limits);
        handed.map_or_else(String::new, |(_, exchange)| exchange.name())
    }

    /// What comes after a turn, or after a request that ended outside of one.
    pub(super) fn go_on(&self, slf: &Bound<'_, Self>) {
        if self.is_over() || self.turning.load(Ordering::Relaxed) {
            return;
        }
        let wants_turn = {
            let Core { streams, .. } = &mut *self.core();
            // There is nothing any more that could go together with what waits.
            streams.let_go();
            streams.has_more()
        };
        let gone_on = if wants_turn && !self.nudged.swap(true, Ordering::Relaxed) {
            let turn = slf.getattr(intern!(slf.py(), "_turn"));
            turn.and_then(|turn| self.hub().call_soon(&turn))
        } else {
            Ok(())
        };
        if let Err(error) = gone_on.and_then(|()| self.stop_if_over(slf.py())) {
            self.life.set_aside(slf.py(), error);
        }
    }
}
