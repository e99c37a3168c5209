"""``--reload``: looks once a second whether a file of the application has changed."""

from __future__ import annotations

import glob
import os
import sys
import threading
from collections.abc import Callable, Iterable

__all__ = ["Reloader"]

_INTERVAL_SECONDS = 1.0


class Reloader(threading.Thread):
    """Tells of the first file that changed since it was first seen, then ends.

    By time and size, so that no library is needed; a second look at a module of a
    large application costs a ``stat`` each.
    """

    def __init__(self, extra: Iterable[str], changed: Callable[[str], None]) -> None:
        super().__init__(name="reloader", daemon=True)
        self._extra = list(extra)
        self._changed = changed
        self._seen: dict[str, tuple[int, int]] = {}
        self._stop = threading.Event()

    def watch(self, path: str) -> None:
        """Another file, such as one that could not be imported."""
        self._extra.append(path)

    def stop(self) -> None:
        self._stop.set()

    def start(self) -> None:
        # What is there when the application has been imported is no change. Before
        # anybody is served, so that an edit after the first answer is one.
        self.look()
        super().start()

    def run(self) -> None:
        while not self._stop.wait(_INTERVAL_SECONDS):
            path = self.look()
            if path is not None:
                self._changed(path)
                return

    def look(self) -> str | None:
        """The first file that is not as it was when it was first seen."""
        for path in self._paths():
            try:
                status = os.stat(path)
            except OSError:
                continue
            now = (status.st_mtime_ns, status.st_size)
            if self._seen.setdefault(path, now) != now:
                return path
        return None

    def _paths(self) -> set[str]:
        paths = set()
        for module in tuple(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str):
                paths.add(path)
        for pattern in self._extra:
            # Anew each time: a pattern may match files that came later.
            paths.update(
                glob.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]
            )
        return paths
