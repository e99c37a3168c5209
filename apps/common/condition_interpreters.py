"""Interpreters of their own for conditions: one spawned for each, or a pool.

The data reaches an interpreter over its standard input, never pasted into code.
An interpreter bounds itself (memory and CPU time, by the kernel) and is killed by
its parent when it does not answer in time; in a pool it is then replaced. It ends
when its standard input does, so none survives a parent that was killed.
"""

import ast
import atexit
import marshal
import os
import select
import subprocess
import sys
import threading
import time

from condition_guard import Refused
from condition_runtime import LENGTH_BYTES

# Read by the interpreter as `python3 -c`; the argument is this folder.
RUNNER = "import sys; sys.path.insert(0, sys.argv[1]); import condition_runtime as r; r.serve()"

FOLDER = os.path.dirname(os.path.abspath(__file__))

# Bytes of an answer: a context that is larger is none.
MAX_ANSWER = 1 << 26

# Interpreters that one process starts for single conditions and runs at a time. More
# than FastAPI has threads: only servers without such a bound ever wait.
MAX_SPAWNED = 64

# How long a condition waits for an interpreter, in seconds.
MAX_WAIT = 30.0


def interpreter():
    """The Python to start. Inside uWSGI `sys.executable` names uWSGI itself."""
    if os.path.basename(sys.executable or "").startswith("python"):
        return sys.executable
    return os.path.join(sys.prefix, "bin", "python3")


class Gone(Exception):
    """An interpreter that ended, or did not answer in time."""


class Bounds(object):
    """What one condition may take of an interpreter of its own."""

    def __init__(self, work, memory=1 << 28, cpu_seconds=2.0, wall_seconds=10.0):
        self.work = work
        self.memory = memory
        self.cpu_seconds = cpu_seconds
        self.wall_seconds = wall_seconds


class Interpreter(object):
    """A Python that runs conditions, and the pipes to it."""

    def __init__(self, bounds, flags=()):
        self.bounds = bounds
        self.process = subprocess.Popen(
            [interpreter()] + list(flags) + ["-c", RUNNER, FOLDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            close_fds=True,
        )
        # Neither side may wait for the other for ever.
        for pipe in (self.process.stdin, self.process.stdout):
            os.set_blocking(pipe.fileno(), False)
        self.pending = message((bounds.memory, bounds.cpu_seconds))

    def run(self, condition, log, context):
        """Whether a condition holds, and the context after it. Raises Refused for
        what the condition did, Gone where the interpreter is of no more use."""
        asked = (condition.code, condition.weight, log, context, self.bounds.work)
        deadline = time.monotonic() + self.bounds.wall_seconds
        self.write(self.pending + message(asked), deadline)
        self.pending = b""
        length = int.from_bytes(self.read(LENGTH_BYTES, deadline), "big")
        if length > MAX_ANSWER:
            raise Gone()
        try:
            holds, rest = ast.literal_eval(self.read(length, deadline).decode("utf-8"))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise Gone()
        if holds is None:
            raise Refused(rest)
        return holds, rest

    def write(self, data, deadline):
        """Sends all of the data."""
        pipe, sent = self.process.stdin.fileno(), 0
        while sent < len(data):
            self.wait((), (pipe,), deadline)
            try:
                sent += os.write(pipe, data[sent : sent + 65536])
            except BlockingIOError:
                continue
            except OSError:
                raise Gone()

    def read(self, length, deadline):
        """So many bytes of an answer."""
        pipe, parts = self.process.stdout.fileno(), []
        while length:
            self.wait((pipe,), (), deadline)
            try:
                part = os.read(pipe, min(length, 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                raise Gone()
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    @staticmethod
    def wait(readable, writable, deadline):
        """Waits until a pipe is ready, but not beyond the deadline."""
        # `poll` takes any number; `select` would fail with many open connections.
        poll = select.poll()
        for pipe in readable:
            poll.register(pipe, select.POLLIN)
        for pipe in writable:
            poll.register(pipe, select.POLLOUT)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Gone()

    def forget(self):
        """Closes the pipes, which the parent of a forked process goes on using."""
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                pass

    def end(self):
        """Ends the process and waits for it."""
        try:
            self.process.kill()
        except OSError:
            pass
        self.forget()
        self.process.wait()


def message(value):
    """A value with its length before it. The data is no text to be read again, so
    quotes and newlines in a log mean nothing here."""
    data = marshal.dumps(value)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


TOO_LONG = "the condition takes more time or memory than its bound"
NONE_FREE = "no interpreter is free"


def spawned(bounds, flags=()):
    """Runs each condition in an interpreter that is started for it, as the
    original did."""
    free = threading.Semaphore(MAX_SPAWNED)

    def run(condition, log, context):
        if not free.acquire(timeout=MAX_WAIT):
            raise Refused(NONE_FREE)
        try:
            return run_in(Interpreter(bounds, flags), condition, log, context)
        finally:
            free.release()

    def run_in(interpreter, condition, log, context):
        try:
            return interpreter.run(condition, log, context)
        except Gone:
            raise Refused(TOO_LONG)
        finally:
            interpreter.end()

    return run


class Pool(object):
    """A bounded number of interpreters, started when they are first needed and
    again in each process that a server forks."""

    def __init__(self, bounds, size, flags=("-I",)):
        self.bounds = bounds
        self.size = size
        self.flags = flags
        self.owner = None
        self.beginning = threading.Lock()
        self.begin()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forked)

    def forked(self):
        """What a forked process does first, unless Python is not told of the fork:
        it is not by uWSGI, nor are there such calls before 3.7."""
        self.beginning = threading.Lock()
        self.begin()

    def begin(self):
        """An empty pool for this process; what a parent started stays the parent's."""
        inherited = self.idle if self.owner is not None else []
        self.lock = threading.Lock()
        self.free = threading.Semaphore(self.size)
        self.idle = []
        for interpreter in inherited:
            interpreter.forget()
            # It is no child of this process: there is nothing to wait for.
            interpreter.process.returncode = 0
        # Last: to other threads all of this is then done.
        self.owner = os.getpid()

    def run(self, condition, log, context):
        """Runs a condition in an idle interpreter, or in a new one."""
        if self.owner != os.getpid():
            with self.beginning:
                if self.owner != os.getpid():
                    self.begin()
        if not self.free.acquire(timeout=MAX_WAIT):
            raise Refused(NONE_FREE)
        try:
            with self.lock:
                interpreter = self.idle.pop() if self.idle else None
            if interpreter is None:
                interpreter = Interpreter(self.bounds, self.flags)
            return self.run_in(interpreter, condition, log, context)
        finally:
            self.free.release()

    def run_in(self, interpreter, condition, log, context):
        """Runs a condition; the interpreter goes back to the pool unless it is lost."""
        keep = True
        try:
            return interpreter.run(condition, log, context)
        except Gone:
            keep = False
            raise Refused(TOO_LONG)
        except Refused:
            raise
        except BaseException:
            # In the middle of a message: an answer might be taken for another's.
            keep = False
            raise
        finally:
            if keep:
                with self.lock:
                    self.idle.append(interpreter)
            else:
                interpreter.end()

    def close(self):
        """Ends every idle interpreter of this process."""
        if self.owner != os.getpid():
            return
        with self.lock:
            idle, self.idle = self.idle, []
        for interpreter in idle:
            interpreter.end()
