//! A response that may be compressed on its way out. Its head is begun as the application said
//! it; with the first part of the body it is decided, and where it is compressed the head is
//! begun anew.

use std::io;
use std::sync::Arc;

use super::Exchange;
use crate::codings::{Accepted, Coding};
use crate::compress::{CODINGS, Compression, Encoder, Fields, Place, Plain, weakened};
use crate::http::{Known, Method};
use crate::reply::{Reply, ReplyError};

/// What becomes of a response.
#[derive(Debug)]
pub(super) struct Compressing {
    compression: Arc<Compression>,
    /// What the client takes.
    coding: Option<Coding>,
    /// It has what was compressed before: its tags say so.
    knows_weak_tags: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It goes out as it is.
    Plain,
    /// The first part decides.
    Undecided(Box<Plain>),
    /// It is compressed.
    Encoded(Encoded),
    /// It would be, if the request were no HEAD; or all of it was.
    Over,
}

#[derive(Debug)]
struct Encoded {
    encoder: Encoder,
    /// What is missing of the length that the application promised, in bytes.
    left: Option<u64>,
    /// Held as long as more is to come.
    _place: Option<Place>,
}

impl Exchange {
    /// Lets the response be compressed, where the client takes it.
    pub(crate) fn compressed_by(mut self, compression: &Arc<Compression>) -> Self {
        let mut accepted = Accepted::default();
        let mut knows_weak_tags = false;
        for (known, _, value) in self.fields() {
            match known {
                Known::AcceptEncoding => accepted.add(&value),
                Known::IfNoneMatch => {
                    knows_weak_tags |= memchr::memmem::find(&value, b"W/").is_some();
                }
                _ => {}
            }
        }
        self.compressing = Some(Box::new(Compressing {
            compression: Arc::clone(compression),
            coding: accepted.among(CODINGS).next(),
            knows_weak_tags,
            stage: Stage::Plain,
        }));
        self
    }

    /// Whether it may take a while to send a part, during which whoever sends it needs nothing.
    pub fn compresses(&self) -> bool {
        let stage = self.compressing.as_ref().map(|own| &own.stage);
        matches!(stage, Some(Stage::Undecided(_) | Stage::Encoded(_)))
    }

    /// Whether parts go another way than as they are, which the first one decides. `whole`: the
    /// length of the body where all of it is there.
    pub(super) fn goes_compressed(&mut self, whole: Option<u64>) -> Result<bool, ReplyError> {
        if self.compressing.is_none() {
            return Ok(false);
        }
        self.decide(whole)?;
        let stage = self.compressing.as_ref().map(|own| &own.stage);
        Ok(!matches!(stage, None | Some(Stage::Plain)))
    }

    /// Sends a part of a body that is compressed.
    pub(super) fn send_compressed(&mut self, part: &[u8], whole: bool) -> Result<(), ReplyError> {
        let Some(Stage::Encoded(own)) = self.compressing.as_mut().map(|own| &mut own.stage) else {
            // Of HEAD's body, and beyond the end, nothing is sent.
            return Ok(());
        };
        let part = match &mut own.left {
            None => part,
            Some(left) => {
                let taken = (*left).min(part.len() as u64);
                *left -= taken;
                &part[..taken as usize]
            }
        };
        // What has not all that was promised is found out at the end.
        let is_last = own.left.map_or(whole, |left| left == 0);
        if is_last {
            return self.send_last(part);
        }
        if part.is_empty() {
            return Ok(());
        }
        let encoded = own.encoder.part(part);
        self.send_encoded(encoded, false)
    }

    /// Ends what is compressed; the response itself is ended then.
    pub(super) fn finish_compressed(&mut self) -> Result<(), ReplyError> {
        if !self.goes_compressed(Some(0))? {
            return Ok(());
        }
        let stage = self.compressing.as_ref().map(|own| &own.stage);
        let Some(Stage::Encoded(own)) = stage else {
            return Ok(());
        };
        if own.left.is_some_and(|left| left > 0) {
            self.reply.fall_short();
            return Ok(());
        }
        self.send_last(b"")
    }

    fn send_last(&mut self, part: &[u8]) -> Result<(), ReplyError> {
        match self.take_encoder() {
            Some(encoder) => self.send_encoded(encoder.last(part), true),
            None => Ok(()),
        }
    }

    fn send_encoded(&mut self, encoded: io::Result<Vec<u8>>, last: bool) -> Result<(), ReplyError> {
        let Ok(encoded) = encoded else {
            // For want of memory, most likely: what was sent is of no use.
            self.abort();
            return Ok(());
        };
        // Trailers come after the last part.
        self.send_plain(&encoded, last && !self.reply.trails())
    }

    fn take_encoder(&mut self) -> Option<Encoder> {
        let stage = &mut self.compressing.as_mut()?.stage;
        match std::mem::replace(stage, Stage::Over) {
            Stage::Encoded(encoded) => Some(encoded.encoder),
            _ => None,
        }
    }

    /// Decides, once, whether the response is compressed.
    fn decide(&mut self, whole: Option<u64>) -> Result<(), ReplyError> {
        let is_head = self
            .head()
            .is_some_and(|head| head.line.kind == Method::Head);
        let Some(own) = &mut self.compressing else {
            return Ok(());
        };
        let (Stage::Undecided(plain), Some(coding)) = (&mut own.stage, own.coding) else {
            return Ok(());
        };
        let least_bytes = own.compression.least_bytes();
        let (decided, place) = match whole {
            _ if is_head => (true, None),
            Some(bytes) => (bytes >= least_bytes, None),
            None => {
                let place = own.compression.place();
                (place.is_some(), place)
            }
        };
        let bytes = match (whole, plain.length) {
            (Some(bytes), Some(promised)) => Some(bytes.min(promised)),
            (bytes, promised) => bytes.or(promised),
        };
        let next = if !decided {
            Stage::Plain
        } else if is_head {
            Stage::Over
        } else {
            match Encoder::new(coding, bytes) {
                Ok(encoder) => Stage::Encoded(Encoded {
                    encoder,
                    left: plain.length,
                    _place: place,
                }),
                Err(_) => Stage::Plain,
            }
        };
        if !matches!(next, Stage::Plain) {
            begin_anew(&mut self.reply, plain, coding)?;
        }
        own.stage = next;
        Ok(())
    }
}

impl Compressing {
    /// Begins the response as the application says it.
    pub(super) fn start(
        &mut self,
        reply: &mut Reply,
        status: u16,
        reason: &[u8],
        mut fields: Fields<'_>,
    ) -> Result<(), ReplyError> {
        let plain = self.compression.plain(status, reason, &mut fields);
        // A strong tag would not be that of what the client has (RFC 9111, section 4.3.4).
        let is_tag = |name: &[u8]| name.eq_ignore_ascii_case(b"etag");
        let tag = fields.iter().find(|(name, _)| is_tag(name));
        let tag = tag.filter(|_| status == 304 && self.knows_weak_tags);
        let weak = tag.and_then(|(_, value)| weakened(value));
        let fields = fields.iter().map(|&(name, value)| match &weak {
            Some(weak) if is_tag(name) => (name, weak.as_slice()),
            _ => (name, value),
        });
        reply.start(status, reason, fields)?;
        self.stage = match plain {
            Some(plain) if self.coding.is_some() => Stage::Undecided(Box::new(plain)),
            _ => Stage::Plain,
        };
        Ok(())
    }
}

/// Begins the response as it is when it is compressed.
fn begin_anew(reply: &mut Reply, plain: &Plain, coding: Coding) -> Result<(), ReplyError> {
    let fields = plain.fields(coding);
    let fields = fields.iter();
    let fields = fields.map(|(name, value)| (name.as_slice(), value.as_slice()));
    reply.start(plain.status, &plain.reason, fields)
}
