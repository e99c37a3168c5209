"""``tonnage serve``: from the command line to the supervisor, and what the supervisor asks.

The supervisor itself (sockets, signals, who is started and stopped when) is the
extension's; here is what has to happen in Python: forking, hooks, logs, configuration.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import traceback
from typing import Any

from . import __version__, _patching, _tonnage, _worker
from ._app import AppImportError, misfit, served_as
from ._application import Application
from ._logging import check_logs, logger_class
from ._process import can_write, daemonize, fork, inherited_sockets, notify_systemd, set_title
from ._settings import ConfigurationError, parse
from ._shims import Server, Worker

__all__ = ["main"]

# Hooks whose failure ends the start: gunicorn's master does not survive them either.
_HOOKS_OF_THE_START = ("on_starting", "when_ready")

_SIGNALS_OF_THE_SUPERVISOR = (
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGCHLD,
)


def main(argv: list[str]) -> int:
    """Serves until it is told to end; exit codes are gunicorn's."""
    arguments = parse(argv, os.environ)
    try:
        application = Application(arguments)
        cfg = application.cfg
        for line in cfg.native.not_honoured if cfg.check_config else cfg.native.warnings:
            print(line, file=sys.stderr, flush=True)
        if cfg.print_config:
            print(cfg)
        if cfg.print_config or cfg.check_config:
            return _check(application)
        if cfg.daemon:
            daemonize(bool(cfg.enable_stdio_inheritance))
        return _serve(application)
    except ConfigurationError as error:
        return _refuse(error, error.code)
    except (RuntimeError, OSError, ValueError) as error:
        return _refuse(error, 1)


def _refuse(error: Exception, code: int) -> int:
    print(f"\nError: {error}", file=sys.stderr, flush=True)
    return code


def _check(application: Application) -> int:
    application.enter()
    cfg = application.cfg
    if cfg.native.greenlets:
        _patching.check()
    check_logs(cfg)
    cfg.native.check_tls()
    if cfg.pidfile and not can_write(cfg.pidfile):
        raise RuntimeError(f"pidfile: {cfg.pidfile!r} cannot be written")
    try:
        app = application.wsgi()
    except Exception:
        print("\nError while loading the application:\n", file=sys.stderr)
        traceback.print_exc()
        return 1
    trouble = misfit(app, application.app_uri, served_as(app, cfg.interface))
    if trouble is not None:
        raise RuntimeError(trouble)
    return 0


def _serve(application: Application) -> int:
    os.environ["SERVER_SOFTWARE"] = f"tonnage/{__version__}"
    descriptors, by_systemd = inherited_sockets()
    application.enter()
    host = Host(application, by_systemd)
    host.prepare()
    # The supervisor's handlers call those that were there before, Python's among them.
    for number in _SIGNALS_OF_THE_SUPERVISOR:
        signal.signal(number, signal.SIG_DFL)
    return _tonnage.supervise(
        application.cfg.native, host, descriptors, by_systemd, host.server.master_pid
    )


class Host:
    """What the supervisor asks of Python."""

    def __init__(self, application: Application, by_systemd: bool) -> None:
        self.application = application
        self._by_systemd = by_systemd
        # What counts again where a new generation of workers does not start.
        self._before_reload = application.cfg
        self.log_object: Any = logger_class(application.cfg.logger_class)(application.cfg)
        self.server = Server(application, self.log_object)
        if self.server.master_pid:
            self.log_object.reopen_files()

    def prepare(self) -> None:
        """What is done before anything listens."""
        cfg = self.application.cfg
        self.log_object.info("Starting tonnage %s", __version__)
        self._tell_decisions()
        self._count_workers()
        if cfg.native.greenlets:
            _patching.check()
        if cfg.preload_app:
            self._preload()
        set_title(f"master [{self.server.proc_name}]")

    def spawn(self, slot: int, age: int, worker: _tonnage.Worker) -> int:
        """Forks a worker. The child lives in this call and never returns from it."""
        del slot
        server = self.server
        server.worker_age = age
        shim = Worker(server, age, worker)
        self.application.cfg.run_hook("pre_fork", server, shim)
        # What is in a buffer now would be written by both.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        pid = fork()
        if pid == 0:
            _worker.live(server, shim, worker)
        shim.pid = pid
        server.WORKERS[pid] = shim
        return pid

    def log(self, level: str, text: str) -> None:
        self.log_object.log(level, "%s", text)

    def reload(self) -> _tonnage.Settings:
        """The configuration anew, and the logs that it asks for."""
        application, log = self.application, self.log_object
        before = application.cfg
        application.reload()
        self._before_reload = before
        try:
            log.setup(application.cfg)
        except Exception:
            traceback.print_exc()
            log.setup(before)
            log.error("reloading the logger configuration failed, keeping the previous one")
        log.reopen_files()
        self._tell_decisions()
        self._count_workers()
        if application.cfg.native.greenlets:
            _patching.check()
        if application.cfg.preload_app:
            # As with gunicorn: what was preloaded stays, only USR2 replaces it.
            self._preload()
        else:
            application.callable = None
        set_title(f"master [{self.server.proc_name}]")
        return application.cfg.native

    def reopen_logs(self) -> None:
        self.log_object.reopen_files()

    def hook(self, name: str, *arguments: Any) -> None:
        """Something happened that a user's hook, or a service manager, may care for."""
        server, cfg = self.server, self.application.cfg
        if name == "nworkers_changed":
            server.num_workers = int(arguments[0])
        elif name == "when_ready":
            server.LISTENERS = list(arguments[0])
            arguments = ()
            notify_systemd("READY=1\nSTATUS=Tonnage is ready")
        elif name == "child_exit":
            # A stranger that was reaped is nobody's worker.
            gone = server.WORKERS.pop(int(arguments[0]), None)
            if gone is None:
                return
            arguments = (gone,)
        elif name == "generation_failed":
            self.application.go_back_to(self._before_reload)
            server.num_workers = int(self.application.cfg.workers)
            return
        elif name == "code_changed":
            # The configuration stays, whatever becomes of the code.
            self._before_reload = self.application.cfg
            return
        elif name == "promoted":
            server.master_pid = 0
            os.environ.pop("GUNICORN_PID", None)
            set_title(f"master [{server.proc_name}]")
            return
        try:
            cfg.run_hook(name, server, *arguments)
        except Exception:
            self.log_object.exception("Exception in %s hook", name)
            if name in _HOOKS_OF_THE_START:
                raise

    def reexec(self, descriptors: list[int]) -> int:
        """Starts this program anew beside itself, with the same sockets (USR2)."""
        sys.stdout.flush()
        sys.stderr.flush()
        pid = fork()
        if pid != 0:
            self.server.reexec_pid = pid
            return pid
        try:
            self._execute(descriptors)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _execute(self, descriptors: list[int]) -> None:
        self.application.cfg.run_hook("pre_exec", self.server)
        environment = dict(self.application.environment)
        for name in ("GUNICORN_FD", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
            environment.pop(name, None)
        environment["GUNICORN_PID"] = str(self.server.pid)
        if self._by_systemd:
            # They are where systemd put them, and the paths stay systemd's.
            environment["LISTEN_PID"] = str(os.getpid())
            environment["LISTEN_FDS"] = str(len(descriptors))
        else:
            environment["GUNICORN_FD"] = ",".join(str(fd) for fd in descriptors)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        os.chdir(self.application.folder)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)

    def _tell_decisions(self) -> None:
        for text in self.application.cfg.native.decisions:
            self.log_object.info("%s", text)

    def _count_workers(self) -> None:
        """gunicorn tells the hook of the first number, too, and after each reload."""
        server, wanted = self.server, int(self.application.cfg.workers)
        first = not server.WORKERS and server.worker_age == 0
        old = None if first else server.num_workers
        server.num_workers = wanted
        self.application.cfg.run_hook("nworkers_changed", server, wanted, old)

    def _preload(self) -> None:
        if self.application.callable is not None:
            return
        try:
            self.application.wsgi()
        except AppImportError as error:
            raise RuntimeError(str(error)) from None
        except Exception:
            # Its own fault: only the traceback says where.
            traceback.print_exc()
            raise RuntimeError("the application cannot be loaded") from None
        # A collection in a worker writes into each object's header, and a page that is
        # written is no longer shared.
        gc.collect()
        gc.freeze()


# mypy sees here whether the supervisor gets what it asks for.
def _is_host(host: Host) -> _tonnage.Host:
    return host
