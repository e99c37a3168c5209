"""A Django project, started as it is by gunicorn and, the program swapped, by ours: the same
answers to the last header field."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from conftest import Serve
from serving import APPS, GUNICORN, TONNAGE, Answer, Served, environment

PROJECT = APPS / "drop_in"
Pair = tuple[Served, Served]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = (
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n'
    + bytes(range(256)) * 500
    + b"\r\n--x--\r\n"
)

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "a page": ("/", {}),
    "HEAD": ("/", {"method": "HEAD"}),
    "the admin wants a login": ("/admin/", {}),
    "a slash is appended": ("/admin", {}),
    "the form of the login": ("/admin/login/?next=/admin/", {}),
    "404": ("/nothing/here", {}),
    "500": ("/error", {}),
    "400 for a host that is not allowed": ("/", {"headers": {"Host": "elsewhere"}}),
    "403 without a token": ("/form", {"method": "POST", "headers": FORM, "body": b"a=1"}),
    "an upload": (
        "/upload",
        {
            "method": "POST",
            "headers": {"Content-Type": "multipart/form-data; boundary=x"},
            "body": PARTS,
        },
    ),
    "a body": ("/echo", {"method": "PUT", "body": bytes(range(256)) * 5000}),
    "a stream": ("/stream", {}),
    "a stream for HTTP/1.0": ("/stream", {"version": "HTTP/1.0"}),
    "a download": ("/download/", {}),
    "HEAD of a download": ("/download/", {"method": "HEAD"}),
    "an address": ("/address/caf%C3%A9/%2F%20?a=%20&b", {}),
    "an address with two slashes": ("//address//x", {}),
    "an absolute target": ("http://localhost/address/x", {}),
    "https behind a proxy": ("/address/x", {"headers": {"X-Forwarded-Proto": "https"}}),
    "a method of its own": ("/echo", {"method": "PURGE"}),
}


def test_a_django_project(serve: Serve, tmp_path: Path) -> None:
    # One test: the two servers and their database take longer to make than to ask.
    pair = _pair(serve, tmp_path)
    for case, (target, what) in CASES.items():
        ours, theirs = (_ask(server, target, **what) for server in pair)
        _compare(pair, (ours, theirs), case)
    _compare_environs(pair)
    _compare_logins(pair)
    _compare_access_logs(pair)


def _pair(serve: Serve, folder: Path) -> Pair:
    """Ours and gunicorn, each with a database of its own."""
    database = folder / "database"
    variables = environment(
        PYTHONPATH=str(PROJECT),
        PROJECT_DATABASE=str(database),
        DJANGO_SETTINGS_MODULE="project.settings",
        DJANGO_SUPERUSER_USERNAME="anna",
        DJANGO_SUPERUSER_PASSWORD="anna",
        DJANGO_SUPERUSER_EMAIL="anna@localhost",
    )
    for arguments in (["migrate"], ["createsuperuser", "--no-input"]):
        command = [sys.executable, "-m", "django", *arguments]
        subprocess.run(command, cwd=PROJECT, env=variables, check=True, capture_output=True)
    servers: list[Served] = []
    for program in (TONNAGE, GUNICORN):
        own = shutil.copy(database, folder / f"database{len(servers)}")
        variable = {"PROJECT_DATABASE": str(own)}
        servers.append(serve(app=None, cwd=PROJECT, env=variable, program=program))
    return servers[0], servers[1]


def _without_chance(server: Served, text: str) -> str:
    """Without what is new each time: tokens, dates, ports."""
    text = re.sub(r"(csrftoken|sessionid)=[^;]+", r"\1=*", text)
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    text = re.sub(r"expires=[^;]+", "expires=*", text)
    return text.replace(str(server.address[1]), "PORT")


def _compare(pair: Pair, answers: tuple[Answer, Answer], case: str) -> None:
    ignored = {"server", "date", "expires"}
    if any(answer.get("transfer-encoding") for answer in answers):
        # Where the application says no length, framing is the server's affair.
        ignored |= {"transfer-encoding", "content-length"}
    ours, theirs = (
        {
            "status": (answer.status, answer.reason),
            "fields": sorted(
                (name.lower(), _without_chance(server, value))
                for name, value in answer.fields
                if name.lower() not in ignored
            ),
            "body": _without_chance(server, answer.body.decode("latin-1")),
        }
        for server, answer in zip(pair, answers, strict=True)
    )
    assert ours == theirs, case


def _ask(server: Served, target: str, **what: Any) -> Answer:
    headers = {"Host": "localhost", "Connection": "close", **what.pop("headers", {})}
    return server.ask(target, headers=headers, **what)


def _compare_environs(pair: Pair) -> None:
    fields = {"X-Given": "g", "Cookie": "a=1; b=2", "Accept": "*/*", "Content-Type": "text/x"}
    ours, theirs = (
        json.loads(_ask(server, "/meta?a=1", headers=dict(fields), body=b"123").body)
        for server in pair
    )
    # An extension of gunicorn's own: no socket is given away.
    assert theirs.keys() - ours.keys() == {"gunicorn.socket"}
    assert not ours.keys() - theirs.keys()
    for name in ours.keys() - {"SERVER_SOFTWARE", "SERVER_PORT", "REMOTE_PORT"}:
        assert ours[name] == theirs[name], name


def _compare_logins(pair: Pair) -> None:
    """A session over several requests, which either worker may answer."""
    for answers in zip(*(_login(server) for server in pair), strict=True):
        _compare(pair, answers, "a login")
    assert "Site administration" in answers[0].text


def _login(server: Served) -> list[Answer]:
    answers = []
    cookies: dict[str, str] = {}

    def ask(target: str, **what: Any) -> Answer:
        text = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {**what.pop("headers", {}), "Cookie": text}
        answer = _ask(server, target, headers=headers, **what)
        for field in answer.all("set-cookie"):
            name, _, value = field.partition(";")[0].partition("=")
            cookies[name] = value
        answers.append(answer)
        return answer

    page = ask("/admin/login/?next=/admin/").text
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    body = f"csrfmiddlewaretoken={token[1]}&username=anna&password=anna&next=/admin/"
    fields = {**FORM, "Referer": "http://localhost/admin/login/"}
    answer = ask("/admin/login/", method="POST", headers=fields, body=body.encode())
    assert (answer.status, answer.get("location")) == (302, "/admin/")
    for _ in range(3):
        ask("/")
    ask("/admin/")
    return answers


def _compare_access_logs(pair: Pair) -> None:
    ours, theirs = (_line(server) for server in pair)
    assert ours == theirs


def _line(server: Served) -> str:
    _ask(server, "/address/marked?a=1", headers={"User-Agent": "test", "Referer": "http://r/"})
    server.wait_for_output("/address/marked")
    line = next(line for line in server.stdout.splitlines() if "/address/marked" in line)
    return re.sub(r"\[.*?\]", "[date]", line)
