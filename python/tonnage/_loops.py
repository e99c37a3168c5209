"""The event loop of an ASGI worker. Nothing here sets a policy: the loop is ours alone."""

from __future__ import annotations

import asyncio

__all__ = ["new_event_loop"]


def new_event_loop(name: str) -> asyncio.AbstractEventLoop:
    """A loop by the setting ``asgi_loop``: ``auto`` is uvloop where it is installed."""
    if name in ("auto", "uvloop"):
        try:
            import uvloop
        except ImportError:
            if name == "uvloop":
                raise RuntimeError(
                    "asgi_loop is uvloop, which is not installed (pip install uvloop)"
                ) from None
        else:
            loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
            return loop
    # Not `asyncio.new_event_loop()`, which asks a policy that the application may
    # have replaced.
    return asyncio.SelectorEventLoop()
