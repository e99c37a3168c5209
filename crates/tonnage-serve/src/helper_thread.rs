//! Threads that work for a process whose main thread is the one to be told of things.
//!
//! A signal that is sent to a process goes to whichever of its threads does not block it. The
//! kernel prefers the main thread, but not after the process was stopped or while another
//! signal is on its way to it; and Python's handlers run in the main thread only, which a
//! signal that another thread took does not get out of a system call. So no other thread of
//! ours takes any. Threads in which an application runs are not for here: they hand their
//! mask on to the processes that it starts.

use std::io;
use std::mem::MaybeUninit;
use std::thread::{Builder, JoinHandle};

/// What comes of a thread's own faults, and cannot be put off.
const FAULTS: [i32; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// The last signal that is none of the real-time ones, of which the C library uses some and
/// threads raise others for themselves.
const LAST_ORDINARY: i32 = 31;

/// Starts a thread of this name (at most 15 bytes are kept) that takes no signals.
///
/// # Errors
/// The system's, where there can be no further thread.
pub fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    // It inherits the mask, so that there is no moment without.
    let before = block_signals();
    let thread = Builder::new().name(name.to_owned()).spawn(run);
    restore_signals(&before);
    thread
}

/// Blocks what is not to be taken in this thread. What was blocked before.
#[expect(unsafe_code, reason = "rustix knows no masks of signals")]
fn block_signals() -> libc::sigset_t {
    let mut blocked = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` makes a valid set, to which the numbers of signals are added.
    // `pthread_sigmask` writes the other set where its arguments are right, which these are;
    // `sigemptyset` has made a valid one of it for other systems' sake.
    unsafe {
        libc::sigemptyset(blocked.as_mut_ptr());
        libc::sigemptyset(before.as_mut_ptr());
        for signal in (1..=LAST_ORDINARY).filter(|signal| !FAULTS.contains(signal)) {
            libc::sigaddset(blocked.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, blocked.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

#[expect(unsafe_code, reason = "rustix knows no masks of signals")]
fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: the set is a valid one, and nothing is written.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The signals that this thread blocks, a bit for each, from the first.
    fn blocked() -> u64 {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("SigBlk:"));
        let digits = line.unwrap().trim_start_matches("SigBlk:").trim();
        u64::from_str_radix(digits, 16).unwrap()
    }

    fn has(mask: u64, signal: i32) -> bool {
        mask & (1 << (signal - 1)) != 0
    }

    #[test]
    fn it_takes_no_signals_but_those_of_its_own_faults_and_whoever_starts_it_all() {
        let before = blocked();
        let inside = spawn("helper", blocked).unwrap().join().unwrap();
        assert_eq!(blocked(), before);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGALRM] {
            assert!(has(inside, signal) && !has(before, signal), "{signal}");
        }
        for signal in FAULTS
            .into_iter()
            .chain([libc::SIGRTMIN(), libc::SIGRTMAX() - 2])
        {
            assert!(!has(inside, signal), "{signal}");
        }
    }
}
