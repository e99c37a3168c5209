//! What becomes of a response's body: it is counted and summed up, and kept only
//! where a check has to look at it.

use tonnage_model::{Bodies, BodyKind};

use crate::MAX_CHECKED_BYTES;

/// Receives a body as it comes, without chunk headers.
#[derive(Debug, Default)]
pub(crate) struct BodySink {
    bytes: u64,
    crc: crc32fast::Hasher,
    /// The body itself, where it is wanted.
    kept: Option<Vec<u8>>,
}

impl BodySink {
    /// `keep` where a check looks at bodies.
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            kept: keep.then(Vec::new),
            ..Self::default()
        }
    }

    /// Takes the next part of the body.
    #[inline]
    pub(crate) fn take(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        self.crc.update(data);
        if let Some(kept) = &mut self.kept {
            let room = MAX_CHECKED_BYTES - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }

    /// Makes ready for the next body.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.bytes = 0;
        self.crc.reset();
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
    }

    /// Length and checksum of what has come.
    #[inline]
    pub(crate) fn print(&self) -> BodyPrint {
        BodyPrint {
            bytes: self.bytes,
            crc32: self.crc.clone().finalize(),
        }
    }

    /// What was kept; `None` where nothing was, or not all of it.
    pub(crate) fn kept(&self) -> Option<&[u8]> {
        let kept = self.kept.as_deref()?;
        (kept.len() as u64 == self.bytes).then_some(kept)
    }
}

/// A body's length and checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyPrint {
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
}

/// How many different bodies are told apart.
const MAX_KINDS: usize = 16;

/// Counts bodies by length and content. Where all of them differ (a page with the
/// time in it), only so many are told apart.
#[derive(Debug, Default)]
pub(crate) struct BodyTally {
    kinds: Vec<BodyKind>,
    others: u64,
}

impl BodyTally {
    #[inline]
    pub(crate) fn count(&mut self, print: BodyPrint) {
        self.add(print, 1);
    }

    fn add(&mut self, print: BodyPrint, count: u64) {
        let same = |kind: &BodyKind| kind.crc32 == print.crc32 && kind.bytes == print.bytes;
        if let Some(at) = self.kinds.iter().position(same) {
            self.kinds[at].count += count;
        } else if self.kinds.len() < MAX_KINDS {
            self.kinds.push(BodyKind {
                bytes: print.bytes,
                crc32: print.crc32,
                count,
            });
        } else {
            self.others += count;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.kinds.clear();
        self.others = 0;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for kind in &other.kinds {
            let print = BodyPrint {
                bytes: kind.bytes,
                crc32: kind.crc32,
            };
            self.add(print, kind.count);
        }
        self.others += other.others;
    }

    /// Most frequent first.
    pub(crate) fn bodies(&self) -> Bodies {
        let mut kinds = self.kinds.clone();
        kinds.sort_by_key(|kind| (std::cmp::Reverse(kind.count), kind.bytes, kind.crc32));
        Bodies {
            kinds,
            others: self.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(body: &[u8]) -> BodyPrint {
        let mut sink = BodySink::new(false);
        body.chunks(3).for_each(|part| sink.take(part));
        sink.print()
    }

    #[test]
    fn a_body_is_the_same_however_it_is_cut() {
        let whole = BodyPrint {
            bytes: 11,
            crc32: crc32fast::hash(b"hello world"),
        };
        assert_eq!(print(b"hello world"), whole);
        assert_ne!(print(b"hello worlD"), whole);
    }

    #[test]
    fn a_body_is_kept_where_it_is_wanted() {
        let mut sink = BodySink::new(true);
        sink.take(b"ab");
        sink.take(b"c");
        assert_eq!(sink.kept(), Some(&b"abc"[..]));
        sink.reset();
        assert_eq!(sink.kept(), Some(&b""[..]));
        assert_eq!(BodySink::new(false).kept(), None);
        sink.take(&vec![0; MAX_CHECKED_BYTES + 1]);
        assert_eq!(sink.kept(), None, "not all of it is there");
    }

    #[test]
    fn kinds_are_counted_up_to_a_bound() {
        let mut tally = BodyTally::default();
        (0..3).for_each(|_| tally.count(print(b"usual")));
        (0..20).for_each(|i| tally.count(print(format!("other {i}").as_bytes())));
        let mut twice = BodyTally::default();
        twice.merge(&tally);
        twice.merge(&tally);
        let bodies = twice.bodies();
        assert_eq!(bodies.kinds.len(), MAX_KINDS);
        assert_eq!((bodies.kinds[0].bytes, bodies.kinds[0].count), (5, 6));
        let counted: u64 = bodies.kinds.iter().map(|kind| kind.count).sum();
        assert_eq!(counted + bodies.others, 46);
    }
}
