"""A worker's life in Python: what happens between the fork and the end of the process.

The order is gunicorn's, since its hooks rely on it. Serving itself is the extension's.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from . import _gevent, _patching, _tonnage
from ._app import AppImportError, FailingApp, as_asgi3, misfit, served_as
from ._logging import Logger
from ._process import become, end, set_title
from ._reloader import Reloader
from ._self_request import ask_wsgi
from ._shims import Server, Worker, observer_of

__all__ = ["APP_LOAD_ERROR", "WORKER_BOOT_ERROR", "live"]

# Exit codes by which gunicorn's workers tell their master to give up.
WORKER_BOOT_ERROR = 3
APP_LOAD_ERROR = 4

# How long a worker that was told to quit at once keeps breathing, as with gunicorn: a
# proxy sees its connections end one after the other.
_QUIT_SECONDS = 0.1

# How long an event loop then has for its tasks and the application's lifespan; the
# supervisor's patience with those who are in a hurry is two seconds.
_LOOP_QUIT_SECONDS = 1.5


class Leave(SystemExit):
    """By which a signal handler has the worker end, in the midst of whatever it does. What an
    application raises in a greenlet ends its request alone, as with gunicorn."""


def live(server: Server, worker: Worker, native: _tonnage.Worker) -> NoReturn:
    """Boots and serves, in the forked process; never returns, not even by an exception:
    above it is the supervisor's own loop."""
    code = 1
    try:
        code = _exit_code_of(server, worker, native)
        _deafen()
        try:
            worker.log.info("Worker exiting (pid: %s)", worker.pid)
            worker.cfg.run_hook("worker_exit", server, worker)
        except BaseException:
            worker.log.warning("Exception during worker exit:\n%s", traceback.format_exc())
        native.flush_logs()
    finally:
        end(code)


def _exit_code_of(server: Server, worker: Worker, native: _tonnage.Worker) -> int:
    try:
        return _live(server, worker, native)
    except SystemExit as leaving:
        return _exit_code(leaving)
    except AppImportError as error:
        worker.log.debug("Exception while loading the application", exc_info=True)
        print(error, file=sys.stderr, flush=True)
        native.explain(str(error))
        return APP_LOAD_ERROR
    except BaseException as error:
        worker.log.exception("Exception in worker process")
        if not worker.booted:
            native.explain(f"{type(error).__name__}: {error}")
        print(error, file=sys.stderr, flush=True)
        return 255 if worker.booted else WORKER_BOOT_ERROR


def _deafen() -> None:
    """A worker that ends is not to be told to: a terminal tells all processes of a Ctrl-C,
    and the supervisor tells its workers once more."""
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        # A function, since Python complains of one that is on its way already and that
        # is to be ignored.
        signal.signal(number, _ignore)
    # Nor in a while: see `_Signals._quit`.
    signal.setitimer(signal.ITIMER_REAL, 0)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """What a signal does that is for somebody else, or comes too late."""


def _live(server: Server, worker: Worker, native: _tonnage.Worker) -> int:
    native.after_fork()
    worker.pid = os.getpid()
    cfg, log = worker.cfg, worker.log
    greenlets = cfg.native.greenlets
    if greenlets:
        # What is left of it in a process that was forked.
        _patching.patch()
    set_title(f"worker [{server.proc_name}]")
    log.info("Booting worker with pid: %s", worker.pid)
    cfg.run_hook("post_fork", server, worker)
    become(cfg.uid, cfg.gid, bool(cfg.initgroups))
    log.close_on_exec()
    _Signals(worker, native, greenlets).install()
    native.oversee()
    if cfg.switch_interval is not None:
        sys.setswitchinterval(cfg.switch_interval)
    reloader = _reloader(server, worker, native) if cfg.reload else None
    native.booting("import")
    app = _load(worker, native, reloader)
    if reloader is not None:
        reloader.start()
    # What the application consists of stays: looking through all of it again and again
    # for garbage is in vain.
    gc.collect()
    gc.freeze()
    cfg.run_hook("post_worker_init", worker)
    _connect_logs(worker, native)
    worker.booted = True
    interface = served_as(app, cfg.interface)
    trouble = misfit(app, str(cfg.wsgi_app), interface)
    if trouble is not None:
        log.warning("%s", trouble)
    if interface == "wsgi" and native.replaces and cfg.reload_check:
        native.booting("self-request")
        trouble = ask_wsgi(app, cfg.reload_check, cfg.root_path or "")
        if trouble is not None:
            log.error("%s", trouble)
            native.explain(trouble)
            return WORKER_BOOT_ERROR
    if interface == "asgi":
        _tonnage.serve_asgi(as_asgi3(app), native)
    elif greenlets:
        _tonnage.serve_gevent(app, native)
    else:
        _tonnage.serve_wsgi(app, native)
    return 0


def _load(worker: Worker, native: _tonnage.Worker, reloader: Reloader | None) -> Any:
    """The application. While files are watched, one that cannot be imported is no reason to
    end the server: where nobody serves it, its traceback is the answer until it is mended."""
    try:
        worker.wsgi = worker.app.wsgi()
    except Exception as error:
        if reloader is None:
            raise
        if native.replaces:
            reloader.give_up(_files_of(error))
            raise
        worker.log.exception(error)
        reloader.watch(_files_of(error))
        native.be_failing()
        worker.wsgi = FailingApp("".join(traceback.format_exception(error)))
    return worker.wsgi


def _files_of(error: BaseException) -> set[str]:
    """The files that an error has come through: modules that could not be imported are not
    among those that Python knows."""
    frames = traceback.walk_tb(error.__traceback__)
    paths = {frame.f_code.co_filename for frame, _ in frames}
    if isinstance(error, SyntaxError) and error.filename is not None:
        paths.add(error.filename)
    for other in (error.__cause__, error.__context__):
        if other is not None:
            paths |= _files_of(other)
    return paths


def _reloader(server: Server, worker: Worker, native: _tonnage.Worker) -> Reloader:
    worker.log.warning("Reloader is on. Use in development only!")

    def changed(paths: list[str], mark: int) -> None:
        worker.log.info("Worker reloading: %s modified", ", ".join(paths))
        worker.is_outdated = True
        native.tell_code_change(mark)

    return Reloader(worker.cfg.reload_extra_files, server.troubles, changed)


def _connect_logs(worker: Worker, native: _tonnage.Worker) -> None:
    """Decides who writes the access log, now that the application had its say."""
    log = worker.log
    if isinstance(log, Logger):
        log.count = native.count_logged
    native.set_log(_sayer(log))
    enabled = bool(getattr(log, "access_log_enabled", True))
    find = getattr(log, "access_destination", None)
    destination = find() if enabled and find is not None else None
    if destination is not None:
        native.set_access_log(*destination)
    native.set_observer(observer_of(worker, logs=enabled and destination is None))


def _sayer(log: Any) -> Callable[[str, str], None]:
    """How the extension says something: level, text. An ``exception`` is an error whose text
    has its traceback already."""

    def say(level: str, text: str) -> None:
        if level == "exception" and isinstance(log, Logger):
            log.traced(text)
        else:
            log.log("error" if level == "exception" else level, "%s", text)

    return say


class _Signals:
    """A worker's signals. Handlers run in the main thread, in the midst of whatever it
    does; the wake-up descriptor gets it out of waiting."""

    def __init__(self, worker: Worker, native: _tonnage.Worker, greenlets: bool) -> None:
        self._worker = worker
        self._native = native
        self._greenlets = greenlets
        self._handled: set[int] = set()

    def install(self) -> None:
        for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(self._native.wakeup_fd, warn_on_full_buffer=False)
        for number, handler in (
            (signal.SIGTERM, self._finish),
            (signal.SIGQUIT, self._waits(self._quit)),
            (signal.SIGINT, self._waits(self._quit)),
            (signal.SIGABRT, self._abort),
            (signal.SIGUSR1, self._waits(self._reopen)),
            # A terminal sends it to everybody, and means the supervisor.
            (signal.SIGWINCH, _ignore),
        ):
            signal.signal(number, handler)
            # Requests in progress are not disturbed by what does not end them.
            signal.siginterrupt(number, number in (signal.SIGQUIT, signal.SIGINT, signal.SIGABRT))
            self._handled.add(number)
        # Between the fork and now they were only counted.
        for missed in self._native.missed_signals():
            if missed in self._handled:
                signal.raise_signal(missed)

    def _waits(self, handler: _gevent.Handler) -> _gevent.Handler:
        """A handler that sleeps, or runs a hook that may."""
        return _gevent.in_a_greenlet(handler) if self._greenlets else handler

    def _finish(self, _number: int, _frame: FrameType | None) -> None:
        self._worker.alive = False
        if self._worker.is_outdated:
            # gunicorn calls it when its reloader ends a worker.
            self._worker.cfg.run_hook("worker_int", self._worker)

    def _quit(self, _number: int, _frame: FrameType | None) -> None:
        _deafen()
        self._worker.alive = False
        self._worker.cfg.run_hook("worker_int", self._worker)
        time.sleep(_QUIT_SECONDS)
        if not self._native.quit():
            sys.exit(0)
        # It returns when it has ended; a handler that never waits would keep it.
        signal.signal(signal.SIGALRM, self._leave)
        signal.setitimer(signal.ITIMER_REAL, _LOOP_QUIT_SECONDS)

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        self._worker.log.warning("The application did not end within %s s", _LOOP_QUIT_SECONDS)
        sys.exit(0)

    def _abort(self, _number: int, frame: FrameType | None) -> None:
        """The supervisor saw no sign of life, and the next signal is KILL: what every thread
        does goes to its log, and to standard error where that cannot be."""
        self._worker.alive = False
        # Standard error may be no file, or closed.
        with contextlib.suppress(Exception):
            if not self._native.tell_stuck(frame):
                faulthandler.dump_traceback(sys.stderr, all_threads=True)
        self._worker.cfg.run_hook("worker_abort", self._worker)
        raise Leave(1)

    def _reopen(self, _number: int, _frame: FrameType | None) -> None:
        self._worker.log.reopen_files()
        self._native.reopen_logs()


def _exit_code(leaving: SystemExit) -> int:
    """As the interpreter has it: nothing is success, a text is an error that is shown."""
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    print(leaving.code, file=sys.stderr, flush=True)
    return 1
