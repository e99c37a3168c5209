//! Ranges of a buffer that is kept elsewhere: what a parser finds, without copying
//! and without borrowing, so that it can be stored beside the buffer or shared.

/// The bytes from `start` up to but not including `end` of some buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
}

impl Span {
    /// Buffers of heads are far below 4 GiB (`Limits`).
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// These bytes of `buffer`, which must be the one that the span was found in (or
    /// one that begins the same way).
    #[inline]
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start as usize..self.end as usize]
    }

    /// The length in bytes.
    #[inline]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are no bytes in it.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}
