//! A worker whose supervisor was killed: nobody tells it to end any more, so it tells
//! itself, with the signals and the patience that the supervisor would have had.

use std::io;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, getppid, kill_process};
use tonnage_serve::helper_thread;

/// How often it is looked whether the supervisor is there.
const LOOK: Duration = Duration::from_secs(1);

/// Ends this process after its supervisor: gracefully, and after `patience` at once. A
/// thread of its own does, which needs neither Python nor the sockets: an application that
/// never returns may hold whatever it likes.
pub(crate) fn follow(supervisor: Pid, patience: Duration) -> io::Result<()> {
    let follow = move || {
        while getppid() == Some(supervisor) {
            thread::sleep(LOOK);
        }
        // A signal to oneself fails for nobody.
        let _ = kill_process(getpid(), Signal::TERM);
        thread::sleep(patience);
        let _ = kill_process(getpid(), Signal::KILL);
    };
    helper_thread::spawn("tonnage-orphan", follow).map(|_| ())
}
