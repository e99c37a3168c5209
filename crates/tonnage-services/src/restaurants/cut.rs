//! An answer that breaks off: its length is announced, half of it is sent, then the
//! connection is closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

/// A body that ends in an error after the half of `whole`.
pub(super) fn body(whole: impl Into<Bytes>) -> Body {
    let whole = whole.into();
    Body::new(Cut {
        length: whole.len() as u64,
        half: Some(whole.slice(..whole.len() / 2)),
    })
}

struct Cut {
    length: u64,
    half: Option<Bytes>,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let broken = || io::Error::other("the answer was told to break off");
        Poll::Ready(Some(self.half.take().map(Frame::data).ok_or_else(broken)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
