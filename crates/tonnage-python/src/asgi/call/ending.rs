//! How a call ends: the response is complete, the client has gone, or the application has
//! returned, in whatever order.

use pyo3::intern;
use pyo3::prelude::*;

use super::super::bridge::Bridge;
use super::super::event_loop::wake;
use super::super::failure;
use super::{Call, Open};

impl Call {
    /// Gives the request back: the connection goes on, or ends.
    pub(super) fn give_back(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        let Some(Open {
            token,
            mut exchange,
        }) = this.open.take()
        else {
            return Ok(());
        };
        if let Some(session) = &mut this.websocket {
            session.let_go(&mut exchange);
        }
        this.is_complete = exchange.is_intact() && exchange.reply().is_complete();
        let mut woken = std::mem::take(&mut this.receivers);
        woken.append(&mut this.senders);
        let watched = this.watched.take();
        let scope = this.scope.as_ref().map(|scope| scope.clone_ref(py));
        let bridge = this.bridge.clone_ref(py);
        drop(call);
        if let Some(watched) = watched
            && let Some(scope) = scope
        {
            let told = watched.end(py, scope.bind(py), exchange.reply());
            if let Err(error) = told {
                bridge.get().life().set_aside(py, error);
            }
        }
        Bridge::end(bridge.bind(py), token, exchange)?;
        wake(py, woken);
        Ok(())
    }

    /// Gives the request back although the application is not done with it: to it, the
    /// client has gone.
    pub(super) fn lose(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::give_back(slf)?;
        slf.try_borrow_mut()?.is_complete = false;
        Ok(())
    }

    /// The task is done.
    pub(in crate::asgi) fn settle(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let raised = match task.call_method0(intern!(slf.py(), "exception")) {
            Ok(nothing) if nothing.is_none() => None,
            Ok(exception) => Some(PyErr::from_value(exception)),
            // What it raises is that the task was cancelled.
            Err(cancelled) => Some(cancelled),
        };
        Self::over(slf, raised.as_ref())
    }

    /// The application has returned, or raised this.
    pub(in crate::asgi) fn over(slf: &Bound<'_, Self>, raised: Option<&PyErr>) -> PyResult<()> {
        let py = slf.py();
        let mut call = slf.try_borrow_mut()?;
        let this = &mut *call;
        this.task = None;
        let scope = this.scope.as_ref().map(|scope| scope.clone_ref(py));
        let bridge = this.bridge.clone_ref(py);
        let cancelled = this.cancelled;
        let mut unfinished = None;
        let mut name = None;
        if let Some(open) = &this.open {
            name = Some(open.exchange.name());
            // Nobody waits for the answer of one that was told so.
            if raised.is_none() && !open.exchange.is_hung_up() && !this.is_open_websocket() {
                unfinished = Some(failure::unfinished(&open.exchange));
            }
        }
        drop(call);
        if let Some(error) = raised.or(unfinished.as_ref())
            && !(cancelled && failure::is_cancelled(py, error))
            && !failure::is_of_disconnect(py, error)
        {
            let name = name.or_else(|| scope.map(|scope| failure::name(scope.bind(py))));
            bridge.get().report(py, &name.unwrap_or_default(), error);
        }
        slf.try_borrow_mut()?.leave(raised.is_some());
        Self::give_back(slf)?;
        let left = {
            let mut call = slf.try_borrow_mut()?;
            (
                call.scope.take(),
                call.watched.take(),
                call.websocket.take(),
            )
        };
        // Whatever of the application goes with these may call us.
        drop(left);
        Ok(())
    }
}
