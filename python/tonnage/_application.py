"""The application and its configuration, as gunicorn's hooks see them: ``server.app``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from . import _tonnage
from ._app import import_app
from ._settings import Config, ConfigurationError, read_config

__all__ = ["Application"]


class Application:
    """Reads the configuration, and imports the application once it is asked for."""

    def __init__(self, arguments: _tonnage.Arguments) -> None:
        self._arguments = arguments
        # What this process was started with: a reload begins there again.
        self._folder = os.getcwd()
        self._environment = dict(os.environ)
        self._set_by_us: list[str] = []
        self.callable: Callable[..., Any] | None = None
        self.cfg = self._read()

    @property
    def app_uri(self) -> str:
        return str(self.cfg.wsgi_app)

    def wsgi(self) -> Callable[..., Any]:
        """The application, imported at the first call."""
        if self.callable is None:
            self.callable = import_app(self.app_uri)
        return self.callable

    def reload(self) -> None:
        """Reads the configuration anew. Where that fails the old one stays."""
        now = os.getcwd()
        os.chdir(self._folder)
        try:
            cfg = self._read()
        except BaseException:
            os.chdir(now)
            raise
        self._take_back_environment()
        self.cfg = cfg
        self.enter()

    def go_back_to(self, cfg: Config) -> None:
        """Takes another configuration, one that was in use before."""
        self._take_back_environment()
        os.chdir(self._folder)
        self.cfg = cfg
        self.enter()

    def enter(self) -> None:
        """Goes where the application is, and makes it importable."""
        cfg = self.cfg
        for path in reversed([path for path in (cfg.pythonpath or "").split(",") if path]):
            _prepend(os.path.abspath(path))
        os.chdir(cfg.chdir or self._folder)
        _prepend(os.getcwd())
        for name, value in cfg.env.items():
            self._set_by_us.append(name)
            os.environ[name] = value

    @property
    def environment(self) -> dict[str, str]:
        """The environment that this process was started with."""
        return self._environment

    @property
    def folder(self) -> str:
        """The folder that this process was started in."""
        return self._folder

    def _read(self) -> Config:
        # The configuration file may import from here.
        _prepend(self._folder)
        cfg = read_config(self._arguments)
        if not cfg.wsgi_app:
            raise ConfigurationError("No application module specified.")
        return cfg

    def _take_back_environment(self) -> None:
        for name in self._set_by_us:
            if name in self._environment:
                os.environ[name] = self._environment[name]
            else:
                os.environ.pop(name, None)
        self._set_by_us.clear()


def _prepend(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)
