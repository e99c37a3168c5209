//! Those who wait for a message or for room, and how they are woken: by what the kernel
//! says of the connection, or because a client has had its time.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tonnage_serve::dispatch::{Received, now_ns};
use tonnage_serve::http::Refusal;
use tonnage_serve::io::Signs;

use super::super::bridge::Bridge;
use super::super::event_loop::{is_done, wake};
use super::Call;

/// Bytes that it may still leave when the application goes on.
const LOW_BYTES: u64 = 16 << 10;

/// What somebody who waits gets.
#[derive(Debug)]
pub(in crate::asgi) enum Answer<'py> {
    /// A future to wait for; then it has to be asked again.
    Wait(Bound<'py, PyAny>),
    /// What was waited for.
    Value(Option<Bound<'py, PyDict>>),
}

/// What the application is told.
enum Told {
    Part { last: bool },
    Disconnect,
    Nothing,
    Refused,
}

impl Call {
    /// What the application is told next, or a future.
    pub(in crate::asgi) fn message<'py>(slf: &Bound<'py, Self>) -> PyResult<Answer<'py>> {
        let py = slf.py();
        let mut part = None;
        let mut call = slf.try_borrow_mut()?;
        if call.websocket.is_some() {
            drop(call);
            return Self::websocket_message(slf);
        }
        let this = &mut *call;
        let bridge = this.bridge.clone_ref(py);
        let bridge = bridge.get();
        let told = match &mut this.open {
            None => Told::Disconnect,
            Some(open) if this.body_told && open.exchange.is_hung_up() => Told::Disconnect,
            Some(_) if this.body_told => Told::Nothing,
            Some(open) => {
                let sink = &mut |bytes: &[u8]| part = Some(PyBytes::new(py, bytes));
                match bridge.receive(&mut open.exchange, sink) {
                    Received::Part { last } => Told::Part { last },
                    Received::Nothing => Told::Nothing,
                    Received::Gone => Told::Disconnect,
                    Received::Refused => Told::Refused,
                }
            }
        };
        let message = match told {
            Told::Part { last } => {
                this.body_told = last;
                this.stalled_since_ms = None;
                drop(call);
                bridge.messages().request(py, part, !last)?
            }
            Told::Disconnect => {
                drop(call);
                bridge.messages().disconnect(py)?
            }
            Told::Refused => {
                drop(call);
                Self::lose(slf)?;
                bridge.messages().disconnect(py)?
            }
            Told::Nothing => {
                if !this.body_told {
                    this.stalled_since_ms.get_or_insert_with(now_ms);
                }
                let waiting = std::mem::take(&mut this.receivers);
                drop(call);
                let (future, waiting) = one_more(bridge, py, waiting)?;
                slf.try_borrow_mut()?.receivers = waiting;
                return Ok(Answer::Wait(future));
            }
        };
        Ok(Answer::Value(Some(message)))
    }

    /// Whether there is room for the next part, or a future.
    pub(in crate::asgi) fn room<'py>(slf: &Bound<'py, Self>) -> PyResult<Answer<'py>> {
        let py = slf.py();
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        let full = this.open.as_ref().is_some_and(|open| {
            open.exchange.is_intact() && open.exchange.tail_bytes() > LOW_BYTES
        });
        if !full {
            return Ok(Answer::Value(None));
        }
        this.stalled_since_ms.get_or_insert_with(now_ms);
        let bridge = this.bridge.clone_ref(py);
        let waiting = std::mem::take(&mut this.senders);
        drop(call);
        let (future, waiting) = one_more(bridge.get(), py, waiting)?;
        slf.try_borrow_mut()?.senders = waiting;
        Ok(Answer::Wait(future))
    }

    /// The kernel said something of the connection.
    pub(in crate::asgi) fn note(slf: &Bound<'_, Self>, signs: Signs) -> PyResult<()> {
        let mut call = slf.try_borrow_mut()?;
        if call.websocket.is_some() {
            drop(call);
            return Self::note_websocket(slf, signs);
        }
        let this = &mut *call;
        let Some(open) = &mut this.open else {
            return Ok(());
        };
        open.exchange.note(signs);
        let is_hung_up = open.exchange.is_hung_up();
        let mut woken = this.flush(signs);
        if signs.readable || is_hung_up {
            woken.append(&mut this.receivers);
        }
        if is_hung_up {
            this.gone_since_ms.get_or_insert_with(now_ms);
        }
        drop(call);
        wake(slf.py(), woken);
        Self::look(slf, now_ms())
    }

    /// Sends on what waits, where there is room; those who waited for that.
    pub(super) fn flush(&mut self, signs: Signs) -> Vec<Py<PyAny>> {
        let mut woken = Vec::new();
        let Some(open) = &mut self.open else {
            return woken;
        };
        let exchange = &mut open.exchange;
        if exchange.tail_bytes() > 0 && (signs.writable || signs.hung_up) {
            if exchange.flush() && !self.senders.is_empty() {
                self.stalled_since_ms = Some(now_ms());
            }
            if !exchange.is_intact() || exchange.tail_bytes() <= LOW_BYTES {
                woken.append(&mut self.senders);
                self.stalled_since_ms = None;
            }
        }
        woken
    }

    /// Sees to it that nobody waits for ever for a client.
    pub(in crate::asgi) fn look(slf: &Bound<'_, Self>, now_ms: u64) -> PyResult<()> {
        let mut call = slf.try_borrow_mut()?;
        if call.websocket.is_some() {
            drop(call);
            return Self::look_at_websocket(slf, now_ms);
        }
        let this = &mut *call;
        let Some(open) = &mut this.open else {
            return Ok(());
        };
        let patience = this.bridge.get().patience();
        let passed = |since: Option<u64>, most_ms| {
            since.is_some_and(|since| now_ms.saturating_sub(since) >= most_ms)
        };
        let mut over = true;
        if !this.senders.is_empty() && passed(this.stalled_since_ms, patience.send_ms) {
            open.exchange.abort();
        } else if !this.receivers.is_empty()
            && !this.body_told
            && passed(this.stalled_since_ms, patience.body_ms)
        {
            let bridge = this.bridge.get();
            bridge.refuse(&mut open.exchange, Refusal::BodyTimeout);
        } else {
            over = false;
        }
        let gone = !this.cancelled && passed(this.gone_since_ms, patience.disconnect_ms);
        drop(call);
        if over {
            Self::lose(slf)?;
        }
        if gone {
            Self::cancel(slf)?;
        }
        Ok(())
    }

    /// Answers in place of an application that has had its time, and cancels it.
    pub(in crate::asgi) fn end_late(slf: &Bound<'_, Self>) -> PyResult<()> {
        let late = {
            let mut call = slf.try_borrow_mut()?;
            let open = call.open.as_mut();
            open.is_some_and(|open| open.exchange.end_late())
        };
        if late {
            Self::lose(slf)?;
            Self::cancel(slf)?;
        }
        Ok(())
    }

    /// Cancels a task that has had its time.
    pub(in crate::asgi) fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let task = {
            let mut call = slf.try_borrow_mut()?;
            call.cancelled = true;
            call.task.as_ref().map(|task| task.clone_ref(py))
        };
        if let Some(task) = task {
            task.bind(py).call_method0(intern!(py, "cancel"))?;
        }
        Ok(())
    }
}

/// A future, and it among those who wait, without those who were cancelled.
pub(super) fn one_more<'py>(
    bridge: &Bridge,
    py: Python<'py>,
    mut waiting: Vec<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Vec<Py<PyAny>>)> {
    waiting.retain(|future| !is_done(future.bind(py)).unwrap_or(true));
    let future = bridge.event_loop().future(py)?;
    waiting.push(future.clone().unbind());
    Ok((future, waiting))
}

/// Now, in ms of the monotonic clock.
pub(super) fn now_ms() -> u64 {
    now_ns() / 1_000_000
}
