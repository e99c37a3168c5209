//! From a request to its call and back.

use std::sync::TryLockError;
use std::sync::atomic::Ordering;

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tonnage_serve::dispatch::{Exchange, now_ns};
use tonnage_serve::io::Token;
use tonnage_serve::websocket::Upgrade;

use super::super::call::Call;
use super::super::event_loop::is_done;
use super::super::websocket;
use super::Bridge;
use crate::life::is_leaving;
use crate::refused::{self, Unfit};

/// Requests that are begun at one turn of the loop: what else it has to do waits for them.
const TURN_REQUESTS: usize = 64;

/// Requests at one look from which on it pays to look again: under load there are more by
/// then, and a turn of the loop costs more than a look.
const BUSY_REQUESTS: usize = 4;

impl Bridge {
    /// Looks at the sockets and begins what requests they have.
    pub(super) fn serve(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mut left = TURN_REQUESTS;
        loop {
            let (noted, refusals) = {
                let mut core = self.core();
                (core.poll(py), core.streams.take_refusals())
            };
            if let Some(refusals) = refusals {
                refused::tell(py, &self.life, &self.observer, &refusals);
            }
            let quiet = noted.is_empty();
            for (call, signs) in noted {
                if let Err(error) = Call::note(call.bind(py), signs) {
                    // The others are told all the same: nobody will tell them again.
                    self.life.set_aside(py, error);
                }
            }
            let before = left;
            while left > 0
                && let Some((token, exchange)) = self.next()
            {
                left -= 1;
                self.begin(slf, token, exchange)?;
            }
            let begun = before - left;
            if begun == 0 && quiet && before == TURN_REQUESTS {
                // Perhaps a signal woke the loop, whose handler wants to run.
                return self.look_around(py);
            }
            if left == 0 || begun < BUSY_REQUESTS {
                return Ok(());
            }
        }
    }

    fn next(&self) -> Option<(Token, Exchange)> {
        self.core().streams.next()
    }

    /// Calls the application for a request.
    fn begin(&self, slf: &Bound<'_, Self>, token: Token, mut exchange: Exchange) -> PyResult<()> {
        let py = slf.py();
        if self.keeps_said {
            exchange.keep_said();
        }
        let upgrade = match exchange.websocket() {
            Some(Err(refusal)) => {
                self.core().streams.refuse_websocket(&mut exchange, refusal);
                return Self::end(slf, token, exchange);
            }
            Some(Ok(mut upgrade)) => {
                self.websockets.grant(&mut upgrade);
                Some(upgrade)
            }
            None => None,
        };
        let scope = match self.scope(py, &exchange, upgrade.as_ref()) {
            Ok(scope) => scope,
            Err(Unfit::Refused(refusal)) => {
                self.refuse(&mut exchange, refusal);
                return Self::end(slf, token, exchange);
            }
            Err(Unfit::Raised(error)) => return self.fail(slf, token, exchange, &error),
        };
        if upgrade.is_none() {
            refused::warn_of_upgrade(py, &self.life, &exchange);
        }
        let (watched, begun) = self.observer.begin(py, &scope);
        self.life.count_request();
        let handles = match begun.and_then(|()| self.spares.take(slf)) {
            Ok(handles) => handles,
            Err(error) => {
                exchange.fail();
                if let Some(watched) = watched
                    && let Err(error) = watched.end(py, &scope, exchange.reply())
                {
                    self.life.set_aside(py, error);
                }
                return self.fail(slf, token, exchange, &error);
            }
        };
        let call = handles.call.bind(py);
        call.borrow_mut()
            .begin(token, exchange, scope.clone().unbind(), watched, upgrade);
        let task = self
            .event_loop
            .start(&scope, handles.receive.bind(py), handles.send.bind(py));
        drop(scope);
        match task {
            Ok(task) if is_done(&task)? => Call::settle(call, &task)?,
            Ok(task) => return self.keep(call, &task),
            Err(error) => {
                Call::over(call, Some(&error))?;
                if is_leaving(py, &error) {
                    return Err(error);
                }
            }
        }
        self.spares.give_back(py, handles);
        Ok(())
    }

    fn scope<'py>(
        &self,
        py: Python<'py>,
        exchange: &Exchange,
        upgrade: Option<&Upgrade>,
    ) -> Result<Bound<'py, PyDict>, Unfit> {
        let scope = match self.scopes.try_lock() {
            Ok(mut scopes) => scopes.build(py, exchange),
            Err(TryLockError::Poisoned(scopes)) => scopes.into_inner().build(py, exchange),
            Err(TryLockError::WouldBlock) => {
                let text = "a request began within another one";
                Err(PyRuntimeError::new_err(text).into())
            }
        }?;
        if let Some(upgrade) = upgrade {
            websocket::make_scope(&scope, upgrade)?;
        }
        Ok(scope)
    }

    /// A request that the application is not called for, because something raised this.
    fn fail(
        &self,
        slf: &Bound<'_, Self>,
        token: Token,
        mut exchange: Exchange,
        error: &PyErr,
    ) -> PyResult<()> {
        let py = slf.py();
        self.report(py, &exchange.name(), error);
        if !exchange.reply().has_sent() {
            exchange.fail();
        }
        Self::end(slf, token, exchange)?;
        if is_leaving(py, error) {
            return Err(error.clone_ref(py));
        }
        Ok(())
    }

    /// Keeps a call whose task has to wait.
    fn keep(&self, call: &Bound<'_, Call>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = call.py();
        let token = call
            .borrow_mut()
            .keep(task.clone().unbind(), now_ns() / 1_000_000);
        self.core().keep(call, token);
        let ended = call.getattr(intern!(py, "_ended"))?;
        task.call_method1(intern!(py, "add_done_callback"), (ended,))?;
        Ok(())
    }

    /// Forgets a call whose task has ended.
    pub(in crate::asgi) fn forget(&self, call: &Bound<'_, Call>) -> PyResult<()> {
        let gone = self.core().forget(call);
        drop(gone);
        self.stop_if_over(call.py())
    }

    /// A request is answered, or its client gone.
    pub(in crate::asgi) fn end(
        slf: &Bound<'_, Self>,
        token: Token,
        exchange: Exchange,
    ) -> PyResult<()> {
        let this = slf.get();
        if exchange.reply().has_sent() {
            this.observer.log(&exchange);
        }
        let (gone, has_more) = {
            let mut core = this.core();
            let gone = core.end(token, exchange);
            (gone, core.streams.has_more())
        };
        drop(gone);
        if has_more {
            this.nudge(slf)?;
        }
        this.stop_if_over(slf.py())
    }

    /// Asks the loop for another turn, unless one is under way or coming.
    pub(super) fn nudge(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        if self.turning.load(Ordering::Relaxed) || self.nudged.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let turn = slf.getattr(intern!(slf.py(), "_turn"))?;
        self.event_loop.call_soon(&turn)
    }

    /// Runs signal handlers and shows that the worker lives.
    pub(super) fn look_around(&self, py: Python<'_>) -> PyResult<()> {
        self.turn.take(py);
        self.life.leaving.take().map_or(Ok(()), Err)
    }
}
