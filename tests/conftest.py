"""Fixtures: ``serve`` starts servers for one test, and always ends them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Served, served

Serve = Callable[..., Served]

# For what has to hold whatever the application speaks.
BOTH = pytest.mark.parametrize("app", ["wsgi_app:app", "asgi_app:app"], ids=["wsgi", "asgi"])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve("--workers", "2", app="flask_app:app")``; see ``serving.served``."""
    started: list[Served] = []
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, **options: Any) -> Served:
            folder = tmp_path / f"server-{len(started)}"
            folder.mkdir()
            server = stack.enter_context(served(folder, *arguments, **options))
            started.append(server)
            return server

        yield start
        for server in started:
            # Captured, and so shown only where the test fails.
            print(server.stderr[-20_000:])
