//! What comes of a client, and what the application is told of it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use tonnage_serve::dispatch::Heard;
use tonnage_serve::io::Signs;
use tonnage_serve::websocket::{Closed, Message, code};

use super::super::super::event_loop::wake;
use super::super::super::websocket;
use super::super::sending::HIGH_BYTES;
use super::super::waiting::{Answer, now_ms, one_more};
use super::{Call, Stage};

/// Readings of one websocket after which others have their turn.
const READINGS: usize = 4;

/// Messages that an application is given one after the other before others have their turn: it
/// waits for nothing as long as there are some.
const MOST_IN_A_ROW: u32 = 64;

impl Call {
    /// What the application is told next, or a future.
    pub(in crate::asgi) fn websocket_message<'py>(slf: &Bound<'py, Self>) -> PyResult<Answer<'py>> {
        let py = slf.py();
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        let is_empty = this
            .websocket
            .as_ref()
            .is_some_and(|session| session.told_connect && session.queue.is_empty());
        let mut more = is_empty && this.hear(py);
        let Some(session) = &mut this.websocket else {
            return Ok(Answer::Value(None));
        };
        if !std::mem::replace(&mut session.told_connect, true) {
            return Ok(Answer::Value(Some(websocket::connect(py)?)));
        }
        session.in_a_row += 1;
        if session.in_a_row > MOST_IN_A_ROW {
            more = true;
        } else if let Some(message) = session.queue.pop() {
            return Ok(Answer::Value(Some(websocket::receive(message.bind(py))?)));
        }
        let is_leaving =
            session.leaving_since_ms.is_some() && matches!(session.stage, Stage::Open(_));
        let is_over = session.queue.is_empty() && (session.closed.is_some() || is_leaving);
        if is_over {
            drop(call);
            if is_leaving {
                // All that came is answered.
                Self::close_websocket(slf, code::GOING_AWAY, "")?;
            }
            Self::give_back(slf)?;
            return Self::disconnect_message(slf).map(|message| Answer::Value(Some(message)));
        }
        session.in_a_row = 0;
        let bridge = this.bridge.clone_ref(py);
        let waiting = std::mem::take(&mut this.receivers);
        drop(call);
        let (future, waiting) = one_more(bridge.get(), py, waiting)?;
        if more {
            // Others have their turn, and no event will tell of what is left.
            wake(py, waiting);
        } else {
            slf.try_borrow_mut()?.receivers = waiting;
        }
        Ok(Answer::Wait(future))
    }

    fn disconnect_message<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<Bound<'py, pyo3::types::PyDict>> {
        let closed = {
            let call = slf.try_borrow()?;
            let session = call.websocket.as_ref();
            session.and_then(|session| session.closed.clone())
        };
        let closed = closed.unwrap_or_else(|| Closed::new(code::ABNORMAL, ""));
        websocket::disconnect(slf.py(), &closed)
    }

    /// Takes what has come, as far as there is room for it; whether there may be more that
    /// no event will tell of.
    pub(super) fn hear(&mut self, py: Python<'_>) -> bool {
        let bridge = self.bridge.clone_ref(py);
        let (Some(open), Some(session)) = (&mut self.open, &mut self.websocket) else {
            return false;
        };
        let Stage::Open(websocket) = &mut session.stage else {
            return false;
        };
        for _ in 0..READINGS {
            // Nothing is read for somebody who does not read.
            if session.queue.is_full() || open.exchange.tail_bytes() > HIGH_BYTES {
                return false;
            }
            let queue = &mut session.queue;
            let heard =
                bridge.get().hear(
                    &mut open.exchange,
                    websocket,
                    &mut |message| match message {
                        Message::Text(text) => {
                            queue.push(PyString::new(py, text).into_any().unbind(), text.len());
                        }
                        Message::Binary(data) => {
                            queue.push(PyBytes::new(py, data).into_any().unbind(), data.len());
                        }
                    },
                );
            let Heard::Something { more } = heard else {
                return false;
            };
            session.heard_ms = now_ms();
            session.pinged_ms = None;
            if let Some(ended) = websocket.ended() {
                session.closed.get_or_insert_with(|| ended.clone());
            }
            if !more {
                return false;
            }
        }
        true
    }

    /// The kernel said something of the connection.
    pub(in crate::asgi) fn note_websocket(slf: &Bound<'_, Self>, signs: Signs) -> PyResult<()> {
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        let Some(open) = &mut this.open else {
            return Ok(());
        };
        open.exchange.note(signs);
        let woken = this.flush(signs);
        drop(call);
        wake(slf.py(), woken);
        Self::look_at_input(slf)
    }

    /// Takes what has come, and wakes who waits for it.
    pub(super) fn look_at_input(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        let more = this.hear(py);
        let (Some(open), Some(session)) = (&this.open, &mut this.websocket) else {
            return Ok(());
        };
        let is_open = matches!(session.stage, Stage::Open(_));
        if !open.exchange.is_intact() || (!is_open && open.exchange.is_hung_up()) {
            session
                .closed
                .get_or_insert_with(|| Closed::new(code::ABNORMAL, ""));
        }
        let is_over = session.closed.is_some();
        let woken = if more || is_over || !session.queue.is_empty() {
            std::mem::take(&mut this.receivers)
        } else {
            Vec::new()
        };
        drop(call);
        if is_over {
            Self::give_back(slf)?;
        }
        wake(py, woken);
        Ok(())
    }
}
