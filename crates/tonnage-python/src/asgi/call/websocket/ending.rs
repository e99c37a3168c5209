//! How a websocket ends, and that it does: clients that are silent are asked whether they
//! are there, and those of a worker that ends are told.

use pyo3::prelude::*;
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::websocket::{Closed, code};

use super::super::super::event_loop::wake;
use super::super::super::websocket::Rules;
use super::super::sending::HIGH_BYTES;
use super::{Call, Session, Stage};

/// How long the application has to answer what came before, in ms, when the worker ends.
const LEAVING_MS: u64 = 1000;

/// What is said to a client that does not answer.
const NO_PONG: &str = "keepalive ping timeout";

/// What is to be done about a silent client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Bearable,
    Ping,
    /// It was asked and has not answered.
    TooLong,
}

impl Session {
    /// What is to be done about a client at this moment.
    fn silence(&mut self, exchange: &Exchange, rules: &Rules, now_ms: u64) -> Silence {
        // It may have answered, and nobody has read it.
        if self.queue.is_full() || exchange.tail_bytes() > HIGH_BYTES {
            self.heard_ms = now_ms;
            self.pinged_ms = None;
        }
        let passed = |since_ms: u64, most_ms: Option<u64>| {
            most_ms.is_some_and(|most_ms| now_ms.saturating_sub(since_ms) >= most_ms)
        };
        match self.pinged_ms {
            None if passed(self.heard_ms, rules.ping_interval_ms) => {
                self.pinged_ms = Some(now_ms);
                Silence::Ping
            }
            Some(pinged_ms) if passed(pinged_ms, rules.ping_timeout_ms) => Silence::TooLong,
            _ => Silence::Bearable,
        }
    }
}

impl Call {
    /// Closes the websocket, where it is open, and gives its connection back.
    pub(super) fn close_websocket(slf: &Bound<'_, Self>, code: u16, reason: &str) -> PyResult<()> {
        let mut call = slf.try_borrow_mut()?;
        call.say_goodbye(code, reason);
        drop(call);
        Self::give_back(slf)
    }

    fn say_goodbye(&mut self, code: u16, reason: &str) {
        if let (Some(open), Some(session)) = (&mut self.open, &mut self.websocket)
            && let Stage::Open(websocket) = &mut session.stage
        {
            if let Some(bytes) = websocket.close(code, reason) {
                open.exchange.send_raw(&[&bytes]);
            }
            session
                .closed
                .get_or_insert_with(|| Closed::new(code, reason));
        }
    }

    /// The application has returned: what is left to say.
    pub(in crate::asgi) fn leave(&mut self, has_failed: bool) {
        if self.is_open_websocket() {
            let code = if has_failed {
                code::INTERNAL_ERROR
            } else {
                code::NORMAL
            };
            self.say_goodbye(code, "");
        } else if let Some(open) = &mut self.open {
            open.exchange.fail();
        }
    }

    /// The worker is to end: so are websockets, when the application has had what came.
    pub(in crate::asgi) fn go_away(slf: &Bound<'_, Self>, now_ms: u64) -> PyResult<()> {
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        let Some(session) = &mut this.websocket else {
            return Ok(());
        };
        session.leaving_since_ms.get_or_insert(now_ms);
        let woken = std::mem::take(&mut this.receivers);
        drop(call);
        wake(slf.py(), woken);
        Ok(())
    }

    /// The worker ends now.
    pub(in crate::asgi) fn leave_at_once(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.try_borrow()?.is_open_websocket() {
            Self::close_websocket(slf, code::GOING_AWAY, "")?;
        }
        Ok(())
    }

    /// Called twice a second: pings, and what nobody waits for.
    pub(in crate::asgi) fn look_at_websocket(slf: &Bound<'_, Self>, now_ms: u64) -> PyResult<()> {
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        let rules = *this.bridge.get().websockets();
        let send_ms = this.bridge.get().patience().send_ms;
        let (Some(open), Some(session)) = (&mut this.open, &mut this.websocket) else {
            return Ok(());
        };
        let passed = |since: Option<u64>, most_ms| {
            since.is_some_and(|since| now_ms.saturating_sub(since) >= most_ms)
        };
        if !this.senders.is_empty() && passed(this.stalled_since_ms, send_ms) {
            open.exchange.abort();
            drop(call);
            return Self::give_back(slf);
        }
        if !matches!(session.stage, Stage::Open(_)) {
            return Ok(());
        }
        if passed(session.leaving_since_ms, LEAVING_MS) {
            drop(call);
            return Self::close_websocket(slf, code::GOING_AWAY, "");
        }
        let silence = session.silence(&open.exchange, &rules, now_ms);
        if silence == Silence::TooLong {
            session.closed = Some(Closed::new(code::ABNORMAL, NO_PONG));
            drop(call);
            return Self::close_websocket(slf, code::INTERNAL_ERROR, NO_PONG);
        }
        if silence == Silence::Ping
            && let Stage::Open(websocket) = &session.stage
            && let Some(bytes) = websocket.ping()
        {
            open.exchange.send_raw(&[&bytes]);
        }
        drop(call);
        Self::look_at_input(slf)
    }
}
