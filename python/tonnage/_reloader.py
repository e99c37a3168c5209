"""``--reload``: looks once a second whether files of the application have changed."""

from __future__ import annotations

import glob
import json
import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterable

__all__ = ["Reloader", "Troubles"]

_INTERVAL_SECONDS = 1.0

# What is told of files that could not be imported; more than that is cut.
_MOST_BYTES = 1 << 16

# A file's time and size.
_State = tuple[int, int]


class Troubles:
    """The files that a worker could not import, for those who go on serving in its place:
    they would not look at a module that they never had. A file without a name, which all
    workers inherit."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("tonnage-troubles", os.MFD_CLOEXEC)

    def tell(self, seen: dict[str, _State]) -> None:
        """What a worker that ends has seen of them."""
        data = json.dumps(seen).encode()
        if len(data) <= _MOST_BYTES:
            os.pwrite(self._descriptor, data.ljust(_MOST_BYTES), 0)

    def read(self) -> dict[str, _State]:
        """What was told last."""
        data = os.pread(self._descriptor, _MOST_BYTES, 0).strip()
        try:
            told = json.loads(data or b"{}")
        except ValueError:
            # Somebody tells more just now.
            return {}
        return {path: (state[0], state[1]) for path, state in told.items()}


class Reloader(threading.Thread):
    """Tells of files that changed since they were first seen, and goes on: whether the
    change can be served shows elsewhere.

    By time and size, so that no library is needed; a second look at a module of a
    large application costs a ``stat`` each.
    """

    def __init__(
        self,
        extra: Iterable[str],
        troubles: Troubles,
        changed: Callable[[list[str], int], None],
    ) -> None:
        super().__init__(name="reloader", daemon=True)
        self._extra = list(extra)
        self._troubles = troubles
        self._changed = changed
        self._seen: dict[str, _State] = {}
        self._told: dict[str, _State] = {}
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def start(self) -> None:
        # What is there when the application has been imported is no change. Before
        # anybody is served, so that an edit after the first answer is one.
        self._told = self._troubles.read()
        self.look()
        super().start()

    def run(self) -> None:
        while not self._stop.wait(_INTERVAL_SECONDS):
            changed = self.look()
            if changed:
                self._changed(changed, self.mark(changed))

    def look(self) -> list[str]:
        """The files that are not as they were when they were last seen."""
        told = self._troubles.read()
        if told != self._told:
            self._told = told
            self._seen.update(told)
        changed = []
        for path in sorted(self._paths()):
            now = _state(path)
            if now is not None and self._seen.setdefault(path, now) != now:
                self._seen[path] = now
                changed.append(path)
        return changed

    def mark(self, changed: list[str]) -> int:
        """A number that every worker finds for the same change; never zero."""
        text = repr([(path, self._seen[path]) for path in changed])
        return zlib.crc32(text.encode("utf-8", "surrogateescape")) or 1

    def give_up(self, paths: Iterable[str]) -> None:
        """Tells the others of files that could not be imported."""
        states = {path: _state(path) for path in paths}
        self._troubles.tell({path: state for path, state in states.items() if state})

    def watch(self, paths: Iterable[str]) -> None:
        """Other files, such as those that could not be imported."""
        self._extra.extend(paths)

    def _paths(self) -> set[str]:
        paths = set(self._told)
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


def _state(path: str) -> _State | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size)
