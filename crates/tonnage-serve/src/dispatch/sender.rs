//! The thread that sends what has waited too long for others, where the thread that should
//! is busy with the application: in a worker with an event loop, whose only thread that is.

use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use super::pace::Pace;
use super::{NAP, now_ns};
use crate::helper_thread;
use crate::outbox::Outbox;

/// How often it looks while no responses wait.
const TICK: Duration = Duration::from_millis(3);

/// Looks without a response after which it sleeps until there is one.
const LOOKS_AWAKE: u32 = 20;

/// Starts it; it ends when the worker is gone.
pub(super) fn start(outbox: &Arc<Outbox>) -> io::Result<()> {
    let outbox = Arc::downgrade(outbox);
    helper_thread::spawn("tonnage-sender", move || send(&outbox)).map(|_| ())
}

fn send(outbox: &Weak<Outbox>) {
    let mut seen = 0;
    let mut quiet_looks = 0;
    let mut pace = Pace::new(TICK);
    while let Some(outbox) = outbox.upgrade() {
        outbox.send_late(now_ns());
        let count = outbox.count();
        let goes_on = count != seen;
        quiet_looks = if goes_on { 0 } else { quiet_looks + 1 };
        seen = count;
        if quiet_looks > LOOKS_AWAKE {
            outbox.sleep(seen, NAP);
        } else {
            drop(outbox);
            thread::sleep(pace.next(goes_on));
        }
    }
}
