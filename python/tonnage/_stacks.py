"""What a worker's threads and tasks do at the moment, for requests that take too long.

All of it runs in a thread of the extension's, beside threads that may hold any lock but the
interpreter's: nothing here takes one, logs, or calls what belongs to the application.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["arm", "describe"]

_MOST_THREADS = 64
_MOST_TASKS = 64
_MOST_GREENLETS = 64
_MOST_FRAMES = 64

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep

# A task or greenlet of the application, and the request that it answers.
Calls = list[tuple[str, Any]]


def arm() -> tuple[int, int]:
    """Prepares for a look from outside, without the interpreter: a signal, and the
    descriptor of the file to which its handler writes all stacks.

    Real-time signals have no meaning of their own, and few programs use the last ones.
    """
    number = int(signal.SIGRTMAX) - 2
    descriptor = os.memfd_create("tonnage-stacks", os.MFD_CLOEXEC)
    faulthandler.register(number, file=descriptor, all_threads=True, chain=False)
    return number, descriptor


def describe(
    requests: dict[int, str], calls: Calls, loop: Any, interrupted: FrameType | None
) -> str:
    """The stacks of all threads, the oldest call first, those that answer ``requests`` (by
    their threads' numbers) before the others; then those of the tasks of ``loop``, those of
    ``calls`` first. Of the thread that asks, that of the frame which was interrupted for it.
    Greenlets come between the two, where the application has some."""
    parts = [*_threads(requests, interrupted), *_greenlets(calls if loop is None else [])]
    if loop is not None:
        parts += _tasks(calls, loop)
    return "\n".join(parts)


def _threads(requests: dict[int, str], interrupted: FrameType | None) -> Iterator[str]:
    frames = sys._current_frames()
    frames.pop(threading.get_ident(), None)
    if interrupted is not None:
        frames[threading.get_ident()] = interrupted
    # Not `threading.enumerate`: it takes a lock.
    known = dict(getattr(threading, "_active", {}))
    order = sorted(frames, key=lambda ident: ident not in requests)
    idle = 0
    for ident in order[:_MOST_THREADS]:
        lines = _stack(frames[ident])
        if not lines:
            idle += 1
            continue
        name = getattr(known.get(ident), "name", None)
        title = f"Thread {ident:#x}" + (f" ({name})" if name else "")
        if ident in requests:
            title += f", {requests[ident]}"
        yield f"{title}:\n{''.join(lines).rstrip()}"
    if idle:
        yield f"Threads that only the server uses: {idle}"
    if len(order) > _MOST_THREADS:
        yield f"Threads that are not shown: {len(order) - _MOST_THREADS}"


def _stack(frame: FrameType) -> list[str]:
    """Without the server's own calls, which are the same in every worker."""
    frames = []
    level: FrameType | None = frame
    while level is not None and not level.f_code.co_filename.startswith(_PACKAGE):
        frames.append((level, level.f_lineno))
        level = level.f_back
        if len(frames) > _MOST_FRAMES:
            frames.pop(_MOST_FRAMES // 2)
    frames.reverse()
    return _format(frames)


def _format(frames: list[tuple[FrameType, int]]) -> list[str]:
    return traceback.StackSummary.extract(iter(frames)).format()


def _greenlets(calls: Calls) -> Iterator[str]:
    """Those that wait: the one that runs is in its thread's stack. gevent has them, and
    libraries that let synchronous code wait on an event loop."""
    module = sys.modules.get("greenlet")
    if module is None:
        return
    requests = {id(greenlet): request for request, greenlet in calls}
    left = _MOST_GREENLETS
    for thing in gc.get_objects():
        # `isinstance` could call what belongs to the application.
        if not issubclass(type(thing), module.greenlet):
            continue
        frame = thing.gr_frame
        lines = _stack(frame) if frame is not None else []
        if not lines:
            continue
        if left == 0:
            yield "More greenlets are not shown"
            return
        left -= 1
        request = requests.get(id(thing))
        title = f"Greenlet {id(thing):#x}" + (f", {request}" if request else "")
        yield f"{title}:\n{''.join(lines).rstrip()}"


def _tasks(calls: Calls, loop: Any) -> Iterator[str]:
    """Those that wait: the one that runs is in its thread's stack."""
    # Only who has a loop has it already, and needs the memory.
    import asyncio

    requests = {id(task): request for request, task in calls}
    # Another thread may change the set while it is copied.
    tasks: set[Any] = set()
    with contextlib.suppress(RuntimeError):
        tasks = asyncio.all_tasks(loop)
    waiting = [task for task in tasks if not task.done()]
    waiting.sort(key=lambda task: id(task) not in requests)
    for task in waiting[:_MOST_TASKS]:
        lines = _chain(task)
        if not lines:
            continue
        request = requests.get(id(task))
        title = f"Task {task.get_name()}" + (f", {request}" if request else "")
        yield f"{title}:\n{''.join(lines).rstrip()}"
    if len(waiting) > _MOST_TASKS:
        yield f"Tasks that are not shown: {len(waiting) - _MOST_TASKS}"


def _chain(task: Any) -> list[str]:
    """A task's own ``get_stack`` ends with its outermost coroutine."""
    frames: list[tuple[FrameType, int]] = []
    awaited = task.get_coro()
    while awaited is not None and len(frames) < _MOST_FRAMES:
        frame = _first_of(awaited, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            break
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            frames.append((frame, frame.f_lineno))
        awaited = _first_of(awaited, "cr_await", "gi_yieldfrom", "ag_await")
    return _format(frames)


def _first_of(thing: Any, *names: str) -> Any:
    for name in names:
        value = getattr(thing, name, None)
        if value is not None:
            return value
    return None
