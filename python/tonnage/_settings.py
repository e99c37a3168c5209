"""From a command line to settings: the configuration file is executed here, anything else
is the extension's.

``Config`` shows the settings as ``gunicorn.config.Config`` does, to hooks and loggers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import _patching, _tonnage
from ._config import HOOKS, OBJECT_KEY, ConfigFileError, default_location, load, plain
from ._process import gid_of, uid_of

__all__ = ["Config", "ConfigurationError", "parse", "read_config"]

# What only Python can hold, where the configuration file set it.
_OBJECTS = ("logger_class", "logconfig_dict")


class ConfigurationError(Exception):
    """A configuration that nothing can be started with, and the exit code that says so."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def parse(argv: list[str], environment: Mapping[str, str]) -> _tonnage.Arguments:
    """Reads a command line. Prints and raises ``SystemExit`` where that is all there is
    to do: help, the version, a flag that does not exist."""
    return _tonnage.parse_arguments(argv, dict(environment))


def read_config(arguments: _tonnage.Arguments) -> Config:
    """Executes the configuration file, if there is one, and resolves every setting. Where they
    want greenlets the standard library waits in them from here on."""
    location = arguments.config or default_location()
    _patching.patch_early(arguments, location)
    found: dict[str, Any] = {}
    try:
        if location is None:
            settings = _tonnage.resolve_settings(arguments, None)
        else:
            found = load(location)
            settings = _tonnage.resolve_settings(arguments, (location, plain(found)))
    except ConfigFileError as error:
        if error.__cause__ is not None:
            # The file's own fault: where in it, only the traceback says.
            _print_cause(error.__cause__)
        raise ConfigurationError(str(error)) from None
    except _tonnage.UsageError as error:
        raise ConfigurationError(str(error), code=2) from None
    except _tonnage.SettingsError as error:
        raise ConfigurationError(str(error)) from None
    if settings.greenlets:
        _patching.patch_late(location)
    elif _patching.is_patched():
        raise ConfigurationError(
            f"worker_class is {settings.values['worker_class']}, and this process is patched for "
            "gevent, which nothing takes back: start it anew, by USR2 for instance"
        )
    return Config(settings, found)


def _print_cause(cause: BaseException) -> None:
    import traceback

    traceback.print_exception(cause)


class Config:
    """Settings by gunicorn's names, and the user's hooks by theirs."""

    def __init__(self, settings: _tonnage.Settings, found: Mapping[str, Any]) -> None:
        self.native = settings
        self.values: dict[str, Any] = {**settings.values, **_objects(settings.values, found)}
        self._hooks: dict[str, Callable[..., Any]] = {
            name: found[name] for name in HOOKS if name in found
        }
        self.env = dict(_pair(text) for text in self.values["raw_env"])
        self.uid = uid_of(self.values["user"])
        self.gid = gid_of(self.values["group"])

    def __getattr__(self, name: str) -> Any:
        # Only for what is no attribute: a setting, or a hook.
        if name.startswith("__"):
            raise AttributeError(name)
        if name in HOOKS:
            return self._hooks.get(name, _no_hook)
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(f"No configuration setting for: {name}") from None

    def __str__(self) -> str:
        return self.native.text

    def hook(self, name: str) -> Callable[..., Any] | None:
        """A hook of the user's, if there is one."""
        return self._hooks.get(name)

    def run_hook(self, name: str, *arguments: Any) -> None:
        """Runs it, if there is one."""
        hook = self._hooks.get(name)
        if hook is not None:
            hook(*arguments)

    @property
    def proc_name(self) -> str:
        """By which processes and syslog's lines are known: the application, if nothing
        else was asked for."""
        return str(self.values["proc_name"] or self.values["wsgi_app"])

    @property
    def address(self) -> list[tuple[str, int] | str]:
        """Where it listens: hosts with their ports, paths of Unix sockets."""
        return [_address(text) for text in self.values["bind"]]

    @property
    def worker_class_str(self) -> str:
        worker_class = str(self.values["worker_class"])
        return "gthread" if worker_class == "sync" and self.values["threads"] > 1 else worker_class

    @property
    def is_ssl(self) -> bool:
        return bool(self.values["certfile"] or self.values["keyfile"])


def _objects(values: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Objects of the configuration file, where no flag put another value in their place."""
    kept = {}
    for name in _OBJECTS:
        resolved, given = values.get(name), found.get(name)
        if given is None:
            continue
        if isinstance(given, type):
            path = f"{given.__module__}.{given.__qualname__}"
            if resolved not in (path, {OBJECT_KEY: path}):
                continue
        elif isinstance(given, str):
            continue
        kept[name] = given
    return kept


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"raw_env: {text!r} is not of the form NAME=VALUE")
    return name, value


def _address(text: str) -> tuple[str, int] | str:
    for prefix in ("unix://", "unix:", "fd://"):
        if text.startswith(prefix):
            return text.removeprefix(prefix)
    host, _, port = text.removeprefix("tcp://").rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdigit() else (text, 8000)


def _no_hook(*_arguments: Any) -> None:
    """What a hook is that nobody set."""
