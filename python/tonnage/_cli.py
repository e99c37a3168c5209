"""The entry of both ``tonnage`` and ``python -m tonnage``.

``serve`` runs in this interpreter, anything else is the extension's command line.
"""

from __future__ import annotations

import os
import signal
import sys

from . import _tonnage

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Runs a command line without the program's name and returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] != ["serve"]:
        return _tonnage.main(arguments)
    try:
        # What serving needs (logging, forking) is no business of the other verbs.
        from . import _serve

        return _serve.main(arguments[1:])
    except KeyboardInterrupt:
        # Before the supervisor has taken the signal over: it ends as any program does.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        raise
