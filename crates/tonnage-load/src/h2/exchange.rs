//! One stream's share of the work: the request under way in a slot, and what has
//! come of its answer.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use ::h2::RecvStream;
use ::h2::client::ResponseFuture;
use http::HeaderMap;
use tonnage_model::Phase;

use crate::body::BodySink;

/// What a slot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing, and nothing is wanted of it.
    Idle,
    /// Pausing after a failed connect, for as long as its connection.
    Paused,
    /// Its request waits for the connection, or for the peer to allow another
    /// stream.
    Queued,
    Waiting,
    Reading,
}

impl Stage {
    /// The phase in which a request fails that fails now, on a connection that is up.
    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::Idle | Self::Paused | Self::Queued => Phase::Write,
            Self::Waiting => Phase::Wait,
            Self::Reading => Phase::Read,
        }
    }
}

/// Where the answer comes from.
#[derive(Debug, Default)]
enum Answer {
    #[default]
    None,
    Head(ResponseFuture),
    Body(RecvStream),
    /// Behind the body, where gRPC has its status.
    Trailers(RecvStream),
}

/// What came of looking at an answer.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Nothing that changes the stage.
    Nothing,
    /// The response has begun.
    Began,
    /// The response is whole.
    Whole,
    /// It will never be.
    Broken(::h2::Error),
}

/// A slot and its request.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) stage: Stage,
    /// When the request was due.
    pub(crate) due_ns: u64,
    /// When it was handed over to be written.
    pub(crate) sent_ns: u64,
    /// When the head of the response came; 0 before.
    pub(crate) first_byte_ns: u64,
    /// When the stage has lasted too long.
    pub(crate) deadline_ns: u64,
    /// The status of the response.
    pub(crate) status: u16,
    pub(crate) body: BodySink,
    /// Whether it is a gRPC call, whose status comes with the trailers.
    is_call: bool,
    grpc_status: Option<u32>,
    answer: Answer,
    waker: Waker,
}

impl Exchange {
    /// `keep_body` where a check looks at bodies; `is_call` for gRPC; `waker` rings
    /// the slot's bell.
    pub(crate) fn new(keep_body: bool, is_call: bool, waker: Waker) -> Self {
        Self {
            stage: Stage::Idle,
            due_ns: 0,
            sent_ns: 0,
            first_byte_ns: 0,
            deadline_ns: u64::MAX,
            status: 0,
            body: BodySink::new(keep_body),
            is_call,
            grpc_status: None,
            answer: Answer::None,
            waker,
        }
    }

    /// The request went out; its answer comes from `answer`.
    pub(crate) fn begin(&mut self, answer: ResponseFuture, now: u64, deadline_ns: u64) {
        self.stage = Stage::Waiting;
        self.sent_ns = now;
        self.first_byte_ns = 0;
        self.deadline_ns = deadline_ns;
        self.body.reset();
        self.grpc_status = None;
        self.answer = Answer::Head(answer);
        // The first look tells the library whose bell to ring.
        self.waker.wake_by_ref();
    }

    /// Lets go of the stream; one that is not at its end is reset (`CANCEL`).
    pub(crate) fn let_go(&mut self) {
        self.answer = Answer::None;
    }

    /// The status of a gRPC call that has ended, where the peer gave one.
    pub(crate) fn grpc_status(&self) -> Option<u32> {
        self.grpc_status
    }

    /// Whether a request is with the connection.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Reading)
    }

    /// Takes in what has come of the answer.
    pub(crate) fn listen(&mut self) -> Heard {
        let mut context = Context::from_waker(&self.waker);
        let mut began = Heard::Nothing;
        loop {
            // The answer is put back unless it has ended.
            match std::mem::take(&mut self.answer) {
                Answer::None => return Heard::Nothing,
                Answer::Head(mut future) => match Pin::new(&mut future).poll(&mut context) {
                    Poll::Pending => {
                        self.answer = Answer::Head(future);
                        return Heard::Nothing;
                    }
                    Poll::Ready(Err(error)) => return Heard::Broken(error),
                    Poll::Ready(Ok(response)) => {
                        self.status = response.status().as_u16();
                        if self.is_call {
                            self.grpc_status = status_in(response.headers());
                        }
                        self.answer = Answer::Body(response.into_body());
                        began = Heard::Began;
                    }
                },
                Answer::Body(mut stream) => {
                    match take_body(&mut stream, &mut self.body, &mut context) {
                        Poll::Pending => {
                            self.answer = Answer::Body(stream);
                            return began;
                        }
                        Poll::Ready(Ok(())) if self.is_call => {
                            self.answer = Answer::Trailers(stream);
                        }
                        Poll::Ready(Ok(())) => return Heard::Whole,
                        Poll::Ready(Err(error)) => return self.broken_off(error),
                    }
                }
                Answer::Trailers(mut stream) => match stream.poll_trailers(&mut context) {
                    Poll::Pending => {
                        self.answer = Answer::Trailers(stream);
                        return began;
                    }
                    Poll::Ready(Ok(trailers)) => {
                        let status = trailers.as_ref().and_then(status_in);
                        self.grpc_status = status.or(self.grpc_status);
                        return Heard::Whole;
                    }
                    Poll::Ready(Err(error)) => return self.broken_off(error),
                },
            }
        }
    }

    /// A response that broke off in the breath in which it began has still begun.
    fn broken_off(&mut self, error: ::h2::Error) -> Heard {
        self.stage = Stage::Reading;
        Heard::Broken(error)
    }
}

/// The status of a gRPC call in headers or trailers.
fn status_in(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// Takes what is there of a body; ready when it is whole.
fn take_body(
    stream: &mut RecvStream,
    body: &mut BodySink,
    context: &mut Context<'_>,
) -> Poll<Result<(), ::h2::Error>> {
    loop {
        if stream.is_end_stream() {
            return Poll::Ready(Ok(()));
        }
        match stream.poll_data(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(Some(Ok(data))) => {
                body.take(&data);
                // Fails only for more than has come.
                let _ = stream.flow_control().release_capacity(data.len());
            }
        }
    }
}
