//! The field section of a request (RFC 9112, section 5), and of trailers: where each
//! name and value is. A section that comes in pieces is gone on with at the line where
//! it broke off, so that a client that drips costs little.

use std::borrow::Cow;

use memchr::memchr;

use super::bytes::{TOKEN, blanks, is_blank, run, text_run, trim};
use super::limits::bound;
use super::meaning::Facts;
use super::{Known, Limits, Meaning, Refusal, Span, Version};

/// One field. Its spans are relative to the beginning of the section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name as it was sent.
    pub name: Span,
    /// Which name that is.
    pub known: Known,
    /// Whether the name has an underscore, which CGI variables cannot tell from a
    /// hyphen (`header_map`).
    pub has_underscore: bool,
    /// Without the blanks at both ends; with the line ends in it where it is folded.
    value: Span,
    is_folded: bool,
}

impl Field {
    /// The value. It is copied only where it was folded (`Limits::folding`): each fold
    /// becomes a space (RFC 9112, section 5.2).
    #[inline]
    pub fn value<'a>(&self, section: &'a [u8]) -> Cow<'a, [u8]> {
        let value = self.value.of(section);
        if self.is_folded {
            Cow::Owned(unfold(value))
        } else {
            Cow::Borrowed(value)
        }
    }

    /// The value as it was sent.
    #[inline]
    pub(super) fn raw_value<'a>(&self, section: &'a [u8]) -> &'a [u8] {
        self.value.of(section)
    }

    #[inline]
    pub(super) fn is_folded(&self) -> bool {
        self.is_folded
    }
}

/// The fields of a section, and what they say about the request. A section that has been
/// read can be kept beside its bytes and shared: a client that sends the same bytes again
/// means the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    list: Vec<Field>,
    /// Where the line begins that is to be read next.
    at: u32,
    /// The length of the section; 0 until its end has been found.
    bytes: u32,
    /// The names that are there, by `Known::bit`.
    seen: u64,
    /// Those that are there more than once.
    repeated: u64,
    facts: Facts,
}

impl Fields {
    /// Reads the section at the beginning of `section`, which ends with an empty line
    /// and may be followed by anything; `None` where that line has not come yet.
    pub fn parse(section: &[u8], limits: &Limits) -> Result<Option<Self>, Refusal> {
        let mut fields = Self::default();
        Ok(fields.advance(section, limits)?.then_some(fields))
    }

    /// Reads on in a section of which more has come, and says whether it is all there.
    /// `section` must begin with what it was the time before. After a refusal there is
    /// nothing more to be had from it but `clear`.
    #[inline]
    pub fn advance(&mut self, section: &[u8], limits: &Limits) -> Result<bool, Refusal> {
        if !self.scan(section, limits)? {
            return Ok(false);
        }
        self.facts = Facts::of(self, section, limits)?;
        Ok(true)
    }

    /// Forgets everything but the memory that it needed.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.at = 0;
        self.bytes = 0;
        self.seen = 0;
        self.repeated = 0;
        self.facts = Facts::default();
    }

    /// The length of the section with the empty line at its end, in bytes.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// How many fields there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The fields in their order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.list.iter()
    }

    /// Whether there is a field of this name. Not for `Known::Other`.
    #[inline]
    pub fn has(&self, known: Known) -> bool {
        self.seen & known.bit() != 0
    }

    /// Whether there are several fields of this name. Not for `Known::Other`.
    #[inline]
    pub fn is_repeated(&self, known: Known) -> bool {
        self.repeated & known.bit() != 0
    }

    /// The first value of this name. Not for `Known::Other`.
    #[inline]
    pub fn get<'a>(&self, section: &'a [u8], known: Known) -> Option<Cow<'a, [u8]>> {
        let field = self.first(known)?;
        Some(field.value(section))
    }

    /// What a complete section says about the request: where its body ends and what
    /// comes after it.
    #[inline]
    pub fn check(&self, version: Version) -> Result<Meaning, Refusal> {
        self.facts.check(version, self.has(Known::Host))
    }

    #[inline]
    pub(super) fn first(&self, known: Known) -> Option<&Field> {
        if self.has(known) {
            self.list.iter().find(|field| field.known == known)
        } else {
            None
        }
    }

    /// Names as a set of `Known::bit`.
    #[inline]
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    #[inline]
    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// `advance` without a look at what the fields say.
    #[inline]
    pub(super) fn scan(&mut self, section: &[u8], limits: &Limits) -> Result<bool, Refusal> {
        if self.bytes != 0 {
            return Ok(true);
        }
        let most = bound(limits.head_bytes);
        let section = &section[..section.len().min(most)];
        let mut at = self.at as usize;
        loop {
            let next = match section.get(at) {
                Some(b'\r') => match section.get(at + 1) {
                    Some(b'\n') => {
                        self.at = at as u32;
                        self.bytes = at as u32 + 2;
                        return Ok(true);
                    }
                    Some(_) => return Err(Refusal::BareCarriageReturn),
                    None => None,
                },
                Some(b' ' | b'\t') => self.fold(section, at, limits)?,
                Some(_) => self.field(section, at, limits)?,
                None => None,
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        self.at = at as u32;
        if section.len() == most {
            return Err(Refusal::FieldsTooLarge);
        }
        Ok(false)
    }

    /// Reads the field that begins at `at`; gives the beginning of the next line, or
    /// `None` where the section breaks off before it.
    #[inline]
    fn field(
        &mut self,
        section: &[u8],
        at: usize,
        limits: &Limits,
    ) -> Result<Option<usize>, Refusal> {
        if self.list.len() >= bound(limits.fields) {
            return Err(Refusal::TooManyFields);
        }
        let most = bound(limits.field_bytes);
        let line = &section[..section.len().min(at + most)];
        let name_end = at + run(&line[at..], TOKEN);
        let mut colon = name_end;
        if limits.strip_name_spaces {
            colon += blanks(&line[colon..]);
        }
        match line.get(colon) {
            Some(b':') if name_end > at => {}
            Some(&byte) => return Err(not_a_colon(byte)),
            None => return broken_off(line.len() - at, most),
        }
        let start = colon + 1 + blanks(&line[colon + 1..]);
        let Some(end) = line_end(line, start)? else {
            return broken_off(line.len() - at, most);
        };
        let name = &line[at..name_end];
        let known = Known::of(name);
        self.repeated |= self.seen & known.bit();
        self.seen |= known.bit();
        self.list.push(Field {
            name: Span::new(at, name_end),
            known,
            has_underscore: known == Known::Other && memchr(b'_', name).is_some(),
            value: Span::new(start, without_blanks(line, start, end)),
            is_folded: false,
        });
        Ok(Some(end + 2))
    }

    /// Reads a line that goes on with the field before it.
    #[cold]
    fn fold(
        &mut self,
        section: &[u8],
        at: usize,
        limits: &Limits,
    ) -> Result<Option<usize>, Refusal> {
        // RFC 9112, section 2.2: a blank before the first field is no fold.
        let field = self.list.last_mut().ok_or(Refusal::FieldName)?;
        if !limits.folding {
            return Err(Refusal::ObsoleteFolding);
        }
        let most = bound(limits.field_bytes);
        let field_start = field.name.start as usize;
        let line = &section[..section.len().min(field_start + most)];
        let start = at + blanks(&line[at..]);
        let Some(end) = line_end(line, start)? else {
            return broken_off(line.len() - field_start, most);
        };
        let stop = without_blanks(line, start, end);
        if stop > start {
            if field.value.is_empty() {
                field.value = Span::new(start, stop);
            } else {
                field.value.end = stop as u32;
                field.is_folded = true;
            }
        }
        Ok(Some(end + 2))
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What is wrong with a name that is followed by this byte.
#[cold]
fn not_a_colon(byte: u8) -> Refusal {
    match byte {
        b'\n' => Refusal::BareLineFeed,
        b'\r' => Refusal::MissingColon,
        b' ' | b'\t' => Refusal::SpaceBeforeColon,
        _ => Refusal::FieldName,
    }
}

/// The answer where `bytes` of a field are there and its end is not.
#[cold]
fn broken_off(bytes: usize, most: usize) -> Result<Option<usize>, Refusal> {
    if bytes >= most {
        return Err(Refusal::FieldTooLarge);
    }
    Ok(None)
}

/// Where the line ends whose value begins at `start`: the place of its CR LF.
#[inline]
fn line_end(line: &[u8], start: usize) -> Result<Option<usize>, Refusal> {
    let end = start + text_run(&line[start..]);
    match (line.get(end), line.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => Ok(Some(end)),
        (None, _) | (Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), Some(_)) => Err(Refusal::BareCarriageReturn),
        (Some(b'\n'), _) => Err(Refusal::BareLineFeed),
        (Some(_), _) => Err(Refusal::FieldValue),
    }
}

/// The end of a value without the blanks behind it.
#[inline]
fn without_blanks(line: &[u8], start: usize, end: usize) -> usize {
    let mut end = end;
    while end > start && is_blank(line[end - 1]) {
        end -= 1;
    }
    end
}

/// A folded value in one line.
#[cold]
fn unfold(value: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(value.len());
    for line in value.split(|&byte| byte == b'\n') {
        let line = trim(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            continue;
        }
        if !whole.is_empty() {
            whole.push(b' ');
        }
        whole.extend_from_slice(line);
    }
    whole
}
