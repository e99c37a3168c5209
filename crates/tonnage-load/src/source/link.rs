//! Templates linked to what fills them: every text is checked for the place where
//! it will stand, so that rendering has nothing left to check.

use std::fmt::Write as _;

use super::data::Line;
use super::error::{Flaw, Place, SourceError};
use super::recipe::Piece;
use super::template::{self, Token};

/// The part of a request that a text stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Header,
    Body,
}

/// The data fields that the common templates name, each once.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Slot>);

/// A field and where its values go.
#[derive(Debug, Default)]
struct Slot {
    name: String,
    begins_path: bool,
    in_path: bool,
    in_header: bool,
}

impl Part {
    /// Whether `text` may stand here, at the beginning or later on.
    fn check(self, text: &str, begins: bool) -> Result<(), Flaw> {
        match self {
            Self::Path if begins && !text.starts_with('/') => Err(Flaw::NoSlash),
            Self::Path => match text.chars().find(|&c| !may_be_in_path(c)) {
                Some(character) => Err(Flaw::NotInPath {
                    character,
                    encoded: percent_encoded(character),
                }),
                None => Ok(()),
            },
            Self::Header if text.chars().any(|c| c.is_control() && c != '\t') => Err(Flaw::Control),
            Self::Header | Self::Body => Ok(()),
        }
    }
}

/// Whether the request line may hold `c` in its path or query. RFC 3986 allows
/// less, but servers see more every day; this is what HTTP/2 libraries take, too.
fn may_be_in_path(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '#' | '<' | '>' | '`' | '"')
}

fn percent_encoded(c: char) -> String {
    let mut encoded = String::new();
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        // Writing to a string does not fail.
        let _ = write!(encoded, "%{byte:02X}");
    }
    encoded
}

impl Slots {
    /// Links a template that is common to all lines; fields become slots.
    pub(super) fn link(
        &mut self,
        template: &[u8],
        part: Part,
        place: &Place,
        has_data: bool,
    ) -> Result<Vec<Piece>, SourceError> {
        link(template, part, place, has_data, |name, begins| {
            Ok(Piece::Value(self.slot(name, part, begins)))
        })
    }

    fn slot(&mut self, name: String, part: Part, begins: bool) -> u32 {
        let known = self.0.iter().position(|slot| slot.name == name);
        let index = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.push(Slot {
                name,
                ..Slot::default()
            });
        }
        let slot = &mut self.0[index];
        slot.in_path |= part == Part::Path;
        slot.begins_path |= part == Part::Path && begins;
        slot.in_header |= part == Part::Header;
        index as u32
    }

    /// The values of a line, slot by slot.
    pub(super) fn values_of(&self, line: &Line<'_>) -> Result<Box<[Box<str>]>, SourceError> {
        let value = |slot: &Slot| {
            let text = line.text_of(&slot.name)?;
            let flaw = |flaw| line.flaw(&slot.name, flaw);
            if slot.in_path {
                Part::Path.check(&text, slot.begins_path).map_err(flaw)?;
            }
            if slot.in_header {
                Part::Header.check(&text, false).map_err(flaw)?;
            }
            Ok(text.into_boxed_str())
        };
        self.0.iter().map(value).collect()
    }
}

/// Links a template of a line itself; fields become texts at once.
pub(super) fn link_own(
    template: &str,
    part: Part,
    name: &str,
    line: &Line<'_>,
) -> Result<Vec<Piece>, SourceError> {
    let place = line.place(name);
    link(template.as_bytes(), part, &place, true, |field, begins| {
        let text = line.text_of(&field)?;
        part.check(&text, begins)
            .map_err(|flaw| line.flaw(&field, flaw))?;
        Ok(Piece::text(text.into_bytes()))
    })
}

fn link(
    template: &[u8],
    part: Part,
    place: &Place,
    has_data: bool,
    mut field: impl FnMut(String, bool) -> Result<Piece, SourceError>,
) -> Result<Vec<Piece>, SourceError> {
    let flaw = |flaw| SourceError::Flaw {
        place: place.clone(),
        flaw,
    };
    let tokens =
        template::parse(template, has_data).map_err(|misplaced| SourceError::Placeholder {
            place: place.clone(),
            column: misplaced.column,
            text: misplaced.text,
            problem: misplaced.problem,
        })?;
    let begins_with_text = matches!(tokens.first(), Some(Token::Text(_) | Token::Field(_)));
    if part == Part::Path && !begins_with_text {
        return Err(flaw(Flaw::NoSlash));
    }
    let piece = |(index, token)| match token {
        Token::Text(text) => {
            if part != Part::Body {
                let text = String::from_utf8_lossy(&text);
                part.check(&text, index == 0).map_err(flaw)?;
            }
            Ok(Piece::text(text))
        }
        Token::Seq => Ok(Piece::Seq),
        Token::Rand(range) => Ok(Piece::Rand(range)),
        Token::Field(name) => field(name, index == 0),
    };
    tokens.into_iter().enumerate().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_what_other_libraries_take() {
        for byte in 0..=127_u8 {
            let c = char::from(byte);
            // A fragment is cut off there, and refused here.
            let in_path = format!("/a{c}").parse::<http::uri::PathAndQuery>();
            let in_query = format!("/?{c}").parse::<http::uri::PathAndQuery>();
            let taken = in_path.is_ok() && in_query.is_ok() && c != '#';
            assert_eq!(may_be_in_path(c), taken, "{c:?}");
        }
        assert!(!may_be_in_path('ä'));
        assert_eq!(percent_encoded('ä'), "%C3%A4");
    }

    #[test]
    fn a_path_begins_with_a_slash() {
        let mut slots = Slots::default();
        let place = Place::Path("p".to_owned());
        for (path, is_right) in [
            ("/", true),
            ("/{{seq}}", true),
            ("{{line.x}}", true),
            ("", false),
            ("x", false),
            ("{{seq}}/", false),
        ] {
            let linked = slots.link(path.as_bytes(), Part::Path, &place, true);
            assert_eq!(linked.is_ok(), is_right, "{path}");
        }
    }
}
