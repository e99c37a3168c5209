//! What is sent, request by request: a [`SourcePlan`] compiled into a
//! [`RequestSource`] that all threads share, and a [`Cursor`] for each of them.
//!
//! Nothing here knows of sockets or of time. When a request is due, and how its
//! bytes reach the target, is left to the engine.

mod blend;
mod compile;
mod data;
mod error;
mod link;
mod parts;
mod plan;
pub(crate) mod recipe;
mod template;

use crate::random::{Purpose, Stream};
use compile::Limits;
use recipe::{Filling, Recipe, Wire};

pub use error::{Flaw, Place, PlaceholderError, SourceError};
pub use parts::Parts;
pub use plan::{DataPlan, Endpoint, Pick, SourcePlan};

/// All requests of a load, shared by its threads.
#[derive(Debug)]
pub struct RequestSource {
    /// Requests that are the same every time.
    fixed: Vec<Box<[u8]>>,
    /// How to put together those that are not.
    recipes: Vec<Recipe>,
    /// Every combination of a line and a URL.
    variants: Vec<Variant>,
    /// The lines of the data; a single one where there is no data.
    lines: Vec<SourceLine>,
    /// Up to each endpoint, the sum of all weights.
    cumulative_weights: Vec<u64>,
    pick: Pick,
    endpoints: Vec<String>,
    /// The one request, where all are the same.
    only: Option<Next>,
}

/// A line of the data, compiled.
#[derive(Debug)]
struct SourceLine {
    /// Of as many as there are endpoints, unless the path is the line's own.
    first_variant: u32,
    has_own_path: bool,
    /// What its recipes put in.
    values: Box<[Box<str>]>,
}

/// The request of one line to one URL.
#[derive(Debug)]
struct Variant {
    script: Script,
    is_head: bool,
    endpoint: u16,
}

#[derive(Debug)]
enum Script {
    /// Index of a fixed request.
    Fixed(u32),
    /// Index of a recipe.
    Recipe(u32),
}

/// Where a thread is in a [`RequestSource`].
#[derive(Debug)]
pub struct Cursor<'a> {
    source: &'a RequestSource,
    random: Stream,
    /// The next request's number.
    seq: u64,
    threads: u32,
    /// Where a body waits for its length to be known.
    scratch: Vec<u8>,
}

/// Where the bytes of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// With the source, under this number ([`RequestSource::fixed`]).
    Fixed(u32),
    /// In the buffer.
    Rendered,
}

/// The request to be sent next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Where its bytes are.
    pub request: Request,
    /// Whether its method is HEAD, so that no body will come.
    pub is_head: bool,
    /// Index of its URL in [`RequestSource::endpoints`].
    pub endpoint: u16,
}

impl RequestSource {
    /// Reads templates and data and puts together whatever is the same every
    /// time. `host` is the `Host` header's value; without `keepalive` each request
    /// asks for its connection to be closed.
    pub fn compile(plan: &SourcePlan, host: &str, keepalive: bool) -> Result<Self, SourceError> {
        compile::compile(plan, Wire { host, keepalive }, Limits::DEFAULT)
    }

    /// The bytes of the one request, where all are the same: whoever sends nothing
    /// else needs no cursor.
    pub fn single(&self) -> Option<&[u8]> {
        match self.only?.request {
            Request::Fixed(index) => Some(self.fixed(index)),
            Request::Rendered => None,
        }
    }

    /// The bytes of a fixed request.
    #[inline]
    pub fn fixed(&self, index: u32) -> &[u8] {
        &self.fixed[index as usize]
    }

    /// The bytes of a request, `buffer` being the one that [`Cursor::next`] was given.
    #[inline]
    pub fn bytes<'a>(&'a self, request: Request, buffer: &'a [u8]) -> &'a [u8] {
        match request {
            Request::Fixed(index) => self.fixed(index),
            Request::Rendered => buffer,
        }
    }

    /// How many fixed requests there are, numbered from 0.
    pub fn fixed_count(&self) -> u32 {
        self.fixed.len() as u32
    }

    /// A fixed request, taken apart; for rendered ones there is [`Parts::of`].
    pub fn fixed_parts(&self, index: u32) -> Parts<'_> {
        Parts::of(self.fixed(index))
    }

    /// The URLs' paths as they were given; where lines of the data have paths of
    /// their own, one more entry stands for all of these.
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// A cursor for `thread` (from 0) of `threads`. The same seed and number of
    /// threads give each thread the same requests again.
    pub fn cursor(&self, seed: u64, thread: u32, threads: u32) -> Cursor<'_> {
        Cursor {
            source: self,
            random: Stream::new(seed, Purpose::Requests { thread }),
            seq: u64::from(thread),
            threads,
            scratch: Vec::new(),
        }
    }

    fn find_only(&mut self) {
        if let [variant] = &self.variants[..]
            && let Script::Fixed(index) = variant.script
        {
            self.only = Some(variant.next(Request::Fixed(index)));
        }
    }
}

impl Variant {
    fn next(&self, request: Request) -> Next {
        Next {
            request,
            is_head: self.is_head,
            endpoint: self.endpoint,
        }
    }
}

impl Cursor<'_> {
    /// The next request of this thread. One that is not fixed is written to
    /// `buffer`, whose former content is lost; a buffer that is used again is not
    /// allocated again.
    ///
    /// What is random is drawn in this order: the line, the URL, then the
    /// placeholders of body, path and headers.
    #[inline]
    pub fn next(&mut self, buffer: &mut Vec<u8>) -> Next {
        match self.source.only {
            Some(only) => only,
            None => self.choose(buffer),
        }
    }

    fn choose(&mut self, buffer: &mut Vec<u8>) -> Next {
        let source = self.source;
        let seq = self.seq;
        self.seq += u64::from(self.threads);
        let line = &source.lines[self.line_of(seq)];
        let offset = if line.has_own_path {
            0
        } else {
            self.endpoint()
        };
        let variant = &source.variants[line.first_variant as usize + offset];
        match variant.script {
            Script::Fixed(index) => variant.next(Request::Fixed(index)),
            Script::Recipe(index) => {
                let mut filling = Filling {
                    seq,
                    random: &mut self.random,
                    values: &line.values,
                };
                source.recipes[index as usize].render(&mut filling, &mut self.scratch, buffer);
                variant.next(Request::Rendered)
            }
        }
    }

    fn line_of(&mut self, seq: u64) -> usize {
        let count = self.source.lines.len() as u64;
        let index = match self.source.pick {
            _ if count == 1 => 0,
            Pick::Sequential => seq % count,
            Pick::Random => self.random.below(count),
        };
        index as usize
    }

    fn endpoint(&mut self) -> usize {
        match &self.source.cumulative_weights[..] {
            [.., total] if self.source.cumulative_weights.len() > 1 => {
                let drawn = self.random.below(*total);
                self.source
                    .cumulative_weights
                    .partition_point(|&sum| sum <= drawn)
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
