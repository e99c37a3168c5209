//! What a request may cost and which oddities are let through: gunicorn's settings of
//! these names, and a few of our own.

/// The largest value that a limit on buffered bytes or on fields can have: spans count
/// in 32 bits.
const MOST: usize = 1 << 30;

/// Bounds and permissions. Except where a field says otherwise, 0 means no bound of
/// its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "gunicorn's switches, each of them on its own"
)]
pub struct Limits {
    /// The request line without its end, in bytes (`limit_request_line`).
    pub request_line_bytes: usize,
    /// How many fields (`limit_request_fields`).
    pub fields: usize,
    /// One field with its end, in bytes (`limit_request_field_size`).
    pub field_bytes: usize,
    /// The field section with the empty line that ends it, in bytes; also the bound
    /// of a request line that has no other.
    pub head_bytes: usize,
    /// The body's content, in bytes.
    pub body_bytes: u64,
    /// The line before each chunk, without its end, in bytes.
    pub chunk_line_bytes: usize,
    /// The trailer section with the empty line that ends it, in bytes.
    pub trailer_bytes: usize,
    /// Take fields that go on in the next line (`permit_obsolete_folding`).
    pub folding: bool,
    /// Take blanks between a field's name and its colon (`strip_header_spaces`).
    pub strip_name_spaces: bool,
    /// Take methods with small letters or `#`, shorter than 3 or longer than 20 bytes
    /// (`permit_unconventional_http_method`).
    pub unconventional_method: bool,
    /// Take major versions other than 1 (`permit_unconventional_http_version`).
    pub unconventional_version: bool,
    /// Read methods as capital letters (`casefold_http_method`).
    pub casefold_method: bool,
}

impl Default for Limits {
    /// gunicorn's defaults where it has the setting.
    fn default() -> Self {
        Self {
            request_line_bytes: 4094,
            fields: 100,
            field_bytes: 8190,
            head_bytes: 64 * 1024,
            body_bytes: 1 << 30,
            chunk_line_bytes: 256,
            trailer_bytes: 8190,
            folding: false,
            strip_name_spaces: false,
            unconventional_method: false,
            unconventional_version: false,
            casefold_method: false,
        }
    }
}

/// A limit as a number to compare with.
#[inline]
pub(super) fn bound(limit: usize) -> usize {
    if limit == 0 { MOST } else { limit.min(MOST) }
}
