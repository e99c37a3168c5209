//! The board: one table in shared memory, made by the supervisor before any fork, in
//! which every worker writes how it fares and every process of the server can read it.
//! Only numbers are here; what follows from them is decided by the supervisor (who has
//! to be replaced) and by the workers (who takes a connection).

mod choice;
mod histogram;
mod meters;
mod slot;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ptr;
use std::slice;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use rustix::io;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::time::{ClockId, clock_gettime};

pub use self::histogram::{BOUNDS_NS, Histogram, Timer};
pub use self::meters::{Logged, Meters, Split, Totals};
pub use self::slot::{Boot, Slot, SlotId, Snapshot, State, Wish};

/// How many slots a board has unless somebody wants another number. A slot is 128 bytes; the
/// nine KiB of its meters take memory only where they are written to.
pub const DEFAULT_SLOTS: u16 = 1024;

/// Milliseconds of the monotonic clock, which all processes of a machine share.
pub fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

#[repr(C, align(128))]
struct Head {
    /// One more than the highest slot that was ever used, so that nobody looks at a
    /// thousand empty ones.
    used: AtomicU32,
}

/// The whole table. A copy of it is another way to the same memory, which lives as long
/// as any process of the server.
#[derive(Clone, Copy)]
pub struct Board {
    head: &'static Head,
    slots: &'static [Slot],
    meters: &'static [Meters],
}

impl Board {
    /// Makes a board. The memory is never given back: workers inherit it, and none of
    /// them could know when the last one is gone.
    pub fn new(slots: u16) -> io::Result<Self> {
        let (head, slots, meters) = map(slots.into())?;
        Ok(Self {
            head,
            slots,
            meters,
        })
    }

    /// How many slots there are.
    pub fn len(&self) -> u16 {
        self.slots.len() as u16
    }

    /// Whether there are no slots at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The slot with this number, which must be below [`Board::len`].
    pub fn slot(&self, id: SlotId) -> &'static Slot {
        &self.slots[id.index()]
    }

    /// What the workers of the slot with this number have done, which must be below
    /// [`Board::len`].
    pub fn meters(&self, id: SlotId) -> &'static Meters {
        &self.meters[id.index()]
    }

    /// Marks a slot as free; see [`Slot::clear`]. What its worker had in hand is lost.
    pub fn clear(&self, id: SlotId) {
        let slot = self.slot(id);
        self.meters(id).vacate(slot.snapshot().in_flight);
        slot.clear();
    }

    /// Gets a slot ready for a worker; see [`Slot::prepare`].
    pub fn prepare(&self, id: SlotId, generation: u32, age: u64, now_ms: u64) {
        self.slot(id).prepare(generation, age, now_ms);
        self.head.used.fetch_max(id.index() as u32 + 1, Relaxed);
    }

    /// The slots that have been used so far, with their numbers.
    pub fn used(&self) -> impl Iterator<Item = (SlotId, &'static Slot)> {
        let used = self.head.used.load(Relaxed) as usize;
        let slots: &'static [Slot] = self.slots;
        slots
            .iter()
            .take(used)
            .enumerate()
            .map(|(index, slot)| (SlotId::new(index as u16), slot))
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.used()).finish()
    }
}

#[expect(
    unsafe_code,
    reason = "memory shared with forked processes has to be mapped"
)]
fn map(slots: usize) -> io::Result<(&'static Head, &'static [Slot], &'static [Meters])> {
    // All three are aligned alike, and their sizes are multiples of that.
    let bytes = size_of::<Head>() + slots * (size_of::<Slot>() + size_of::<Meters>());
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: without an address the kernel takes memory that nothing else uses.
    let base = unsafe { mmap_anonymous(ptr::null_mut(), bytes, protection, MapFlags::SHARED)? };
    let head = base.cast::<Head>();
    // SAFETY: the mapping begins on a page, so that all types are aligned; it holds one
    // `Head`, `slots` times `Slot` and as many `Meters` one after the other; it is never
    // unmapped. The types consist of atomic integers, of which zero, the content of fresh
    // anonymous memory, is a value, and which others may change behind a shared reference.
    unsafe {
        let first_slot = head.add(1).cast::<Slot>();
        let first_meters = first_slot.add(slots).cast::<Meters>();
        Ok((
            &*head,
            slice::from_raw_parts(first_slot, slots),
            slice::from_raw_parts(first_meters, slots),
        ))
    }
}
