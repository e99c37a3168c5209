"""Access and error logs, whoever writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Serve
from serving import wait_for

# gunicorn's default format.
COMBINED = re.compile(
    r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    r'"GET /hello\?a=1 HTTP/1\.1" 200 13 "http://from/" "say \\"hi\\""'
)
FIELDS = {"Referer": "http://from/", "User-Agent": 'say "hi"'}

# A filter in the application makes Python write the lines.
FILTERED = (
    "import logging\nfrom wsgi_app import app\n"
    "logging.getLogger('gunicorn.access').addFilter(\n"
    "    lambda record: '/health' not in record.getMessage())\n"
)


def _lines(path: Path, count: int) -> list[str]:
    wait_for(lambda: path.read_text().count("\n") >= count, f"{count} lines in {path}")
    return path.read_text().splitlines()


@pytest.mark.parametrize("app", ["wsgi_app:app", "asgi_app:app"])
def test_the_default_format(serve: Serve, tmp_path: Path, app: str) -> None:
    path = tmp_path / "access.log"
    server = serve("--access-logfile", str(path), app=app)
    server.ask("/hello?a=1", headers=FIELDS)
    # The first is that of the wait until it was ready.
    assert COMBINED.fullmatch(_lines(path, 2)[1])


def test_standard_output(serve: Serve) -> None:
    server = serve("--access-logfile", "-")
    server.ask("/hello?a=1", headers=FIELDS)
    wait_for(lambda: bool(COMBINED.search(server.stdout)), "a line")


def test_no_access_log_without_being_asked(serve: Serve) -> None:
    server = serve()
    server.ask("/hello")
    assert server.stop() == 0
    assert server.stdout == ""


@pytest.mark.parametrize("app", ["wsgi_app:app", "filtered:app"])
@pytest.mark.parametrize("of_the_environ", ["", "|%({raw_uri}e)s"])
def test_atoms(serve: Serve, tmp_path: Path, app: str, of_the_environ: str) -> None:
    """Whoever writes the lines: what the server has itself it writes itself, unless there is
    a filter or something of the environ is asked for."""
    path = tmp_path / "access.log"
    (tmp_path / "filtered.py").write_text(FILTERED)
    atoms = "%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(u)s|%({X-A}i)s|%({content-type}o)s|%(z)s"
    server = serve(
        *("--access-logfile", str(path), "--access-logformat", atoms + of_the_environ),
        app=app,
        env={"PYTHONPATH": str(tmp_path)},
    )
    server.ask(
        "/hello/%C3%A9?a=1",
        headers={"X-A": "one", "Authorization": "Basic YW5uYTpzZWNyZXQ="},
    )
    # The bytes of the path as ISO 8859-1, as WSGI has them.
    expected = "GET|/hello/Ã©|a=1|HTTP/1.1|200|13|anna|one|text/plain|-"
    assert _lines(path, 2)[1] == expected + ("|/hello/%C3%A9?a=1" if of_the_environ else "")


def test_a_filter_of_the_application_is_obeyed(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    (tmp_path / "filtered.py").write_text(FILTERED)
    server = serve(
        *("--access-logfile", str(path)), app="filtered:app", env={"PYTHONPATH": str(tmp_path)}
    )
    server.ask("/health")
    server.ask("/hello")
    text = "\n".join(_lines(path, 2))
    assert "/hello" in text
    assert "/health" not in text


def test_errors_are_logged(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    server = serve("--access-logfile", str(path), "--access-logformat", "%(s)s %(r)s")
    server.ask("/error")
    assert _lines(path, 2)[1] == "500 GET /error HTTP/1.1"


def test_every_line_of_many_workers_is_whole(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    server = serve(
        *("--workers", "3", "--access-logfile", str(path), "--access-logformat", "%(r)s end")
    )
    clients = [server.client() for _ in range(12)]
    for number in range(50):
        for client in clients:
            client.ask(f"/hello?{number}")
    for client in clients:
        client.close()
    assert server.stop() == 0
    lines = [line for line in path.read_text().splitlines() if "/ready" not in line]
    assert len(lines) == 600
    assert all(re.fullmatch(r"GET /hello\?\d+ HTTP/1\.1 end", line) for line in lines)


def test_the_error_log(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    server = serve("--error-logfile", str(path), "--log-level", "debug")
    assert server.stop() == 0
    text = path.read_text()
    line = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] \[INFO\] "
    for message in (
        r"Starting tonnage ",
        r"Listening at: http://127\.0\.0\.1:\d+ \(\d+\)",
        r"Booting worker with pid: \d+",
        r"Worker exiting \(pid: \d+\)",
        r"Shutting down: Master",
    ):
        assert re.search(line + message, text), message
    assert server.stderr == ""


def test_captured_output(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    server = serve("--error-logfile", str(path), "--capture-output")
    server.ask("/print")
    wait_for(lambda: "printed to standard output" in path.read_text(), "the output")
    assert "printed" not in server.stdout


def test_a_logger_of_the_users_own(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "own_logger.py").write_text(
        "from tonnage._logging import Logger\n\n\nclass Own(Logger):\n"
        "    def access(self, resp, req, environ, request_time):\n"
        "        self.info('own: %s %s %s', req.method, environ['RAW_URI'], resp.status)\n"
    )
    server = serve(
        *("--logger-class", "own_logger.Own", "--access-logfile", "-"),
        env={"PYTHONPATH": str(tmp_path)},
    )
    server.ask("/hello?a=1")
    server.wait_for_log("own: GET /hello?a=1 200 OK")


def test_a_dictionary_for_logging(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "logging.conf.py"
    path = tmp_path / "json.log"
    config.write_text(
        "logconfig_dict = {\n"
        "    'formatters': {'json': {'format': '{\"said\": \"%(message)s\"}'}},\n"
        f"    'handlers': {{'file': {{'class': 'logging.FileHandler', 'filename': {str(path)!r},\n"
        "                           'formatter': 'json'}},\n"
        "    'root': {'level': 'INFO', 'handlers': ['file']},\n"
        "    'loggers': {'gunicorn.error': {'level': 'INFO', 'handlers': ['file']}},\n"
        "}\n"
        "accesslog = '-'\n"
    )
    server = serve("-c", str(config))
    assert server.ask("/").status == 200
    assert server.stop() == 0
    assert '{"said": "Shutting down: Master"}' in path.read_text()
