//! Somebody who asks for the server's status: one request, one answer, and the connection
//! ends. Everything is bounded, and nothing waits.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

use crate::http::{Fields, Limits, Method, Refusal, RequestLine};

/// The longest request, in bytes: it has no body.
const MOST_BYTES: usize = 8 << 10;

/// How long somebody may take to ask, and then to take the answer, in ms.
const PATIENCE_MS: u64 = 5000;

/// How long the end of the connection waits for the peer's, in ms.
const LINGER_MS: u64 = 1000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: String,
}

#[derive(Debug)]
enum Stage {
    /// The question has not come yet, or not all of it.
    Asking,
    /// The answer has not been taken yet.
    Answering { sent: usize },
    /// It has; the peer is given time to read it before the connection is gone.
    Ending,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Client {
    socket: OwnedFd,
    stage: Stage,
    input: Vec<u8>,
    output: Vec<u8>,
    deadline_ms: u64,
}

impl Client {
    /// `socket` never waits.
    pub(super) fn new(socket: OwnedFd, now_ms: u64) -> Self {
        Self {
            socket,
            stage: Stage::Asking,
            input: Vec::new(),
            output: Vec::new(),
            deadline_ms: now_ms + PATIENCE_MS,
        }
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// What it waits for.
    pub(super) fn interest(&self) -> (BorrowedFd<'_>, PollFlags) {
        let flags = match self.stage {
            Stage::Answering { .. } => PollFlags::OUT,
            Stage::Asking | Stage::Ending => PollFlags::IN,
        };
        (self.socket.as_fd(), flags)
    }

    /// Does what can be done at once; `false` where the connection is to be closed. `answer`
    /// is a whole response.
    pub(super) fn go_on(
        &mut self,
        now_ms: u64,
        answer: impl FnOnce(Result<Question, Refusal>) -> Vec<u8>,
    ) -> bool {
        if now_ms >= self.deadline_ms {
            return false;
        }
        if let Stage::Asking = self.stage {
            let Ok(may_go_on) = self.read() else {
                return false;
            };
            // Whoever has asked may have ended its sending side with that.
            let Some(asked) = question(&self.input).transpose() else {
                return may_go_on;
            };
            self.output = answer(asked);
            self.stage = Stage::Answering { sent: 0 };
            self.deadline_ms = now_ms + PATIENCE_MS;
        }
        match self.stage {
            Stage::Asking => true,
            Stage::Answering { sent } => self.write(sent, now_ms),
            Stage::Ending => matches!(self.read(), Ok(true)),
        }
    }

    /// Reads what there is; `false` where nothing more will come.
    fn read(&mut self) -> io::Result<bool> {
        let mut room = [0; 2048];
        loop {
            match rustix::net::recv(&self.socket, &mut room, RecvFlags::empty()) {
                Ok((0, _)) => return Ok(false),
                // What comes after the question is read so that its answer is, too.
                Ok((bytes, _)) if matches!(self.stage, Stage::Asking) => {
                    self.input.extend_from_slice(&room[..bytes]);
                    if self.input.len() >= MOST_BYTES {
                        return Ok(true);
                    }
                }
                Ok(_) | Err(Errno::AGAIN) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn write(&mut self, mut sent: usize, now_ms: u64) -> bool {
        while sent < self.output.len() {
            match rustix::net::send(&self.socket, &self.output[sent..], SendFlags::NOSIGNAL) {
                Ok(bytes) => sent += bytes,
                Err(Errno::AGAIN) => {
                    self.stage = Stage::Answering { sent };
                    return true;
                }
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        self.output = Vec::new();
        self.stage = Stage::Ending;
        self.deadline_ms = now_ms + LINGER_MS;
        rustix::net::shutdown(&self.socket, Shutdown::Write).is_ok()
    }
}

/// The question, where it is there as a whole.
fn question(input: &[u8]) -> Result<Option<Question>, Refusal> {
    let limits = Limits {
        head_bytes: MOST_BYTES,
        ..Limits::default()
    };
    let whole = match RequestLine::parse(input, &limits)? {
        Some(line) => Fields::parse(&input[line.bytes..], &limits)?.map(|_| line),
        None => None,
    };
    if whole.is_none() && input.len() >= MOST_BYTES {
        return Err(Refusal::FieldsTooLarge);
    }
    Ok(whole.map(|line| Question {
        method: line.kind,
        path: String::from_utf8_lossy(line.path.of(input)).into_owned(),
    }))
}
