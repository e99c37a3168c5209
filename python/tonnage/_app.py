"""Finding the application that the command line names, and what it speaks."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import traceback
from collections.abc import Callable
from typing import Any, Literal

__all__ = [
    "AppImportError",
    "FailingApp",
    "Interface",
    "as_asgi3",
    "import_app",
    "interface_of",
    "misfit",
    "served_as",
]

Interface = Literal["wsgi", "asgi"]


class AppImportError(Exception):
    """The module is there, the application in it is not: no traceback helps."""


def import_app(target: str) -> Callable[..., Any]:
    """Imports ``module``, ``module:name`` or ``module:factory(literals)``.

    Without a name it is ``application``, as with gunicorn.
    """
    module_name, colon, expression = target.partition(":")
    expression = expression if colon else "application"
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        if module_name.endswith(".py") and os.path.exists(module_name):
            better = f"{module_name[: -len('.py')]}:{expression}"
            raise ImportError(f"cannot import {module_name!r}; did you mean {better!r}?") from error
        raise
    name, call = _parse(expression)
    try:
        app = getattr(module, name)
    except AttributeError:
        raise AppImportError(f"Failed to find attribute {name!r} in {module_name!r}.") from None
    if call is not None:
        app = _made_by(app, *call)
    if app is None:
        raise AppImportError(f"Failed to find application object: {expression!r}")
    if not callable(app):
        raise AppImportError("Application object must be callable.")
    return app  # type: ignore[no-any-return]


def _parse(expression: str) -> tuple[str, tuple[list[Any], dict[str, Any]] | None]:
    """The name, and the arguments where it is a factory."""
    problem = f"Failed to parse {expression!r} as an attribute name or function call."
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise AppImportError(problem) from None
    if isinstance(tree, ast.Name):
        return tree.id, None
    if not isinstance(tree, ast.Call):
        raise AppImportError(problem)
    if not isinstance(tree.func, ast.Name):
        raise AppImportError(f"Function reference must be a simple name: {expression!r}")
    try:
        positional = [ast.literal_eval(argument) for argument in tree.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in tree.keywords}
    except ValueError:
        raise AppImportError(
            f"Failed to parse arguments as literal values: {expression!r}"
        ) from None
    return tree.func.id, (positional, named)


def _made_by(factory: Any, positional: list[Any], named: dict[str, Any]) -> Any:
    try:
        return factory(*positional, **named)
    except TypeError as error:
        # Raised by the call itself, not inside of it: the message says it all.
        inside = error.__traceback__ is not None and error.__traceback__.tb_next is not None
        if inside:
            raise
        raise AppImportError(
            "".join(traceback.format_exception_only(TypeError, error)).strip()
        ) from None


def interface_of(app: Callable[..., Any]) -> Interface:
    """Whether an application is WSGI or ASGI.

    A coroutine function is ASGI, an object whose ``__call__`` is one, too. Of anything
    else the parameters tell: three are ASGI 3, a class that takes one is ASGI 2.
    """
    inner = _unwrapped(app)
    if inspect.isclass(inner):
        return "asgi" if _required(inner) == 1 else "wsgi"
    called = inner if inspect.isroutine(inner) else getattr(inner, "__call__", inner)  # noqa: B004
    if inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(_unwrapped(called)):
        return "asgi"
    return "asgi" if _required(inner) == 3 else "wsgi"


def served_as(app: Callable[..., Any], setting: str) -> Interface:
    """What an application is served as, with this value of the setting ``interface``."""
    if setting == "auto" or isinstance(app, FailingApp):
        return interface_of(app)
    return "asgi" if setting == "asgi" else "wsgi"


def as_asgi3(app: Callable[..., Any]) -> Callable[..., Any]:
    """An ASGI 2 application (a class that takes the scope) as one of ASGI 3."""
    if not (inspect.isclass(_unwrapped(app)) and _required(app) == 1):
        return app

    async def asgi3(scope: Any, receive: Any, send: Any) -> None:
        await app(scope)(receive, send)

    return asgi3


def misfit(app: Callable[..., Any], target: str, interface: Interface) -> str | None:
    """Why an application that is served as ``interface`` cannot answer anything, and the
    way out; ``None`` where nothing is wrong with it, as far as its parameters tell."""
    inner = _unwrapped(app)
    count = 2 if interface == "wsgi" else 3
    if (inspect.isroutine(inner) or inspect.isclass(inner)) and _required(inner) == 0:
        made = f"{target if ':' in target else target + ':application'}()"
        return (
            f"{target!r} needs no arguments, as what makes an application: write {made!r} "
            "to have it called once, at the start"
        )
    spoken = interface_of(app)
    if spoken != interface and (spoken == "asgi" or not _takes(app, count)):
        return (
            f"{target!r} speaks {spoken.upper()}, and is served as {interface.upper()}: leave "
            f"`worker_class` and `interface` away, or say `--interface {spoken}`"
        )
    is_asgi2 = interface == "asgi" and inspect.isclass(inner) and _required(inner) == 1
    if is_asgi2 or _takes(app, count):
        return None
    return f"{target!r} cannot be called with the {count} arguments that {interface.upper()} has"


class FailingApp:
    """A WSGI application that answers 500 with a text: what ``--reload`` serves
    while the application cannot be imported."""

    def __init__(self, text: str) -> None:
        self._body = text.encode("utf-8", "replace")

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        length = str(len(self._body))
        fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", length)]
        start_response("500 Internal Server Error", fields)
        return [self._body]


def _unwrapped(value: Any) -> Any:
    while isinstance(value, functools.partial):
        value = value.func
    return value


def _takes(callee: Callable[..., Any], count: int) -> bool:
    """Whether it can be called with so many arguments; also where nobody knows."""
    try:
        inspect.signature(callee).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _required(callee: Callable[..., Any]) -> int | None:
    """How many positional arguments it must be given; ``None`` where that is open."""
    try:
        parameters = inspect.signature(callee).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        parameter.kind in positional and parameter.default is parameter.empty
        for parameter in parameters
    )
