//! Responses in a content coding that the client takes. Which responses, and by which coder;
//! when it is used is decided by `dispatch/exchange/compressing.rs`, by whoever runs the
//! application, without what others need meanwhile, such as an interpreter's lock.

mod eligible;
mod encoder;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use self::eligible::{Fields, Plain, weakened};
pub(crate) use self::encoder::Encoder;
#[cfg(test)]
pub(crate) use self::encoder::decoded;
use crate::codings::Coding;

/// Responses of a worker that are compressed piece by piece at a time. Each has up to 1 MiB of
/// memory until it is complete; those beyond go out as they are.
const MOST_IN_HAND: usize = 64;

/// The codings, by how little time they take.
pub(crate) const CODINGS: [Coding; 2] = [Coding::Zstd, Coding::Gzip];

/// Which responses are compressed.
#[derive(Debug)]
pub struct Compression {
    /// In small letters; `text/*` stands for all that begin so.
    types: Vec<Vec<u8>>,
    least_bytes: u64,
    in_hand: AtomicUsize,
}

/// Leave to compress a response piece by piece.
#[derive(Debug)]
pub(crate) struct Place(Arc<Compression>);

impl Compression {
    /// Compresses responses of these media types, from this length on.
    pub fn new<T: AsRef<str>>(types: impl IntoIterator<Item = T>, least_bytes: u64) -> Self {
        let types = types.into_iter();
        Self {
            types: types
                .map(|text| text.as_ref().trim().to_ascii_lowercase().into_bytes())
                .collect(),
            least_bytes,
            in_hand: AtomicUsize::new(0),
        }
    }

    pub(crate) fn least_bytes(&self) -> u64 {
        self.least_bytes
    }

    /// Whether responses of this Content-Type are compressed.
    fn has(&self, content_type: &[u8]) -> bool {
        let mut parts = content_type.split(|byte| *byte == b';');
        let plain = parts.next().unwrap_or_default().trim_ascii();
        let plain = plain.to_ascii_lowercase();
        self.types
            .iter()
            .any(|known| match known.strip_suffix(b"*") {
                Some(beginning) => plain.starts_with(beginning),
                None => *known == plain,
            })
    }

    /// Leave to compress one more response piece by piece, where there are not too many.
    pub(crate) fn place(self: &Arc<Self>) -> Option<Place> {
        let before = self.in_hand.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(self));
        // What is too many gives its leave back.
        (before < MOST_IN_HAND).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_name_and_by_beginning() {
        let compression = Compression::new(["text/*", " Application/JSON"], 0);
        for (content_type, has) in [
            ("text/html; charset=utf-8", true),
            ("TEXT/plain", true),
            ("application/json", true),
            ("application/json;charset=utf-8", true),
            ("application/json-patch", false),
            ("image/png", false),
            ("", false),
        ] {
            assert_eq!(
                compression.has(content_type.as_bytes()),
                has,
                "{content_type}"
            );
        }
    }

    #[test]
    fn there_are_so_many_places_and_they_come_back() {
        let compression = Arc::new(Compression::new(["text/*"], 0));
        for _ in 0..2 {
            let places: Vec<_> = std::iter::from_fn(|| compression.place()).collect();
            assert_eq!(places.len(), MOST_IN_HAND);
            assert!(compression.place().is_none());
        }
    }
}
