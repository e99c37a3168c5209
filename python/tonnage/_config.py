"""``gunicorn.conf.py``: executes a configuration file and hands back what it set.

A configuration file is Python, so that this has to be. What the settings mean, which
ones there are and which of them are honoured is the extension's business; here only
what needs Python is done: functions are counted for their parameters, and values become
such that Rust can hold them (``plain``). Nothing is imported that a server without a
configuration file would not need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "DEFAULT_NAME",
    "HOOKS",
    "OBJECT_KEY",
    "ConfigFileError",
    "default_location",
    "load",
    "plain",
]

# What is read from the current directory when nothing else is asked for.
DEFAULT_NAME = "gunicorn.conf.py"

# The name under which a file is a module while it is executed and afterwards, as with
# gunicorn: dataclasses and pickles of the file need it.
_MODULE_NAME = "__config__"

# How many positional parameters each hook takes. The extension's table has the same
# numbers and a test that compares them.
HOOKS: dict[str, tuple[int, ...]] = {
    "on_starting": (1,),
    "on_reload": (1,),
    "when_ready": (1,),
    "pre_fork": (2,),
    "post_fork": (2,),
    "post_worker_init": (1,),
    "worker_int": (1,),
    "worker_abort": (1,),
    "pre_exec": (1,),
    "pre_request": (2,),
    "post_request": (4, 3, 2),
    "child_exit": (2,),
    "worker_exit": (2,),
    "nworkers_changed": (3,),
    "on_exit": (1,),
    "ssl_context": (2,),
    "on_dirty_starting": (1,),
    "dirty_post_fork": (2,),
    "dirty_worker_init": (1,),
    "dirty_worker_exit": (2,),
}

# Settings that are a class, its import path, or a function that returns either.
_CLASSES = ("logger_class", "worker_class")

# The key under which `plain` puts the name of a value that only Python can hold.
OBJECT_KEY = "__tonnage_object__"

# What fits into Rust's i64.
_LARGEST = 2**63 - 1


class ConfigFileError(Exception):
    """A configuration file that cannot be read, or a hook in it that cannot be called.

    Where the file itself raised something, that is ``__cause__``.
    """


def default_location(directory: str | None = None) -> str | None:
    """The configuration file that is read unasked, where there is one."""
    path = os.path.join(directory or os.getcwd(), DEFAULT_NAME)
    return path if os.path.exists(path) else None


def load(location: str) -> dict[str, Any]:
    """Executes ``PATH``, ``file:PATH`` or ``python:MODULE`` and returns its variables.

    They are in the order in which the file has them. Private ones are left out, and so
    are modules, and functions and classes from elsewhere that are no setting. What is
    left may be a setting, a slip of the pen, or a helper of the file; the extension tells
    them apart. Hooks come back as callables with gunicorn's full number of parameters,
    classes as classes or import paths.
    """
    if location.startswith("python:"):
        variables = _import(location.removeprefix("python:"))
    else:
        variables = _execute(location.removeprefix("file:"))
    found: dict[str, Any] = {}
    for name, value in variables.items():
        try:
            if name in HOOKS:
                found[name] = _hook(name, value)
            elif name in _CLASSES:
                found[name] = _class(value)
            elif _may_be_setting(name, value, variables.get("__name__")):
                found[name] = value
        except (TypeError, ValueError) as error:
            text = f"{name} (the configuration file {location}): {error}"
            # The sentence says it all; a traceback would show our lines, not the file's.
            raise ConfigFileError(text) from None
    return found


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same variables as None, booleans, numbers, texts, lists and dictionaries.

    Anything else becomes ``{OBJECT_KEY: name}``. The result can be written as JSON.
    """
    return {name: _plain(value) for name, value in values.items()}


def _execute(path: str) -> dict[str, Any]:
    if not os.path.exists(path):
        raise ConfigFileError(f"the configuration file {path!r} does not exist")
    full = os.path.abspath(path)
    module = type(sys)(_MODULE_NAME)
    module.__file__ = full
    sys.modules[_MODULE_NAME] = module
    try:
        with open(full, "rb") as file:
            text = file.read()
        if full.endswith(".pyc"):
            from importlib.machinery import SourcelessFileLoader

            SourcelessFileLoader(_MODULE_NAME, full).exec_module(module)
        else:
            # Compiled anew each time, and never from `__pycache__`: after HUP an edit
            # within the same second must not go unseen.
            exec(compile(text, full, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        raise ConfigFileError(_explain(path, error)) from error
    return vars(module)


def _import(name: str) -> dict[str, Any]:
    import importlib

    try:
        return vars(importlib.import_module(name))
    except Exception as error:
        raise ConfigFileError(_explain(name, error)) from error


def _explain(location: str, error: Exception) -> str:
    text = f"the configuration file {location!r} failed: {type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "gunicorn":
        text += " (it imports gunicorn, which is not installed here)"
    return text


def _may_be_setting(name: str, value: object, module: object) -> bool:
    if name.startswith("_") or isinstance(value, type(sys)):
        return False
    if isinstance(value, type) or callable(value):
        # A function of the file may be a hook whose name is misspelt.
        return getattr(value, "__module__", None) == module
    return True


def _hook(name: str, value: object) -> Callable[..., Any]:
    function: object = _imported(value) if isinstance(value, str) else value
    if not callable(function):
        raise TypeError(f"a function is expected, not {value!r}")
    wanted = HOOKS[name]
    count = _parameters(function)
    if count not in wanted:
        numbers = " or ".join(str(number) for number in wanted)
        text = f"a function with {numbers} positional parameter{'s' * (wanted != (1,))} is expected"
        raise TypeError(f"{text}, this one has {count}")
    if count < wanted[0]:
        return _with_fewer(function, count)
    return function


def _with_fewer(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Takes all arguments of a hook and passes on the first ones only."""

    def call(*arguments: Any) -> Any:
        return function(*arguments[:count])

    call.__qualname__ = getattr(function, "__qualname__", type(function).__name__)
    return call


def _parameters(function: Callable[..., Any]) -> int:
    """How many positional parameters it has; ``*rest`` is none, as with gunicorn."""
    import inspect

    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return sum(parameter.kind in positional for parameter in parameters)


def _imported(path: str) -> Any:
    """What an import path like ``package.module.function`` names."""
    import importlib

    module, dot, name = path.rpartition(".")
    if not dot:
        raise TypeError(f"{path!r} is no import path of the form module.function")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise TypeError(f"{path!r} cannot be imported: {error}") from error


def _class(value: Any) -> Any:
    if not isinstance(value, type) and callable(value):
        value = value()
    if value is None or isinstance(value, (str, type)):
        return value
    raise TypeError(f"a class or its import path is expected, not {value!r}")


def _plain(value: Any) -> Any:
    # Enumerations of numbers and texts, such as those of `ssl`, become what they stand for.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= _LARGEST else _named(value)
    if isinstance(value, float):
        return float(value) if abs(value) < float("inf") else _named(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return path if isinstance(path, str) else _named(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str.__str__(key): _plain(item) for key, item in value.items()}
    return _named(value)


def _named(value: Any) -> dict[str, str]:
    if isinstance(value, type):
        return {OBJECT_KEY: f"{value.__module__}.{value.__qualname__}"}
    return {OBJECT_KEY: getattr(value, "__qualname__", None) or repr(value)}
