"""Which application a name means, and what it speaks; without any server."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from serving import APPS
from tonnage import _app


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APPS))


def _answer(app: Any) -> bytes:
    return b"".join(app({"PATH_INFO": "/", "QUERY_STRING": ""}, lambda *_: None))


def test_names_and_factories() -> None:
    import wsgi_app

    assert _app.import_app("wsgi_app:app") is wsgi_app.app
    assert _answer(_app.import_app("wsgi_app:factory()")) == b"made"
    assert _answer(_app.import_app("wsgi_app:factory('ab', times=2)")) == b"abab"


def test_without_a_name_it_is_application() -> None:
    app = _app.import_app("django_app")
    assert type(app).__name__ == "WSGIHandler"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("wsgi_app:nothing", "Failed to find attribute 'nothing' in 'wsgi_app'."),
        ("wsgi_app:a b", "Failed to parse 'a b'"),
        ("wsgi_app:a.b", "Failed to parse 'a.b'"),
        ("wsgi_app:a.b()", "must be a simple name"),
        ("wsgi_app:factory(name)", "as literal values"),
        ("wsgi_app:factory(1, 2, 3)", "positional argument"),
        ("wsgi_app:factory(unknown=1)", "unexpected keyword argument"),
        ("wsgi_app:TEXT", "must be callable"),
    ],
)
def test_what_is_no_application(target: str, message: str) -> None:
    with pytest.raises(_app.AppImportError, match="^.*" + message.replace("(", r"\(")):
        _app.import_app(target)


def test_a_file_in_place_of_a_module(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site.py").touch()
    (tmp_path / "shop.py").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportError, match="did you mean 'shop:app'"):
        _app.import_app("shop.py:app")


def test_an_error_of_the_module_is_its_own() -> None:
    with pytest.raises(RuntimeError, match="this module is broken"):
        _app.import_app("broken_app:app")


def test_interfaces_of_frameworks() -> None:
    for target, expected in [
        ("flask_app:app", "wsgi"),
        ("bottle_app:app", "wsgi"),
        ("falcon_app:app", "wsgi"),
        ("django_app", "wsgi"),
        ("validated_app:app", "wsgi"),
        ("fastapi_app:app", "asgi"),
        ("starlette_app:app", "asgi"),
        ("litestar_app:app", "asgi"),
        ("quart_app:app", "asgi"),
        ("falcon_asgi_app:app", "asgi"),
        ("django_asgi_app", "asgi"),
        ("asgi_app:app", "asgi"),
        ("asgi_app:Asgi2", "asgi"),
    ]:
        app = _app.import_app(target)
        assert _app.interface_of(app) == expected, target
        assert _app.misfit(app, target, _app.interface_of(app)) is None, target


def test_interfaces_of_odd_callables() -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None: ...

    def returns_coroutine(scope: Any, receive: Any, send: Any) -> Any:
        return asgi(scope, receive, send)

    def wsgi(environ: Any, start_response: Any) -> Any: ...

    def opaque(*args: Any) -> Any: ...

    class WsgiClass:
        def __init__(self, environ: Any, start_response: Any) -> None: ...

    class Instance:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    class Method:
        async def handle(self, scope: Any, receive: Any, send: Any) -> None: ...

    cases: list[tuple[Any, str]] = [
        (asgi, "asgi"),
        (functools.partial(asgi), "asgi"),
        (returns_coroutine, "asgi"),
        (wsgi, "wsgi"),
        (functools.partial(wsgi), "wsgi"),
        (opaque, "wsgi"),
        (WsgiClass, "wsgi"),
        (Instance(), "asgi"),
        (Method().handle, "asgi"),
    ]
    for app, expected in cases:
        assert _app.interface_of(app) == expected, app
        assert _app.misfit(app, "m:app", _app.interface_of(app)) is None, app
    # Whoever takes anything may be either.
    assert _app.misfit(opaque, "m:app", "asgi") is None


def test_what_cannot_answer_comes_with_a_way_out() -> None:
    class Without: ...

    def configured(config: Any = None, testing: bool = False) -> Any: ...

    def odd(one: Any) -> Any: ...

    async def asgi(scope: Any, receive: Any, send: Any) -> None: ...

    def wsgi(environ: Any, start_response: Any) -> Any: ...

    cases: list[tuple[Any, _app.Interface, str]] = [
        (Without, "wsgi", "write 'm:app()'"),
        (lambda: None, "asgi", "write 'm:app()'"),
        (configured, "wsgi", "write 'm:app()'"),
        (odd, "wsgi", "cannot be called with the 2 arguments"),
        (asgi, "wsgi", "`--interface asgi`"),
        (wsgi, "asgi", "`--interface wsgi`"),
    ]
    for app, interface, way_out in cases:
        assert way_out in (_app.misfit(app, "m:app", interface) or ""), app


def test_the_app_of_a_reloader_shows_the_error() -> None:
    started: list[Any] = []
    body = b"".join(_app.FailingApp("line 3: oops é")({}, lambda *args: started.append(args)))
    assert "oops é" in body.decode()
    status, fields = started[0]
    assert status.startswith("500 ")
    assert dict(fields)["Content-Length"] == str(len(body))
