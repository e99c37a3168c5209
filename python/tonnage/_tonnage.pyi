"""What the extension offers, and what it expects of the objects it is given."""

from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

__version__: str

class SettingsError(ValueError):
    """A setting that cannot be; the message names it, where it is from, and what would be right."""

class UsageError(SettingsError):
    """The same of what a flag says: of the command line, or of ``GUNICORN_CMD_ARGS``."""

class ClientDisconnected(OSError):
    """Raised by ASGI's ``send`` when the client has gone."""

class Arguments:
    """Serve's command line and ``GUNICORN_CMD_ARGS``, read but not yet understood."""

    @property
    def config(self) -> str | None:
        """The configuration file that they name, the command line first."""

class Settings:
    """Every setting, understood."""

    @property
    def values(self) -> dict[str, Any]:
        """By gunicorn's names: ``None``, booleans, numbers, texts, lists, dictionaries."""

    @property
    def greenlets(self) -> bool:
        """Whether requests run in gevent's greenlets."""

    @property
    def not_honoured(self) -> list[str]:
        """For ``--check-config``: a line for each setting that was given and is not
        honoured as gunicorn does."""

    @property
    def warnings(self) -> list[str]:
        """What has to be said at each start."""

    def check_tls(self) -> None:
        """Reads what TLS is spoken with. Raises ValueError where that cannot be."""
    @property
    def decisions(self) -> list[str]:
        """What was found for settings that are ``auto``, and by what."""

    @property
    def text(self) -> str:
        """For ``--print-config``."""

def main(argv: list[str]) -> int:
    """Every verb but ``serve``: arguments without the program's name, exit code."""

def parse_arguments(argv: list[str], environment: dict[str, str]) -> Arguments:
    """Reads serve's command line, without the verb, and ``GUNICORN_CMD_ARGS``.

    Prints and raises ``SystemExit`` for ``--help``, ``--version`` and bad usage.
    """

def resolve_settings(arguments: Arguments, config: tuple[str, dict[str, Any]] | None) -> Settings:
    """Merges defaults, environment, configuration file (its location and what
    ``_config.plain`` made of it) and flags. Raises SettingsError."""

class Worker:
    """A worker's place among the workers, made by the supervisor before each fork."""

    @property
    def slot(self) -> int: ...
    @property
    def age(self) -> int: ...
    @property
    def replaces(self) -> bool:
        """Whether it takes the place of another, which goes on if this one does not start."""

    @property
    def requests(self) -> int:
        """Requests that the application was given so far."""

    @property
    def wakeup_fd(self) -> int:
        """Written to by Python's signal handler; whoever polls wakes the main thread."""

    def after_fork(self) -> None:
        """First thing in the child: puts away what is the supervisor's (signals, descriptors),
        and sees to it that this process does not outlive it for long."""

    def oversee(self) -> None:
        """Looks after requests that take too long, and after a worker that is stuck, from
        now on. Their stacks are the supervisor's to log."""

    def tell_stuck(self, frame: FrameType | None) -> bool:
        """Has the supervisor log what every thread does; ``frame`` is where this one was
        interrupted."""

    def missed_signals(self) -> list[int]:
        """Signals that came before this process had handlers of its own."""

    def explain(self, reason: str) -> None:
        """Leaves word of why this worker cannot start."""

    def tell_code_change(self, mark: int) -> None:
        """Says that files of the application have changed; the same changes have the same
        mark, which is not zero."""

    def booting(self, step: str) -> None:
        """Says what the worker's start waits for: `import` or `self-request`."""

    def be_failing(self) -> None:
        """Says that an error is served in place of the application."""

    def set_log(self, log: Callable[[str, str], None]) -> None:
        """Where the worker's own messages go: level, text."""

    def set_observer(self, observer: Observer | None) -> None:
        """Who is asked before and after each request; nobody costs nothing."""

    def set_access_log(self, descriptor: int, path: str | None) -> None:
        """Lines by ``access_log_format`` go there. The descriptor is duplicated."""

    def count_logged(self, level: str) -> None:
        """Counts a line of the log, where somebody wants to know: ``warning``, ``error``,
        ``exception`` or ``critical``; any other is not counted."""

    def reopen_logs(self) -> None:
        """Opens the access log anew; without one, nothing."""

    def flush_logs(self) -> None:
        """Waits, for a few seconds at most, until the access log is written."""

    def drain(self) -> None:
        """Stops accepting, answers what is there, then lets ``serve_*`` return."""

    def quit(self) -> bool:
        """Cancels what an event loop runs, and lets ``serve_asgi`` end the application's
        lifespan and return; ``False`` where no loop runs."""

class Observer(Protocol):
    """Python code that takes part in each request: hooks and loggers of users."""

    def begin(self, environ: dict[str, Any]) -> object:
        """Before the application is called, with the environ or the ASGI scope. What it
        raises is answered with 500, and ``end`` is called with ``None`` for its result."""

    def end(
        self,
        request: object,
        environ: dict[str, Any],
        status: int,
        reason: str,
        headers: list[tuple[str, str]],
        sent_bytes: int,
        took_us: int,
    ) -> None:
        """After the answer, with what ``begin`` returned."""

    def refused(
        self, environ: dict[str, Any], status: int, reason: str, sent_bytes: int, took_us: int
    ) -> None:
        """A request was refused before anybody saw it; the environ has what it said."""

class Host(Protocol):
    """What the supervisor asks of Python. All of it is called with the GIL."""

    def spawn(self, slot: int, age: int, worker: Worker) -> int:
        """Forks; the child runs the worker and never returns."""

    def log(self, level: str, text: str) -> None:
        """``debug``, ``info``, ``warning``, ``error`` or ``critical``."""

    def reload(self) -> Settings:
        """Reads the configuration anew; the settings from now on. Raises to keep the old ones."""

    def reopen_logs(self) -> None: ...
    def hook(self, name: str, *arguments: Any) -> None:
        """``on_starting()``, ``when_ready(listeners)``, ``on_reload()``,
        ``nworkers_changed(new, old)``, ``child_exit(pid)``, ``promoted()``, ``on_exit()``,
        ``code_changed()``: workers begin anew with the same settings,
        and ``generation_failed()``: what was reloaded last does not start, the settings
        before it count again."""

    def reexec(self, descriptors: list[int]) -> int:
        """Forks and executes the program again with these listeners; the child's pid."""

def supervise(
    settings: Settings, host: Host, descriptors: list[int], by_systemd: bool, master_pid: int
) -> int:
    """Runs until it is told to end; exit code. Raises OSError where it cannot listen.

    ``descriptors`` are listening sockets that were handed over, by systemd or by
    ``master_pid``, the process whose USR2 made this one (0: nobody's).
    """

def serve_wsgi(app: object, worker: Worker) -> None:
    """Serves until drained. Reports the worker ready."""

def serve_gevent(app: object, worker: Worker) -> None:
    """The same with each request in a greenlet, in a process where ``_gevent.patch`` has run."""

def serve_asgi(app: object, worker: Worker) -> None:
    """Serves until drained, on a loop of ``tonnage._loops.new_event_loop``."""
