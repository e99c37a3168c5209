//! Which futures of a connection have something new: one bell for the connection
//! itself, one for each of its streams.
//!
//! A waker has to be fit for several threads, so the bells are atomics and shared
//! by counted references; they are only ever rung by the thread that looks at
//! them, without locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Wake, Waker};

/// The bells of one connection.
#[derive(Debug)]
pub(crate) struct Bells {
    connection: AtomicBool,
    /// A bit for each stream.
    streams: Box<[AtomicU64]>,
}

/// What rings one bell.
struct Ringer {
    bells: Arc<Bells>,
    /// `None` for the connection's.
    stream: Option<u32>,
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.stream {
            None => self.bells.connection.store(true, Ordering::Relaxed),
            Some(stream) => {
                let word = &self.bells.streams[stream as usize / 64];
                word.fetch_or(1 << (stream % 64), Ordering::Relaxed);
            }
        }
    }
}

impl Bells {
    /// Silent bells for a connection with so many streams.
    pub(crate) fn new(streams: u32) -> Arc<Self> {
        Arc::new(Self {
            connection: AtomicBool::new(false),
            streams: (0..streams.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
        })
    }

    /// What rings the connection's bell.
    pub(crate) fn connection_waker(self: &Arc<Self>) -> Waker {
        self.waker(None)
    }

    /// What rings a stream's bell.
    pub(crate) fn stream_waker(self: &Arc<Self>, stream: u32) -> Waker {
        self.waker(Some(stream))
    }

    fn waker(self: &Arc<Self>, stream: Option<u32>) -> Waker {
        Waker::from(Arc::new(Ringer {
            bells: Arc::clone(self),
            stream,
        }))
    }

    /// Whether the connection's bell has rung; silences it.
    pub(crate) fn take_connection(&self) -> bool {
        let rung = self.connection.load(Ordering::Relaxed);
        if rung {
            self.connection.store(false, Ordering::Relaxed);
        }
        rung
    }

    /// How many words [`take_streams`](Self::take_streams) has to be asked for.
    pub(crate) fn words(&self) -> usize {
        self.streams.len()
    }

    /// The bells that have rung of the 64 streams from `word * 64` on, a bit for
    /// each; silences them.
    pub(crate) fn take_streams(&self, word: usize) -> u64 {
        let word = &self.streams[word];
        match word.load(Ordering::Relaxed) {
            0 => 0,
            rung => {
                word.store(0, Ordering::Relaxed);
                rung
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bell_is_heard_once() {
        let bells = Bells::new(130);
        assert_eq!(bells.words(), 3);
        assert!(!bells.take_connection());
        bells.connection_waker().wake_by_ref();
        assert!(bells.take_connection() && !bells.take_connection());
        let waker = bells.stream_waker(65);
        waker.wake_by_ref();
        bells.stream_waker(129).wake();
        bells.stream_waker(64).wake();
        assert_eq!(bells.take_streams(0), 0);
        assert_eq!(bells.take_streams(1), 0b11);
        assert_eq!(bells.take_streams(2), 0b10);
        assert_eq!(bells.take_streams(1), 0);
    }
}
