//! Memory for bodies of requests. Long ones leave theirs to the next ones: the kernel
//! hands out a megabyte page by page, each time with a fault, which costs more than to
//! read the body itself.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// From this capacity on it is left to others.
const LONG_BYTES: usize = 64 << 10;

/// What is kept for others, at most: as much as one after the other needs, and little
/// beside an application.
const SHELF: usize = 8;

/// What nobody uses now, of the whole process as the allocator's own is. The last one
/// comes first: it may still be in the processor's cache.
static SHELVED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// The bytes of a body, or the room for them.
#[derive(Debug, Default)]
pub struct Memory(Vec<u8>);

impl Memory {
    /// Room for so many bytes, out of the shelf where it is long and something is there.
    pub(super) fn with_room(bytes: usize) -> Self {
        let shelved = if bytes < LONG_BYTES {
            None
        } else {
            SHELVED.lock().unwrap_or_else(PoisonError::into_inner).pop()
        };
        Self(shelved.unwrap_or_default())
    }
}

impl Deref for Memory {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.0.capacity() < LONG_BYTES {
            return;
        }
        let mut shelved = SHELVED.lock().unwrap_or_else(PoisonError::into_inner);
        if shelved.len() < SHELF {
            self.0.clear();
            shelved.push(std::mem::take(&mut self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_leave_their_memory_to_others_but_not_without_bound() {
        let many: Vec<Memory> = (0..2 * SHELF)
            .map(|_| Memory(Vec::with_capacity(LONG_BYTES)))
            .collect();
        drop(many);
        // Other tests take and leave some as well.
        assert!(SHELVED.lock().unwrap().len() <= SHELF);
        let mut long = Memory::with_room(LONG_BYTES);
        long.extend_from_slice(b"of one request");
        drop(long);
        assert!(Memory::with_room(LONG_BYTES).is_empty());
        assert_eq!(Memory::with_room(LONG_BYTES - 1).capacity(), 0);
    }
}
