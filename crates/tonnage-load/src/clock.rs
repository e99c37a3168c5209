//! The engine's two clocks: monotonic time since the load began, and the CPU
//! time of the calling thread.

use std::time::Instant;

/// Monotonic nanoseconds since one common origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        let elapsed = self.origin.elapsed();
        elapsed.as_secs() * 1_000_000_000 + u64::from(elapsed.subsec_nanos())
    }
}

/// User and system time of the calling thread, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_advances_with_work_and_not_beyond_the_wall() {
        let clock = Clock::start();
        let before = thread_cpu_ns();
        let mut sum = 0u64;
        while clock.now_ns() < 5_000_000 {
            sum = std::hint::black_box(sum.wrapping_mul(31) + 1);
        }
        let used = thread_cpu_ns() - before;
        assert!(used > 0);
        assert!(used <= clock.now_ns() + 1_000_000, "{used} ns, sum {sum}");
    }
}
