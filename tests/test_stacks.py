"""What is said of threads, tasks and greenlets, without a server around it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from serving import wait_for
from tonnage import _stacks


@contextlib.contextmanager
def _threads(count: int, work: Callable[[threading.Event], None]) -> Iterator[list[int]]:
    """So many threads that have begun to wait, by their numbers."""
    over = threading.Event()
    begun = threading.Barrier(count + 1)

    def run() -> None:
        begun.wait(30)
        work(over)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    begun.wait(30)
    try:
        yield [thread.ident or 0 for thread in threads]
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


def _wait(over: threading.Event) -> None:
    over.wait(30)


def _describe(requests: dict[int, str]) -> str:
    return _stacks.describe(requests, [], None, None)


def test_threads_that_answer_requests_come_first() -> None:
    with _threads(3, _wait) as idents:
        text = _describe({idents[2]: "GET /a for 1.0 s"})
    first = text.splitlines()[0]
    assert first.startswith(f"Thread {idents[2]:#x} (Thread-")
    assert first.endswith(", GET /a for 1.0 s:")
    # Whoever asks is not among them.
    assert text.count("Thread 0x") - text.count("(pytest") >= 3
    assert "_describe" not in text


def test_of_very_many_threads_the_others_are_counted() -> None:
    with _threads(70, _wait):
        text = _describe({})
    assert text.count("Thread 0x") == 64
    assert "Threads that are not shown: " in text


def _deep(levels: int, over: threading.Event) -> None:
    if levels == 0:
        over.wait(30)
    else:
        _deep(levels - 1, over)


def test_a_deep_stack_is_cut_in_its_midst() -> None:
    with _threads(1, lambda over: _deep(300, over)) as idents:
        text = ""

        def is_there() -> bool:
            nonlocal text
            text = _describe({idents[0]: "GET /deep for 1.0 s"})
            return "over.wait(30)" in text

        wait_for(is_there, "the end of the stack")
    assert "in run" in text
    assert len(text.splitlines()) < 300


def test_the_frame_that_was_interrupted_stands_for_the_thread_that_asks() -> None:
    text = _stacks.describe({}, [], None, sys._getframe())
    assert "in test_the_frame_that_was_interrupted" in text


def test_tasks_are_followed_to_what_they_wait_for() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await inner()

    async def main() -> str:
        tasks = [asyncio.create_task(outer(), name=f"number {at}") for at in range(70)]
        await asyncio.sleep(0)
        calls = [("GET /a", tasks[69])]
        loop = asyncio.get_running_loop()
        text = await asyncio.to_thread(_stacks.describe, {}, calls, loop, None)
        for task in tasks:
            task.cancel()
        return text

    text = asyncio.run(main())
    task = text.partition("Task number 69, GET /a:\n")[2].partition("\nTask ")[0]
    where = [task.find(name) for name in ("in outer", "in inner", "in wait")]
    assert min(where) >= 0, text
    assert where == sorted(where)
    assert "Tasks that are not shown: " in text


def test_greenlets_that_wait_are_told_of() -> None:
    greenlet = pytest.importorskip("greenlet")

    def waits_in_a_greenlet() -> None:
        greenlet.getcurrent().parent.switch()

    made = greenlet.greenlet(waits_in_a_greenlet)
    made.switch()
    text = _describe({})
    assert f"Greenlet {id(made):#x}:\n" in text
    assert "in waits_in_a_greenlet" in text
    made.switch()
