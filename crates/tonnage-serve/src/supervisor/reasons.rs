//! Why workers could not start, in their own words: a file without a name that they
//! inherit, with a place for each. The supervisor reads what a dead worker has left.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::board::SlotId;

/// Bytes of a place; longer texts are cut.
const PLACE_BYTES: usize = 512;

/// The places of all workers.
#[derive(Debug)]
pub struct Reasons(File);

impl Reasons {
    /// Places in which nobody has written.
    pub fn new() -> io::Result<Self> {
        let file = memfd_create("tonnage-reasons", MemfdFlags::CLOEXEC)?;
        Ok(Self(file.into()))
    }

    /// Leaves a reason, in one line. What cannot be written is not said.
    pub fn leave(&self, slot: SlotId, text: &str) {
        let mut place = [0; PLACE_BYTES];
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let bytes = &line.as_bytes()[..line.floor_char_boundary(PLACE_BYTES)];
        place[..bytes.len()].copy_from_slice(bytes);
        let _ = self.0.write_all_at(&place, offset(slot));
    }

    /// The reason that was left, once.
    pub fn take(&self, slot: SlotId) -> Option<String> {
        let mut place = [0; PLACE_BYTES];
        // Where nobody has written the file may be shorter.
        self.0.read_exact_at(&mut place, offset(slot)).ok()?;
        let end = place.iter().position(|byte| *byte == 0);
        let text = String::from_utf8_lossy(&place[..end.unwrap_or(PLACE_BYTES)]).into_owned();
        if text.is_empty() {
            return None;
        }
        let _ = self.0.write_all_at(&[0; PLACE_BYTES], offset(slot));
        Some(text)
    }
}

fn offset(slot: SlotId) -> u64 {
    (slot.index() * PLACE_BYTES) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_once_and_is_one_line() {
        let reasons = Reasons::new().unwrap();
        let (first, second) = (SlotId::new(0), SlotId::new(7));
        assert_eq!(reasons.take(second), None);
        reasons.leave(second, "SyntaxError:\n  invalid   syntax");
        assert_eq!(reasons.take(first), None);
        assert_eq!(
            reasons.take(second).as_deref(),
            Some("SyntaxError: invalid syntax")
        );
        assert_eq!(reasons.take(second), None);
    }

    #[test]
    fn a_long_one_is_cut_between_letters() {
        let reasons = Reasons::new().unwrap();
        let slot = SlotId::new(1);
        reasons.leave(slot, &format!("x{}", "ä".repeat(600)));
        let text = reasons.take(slot).unwrap();
        assert_eq!(text.len(), PLACE_BYTES - 1);
        reasons.leave(slot, "short");
        assert_eq!(reasons.take(slot).as_deref(), Some("short"));
    }
}
