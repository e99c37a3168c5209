//! What the streams of a connection ask of it: to send, to wait for the client, and to be
//! done with. Each call finishes what can be done now; only [`Session::wait_for_room`]
//! waits.

use std::fs::File;
use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use h2::Reason;

use super::engine::Engine;
use super::response::{self, Outbound};
use super::session::Session;
use crate::io::Token;

/// Bytes that are kept for a client altogether; whoever writes more has to wait.
const MOST_BYTES: u64 = 1 << 30;

/// A part from this length on is looked for room in the memory that all streams share.
const LONG_BYTES: usize = 4 << 10;

impl Session {
    /// The worker knows a stream by this from now on; whether it has gone meanwhile.
    pub(super) fn name(&self, stream: u32, token: Token) {
        if let Some(outbound) = self.engine().streams.get_mut(&stream) {
            outbound.token = Some(token);
        }
    }

    /// The client may send more of something: it is told soon.
    pub(super) fn note_room(&self, content_bytes: usize) {
        self.wants_flush.store(true, Ordering::Relaxed);
        self.engine().allowance.content(content_bytes as u64);
    }

    /// Sends what was written for a stream, at once or with what is flushed soon.
    pub(super) fn send(&self, stream: u32, slices: &[&[u8]], at_once: bool) -> io::Result<()> {
        self.give(stream, at_once, |engine| {
            if slices.iter().any(|slice| slice.len() >= LONG_BYTES) {
                engine.share_memory(stream);
            }
            engine.outbound(stream)?.write(slices)
        })
    }

    /// Sends a stretch of a file.
    pub(super) fn send_file(
        &self,
        stream: u32,
        file: File,
        offset: u64,
        bytes: u64,
    ) -> io::Result<()> {
        self.give(stream, true, |engine| {
            engine.outbound(stream)?.add_file(file, offset, bytes)
        })
    }

    /// All of a stream's response was given, but for its trailers.
    pub(super) fn finish(&self, stream: u32, trailers: &[u8]) -> io::Result<()> {
        let mut engine = self.engine();
        if engine.outbound(stream)?.has_all() {
            return Ok(());
        }
        let given = engine.outbound(stream)?.finish(trailers);
        self.flush_locked(&mut engine);
        given
    }

    fn give(
        &self,
        stream: u32,
        at_once: bool,
        give: impl FnOnce(&mut Engine) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut engine = self.engine();
        give(&mut engine)?;
        engine.look_at(stream);
        if at_once {
            self.flush_locked(&mut engine);
        }
        Ok(())
    }

    /// Bytes of a stream that its client has not taken. Whoever asks is told when it has.
    pub(super) fn waiting_bytes(&self, stream: u32) -> u64 {
        let mut engine = self.engine();
        engine.streams.get_mut(&stream).map_or(0, |outbound| {
            let bytes = outbound.outgoing.waiting_bytes();
            outbound.wants_room = bytes > 0;
            bytes
        })
    }

    /// Bytes of a stream that went on to its client.
    pub(super) fn sent_bytes(&self, stream: u32) -> u64 {
        let engine = self.engine();
        let outbound = engine.streams.get(&stream);
        outbound.map_or(0, |outbound| outbound.handed_bytes)
    }

    /// Whether so much waits that a writer should wait, too.
    pub(super) fn is_full(&self, stream: u32) -> bool {
        is_full(&self.engine(), stream)
    }

    /// Waits until there is room again, at most so long without any progress; whether there
    /// was some.
    pub(super) fn wait_for_room(&self, stream: u32, most: Duration) -> bool {
        let mut engine = self.engine();
        while is_full(&engine, stream) {
            let before = handed_bytes(&engine, stream);
            let waited = self.room.wait_timeout_while(engine, most, |engine| {
                is_full(engine, stream) && handed_bytes(engine, stream) == before
            });
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            engine = again;
            if timeout.timed_out() {
                return false;
            }
        }
        true
    }

    /// Nobody gives anything more for a stream. Where its response is not complete, the
    /// client is to see that.
    pub(super) fn leave_stream(&self, stream: u32) {
        let mut engine = self.engine();
        let Some(outbound) = engine.streams.get_mut(&stream) else {
            return;
        };
        outbound.is_left = true;
        outbound.token = None;
        let has_all = outbound.has_all();
        if !has_all {
            outbound.reset(Reason::INTERNAL_ERROR);
        } else if !outbound.bell.is_gone() {
            engine.allowance.answered();
        }
        engine.look_at(stream);
        if !has_all {
            self.flush_locked(&mut engine);
        }
    }
}

fn is_full(engine: &Engine, stream: u32) -> bool {
    let outbound = engine.streams.get(&stream);
    outbound.is_some_and(|outbound| {
        !outbound.outgoing.is_empty()
            && (outbound.outgoing.is_full() || engine.waiting().0 >= MOST_BYTES)
    })
}

fn handed_bytes(engine: &Engine, stream: u32) -> u64 {
    let outbound = engine.streams.get(&stream);
    outbound.map_or(0, |outbound| outbound.handed_bytes)
}

impl Engine {
    /// The response of a stream whose client is still there.
    fn outbound(&mut self, stream: u32) -> io::Result<&mut Outbound> {
        let outbound = self.streams.get_mut(&stream);
        let there = outbound.filter(|outbound| !outbound.bell.is_gone());
        there.ok_or_else(response::gone)
    }

    /// All streams of a connection together have the memory that a connection has.
    fn share_memory(&mut self, stream: u32) {
        let (_, memory_bytes) = self.waiting();
        if let Some(outbound) = self.streams.get_mut(&stream) {
            let own_bytes = outbound.outgoing.memory_bytes();
            outbound.outgoing.share_memory(memory_bytes - own_bytes);
        }
    }
}
