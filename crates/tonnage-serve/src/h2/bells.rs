//! Which streams of a connection have something new. The `h2` crate tells it through wakers,
//! one for each stream; whoever has the connection in hand then looks at those that rang.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The streams of one connection that have rung, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Bells(Mutex<Vec<u32>>);

impl Bells {
    /// Those that rang since it was asked last. Each rings again only after
    /// [`Bell::silence`].
    pub(super) fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, stream: u32) {
        let mut rung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rung.push(stream);
    }
}

/// What rings for one stream, and what everybody may know of it.
#[derive(Debug)]
pub(super) struct Bell {
    bells: Arc<Bells>,
    stream: u32,
    has_rung: AtomicBool,
    is_gone: AtomicBool,
}

impl Bell {
    /// A silent one.
    pub(super) fn new(bells: &Arc<Bells>, stream: u32) -> Arc<Self> {
        Arc::new(Self {
            bells: Arc::clone(bells),
            stream,
            has_rung: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
        })
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// To be called before the stream is looked at, so that what comes later rings.
    pub(super) fn silence(&self) {
        self.has_rung.store(false, Ordering::Release);
    }

    /// The client takes and sends nothing any more.
    pub(super) fn set_gone(&self) {
        self.is_gone.store(true, Ordering::Release);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.has_rung.swap(true, Ordering::AcqRel) {
            self.bells.add(self.stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bell_is_heard_once_until_it_is_silenced() {
        let bells = Arc::new(Bells::default());
        let [one, three] = [1, 3].map(|stream| Bell::new(&bells, stream));
        three.waker().wake_by_ref();
        one.waker().wake();
        three.waker().wake();
        assert_eq!(bells.take(), [3, 1]);
        three.waker().wake();
        assert!(bells.take().is_empty());
        three.silence();
        three.waker().wake();
        assert_eq!(bells.take(), [3]);
    }
}
