"""When the standard library is made to wait in greenlets (``-k gevent``): before anything
else is imported that waits, and so before the configuration file is executed, wherever the
worker class can be told without that.

What was imported earlier keeps what it took: gevent warns of ``ssl``, whose contexts then fail
by a ``RecursionError``. Configuration files import it with anything that speaks HTTP.
"""

from __future__ import annotations

import ast
import importlib.util
import sys

from . import _tonnage

__all__ = ["check", "is_patched", "patch", "patch_early", "patch_late"]

_SETTING = "worker_class"

# Whether this process was patched by us, or one that it was forked from.
_patched = False


def check() -> None:
    """Raises RuntimeError where gevent cannot be had."""
    if not _is_installed():
        raise RuntimeError(
            "worker_class is gevent, which is not installed (pip install 'tonnage[gevent]')"
        )


def patch() -> None:
    """Patches; again in a process that was forked from one where it was done."""
    global _patched
    import gevent
    from gevent import monkey

    monkey.patch_all()
    # Where this process has a hub already it is its parent's.
    gevent.reinit()
    _patched = True


def patch_early(arguments: _tonnage.Arguments, location: str | None) -> None:
    """Patches where the worker class is gevent as far as can be told before the configuration
    file at ``location`` is executed."""
    if not _patched and _is_installed() and _foretell(arguments, location):
        patch()


def patch_late(location: str | None) -> None:
    """Patches where only the executed configuration file told that the worker class is gevent,
    and says why gevent warns, if it does."""
    if _patched or not _is_installed():
        return
    if location is not None and "ssl" in sys.modules:
        print(
            f"Warning: {location} imports ssl, and sets worker_class in a way that only executing "
            "it tells: say -k gevent, or set it to a plain text",
            file=sys.stderr,
            flush=True,
        )
    patch()


def is_patched() -> bool:
    """Whether :func:`patch` was called, which nothing takes back."""
    return _patched


def _is_installed() -> bool:
    return importlib.util.find_spec("gevent") is not None


def _foretell(arguments: _tonnage.Arguments, location: str | None) -> bool:
    name = None if location is None else _constant(_source(location))
    found = None if location is None or name is None else (location, {_SETTING: name})
    try:
        return _tonnage.resolve_settings(arguments, found).greenlets
    except _tonnage.SettingsError:
        # It will be said when all is known.
        return False


def _source(location: str) -> bytes:
    """The text of a configuration file; empty where it cannot be had."""
    try:
        path: str | None = location.removeprefix("file:")
        if location.startswith("python:"):
            spec = importlib.util.find_spec(location.removeprefix("python:"))
            path = None if spec is None else spec.origin
        if path is None or path.endswith(".pyc"):
            return b""
        with open(path, "rb") as file:
            return file.read()
    except (ImportError, OSError, ValueError):
        return b""


def _constant(text: bytes) -> str | None:
    """The worker class, where the file sets it to a text, whatever else happens in it."""
    if b"gevent" not in text:
        return None
    found = None
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    for statement in statements:
        match statement:
            case ast.Assign([ast.Name("worker_class")], ast.Constant(str(value))):
                found = value
            case ast.AnnAssign(ast.Name("worker_class"), _, ast.Constant(str(value))):
                found = value
            case _ if any(_may_set(node) for node in ast.walk(statement)):
                found = None
    return found


def _may_set(node: ast.AST) -> bool:
    """Whether this may give the worker class a value that only executing it tells."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name):
            return name == _SETTING
        case ast.ClassDef(name=name):
            return name == _SETTING
        case ast.alias(name=name, asname=asname):
            return (asname or name) in (_SETTING, "*")
        case _:
            return False
